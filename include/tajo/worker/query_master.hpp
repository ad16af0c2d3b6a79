#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tajo/common/ids.hpp"
#include "tajo/plan/physical.hpp"
#include "tajo/protocol/control_port.hpp"
#include "tajo/protocol/messages.hpp"

namespace tajo::worker {

inline constexpr std::uint64_t kRowsPerTask = std::uint64_t{16} << 20;  ///< about a second of a scan
inline constexpr std::uint64_t kRowsPerSplit = std::uint64_t{256} << 10;
inline constexpr int kTasksPerWorker = 2;       ///< running at once for one query, so that the next one stands ready
inline constexpr int kMaxTaskStarts = 200;      ///< of one task, for whatever reason; attempt numbers have eight bits

/// Runs one query: cuts stages into tasks, hands them to workers, accepts each split exactly once, repairs what a lost
/// worker takes with it (docs/recovery.md, Tasks). Sans-I/O; control thread of the rank it was given to.
class QueryMaster {
 public:
  struct Callbacks {
    /// The root stage is complete (or the query failed): called once. For results the caller collects the blocks of
    /// `root` from this rank's OutputStore.
    std::function<void(protocol::QueryDone done, std::optional<protocol::SourceRef> root)> finished;
    /// The active should hear progress() at once: it asks for run_own_tasks(). Called once, in the middle of a call.
    std::function<void()> ask;
    /// This task begins on this rank: the active should hear it before, should the rank be lost under it.
    std::function<void(const TaskId& task)> own_task;
  };

  QueryMaster(protocol::StartQuery start, std::shared_ptr<const plan::PhysicalPlan> plan,
              std::map<std::uint32_t, std::vector<data::Split>> splits, protocol::ControlPort& port, Callbacks callbacks);

  void on_task_done(Rank worker, protocol::TaskDone done);
  /// Ranks that left the view; `workers`: those it may use from now on.
  void on_workers(const std::set<Rank>& workers);
  /// An answer to kAskAlive: this worker outlived the loss that `round` asks about.
  void on_alive(Rank worker, std::uint16_t round);
  /// A new epoch: frames under way were dropped, so running tasks are handed out again (their workers recognise them).
  void repeat_running();
  /// The active knows that this rank runs tasks of the query, should it be lost with them (docs/recovery.md, Tasks).
  void run_own_tasks();
  void cancel(const Error& reason);
  bool finished() const { return finished_; }
  protocol::RunningQuery progress() const;
  /// What it waits for, for people who read the log: its running tasks and their workers, kTasksNamed of them.
  std::string waits_for() const;
  /// Changes whenever a task starts or ends.
  std::uint64_t progress_mark() const { return started_ + ended_; }
  const QueryId& query() const { return start_.query; }
  std::uint16_t attempt() const { return start_.attempt; }

 private:
  enum class TaskState : std::uint8_t { kPending, kRunning, kDone };
  struct Task {
    TaskState state = TaskState::kPending;
    std::uint16_t attempts = 0;      ///< of this QueryMaster
    std::uint16_t failures = 0;      ///< counted against max_task_attempts
    std::uint16_t workers_lost = 0;
    std::set<Rank> failed_at;        ///< the system's failures: tried elsewhere as long as there is an elsewhere
    Rank worker = kNoRank;
    std::uint16_t partition = 0;
    std::map<std::uint32_t, std::vector<data::Split>> splits;
    protocol::SourceRef output;
    protocol::TaskDone done;
    TaskId id;
  };
  struct StageRun {
    std::vector<Task> tasks;
    bool planned = false;
    bool closed = false;             ///< its consumer is complete: outputs were dropped
  };

  void plan_tasks(std::uint16_t stage);
  void dispatch();
  bool may_run_here();
  void ask_who_lives();
  std::uint16_t round() const;
  bool inputs_ready(std::uint16_t stage) const;
  bool complete(std::uint16_t stage) const;
  Rank choose_worker(const plan::Stage& stage, const Task& task) const;
  void start_task(std::uint16_t stage, std::uint32_t task, Rank worker);
  void send_task(std::uint16_t stage, const Task& task);
  void send_plan(Rank worker);
  void lose_output(std::uint16_t stage, std::uint32_t task);
  void restart_consumers(std::uint16_t stage);
  void requeue(std::uint16_t stage, std::uint32_t task);
  std::set<protocol::TaskNumber> own_tasks() const;
  void reopen_inputs(std::uint16_t stage);
  bool consumers_complete(std::uint16_t stage) const;
  void close_inputs(std::uint16_t stage);
  void fail(const Error& error);
  void succeed();
  void end(protocol::QueryDone done, std::optional<protocol::SourceRef> root);
  Task* find(const TaskId& id);

  protocol::StartQuery start_;
  std::shared_ptr<const plan::PhysicalPlan> plan_;
  std::map<std::uint32_t, std::vector<data::Split>> splits_;
  protocol::ControlPort& port_;
  Callbacks callbacks_;
  Rank last_worker_;                 ///< that got a task; at first this rank, which has the query's control work already
  std::vector<StageRun> stages_;
  std::vector<std::vector<std::uint16_t>> consumers_;
  std::map<Rank, int> running_;      ///< tasks running a worker
  std::set<Rank> workers_;
  std::set<Rank> alive_;             ///< have answered since the last loss of a worker
  std::uint16_t losses_ = 0;         ///< of workers
  std::set<Rank> has_plan_;
  Bytes worker_plan_;
  std::uint32_t retries_ = 0;
  std::uint64_t started_ = 0, ended_ = 0;  ///< tasks handed out, reports that counted
  bool asked_ = false, agreed_ = false;    ///< whether this rank may run tasks; not asked in a first attempt
  bool finished_ = false;
};

}  // namespace tajo::worker
