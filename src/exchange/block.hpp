#pragma once
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/common/ids.hpp"
#include "tajo/exchange/spill_file.hpp"

namespace tajo::exchange {

/// Encoded bytes of one block and what keeps them alive.
struct BlockRef {
  std::shared_ptr<const void> owner;
  ByteView bytes;
};

/// Bytes of all outputs of this rank that lie in memory. Any thread.
class MemoryGauge {
 public:
  explicit MemoryGauge(std::size_t most, std::shared_ptr<const std::atomic<std::size_t>> operators = nullptr, std::size_t total = 0)
      : most_(most), operators_(std::move(operators)), total_(total) {}
  void add(std::size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void subtract(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  std::size_t bound() const {
    if (!operators_) return most_;
    const std::size_t held = operators_->load(std::memory_order_relaxed);
    return std::clamp(held < total_ ? total_ - held : 0, most_ / 4, most_);
  }
  bool over() const { return used() > bound(); }
  /// Producers wait from here on: a quarter above the bound, so that spilling starts before anybody stands still.
  bool far_over() const { return used() > bound() + bound() / 4; }

 private:
  const std::size_t most_;
  const std::shared_ptr<const std::atomic<std::size_t>> operators_;
  const std::size_t total_;
  std::atomic<std::size_t> used_{0};
};

/// One encoded block, in memory or in a spill file. Never changes what it says. Any thread.
class StoredBlock {
 public:
  StoredBlock(std::shared_ptr<MemoryGauge> gauge, Bytes&& bytes);
  ~StoredBlock();
  StoredBlock(const StoredBlock&) = delete;
  StoredBlock& operator=(const StoredBlock&) = delete;

  std::size_t bytes() const { return size_; }
  /// Null when it was spilled.
  std::shared_ptr<const Bytes> in_memory() const;
  /// Reads it back where necessary (blocking). Throws Error 58030.
  std::shared_ptr<const Bytes> load() const;
  /// Writes it and gives the memory back (blocking); readers that hold it keep theirs.
  void spill(const std::shared_ptr<SpillFile>& file);

 private:
  std::shared_ptr<MemoryGauge> gauge_;
  const std::size_t size_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Bytes> data_;
  std::shared_ptr<SpillFile> file_;
  std::uint64_t offset_ = 0;
};

/// A sealed output: by partition its blocks in order.
struct SealedOutput {
  TaskId task;
  std::vector<std::vector<std::shared_ptr<StoredBlock>>> partitions;
};

/// A whole output in one piece, as it rides in a completion message: [u32 partitions][for each u32 blocks, then their
/// u32 sizes][blocks, each 16-aligned from the start].
Bytes encode_inline(const std::vector<std::vector<std::shared_ptr<const Bytes>>>& partitions);
/// The blocks of one partition, views into `blob`. Throws Error XX001.
std::vector<BlockRef> decode_inline(const std::shared_ptr<const Bytes>& blob, std::uint16_t partition);

}  // namespace tajo::exchange
