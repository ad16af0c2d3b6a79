#pragma once
#include <atomic>
#include <cstdint>
#include <string>

#include "tajo/common/bytes.hpp"

namespace tajo::exchange {

/// A file without a name: the system removes it when the last owner is gone, also after kill -9. Where the filesystem
/// knows no such files it has a name (kSpillPrefix and six characters) until the line after it was made. Any thread.
class SpillFile {
 public:
  /// Throws Error 58030 or 53100.
  explicit SpillFile(const std::string& directory);
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;
  /// Offset of the bytes. Throws Error 58030 or 53100; what was written before stays readable.
  std::uint64_t append(ByteView bytes);
  void read(std::uint64_t offset, std::byte* to, std::size_t bytes) const;
  std::uint64_t size() const { return end_.load(std::memory_order_relaxed); }

 private:
  const std::string directory_;
  int fd_ = -1;
  std::atomic<std::uint64_t> end_{0};
};

inline constexpr const char* kSpillPrefix = "tajo-spill-";

/// Removes spill files that a killed process left between making and unlinking them: regular files of this user with
/// that prefix, nothing else. A living process loses nothing by it, it unlinks them itself. Returns how many. Blocking.
std::size_t remove_left_spill_files(const std::string& directory);

}  // namespace tajo::exchange
