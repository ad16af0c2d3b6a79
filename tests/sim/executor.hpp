#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim_rank.hpp"
#include "tajo/exchange/output.hpp"
#include "tajo/exec/engine.hpp"
#include "tajo/storage/scan.hpp"

namespace tajo::sim {

class WarehouseService;

/// What a task gives in the simulator: the numbers of the statements whose rows it has seen, one for each row, and which
/// attempt of each stage that is not repeatable they came through.
struct Cargo {
  std::vector<std::int64_t> tokens;
  std::map<std::pair<std::uint16_t, std::uint32_t>, std::uint16_t> attempts;
  Bytes encode() const;
  static Cargo decode(ByteView bytes);
};

/// Files of the simulated warehouse: immutable once named, seen by all (what a stalled or full filesystem does to
/// fragments is the storage tests' matter).
using WarehouseFiles = std::map<std::string, std::vector<std::int64_t>>;

/// Sealed outputs of one process.
class SimOutputs final : public exchange::OutputStore {
 public:
  std::unique_ptr<exchange::TaskOutput> create(const TaskId&, std::uint16_t, std::vector<data::Physical>, bool) override;
  std::unique_ptr<exchange::OutputReader> read(std::vector<exchange::OutputSource>, std::uint16_t) override;
  std::vector<std::shared_ptr<const Bytes>> blocks(const TaskId& task, std::uint16_t partition) override;
  void drop_stage(const QueryId& query, std::uint16_t stage) override;
  void drop_query(const QueryId& query) override;
  void peer_lost(Rank rank) override { lost[rank] = *now; }
  void peer_back(Rank) override {}
  void give_way() override {}
  std::size_t memory_bytes() const override { return cargo.size() + results.size(); }

  std::map<TaskId, Cargo> cargo;
  std::map<TaskId, std::vector<std::shared_ptr<const Bytes>>> results;
  std::map<Rank, Micros> lost;  ///< when a peer was last said to be gone
  const Micros* now = nullptr;
};

/// Splits without files.
class SimStorage final : public storage::Storage {
 public:
  explicit SimStorage(WarehouseService& service) : service_(service) {}
  std::shared_ptr<const storage::Scan> scan(storage::ScanRequest) override { return nullptr; }
  std::vector<data::Split> splits(const storage::ScanRequest& request, std::uint64_t target_rows) override;
  /// Looking at the files of an external table takes a while: a master may die meanwhile. One location kills it.
  std::vector<data::FragmentInfo> list_external(const data::TableSource& source) override;
  data::Schema infer_schema(const data::TableSource& source) override { return source.schema; }

 private:
  WarehouseService& service_;
};

/// Runs tasks without computing: each takes some simulated time, reads what it would read from where it lies, and says
/// whose rows it saw.
class SimEngine final : public exec::Engine {
 public:
  explicit SimEngine(WarehouseService& service) : service_(service) {}
  void submit(exec::TaskSpec spec, std::function<void(exec::TaskResult)> done) override;
  void cancel(const TaskId& task) override;
  void cancel_query(const QueryId& query) override;
  std::vector<exec::TaskProgress> progress() const override { return {}; }
  std::string waits_for(const TaskId&) const override { return {}; }
  int running() const override { return static_cast<int>(tasks_.size()); }
  std::size_t memory_in_use() const override { return 0; }

 private:
  struct Running {
    exec::TaskSpec spec;
    std::function<void(exec::TaskResult)> done;
    std::uint64_t serial = 0;
    Micros waits_since = 0;
    bool canceled = false;
  };
  void later(const TaskId& id, Micros delay, std::uint64_t serial);
  void work(const TaskId& id, std::uint64_t serial);
  void finish(const TaskId& id, exec::TaskResult result);
  enum class Input { kThere, kWait, kLost };
  Input fetch(const exchange::OutputSource& source, Micros since, Cargo& out);
  void run(const Running& task, const std::map<std::uint16_t, std::vector<Cargo>>& inputs, exec::TaskResult& result);

  WarehouseService& service_;
  std::map<TaskId, Running> tasks_;
  std::uint64_t next_serial_ = 1;
};

}  // namespace tajo::sim
