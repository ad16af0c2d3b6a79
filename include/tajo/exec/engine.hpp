#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tajo/common/error.hpp"
#include "tajo/common/ids.hpp"
#include "tajo/data/fragment.hpp"
#include "tajo/exchange/output.hpp"
#include "tajo/plan/physical.hpp"
#include "tajo/storage/scan.hpp"

namespace tajo::exec {

struct EngineConfig {
  int threads = 2;                                    ///< cores in the affinity mask ÷ workers on the host
  std::size_t memory_bytes = std::size_t{1} << 30;    ///< of all queries of this rank
  std::shared_ptr<std::atomic<std::size_t>> memory_in_use;  ///< where it is counted, for outputs that give way; null: nobody asks
  std::vector<std::string> tmpdirs;                   ///< where operators spill; none: they end with 53200 instead
  std::size_t spill_floor_bytes = 256 << 10;          ///< what a table or run may have in any case
  std::size_t spill_after_bytes = ~std::size_t{0};    ///< a thread spills an operator's rows beyond it, memory or not
  std::string warehouse_directory;
};

/// What a task runs over.
struct TaskSpec {
  std::shared_ptr<const plan::PhysicalPlan> plan;
  TaskId id;                                          ///< id.stage: index into plan->stages
  std::uint16_t partition = 0;                        ///< of kPartitions stages; else 0
  std::map<std::uint32_t, std::vector<data::Split>> splits;                  ///< by id of the scan node
  std::map<std::uint16_t, std::vector<exchange::OutputSource>> inputs;      ///< by producer stage, in task order
};

struct NodeCounters {  ///< of one operator in one task (EXPLAIN ANALYZE)
  std::uint32_t node = 0;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::uint64_t time_ns = 0;    ///< summed over threads
  std::uint64_t memory_bytes = 0;
  std::uint64_t spilled_bytes = 0;
};

struct TaskResult {
  TaskId id;
  std::optional<Error> error;                  ///< the query's own fault (22012 …) or the system's (53xxx, 58030)
  std::optional<TaskId> lost_output;           ///< an input is gone: not this task's fault
  bool canceled = false;
  exchange::TaskOutput::Sealed output;         ///< when it succeeded and does not write a table
  std::vector<data::FragmentInfo> fragments;   ///< kTable: written and synced, path named by query, task and attempt
  std::uint64_t rows = 0;                      ///< rows of the output
  std::uint64_t rows_read = 0, bytes_read = 0; ///< of scans
  std::vector<NodeCounters> counters;
};

struct TaskProgress { TaskId id; std::uint64_t rows_read = 0, bytes_read = 0; double fraction = 0; };

/// Runs tasks of this rank: pipelines over morsels on a fixed set of threads, state shared per task and local per
/// thread; a blocked pipeline is parked and its thread takes another. Any thread may call.
class Engine {
 public:
  virtual ~Engine() = default;
  static std::unique_ptr<Engine> make(const EngineConfig& config, storage::Storage& storage, exchange::OutputStore& outputs);

  /// `done` is called exactly once, on an engine thread.
  virtual void submit(TaskSpec spec, std::function<void(TaskResult)> done) = 0;
  virtual void cancel(const TaskId& task) = 0;     ///< ends soon with TaskResult::canceled
  virtual void cancel_query(const QueryId& query) = 0;
  virtual std::vector<TaskProgress> progress() const = 0;
  /// Its pipelines under way and what their sources wait for, for people who read the log.
  virtual std::string waits_for(const TaskId& task) const = 0;
  virtual int running() const = 0;
  virtual std::size_t memory_in_use() const = 0;
};

}  // namespace tajo::exec
