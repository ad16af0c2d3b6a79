#pragma once
#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "block_files.hpp"
#include "tajo/data/batch_codec.hpp"
#include "tajo/exchange/output.hpp"

namespace tajo::exchange {

inline constexpr std::size_t kShards = 4;                                  ///< builders of a partition, for threads that meet
inline constexpr std::uint64_t kMaxRowsPerBlock = std::uint64_t{1} << 20;  ///< rows without columns have no bytes

/// Builds the blocks of one task. Threads that meet at a partition take different builders, unless order matters.
class BlockOutput final : public TaskOutput {
 public:
  using Publish = std::function<void(std::shared_ptr<const SealedOutput>)>;
  BlockOutput(const TaskId& task, std::uint16_t partitions, std::vector<data::Physical> columns, bool keep_order,
              std::shared_ptr<MemoryGauge> gauge, BlockFiles& files, Publish publish);
  ~BlockOutput() override;

  Flow append(std::uint16_t partition, const data::Batch& batch, const data::Selection& rows, Waker& waker) override;
  Sealed seal() override;

 private:
  struct Shard {
    std::mutex mutex;
    std::optional<data::BlockBuilder> builder;
    std::size_t counted = 0;  ///< bytes of the builder in the gauge
  };
  struct Partition {
    std::array<Shard, kShards> shards;
    std::mutex mutex;
    std::vector<std::shared_ptr<StoredBlock>> blocks;
  };

  std::unique_lock<std::mutex> choose(Partition& partition, Shard*& shard) const;
  void cut(Partition& partition, Shard& shard);

  const TaskId task_;
  const std::vector<data::Physical> columns_;
  const bool keep_order_;
  std::shared_ptr<MemoryGauge> gauge_;
  BlockFiles& files_;
  Publish publish_;
  std::vector<std::unique_ptr<Partition>> partitions_;
  std::atomic<std::uint64_t> rows_{0};
  bool sealed_ = false;
};

}  // namespace tajo::exchange
