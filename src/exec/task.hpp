#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "operator.hpp"
#include "scheduler.hpp"
#include "tajo/exec/engine.hpp"

namespace tajo::exec {

struct Event;

/// source → steps → sink, run by several lanes over the source's morsels.
struct Pipeline {
  Source* source = nullptr;
  std::vector<Step*> steps;
  Sink* sink = nullptr;
  std::vector<Event*> signals;  ///< told when all lanes have ended
  int waits = 0;                ///< events that have to come before it starts

  // Under the task's mutex, but for the reads that decide whether one more lane is worth trying.
  std::atomic<int> lanes_started{0};
  std::atomic<int> max_lanes{0};
  int lanes_live = 0;
  std::atomic<bool> drained{false};  ///< a lane has seen the end: no further lanes
};

/// Comes when `outstanding` pipelines have ended and the finishing phases of `sink` have run.
struct Event {
  int outstanding = 0;
  Sink* sink = nullptr;
  std::uint32_t phase = 0;
  std::vector<Pipeline*> waiting;
};

/// What the task's operators report beside rows, for TaskResult and progress.
struct TaskReport {
  std::atomic<std::uint64_t> rows_read{0};
  std::atomic<std::uint64_t> bytes_read{0};
  std::mutex mutex;
  std::vector<data::FragmentInfo> fragments;   ///< under mutex
  std::atomic<std::uint64_t> rows_written{0};
  bool committed = false;           ///< the fragments are the submitter's now
};

/// The operators and pipelines of one task, as the builder makes them.
struct Assembly {
  std::vector<std::shared_ptr<void>> shared;     ///< what several operators refer to; goes last
  std::vector<std::unique_ptr<Operator>> operators;
  std::vector<std::unique_ptr<Pipeline>> pipelines;
  std::vector<std::unique_ptr<Event>> events;
  std::unique_ptr<exchange::TaskOutput> output;  ///< none for kTable

  template <class T, class... Args>
  T* make(Args&&... args) {
    auto made = std::make_unique<T>(std::forward<Args>(args)...);
    T* raw = made.get();
    operators.push_back(std::move(made));
    return raw;
  }
};

/// One task from submit to done. Activities call back into it; any thread may stop it.
class Task {
 public:
  struct Services {
    const EngineConfig& config;
    Scheduler& scheduler;
    storage::Storage& storage;
    exchange::OutputStore& outputs;
    std::function<void(Task&, TaskResult)> done;  ///< the engine forgets the task, then tells the submitter
  };
  Task(TaskSpec spec, Services services, std::shared_ptr<MemoryAccount> memory);
  ~Task();

  void start();
  void cancel();

  const TaskSpec& spec() const { return spec_; }
  TaskProgress progress() const;
  std::string waits_for() const;

  // For activities.
  const std::atomic<bool>& stop() const { return stop_; }
  MemoryAccount& memory() { return *memory_; }
  Scheduler& scheduler() { return services_.scheduler; }
  void build();                       ///< makes the pipelines and starts those that wait for nothing
  void grow(Pipeline& pipeline);      ///< one more lane, if one is still worth it
  void fail(std::exception_ptr error);
  void count(std::uint32_t node, std::uint64_t rows, std::uint64_t time_ns);
  void lane_finished(Pipeline& pipeline);
  void phase_finished(Event& event);
  void activity_finished();

 private:
  void launch(Pipeline& pipeline);
  void add_lane(Pipeline& pipeline, bool wake);
  void signal(const std::vector<Event*>& events);
  void advance(Event& event);
  void adopt(std::unique_ptr<Activity> activity, bool wake);
  void wake_all();
  void complete();

  const TaskSpec spec_;
  Services services_;
  std::shared_ptr<MemoryAccount> memory_;
  std::atomic<bool> stop_{false};
  TaskReport report_;
  Assembly assembly_;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Activity>> activities_;
  int live_ = 0;
  bool finished_ = false;
  std::atomic<bool> built_{false};  ///< the assembly stands
  bool canceled_ = false;
  std::optional<Error> error_;
  std::optional<TaskId> lost_;
  std::map<std::uint32_t, NodeCounters> counters_;
};

/// Turns the stage's operator tree into pipelines (builder.cpp).
void assemble(const TaskSpec& spec, const EngineConfig& config, storage::Storage& storage, exchange::OutputStore& outputs,
              MemoryAccount& memory, TaskReport& report, Assembly& out);

}  // namespace tajo::exec
