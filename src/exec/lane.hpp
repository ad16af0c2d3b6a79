#pragma once
#include <chrono>
#include <vector>

#include "task.hpp"

namespace tajo::exec {

/// Base of activities of a task: a waker of its own and errors that end the task.
class TaskActivity : public Activity {
 public:
  explicit TaskActivity(Task& task) : task_(task), slot_(task.scheduler().take_slot()) { slot_->attach(this); }
  ~TaskActivity() override { task_.scheduler().give_slot(slot_); }
  Outcome slice(Scheduler& scheduler) final;
  void finished() final;

 protected:
  virtual Outcome work(Scheduler& scheduler) = 0;
  virtual void ended() {}
  Task& task_;
  WakerSlot* slot_;
};

/// First activity of a task: assembles it on an engine thread.
class BuildActivity final : public TaskActivity {
 public:
  using TaskActivity::TaskActivity;

 private:
  Outcome work(Scheduler&) override {
    task_.build();
    return Outcome::kFinished;
  }
};

/// One thread's way through a pipeline: pulls batches from the source, pushes them through the steps into the sink.
class Lane final : public TaskActivity {
 public:
  Lane(Task& task, Pipeline& pipeline, int number);

 private:
  struct Meter {
    std::uint64_t calls = 0;
    std::uint64_t rows = 0;
    std::uint64_t time_ns = 0;
  };
  static constexpr std::size_t kAtSource = ~std::size_t{0};
  Outcome work(Scheduler& scheduler) override;
  void ended() override;
  void prepare();
  void end_input();
  std::size_t back_from(std::size_t position) const;
  template <class F>
  auto metered(Meter& meter, F&& f);

  Pipeline& pipeline_;
  Context context_;
  std::unique_ptr<Local> source_local_;
  std::vector<std::unique_ptr<Local>> step_locals_;
  std::unique_ptr<Local> sink_local_;
  std::vector<data::Batch> batches_;      ///< [0] the source's, [i + 1] that of step i
  std::vector<std::uint8_t> again_;       ///< step i wants the same input again
  std::size_t position_ = kAtSource;      ///< next operator to run
  bool last_ = false;                     ///< no more input is needed
  bool prepared_ = false;
  std::vector<Meter> meters_;             ///< source, steps, sink
};

/// Parts of one finishing phase of a sink.
class PhaseLane final : public TaskActivity {
 public:
  struct Phase {
    Event* event;
    std::uint32_t number;
    std::uint32_t parts;
    std::atomic<std::uint32_t> next{0};
    std::atomic<int> lanes{0};
  };
  PhaseLane(Task& task, std::shared_ptr<Phase> phase) : TaskActivity(task), phase_(std::move(phase)) {}

 private:
  Outcome work(Scheduler& scheduler) override;
  void ended() override;
  std::shared_ptr<Phase> phase_;
  std::uint64_t time_ns_ = 0;
};

}  // namespace tajo::exec
