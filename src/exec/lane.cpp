#include "lane.hpp"

#include <algorithm>

namespace tajo::exec {

namespace {
using Clock = std::chrono::steady_clock;
constexpr auto kSlice = std::chrono::microseconds(500);  ///< a lane gives way after this when others wait
constexpr std::uint64_t kSampleEvery = 16;               ///< calls between two time measurements

std::uint64_t since_ns(Clock::time_point start) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count());
}
}  // namespace

Activity::Outcome TaskActivity::slice(Scheduler& scheduler) {
  try {
    return work(scheduler);
  } catch (...) {
    task_.fail(std::current_exception());
    return Outcome::kFinished;
  }
}

void TaskActivity::finished() {
  Task& task = task_;
  try {
    ended();
  } catch (...) {
    task.fail(std::current_exception());
  }
  task.activity_finished();
}

Lane::Lane(Task& task, Pipeline& pipeline, int number)
    : TaskActivity(task),
      pipeline_(pipeline),
      context_{task.memory(), *slot_, task.stop(), number, pipeline.max_lanes.load(std::memory_order_relaxed)},
      batches_(pipeline.steps.size() + 1),
      again_(pipeline.steps.size(), 0),
      meters_(pipeline.steps.size() + 2) {}

void Lane::prepare() {
  source_local_ = pipeline_.source->local(context_);
  for (Step* step : pipeline_.steps) step_locals_.push_back(step->local(context_));
  sink_local_ = pipeline_.sink->local(context_);
  prepared_ = true;
}

/// Every call is timed at first; later one in kSampleEvery stands for the others.
template <class F>
auto Lane::metered(Meter& meter, F&& f) {
  const std::uint64_t call = meter.calls++;
  if (call >= kSampleEvery && call % kSampleEvery != 0) return f();
  const auto start = Clock::now();
  auto result = f();
  meter.time_ns += since_ns(start) * (call < kSampleEvery ? 1 : kSampleEvery);
  return result;
}

std::size_t Lane::back_from(std::size_t position) const {
  for (std::size_t i = position; i-- > 0;)
    if (again_[i] != 0) return i;
  return kAtSource;
}

/// What earlier operators still had to give is not wanted.
void Lane::end_input() {
  last_ = true;
  std::fill(again_.begin(), again_.end(), std::uint8_t{0});
}

Activity::Outcome Lane::work(Scheduler& scheduler) {
  if (!prepared_) prepare();
  const auto start = Clock::now();
  const std::size_t steps = pipeline_.steps.size();
  for (;;) {
    if (context_.stop.load(std::memory_order_relaxed)) return Outcome::kFinished;
    if (position_ == kAtSource) {
      if (last_) break;
      if (scheduler.threads_idle() && pipeline_.lanes_started.load(std::memory_order_relaxed) <
                                          pipeline_.max_lanes.load(std::memory_order_relaxed))
        task_.grow(pipeline_);
      if (scheduler.others_wait() && Clock::now() - start > kSlice) return Outcome::kAgain;
      Batch& out = batches_[0];
      const Flow flow = metered(meters_[0], [&] { return pipeline_.source->next(context_, *source_local_, out); });
      if (flow == Flow::kBlocked) return Outcome::kParked;
      if (flow == Flow::kDone) break;
      meters_[0].rows += out.selection.count;
      if (out.selection.count != 0) position_ = 0;
    } else if (position_ < steps) {
      const std::size_t at = position_;
      Batch& out = batches_[at + 1];
      const StepFlow flow = metered(meters_[at + 1], [&] {
        return pipeline_.steps[at]->run(context_, *step_locals_[at], batches_[at], out);
      });
      again_[at] = flow == StepFlow::kMore ? 1 : 0;
      if (flow == StepFlow::kLast) end_input();  // later steps may still want this output several times
      if (flow == StepFlow::kNone || out.selection.count == 0) {
        position_ = again_[at] != 0 ? at : back_from(at);
      } else {
        meters_[at + 1].rows += out.selection.count;
        position_ = at + 1;
      }
    } else {
      const Flow flow = metered(meters_[steps + 1], [&] {
        return pipeline_.sink->take(context_, *sink_local_, batches_[steps]);
      });
      if (flow == Flow::kBlocked) return Outcome::kParked;
      if (flow == Flow::kDone) end_input();
      position_ = back_from(steps);
    }
  }
  pipeline_.drained.store(true, std::memory_order_relaxed);
  metered(meters_[steps + 1], [&] {
    pipeline_.sink->combine(context_, *sink_local_);
    return 0;
  });
  return Outcome::kFinished;
}

void Lane::ended() {
  const std::size_t steps = pipeline_.steps.size();
  task_.count(pipeline_.source->node(), meters_[0].rows, meters_[0].time_ns);
  for (std::size_t i = 0; i < steps; ++i)
    task_.count(pipeline_.steps[i]->node(), meters_[i + 1].rows, meters_[i + 1].time_ns);
  task_.count(pipeline_.sink->node(), 0, meters_[steps + 1].time_ns);
  source_local_.reset();
  step_locals_.clear();
  sink_local_.reset();
  task_.lane_finished(pipeline_);
}

Activity::Outcome PhaseLane::work(Scheduler& scheduler) {
  const auto start = Clock::now();
  Context context{task_.memory(), *slot_, task_.stop(), 0, 1};
  for (;;) {
    if (context.stop.load(std::memory_order_relaxed)) return Outcome::kFinished;
    const std::uint32_t part = phase_->next.fetch_add(1, std::memory_order_relaxed);
    if (part >= phase_->parts) {
      time_ns_ += since_ns(start);
      return Outcome::kFinished;
    }
    phase_->event->sink->part(context, phase_->number, part);
    if (scheduler.others_wait() && Clock::now() - start > kSlice) {
      time_ns_ += since_ns(start);
      return Outcome::kAgain;
    }
  }
}

void PhaseLane::ended() {
  task_.count(phase_->event->sink->node(), 0, time_ns_);
  if (phase_->lanes.fetch_sub(1, std::memory_order_acq_rel) == 1) task_.phase_finished(*phase_->event);
}

}  // namespace tajo::exec
