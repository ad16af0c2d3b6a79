#include "file_sink.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "io_error.hpp"
#include "tajo/common/failpoint.hpp"

namespace tajo::storage {

FileSink::FileSink(std::string path) : path_(std::move(path)) {
  std::filesystem::path p(path_);
  std::error_code failed;
  std::filesystem::create_directories(p.parent_path(), failed);
  if (failed) throw io_error("make the directory of", path_, failed.value());
  temporary_ = (p.parent_path() / ("." + p.filename().string() + ".part")).string();
  fd_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) throw io_error("create", path_, errno);
}

FileSink::~FileSink() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void FileSink::reserve(std::uint64_t bytes) {
  if (bytes == 0) return;
  // A filesystem that cannot reserve tells so; writes will then show a full disk.
  if (fallocate(fd_, 0, 0, static_cast<off_t>(bytes)) != 0 && (errno == ENOSPC || errno == EDQUOT))
    throw io_error("write", path_, errno);
}

void FileSink::write(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const Fault fault = fault_at("table.write");
    if (fault.error != 0) throw io_error("write", path_, fault.error);
    const std::size_t size = fault.short_write ? (bytes.size() + 1) / 2 : bytes.size();
    ssize_t n = pwrite(fd_, bytes.data(), size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw io_error("write", path_, errno);
    if (n == 0) throw io_error("write", path_, ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

void FileSink::publish() {
  fault_at("files");
  fault_at("table.publish");
  if (const Fault fault = fault_at("table.sync"); fault.error != 0) throw io_error("sync", path_, fault.error);
  if (fdatasync(fd_) != 0) throw io_error("sync", path_, errno);
  int fd = fd_;
  fd_ = -1;
  int closed = ::close(fd) != 0 ? errno : 0;
  if (closed == 0 && ::rename(temporary_.c_str(), path_.c_str()) != 0) closed = errno;
  if (closed != 0) {
    ::unlink(temporary_.c_str());
    throw io_error("write", path_, closed);
  }
  std::string directory = std::filesystem::path(path_).parent_path().string();
  int d = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int synced = d < 0 ? errno : 0;
  if (d >= 0) {
    if (fsync(d) != 0) synced = errno;
    ::close(d);
  }
  if (synced != 0) {
    ::unlink(path_.c_str());
    throw io_error("sync the directory of", path_, synced);
  }
}

}  // namespace tajo::storage
