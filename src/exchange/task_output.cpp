#include "task_output.hpp"

namespace tajo::exchange {
namespace {

std::size_t own_shard() {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t number = threads.fetch_add(1);
  return number % kShards;
}

}  // namespace

BlockOutput::BlockOutput(const TaskId& task, std::uint16_t partitions, std::vector<data::Physical> columns, bool keep_order,
                         std::shared_ptr<MemoryGauge> gauge, BlockFiles& files, Publish publish)
    : task_(task), columns_(std::move(columns)), keep_order_(keep_order), gauge_(std::move(gauge)), files_(files),
      publish_(std::move(publish)) {
  TAJO_ASSERT(partitions > 0);
  for (std::uint16_t p = 0; p < partitions; ++p) partitions_.push_back(std::make_unique<Partition>());
}

BlockOutput::~BlockOutput() {
  for (const auto& p : partitions_)
    for (const Shard& s : p->shards) gauge_->subtract(s.counted);
}

/// The first shard when it is free: small outputs stay in few blocks.
std::unique_lock<std::mutex> BlockOutput::choose(Partition& partition, Shard*& shard) const {
  shard = &partition.shards[0];
  if (keep_order_) return std::unique_lock(shard->mutex);
  std::unique_lock lock(shard->mutex, std::try_to_lock);
  if (lock) return lock;
  shard = &partition.shards[own_shard()];
  return std::unique_lock(shard->mutex);
}

Flow BlockOutput::append(std::uint16_t partition, const data::Batch& batch, const data::Selection& rows, Waker& waker) {
  TAJO_ASSERT(!sealed_ && partition < partitions_.size());
  if (rows.count == 0) return Flow::kMore;
  if (files_.behind(waker)) return Flow::kBlocked;
  Partition& p = *partitions_[partition];
  Shard* shard = nullptr;
  const std::unique_lock lock = choose(p, shard);
  if (!shard->builder) shard->builder.emplace(columns_);
  shard->builder->append(batch, rows);
  rows_.fetch_add(rows.count, std::memory_order_relaxed);
  const std::size_t bytes = shard->builder->bytes();
  if (bytes >= kBlockTargetBytes || shard->builder->rows() >= kMaxRowsPerBlock) {
    cut(p, *shard);
  } else if (bytes > shard->counted) {
    gauge_->add(bytes - shard->counted);
    shard->counted = bytes;
  }
  return Flow::kMore;
}

void BlockOutput::cut(Partition& partition, Shard& shard) {
  auto block = std::make_shared<StoredBlock>(gauge_, shard.builder->take());
  gauge_->subtract(shard.counted);
  shard.counted = 0;
  {
    const std::lock_guard lock(partition.mutex);
    partition.blocks.push_back(block);
  }
  files_.offer(block);
}

TaskOutput::Sealed BlockOutput::seal() {
  TAJO_ASSERT(!sealed_);
  sealed_ = true;
  Sealed out;
  out.rows = rows_.load();
  auto sealed = std::make_shared<SealedOutput>();
  sealed->task = task_;
  std::size_t total = 0;
  for (const auto& p : partitions_) {
    for (Shard& s : p->shards) {
      if (s.builder && s.builder->rows() > 0) cut(*p, s);
      s.builder.reset();
    }
    std::uint64_t bytes = 0;
    for (const auto& b : p->blocks) bytes += b->bytes();
    total += bytes;
    out.partition_bytes.push_back(bytes);
    sealed->partitions.push_back(std::move(p->blocks));
  }
  if (total <= kMaxInlineBytes) {
    std::vector<std::vector<std::shared_ptr<const Bytes>>> blocks(sealed->partitions.size());
    bool all = true;  // unless one was spilled already
    for (std::size_t p = 0; p < blocks.size(); ++p) {
      for (const auto& b : sealed->partitions[p]) {
        blocks[p].push_back(b->in_memory());
        all = all && blocks[p].back();
      }
    }
    if (all) out.inline_output = std::make_shared<const Bytes>(encode_inline(blocks));
  }
  publish_(std::move(sealed));
  return out;
}

}  // namespace tajo::exchange
