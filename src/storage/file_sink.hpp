#pragma once
#include <cstdint>
#include <string>

#include "tajo/common/bytes.hpp"

namespace tajo::storage {

/// A new file that exists under its name only once publish() has returned; until then, or when that fails, nothing is
/// left. One thread. Errors 53100, 58030, 58P01, 42501 naming the file.
class FileSink {
 public:
  explicit FileSink(std::string path);
  ~FileSink();
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  /// Claims the space, so that a full disk shows before the work.
  void reserve(std::uint64_t bytes);
  void write(std::uint64_t offset, ByteView bytes);
  /// fdatasync, rename, fsync of the directory.
  void publish();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string temporary_;
  int fd_ = -1;
};

}  // namespace tajo::storage
