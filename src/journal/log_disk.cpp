#include "log_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tajo/common/failpoint.hpp"
#include "tajo/journal/slot.hpp"

namespace tajo::journal {
namespace {

constexpr std::uint64_t kPreallocate = 1u << 20;     // one allocation for some hundred commits
constexpr std::uint64_t kReserveBytes = 1u << 20;    // room for views and claims on a full disk
constexpr long kGoneSeconds = 600;                   // ten times an NFS client's longest attribute cache
constexpr std::size_t kLinkBytes = 512;              // a slot's text is under 100

FileResult failure(int error) {
  FileResult r;
  r.error = error;
  switch (error) {
    case EEXIST: r.status = FileStatus::kExists; break;
    case ENOENT:
    case ESTALE:
    case ENOTDIR: r.status = FileStatus::kMissing; break;
    case ENOSPC:
    case EDQUOT: r.status = FileStatus::kNoSpace; break;
    default: r.status = FileStatus::kFailed; break;
  }
  return r;
}

Descriptor open_file(const std::string& path, int flags, mode_t mode = 0) {
  int fd;
  do fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return Descriptor(fd);
}

int write_all(int fd, ByteView data, std::uint64_t offset) {
  while (!data.empty()) {
    const Fault fault = fault_at("log.write");
    if (fault.error != 0) return fault.error;
    const std::size_t size = fault.short_write ? (data.size() + 1) / 2 : data.size();
    ssize_t n = ::pwrite(fd, data.data(), size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return EIO;
    data = data.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return 0;
}

int sync_file(int fd) {
  if (const Fault fault = fault_at("log.sync"); fault.error != 0) return fault.error;
  return ::fdatasync(fd) == 0 ? 0 : errno;
}

int sync_directory(const std::string& path) {
  Descriptor fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!fd || ::fsync(fd.get()) != 0) return errno;
  return 0;
}

FileResult read_range(int fd, std::uint64_t offset, std::uint64_t length) {
  FileResult r;
  r.data.resize(length);
  std::size_t got = 0;
  while (got < length) {
    ssize_t n = ::pread(fd, r.data.data() + got, length - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failure(errno);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  r.data.resize(got);
  return r;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& o) noexcept {
  if (this != &o) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(o.fd_, -1);
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

FileResult PosixLogFiles::Disk::list_rows() {
  fault_at("files");
  DIR* dir = ::opendir(directory_.c_str());
  if (dir == nullptr) return failure(errno);
  FileResult r;
  errno = 0;
  while (dirent* entry = ::readdir(dir)) {
    if (row_number(entry->d_name) != 0) r.names.emplace_back(entry->d_name);
  }
  int error = errno;
  ::closedir(dir);
  return error == 0 ? r : failure(error);
}

FileResult PosixLogFiles::Disk::make_row(const std::string& row) {
  FileResult r;
  if (::mkdir(row_path(row).c_str(), 0700) != 0) r = failure(errno);
  if (r.status != FileStatus::kOk && r.status != FileStatus::kExists) return r;
  if (int error = sync_directory(directory_)) return failure(error);
  return r;
}

FileResult PosixLogFiles::Disk::read_slots(const std::string& row, std::int64_t first, std::int64_t limit) {
  fault_at("files");
  if (fault_at("log.lookup").stale) return {};
  Descriptor dir = open_file(row_path(row), O_RDONLY | O_DIRECTORY);
  if (!dir) return failure(errno);
  FileResult r;
  char text[kLinkBytes];
  for (std::int64_t i = first; i < first + limit; ++i) {
    ssize_t n = ::readlinkat(dir.get(), slot_name(i).c_str(), text, sizeof text);
    if (n < 0 && errno == ENOENT) break;
    if (n < 0) return failure(errno == ESTALE || errno == ENOTDIR ? errno : EIO);
    r.names.emplace_back(text, static_cast<std::size_t>(n));
  }
  return r;
}

FileResult PosixLogFiles::Disk::make_slot(const std::string& row, std::int64_t index, const std::string& text) {
  fault_at("files");
  fault_at("log.slot");
  // Opened before the link is made, so that its fsync hears of every error since.
  if (row_open_ != row) {
    row_fd_ = open_file(row_path(row), O_RDONLY | O_DIRECTORY);
    row_open_ = row_fd_ ? row : "";
  }
  std::string path = row_path(row) + "/" + slot_name(index);
  if (::symlink(text.c_str(), path.c_str()) == 0) return {};
  FileResult r = failure(errno);
  if (r.status == FileStatus::kExists) {
    char buffer[kLinkBytes];
    ssize_t n = ::readlink(path.c_str(), buffer, sizeof buffer);
    if (n > 0) r.text.assign(buffer, static_cast<std::size_t>(n));
  }
  return r;
}

FileResult PosixLogFiles::Disk::sync_row(const std::string& row) {
  fault_at("files");
  if (const Fault fault = fault_at("log.sync_row"); fault.error != 0) return failure(fault.error);
  if (row_open_ != row) {
    row_fd_ = open_file(row_path(row), O_RDONLY | O_DIRECTORY);
    if (!row_fd_) return failure(errno);
    row_open_ = row;
  }
  if (::fsync(row_fd_.get()) == 0) return {};
  FileResult r = failure(errno);
  row_open_.clear();
  return r;
}

FileResult PosixLogFiles::Disk::create_segment(const std::string& name) {
  fault_at("files");
  std::string path = data_path(name);
  Descriptor fd = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!fd && (errno == ENOSPC || errno == EDQUOT) && release_reserve())
    fd = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!fd) return failure(errno);
  writing_ = name;
  write_fd_ = std::move(fd);
  allocated_ = 0;
  preallocate(write_fd_.get(), kPreallocate);
  if (int error = sync_directory(directory_ + "/data")) return failure(error);
  if (reserve_given_) fill_reserve();
  return {};
}

void PosixLogFiles::Disk::preallocate(int fd, std::uint64_t end) {
  if (end <= allocated_) return;
  std::uint64_t to = (end + kPreallocate - 1) / kPreallocate * kPreallocate;
  // Where the filesystem cannot, writing will say so.
  if (::fallocate(fd, 0, static_cast<off_t>(allocated_), static_cast<off_t>(to - allocated_)) == 0) allocated_ = to;
}

FileResult PosixLogFiles::Disk::append(const std::string& name, std::uint64_t offset, const Bytes& data,
                                       bool use_reserve) {
  fault_at("files");
  fault_at("log.append");
  if (name != writing_) {
    write_fd_ = open_file(data_path(name), O_RDWR);
    if (!write_fd_) return failure(errno);
    writing_ = name;
    allocated_ = offset;
  }
  preallocate(write_fd_.get(), offset + data.size());
  int error = write_all(write_fd_.get(), data, offset);
  if ((error == ENOSPC || error == EDQUOT) && use_reserve && release_reserve())
    error = write_all(write_fd_.get(), data, offset);
  if (error != 0) return failure(error);
  error = sync_file(write_fd_.get());
  return error == 0 ? FileResult{} : failure(error);
}

FileResult PosixLogFiles::Disk::read_segment(const std::string& name, std::uint64_t offset, std::uint64_t length,
                                             bool fresh) {
  fault_at("files");
  if (fresh || reading_ != name) {
    read_fd_ = open_file(data_path(name), O_RDONLY);
    reading_ = name;
    if (!read_fd_) {
      reading_.clear();
      return failure(errno);
    }
  }
  return read_range(read_fd_.get(), offset, length);
}

FileResult PosixLogFiles::Disk::write_snapshot(const std::string& name, const Bytes& data) {
  Descriptor fd = open_file(data_path(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!fd) return failure(errno);
  int error = write_all(fd.get(), data, 0);
  if (error == 0 && ::fsync(fd.get()) != 0) error = errno;
  if (error == 0) error = sync_directory(directory_ + "/data");
  if (error != 0) ::unlink(data_path(name).c_str());
  return error == 0 ? FileResult{} : failure(error);
}

FileResult PosixLogFiles::Disk::read_snapshot(const std::string& name) {
  Descriptor fd = open_file(data_path(name), O_RDONLY);
  if (!fd) return failure(errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return failure(errno);
  return read_range(fd.get(), 0, static_cast<std::uint64_t>(st.st_size));
}

FileResult PosixLogFiles::Disk::remove_row(const std::string& row, const std::vector<std::string>& files) {
  // Renamed whole and emptied only later: a client system that still holds the directory finds the names taken, and
  // one that looks the path up finds nothing. Either way no removed name can be won.
  if (::rename(row_path(row).c_str(), (directory_ + "/gone-" + row).c_str()) != 0) return failure(errno);
  if (int error = sync_directory(directory_)) return failure(error);
  for (const std::string& file : files) ::unlink(data_path(file).c_str());
  remove_gone_rows();
  return {};
}

void PosixLogFiles::Disk::remove_gone_rows() {
  DIR* dir = ::opendir(directory_.c_str());
  if (dir == nullptr) return;
  std::vector<std::string> gone;
  while (dirent* entry = ::readdir(dir)) {
    if (std::strncmp(entry->d_name, "gone-", 5) == 0) gone.emplace_back(directory_ + "/" + entry->d_name);
  }
  ::closedir(dir);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  for (const std::string& path : gone) {
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0 || now.tv_sec - st.st_ctime < kGoneSeconds) continue;
    if (DIR* row = ::opendir(path.c_str())) {
      while (dirent* entry = ::readdir(row)) {
        if (entry->d_name[0] != '.') ::unlink((path + "/" + entry->d_name).c_str());
      }
      ::closedir(row);
    }
    ::rmdir(path.c_str());
  }
}

void PosixLogFiles::Disk::fill_reserve() {
  Descriptor fd = open_file(reserve_path(), O_WRONLY | O_CREAT, 0600);
  if (fd && ::posix_fallocate(fd.get(), 0, static_cast<off_t>(kReserveBytes)) == 0) reserve_given_ = false;
}

bool PosixLogFiles::Disk::release_reserve() {
  reserve_given_ = true;
  return ::truncate(reserve_path().c_str(), 0) == 0;
}

}  // namespace tajo::journal
