#pragma once
// g++ 12 takes the inactive string of a std::variant for uninitialised (GCC bug 105562).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tajo/data/load.hpp"
#include "tajo/exchange/output.hpp"
#include "tajo/storage/scan.hpp"

namespace tajo::exec::test {

using data::Physical;
using data::Value;
using Row = std::vector<Value>;
using Rows = std::vector<Row>;

/// One value of a loaded vector.
Value value_at(const data::Vector& v, std::uint32_t row);
/// The selected rows of a batch.
void append_rows(const data::Batch& batch, const data::Selection& selection, Rows& out);
/// Rows as vectors in `arena`, at most kVectorRows of them. `scattered`: every second place is junk and not selected.
data::Batch make_batch(const Rows& rows, std::size_t first, std::size_t count, const std::vector<Physical>& types, bool scattered,
                       data::Arena& arena);

/// Tables in memory, named by TableSource::location; batches of random sizes. A table may fail or stall at a row.
class FakeStorage final : public storage::Storage {
 public:
  struct Table {
    std::vector<Physical> types;
    std::vector<Rows> fragments;
    bool text_codes = false;                ///< text comes as dictionary codes
    std::int64_t fail_after_batches = -1;   ///< then Error 58030
  };
  std::map<std::string, Table> tables;
  std::atomic<std::uint64_t> batches_given{0};
  std::size_t batch_rows = 0;               ///< 0: random

  std::shared_ptr<const storage::Scan> scan(storage::ScanRequest request) override;
  std::vector<data::Split> splits(const storage::ScanRequest&, std::uint64_t) override { return {}; }
  std::vector<data::FragmentInfo> list_external(const data::TableSource&) override { return {}; }
  data::Schema infer_schema(const data::TableSource&) override { return {}; }
};

/// Outputs as rows in memory. Blocks now and then, waking from another thread, when told to.
class FakeOutputs final : public exchange::OutputStore {
 public:
  FakeOutputs();
  ~FakeOutputs() override;
  struct Sealed {
    std::vector<Rows> partitions;
    std::vector<Physical> types;
  };
  std::mutex mutex;
  std::map<TaskId, std::shared_ptr<Sealed>> sealed;
  std::atomic<int> block_every{0};
  std::atomic<int> unsealed_drops{0};
  std::optional<TaskId> lost;               ///< reading this task's output throws OutputLost

  std::unique_ptr<exchange::TaskOutput> create(const TaskId& task, std::uint16_t partitions, std::vector<Physical> columns,
                                               bool keep_order) override;
  std::unique_ptr<exchange::OutputReader> read(std::vector<exchange::OutputSource> sources, std::uint16_t partition) override;
  std::vector<std::shared_ptr<const Bytes>> blocks(const TaskId&, std::uint16_t) override { return {}; }
  void drop_stage(const QueryId&, std::uint16_t) override {}
  void drop_query(const QueryId&) override {}
  void peer_lost(Rank) override {}
  void peer_back(Rank) override {}
  void give_way() override {}
  std::size_t memory_bytes() const override { return 0; }

  /// Whether this call should block; then the waker fires soon.
  bool block(exchange::Waker& waker);

 private:
  std::atomic<int> calls_{0};
  std::deque<exchange::Waker*> wakers_;
  std::condition_variable ready_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tajo::exec::test
