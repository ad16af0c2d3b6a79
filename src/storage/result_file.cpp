#include "tajo/storage/result_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tajo/common/error.hpp"
#include "tajo/common/failpoint.hpp"

namespace tajo::storage {
namespace {

constexpr std::uint32_t kMagic = 0x31524A54;  // TJR1
constexpr std::uint32_t kMaxBlockBytes = 1U << 30;

[[noreturn]] void failed(const std::string& path, int error) {
  throw Error(error == ENOSPC || error == EDQUOT ? sqlstate::kDiskFull : sqlstate::kIoError,
              "could not write result file \"" + path + "\": " + std::strerror(error));
}

[[noreturn]] void damaged(const std::string& path) { throw Error(sqlstate::kDataCorrupted, "result file \"" + path + "\" is damaged"); }

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

Bytes header_of(std::span<const data::Column> columns) {
  ByteWriter out;
  out.put(kMagic);
  out.put(static_cast<std::uint32_t>(columns.size()));
  for (const data::Column& c : columns) {
    out.text(c.name);
    out.put(c.type.id);
    out.put(c.type.precision);
    out.put(c.type.scale);
    out.put(c.type.length);
  }
  return out.take();
}

}  // namespace

std::uint64_t write_result_file(const std::string& path, std::span<const data::Column> columns,
                                const std::vector<std::shared_ptr<const Bytes>>& blocks) {
  std::error_code ignored;
  fault_at("files");
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  const std::string temporary = path + "." + std::to_string(::getpid());
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) failed(temporary, errno);
  std::uint64_t written = 0;
  auto put = [&](ByteView block) {
    auto length = static_cast<std::uint32_t>(block.size());
    write_all(fd, temporary, &length, sizeof length);
    write_all(fd, temporary, block.data(), block.size());
    written += sizeof length + block.size();
  };
  try {
    if (const Fault fault = fault_at("result.write"); fault.error != 0) failed(temporary, fault.error);
    put(header_of(columns));
    for (const auto& block : blocks) put(*block);
    if (::fdatasync(fd) != 0) failed(temporary, errno);
  } catch (...) {
    ::close(fd);
    ::unlink(temporary.c_str());
    throw;
  }
  ::close(fd);
  if (::rename(temporary.c_str(), path.c_str()) != 0) failed(path, errno);
  return written;
}

ResultFileReader::ResultFileReader(const std::string& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) throw Error(sqlstate::kIoError, "could not open result file \"" + path + "\": " + std::strerror(errno));
  try {
    read_columns();
  } catch (...) {
    ::close(fd_);
    throw;
  }
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
      damaged(path_);
    }
    got += static_cast<std::size_t>(n);
  }
  return true;
}

void ResultFileReader::read_columns() {
  Bytes header;
  if (!next(header)) damaged(path_);
  ByteReader in(header);
  if (in.get<std::uint32_t>() != kMagic) damaged(path_);
  const auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    data::Column column;
    column.name = in.text();
    column.type.id = in.get<data::TypeId>();
    column.type.precision = in.get<std::uint8_t>();
    column.type.scale = in.get<std::uint8_t>();
    column.type.length = in.get<std::uint32_t>();
    if (column.type.id > data::TypeId::kInterval) damaged(path_);
    columns_.push_back(std::move(column));
  }
}

bool ResultFileReader::next(Bytes& block) {
  std::uint32_t length = 0;
  if (!read_exactly(&length, sizeof length)) return false;
  if (length > kMaxBlockBytes) damaged(path_);
  block.resize(length);
  if (length > 0 && !read_exactly(block.data(), length)) damaged(path_);
  return true;
}

}  // namespace tajo::storage
