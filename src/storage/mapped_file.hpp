#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tajo/common/bytes.hpp"

namespace tajo::storage {

/// A file mapped for reading as a whole. Immutable, any thread. When the file is cut under the mapping or its disk
/// fails, the kernel's SIGBUS is answered by zero pages and broken_at() says where: readers ask before they trust
/// what they read.
class MappedFile {
 public:
  /// Errors 58P01, 58030, 42501. Installs the SIGBUS handler at first use.
  static std::shared_ptr<const MappedFile> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  ByteView bytes() const { return {data_, size_}; }
  /// Offset of the first page that could not be read, once that has happened.
  std::optional<std::uint64_t> broken_at() const;

 private:
  MappedFile(std::string path, const std::byte* data, std::size_t size);
  std::string path_;
  const std::byte* data_;
  std::size_t size_;
  int slot_ = -1;
};

}  // namespace tajo::storage
