#include "task.hpp"

#include <algorithm>

#include "lane.hpp"
#include "tajo/common/as_error.hpp"
#include "tajo/common/failpoint.hpp"

namespace tajo::exec {

Task::Task(TaskSpec spec, Services services, std::shared_ptr<MemoryAccount> memory)
    : spec_(std::move(spec)), services_(std::move(services)), memory_(std::move(memory)) {}

Task::~Task() = default;

void Task::start() { adopt(std::make_unique<BuildActivity>(*this), true); }

void Task::cancel() {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    canceled_ = true;
    stop_.store(true, std::memory_order_relaxed);
  }
  wake_all();
}

void Task::wake_all() {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  for (const auto& activity : activities_) services_.scheduler.notify(*activity);
}

TaskProgress Task::progress() const {
  TaskProgress out;
  out.id = spec_.id;
  out.rows_read = report_.rows_read.load(std::memory_order_relaxed);
  out.bytes_read = report_.bytes_read.load(std::memory_order_relaxed);
  std::uint64_t total = 0;
  for (const auto& [node, splits] : spec_.splits)
    for (const data::Split& split : splits) total += split.rows;
  out.fraction = total == 0 ? 0 : std::min(1.0, static_cast<double>(out.rows_read) / static_cast<double>(total));
  return out;
}

std::string Task::waits_for() const {
  const std::lock_guard lock(mutex_);
  std::string out = std::to_string(live_) + " activities" + (stop_ ? ", stopping" : "");
  if (!built_ || finished_) return out;
  for (const auto& pipeline : assembly_.pipelines) {
    if (pipeline->lanes_live == 0) continue;
    out += "; " + std::to_string(pipeline->lanes_live) + " lanes from node " + std::to_string(pipeline->source->node());
    if (const std::string awaited = pipeline->source->waits_for(); !awaited.empty()) out += " wait for " + awaited;
  }
  return out;
}

void Task::build() {
  fault_at(spec_.inputs.empty() ? "task.scan" : "task.exchange");
  if (stop_.load(std::memory_order_relaxed)) return;
  assemble(spec_, services_.config, services_.storage, services_.outputs, *memory_, report_, assembly_);
  built_ = true;
  std::vector<Pipeline*> ready;
  for (const auto& pipeline : assembly_.pipelines)
    if (pipeline->waits == 0) ready.push_back(pipeline.get());
  for (Pipeline* pipeline : ready) launch(*pipeline);
}

void Task::launch(Pipeline& pipeline) {
  if (stop_.load(std::memory_order_relaxed)) return;
  // Sources that block while they open do not exist; the slot is only for the type.
  WakerSlot* slot = services_.scheduler.take_slot();
  int lanes = 0;
  try {
    Context context{*memory_, *slot, stop_, 0, 1};
    lanes = pipeline.source->open(context, services_.scheduler.threads());
  } catch (...) {
    services_.scheduler.give_slot(slot);
    throw;
  }
  services_.scheduler.give_slot(slot);
  if (lanes == 0) {
    pipeline.drained.store(true, std::memory_order_relaxed);
    return signal(pipeline.signals);
  }
  pipeline.max_lanes.store(std::clamp(lanes, 1, services_.scheduler.threads()), std::memory_order_relaxed);
  add_lane(pipeline, false);
}

void Task::grow(Pipeline& pipeline) {
  if (pipeline.drained.load(std::memory_order_relaxed)) return;
  add_lane(pipeline, true);
}

void Task::add_lane(Pipeline& pipeline, bool wake) {
  int lane = 0;
  {
    const std::lock_guard lock(mutex_);
    lane = pipeline.lanes_started.load(std::memory_order_relaxed);
    if (lane >= pipeline.max_lanes.load(std::memory_order_relaxed)) return;
    pipeline.lanes_started.store(lane + 1, std::memory_order_relaxed);
    ++pipeline.lanes_live;
  }
  adopt(std::make_unique<Lane>(*this, pipeline, lane), wake);
}

void Task::adopt(std::unique_ptr<Activity> activity, bool wake) {
  Activity& raw = *activity;
  {
    const std::lock_guard lock(mutex_);
    activities_.push_back(std::move(activity));
    ++live_;
  }
  services_.scheduler.start(raw, wake);
}

