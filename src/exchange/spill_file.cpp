#include "tajo/exchange/spill_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "tajo/common/error.hpp"
#include "tajo/common/failpoint.hpp"

namespace tajo::exchange {
namespace {

[[noreturn]] void fail(const std::string& what, const std::string& directory) {
  const int error = errno;
  throw Error(error == ENOSPC || error == EDQUOT ? sqlstate::kDiskFull : sqlstate::kIoError,
              "could not " + what + " a spill file in \"" + directory + "\": " + std::strerror(error));
}

}  // namespace

SpillFile::SpillFile(const std::string& directory) : directory_(directory) {
  fd_ = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd_ >= 0) return;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) fail("create", directory_);
  std::string name = directory + "/" + kSpillPrefix + "XXXXXX";
  fd_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd_ < 0) fail("create", directory_);
  ::unlink(name.c_str());
}

SpillFile::~SpillFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint64_t SpillFile::append(ByteView bytes) {
  const std::uint64_t at = end_.fetch_add(bytes.size(), std::memory_order_relaxed);
  if (failpoint("spill_full")) {
    errno = ENOSPC;
    fail("write to", directory_);
  }
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("write to", directory_);
    done += static_cast<std::size_t>(n);
  }
  return at;
}

void SpillFile::read(std::uint64_t offset, std::byte* to, std::size_t bytes) const {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t n = ::pread(fd_, to + done, bytes - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = EIO;
    if (n <= 0) fail("read from", directory_);
    done += static_cast<std::size_t>(n);
  }
}

std::size_t remove_left_spill_files(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
  if (!entries) return 0;
  std::size_t removed = 0;
  const std::string_view prefix = kSpillPrefix;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(prefix) || name.size() != prefix.size() + 6) continue;
    struct stat what {};
    const int fd = ::dirfd(entries.get());
    if (::fstatat(fd, entry->d_name, &what, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(what.st_mode) || what.st_uid != ::geteuid()) continue;
    if (::unlinkat(fd, entry->d_name, 0) == 0) ++removed;
  }
  return removed;
}

}  // namespace tajo::exchange
