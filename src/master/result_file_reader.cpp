#include "result_file_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tajo/common/error.hpp"

namespace tajo::master {

ResultFileReader::ResultFileReader(const std::string& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) throw Error(sqlstate::kIoError, "could not open result file \"" + path + "\": " + std::strerror(errno));
}

ResultFileReader::~ResultFileReader() { ::close(fd_); }

bool ResultFileReader::read_exactly(void* out, std::size_t size) {
  char* p = static_cast<char*>(out);
  std::size_t got = 0;
  while (got < size) {
    ssize_t n = ::read(fd_, p + got, size - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(sqlstate::kIoError, "could not read result file \"" + path_ + "\": " + std::strerror(errno));
    if (n == 0) {
      if (got == 0) return false;
      throw Error(sqlstate::kDataCorrupted, "result file \"" + path_ + "\" ends too early");
    }
    got += static_cast<std::size_t>(n);
  }
  return true;
}

bool ResultFileReader::next(Bytes& block) {
  std::uint32_t length = 0;
  if (!read_exactly(&length, sizeof length)) return false;
  block.resize(length);
  if (length > 0 && !read_exactly(block.data(), length)) throw Error(sqlstate::kDataCorrupted, "result file \"" + path_ + "\" ends too early");
  return true;
}

}  // namespace tajo::master