void Task::fail(std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    const bool first = !error_ && !lost_ && !canceled_;
    if (first) {
      try {
        std::rethrow_exception(error);
      } catch (const exchange::OutputLost& lost) {
        lost_ = lost.task();
      } catch (const std::exception& e) {
        error_ = as_error(e);
      }
    }
    stop_.store(true, std::memory_order_relaxed);
  }
  wake_all();
}

void Task::count(std::uint32_t node, std::uint64_t rows, std::uint64_t time_ns) {
  if (node == kNoNode) return;
  const std::lock_guard lock(mutex_);
  NodeCounters& counters = counters_[node];
  counters.node = node;
  counters.rows += rows;
  counters.time_ns += time_ns;
}

void Task::lane_finished(Pipeline& pipeline) {
  {
    const std::lock_guard lock(mutex_);
    if (--pipeline.lanes_live > 0) return;
    // A lane that was about to be added finds no room any more.
    pipeline.max_lanes.store(0, std::memory_order_relaxed);
  }
  if (!stop_.load(std::memory_order_relaxed)) signal(pipeline.signals);
}

void Task::signal(const std::vector<Event*>& events) {
  std::vector<Event*> due;
  {
    const std::lock_guard lock(mutex_);
    for (Event* event : events)
      if (--event->outstanding == 0) due.push_back(event);
  }
  for (Event* event : due) advance(*event);
}

void Task::advance(Event& event) {
  if (event.sink != nullptr) {
    WakerSlot* slot = services_.scheduler.take_slot();
    std::uint32_t parts = 0;
    try {
      Context context{*memory_, *slot, stop_, 0, 1};
      parts = event.sink->phase(context, event.phase);
    } catch (...) {
      services_.scheduler.give_slot(slot);
      throw;
    }
    services_.scheduler.give_slot(slot);
    if (parts > 0) {
      auto phase = std::make_shared<PhaseLane::Phase>();
      phase->event = &event;
      phase->number = event.phase++;
      phase->parts = parts;
      const int lanes = static_cast<int>(std::min<std::uint32_t>(parts, static_cast<std::uint32_t>(services_.scheduler.threads())));
      phase->lanes.store(lanes);
      for (int i = 0; i < lanes; ++i) adopt(std::make_unique<PhaseLane>(*this, phase), i != 0);
      return;
    }
  }
  std::vector<Pipeline*> ready;
  {
    const std::lock_guard lock(mutex_);
    for (Pipeline* pipeline : event.waiting)
      if (--pipeline->waits == 0) ready.push_back(pipeline);
  }
  for (Pipeline* pipeline : ready) launch(*pipeline);
}

void Task::phase_finished(Event& event) {
  if (!stop_.load(std::memory_order_relaxed)) advance(event);
}

void Task::activity_finished() {
  {
    const std::lock_guard lock(mutex_);
    if (--live_ > 0) return;
    finished_ = true;
  }
  complete();
}

void Task::complete() {
  TaskResult result;
  result.id = spec_.id;
  if (!error_ && !lost_ && !canceled_) {
    try {
      if (assembly_.output) {
        result.output = assembly_.output->seal();
        result.rows = result.output.rows;
      } else {
        result.fragments = std::move(report_.fragments);
        result.rows = report_.rows_written.load();
        report_.committed = true;
      }
    } catch (...) {
      fail(std::current_exception());
    }
  }
  result.error = error_;
  result.lost_output = lost_;
  result.canceled = canceled_ && !error_ && !lost_;
  result.rows_read = report_.rows_read.load();
  result.bytes_read = report_.bytes_read.load();
  for (const auto& op : assembly_.operators) {
    const auto found = counters_.find(op->node());
    if (found == counters_.end()) continue;
    found->second.bytes += op->bytes();
    found->second.memory_bytes += op->memory();
    found->second.spilled_bytes += op->spilled();
  }
  for (const auto& [node, counters] : counters_) result.counters.push_back(counters);
  activities_.clear();
  built_ = false;
  assembly_ = Assembly{};
  memory_.reset();
  // The callee may destroy this task, and with it the function it stands in.
  const auto done = std::move(services_.done);
  done(*this, std::move(result));
}

}  // namespace tajo::exec
