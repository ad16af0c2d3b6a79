#include <map>

#include "reader.hpp"
#include "tajo/exchange/output.hpp"
#include "task_output.hpp"
#include "transfer.hpp"

namespace tajo::exchange {
namespace {

class RankOutputStore final : public OutputStore {
 public:
  RankOutputStore(mpi::Fabric& fabric, OutputStoreConfig config)
      : window_(config.pull_window_bytes),
        gauge_(std::make_shared<MemoryGauge>(config.memory_bytes, config.operators, config.total_bytes)),
        files_(gauge_, std::move(config.tmpdirs)),
        transfers_(fabric, files_, [this](const TaskId& task) { return find(task); }) {}

  ~RankOutputStore() override { files_.stop(); }  // it calls the transfers back

  std::unique_ptr<TaskOutput> create(const TaskId& task, std::uint16_t partitions, std::vector<data::Physical> columns,
                                     bool keep_order) override {
    return std::make_unique<BlockOutput>(task, partitions, std::move(columns), keep_order, gauge_, files_,
                                         [this](std::shared_ptr<const SealedOutput> sealed) {
                                           const std::lock_guard lock(mutex_);
                                           outputs_[sealed->task] = std::move(sealed);
                                         });
  }

  std::unique_ptr<OutputReader> read(std::vector<OutputSource> sources, std::uint16_t partition) override {
    auto state = std::make_shared<ReaderState>(std::move(sources), partition, window_, transfers_, files_,
                                               [this](const TaskId& task) { return find(task); });
    transfers_.enlist(state);
    return std::make_unique<PullReader>(std::move(state));
  }

  std::vector<std::shared_ptr<const Bytes>> blocks(const TaskId& task, std::uint16_t partition) override {
    const auto output = find(task);
    if (!output || partition >= output->partitions.size()) throw OutputLost(task);
    std::vector<std::shared_ptr<const Bytes>> out;
    for (const auto& block : output->partitions[partition]) out.push_back(block->load());
    return out;
  }

  void drop_stage(const QueryId& query, std::uint16_t stage) override {
    drop({query, stage, 0, 0}, [&](const TaskId& t) { return t.query == query && t.stage == stage; });
  }
  void drop_query(const QueryId& query) override {
    drop({query, 0, 0, 0}, [&](const TaskId& t) { return t.query == query; });
  }
  void peer_lost(Rank rank) override { transfers_.peer_lost(rank); }
  void peer_back(Rank rank) override { transfers_.peer_back(rank); }
  std::size_t memory_bytes() const override { return gauge_->used(); }
  void give_way() override { files_.look(); }

 private:
  std::shared_ptr<const SealedOutput> find(const TaskId& task) {
    const std::lock_guard lock(mutex_);
    const auto it = outputs_.find(task);
    return it == outputs_.end() ? nullptr : it->second;
  }

  template <class Belongs>
  void drop(const TaskId& first, Belongs belongs) {
    std::vector<std::shared_ptr<const SealedOutput>> dropped;  // freed outside the lock
    const std::lock_guard lock(mutex_);
    for (auto it = outputs_.lower_bound(first); it != outputs_.end() && belongs(it->first); it = outputs_.erase(it))
      dropped.push_back(std::move(it->second));
  }

  const std::size_t window_;
  std::shared_ptr<MemoryGauge> gauge_;
  std::mutex mutex_;
  std::map<TaskId, std::shared_ptr<const SealedOutput>> outputs_;  ///< by query, then stage
  BlockFiles files_;
  Transfers transfers_;
};

}  // namespace

std::unique_ptr<OutputStore> OutputStore::make(mpi::Fabric& fabric, OutputStoreConfig config) {
  return std::make_unique<RankOutputStore>(fabric, std::move(config));
}

}  // namespace tajo::exchange
