#include "result_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tajo/common/error.hpp"
#include "tajo/common/failpoint.hpp"

namespace tajo::worker {
namespace {

[[noreturn]] void failed(const std::string& path, int error) {
  throw Error(error == ENOSPC || error == EDQUOT ? sqlstate::kDiskFull : sqlstate::kIoError,
              "could not write result file \"" + path + "\": " + std::strerror(error));
}

void write_all(int fd, const std::string& path, const void* data, std::size_t size) {
  const char* p = static_cast<const char*>(data);
  while (size > 0) {
    ssize_t n = ::write(fd, p, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) failed(path, n < 0 ? errno : EIO);
    p += n;
    size -= static_cast<std::size_t>(n);
  }
}

}  // namespace

void write_result_file(const std::string& path, const std::vector<std::shared_ptr<const Bytes>>& blocks) {
  std::error_code ignored;
  fault_at("files");
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  const std::string temporary = path + "." + std::to_string(::getpid());
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) failed(temporary, errno);
  try {
    if (const Fault fault = fault_at("result.write"); fault.error != 0) failed(temporary, fault.error);
    for (const auto& block : blocks) {
      auto length = static_cast<std::uint32_t>(block->size());
      write_all(fd, temporary, &length, sizeof length);
      write_all(fd, temporary, block->data(), block->size());
    }
    if (::fdatasync(fd) != 0) failed(temporary, errno);
  } catch (...) {
    ::close(fd);
    ::unlink(temporary.c_str());
    throw;
  }
  ::close(fd);
  if (::rename(temporary.c_str(), path.c_str()) != 0) failed(path, errno);
}

}  // namespace tajo::worker
