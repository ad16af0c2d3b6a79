#include "scheduler.hpp"

#include <algorithm>

#include "tajo/common/error.hpp"

namespace tajo::exec {

void WakerSlot::wake() {
  const std::lock_guard lock(mutex_);
  if (activity_ != nullptr) scheduler_.notify(*activity_);
}

void WakerSlot::attach(Activity* activity) {
  const std::lock_guard lock(mutex_);
  activity_ = activity;
}

Scheduler::Scheduler(int threads) {
  for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this] { loop(); });
}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (std::thread& t : threads_) t.join();
}

void Scheduler::start(Activity& activity, bool wake) {
  activity.state_.store(Activity::State::kQueued, std::memory_order_release);
  push(activity, wake);
}

void Scheduler::notify(Activity& activity) {
  using State = Activity::State;
  State seen = activity.state_.load(std::memory_order_acquire);
  for (;;) {
    if (seen == State::kParked) {
      if (!activity.state_.compare_exchange_weak(seen, State::kQueued)) continue;
      push(activity, true);
      return;
    }
    if (seen == State::kRunning) {
      if (!activity.state_.compare_exchange_weak(seen, State::kNotified)) continue;
    }
    return;
  }
}

WakerSlot* Scheduler::take_slot() {
  const std::lock_guard lock(slots_mutex_);
  if (free_slots_.empty()) {
    slots_.push_back(std::make_unique<WakerSlot>(*this));
    return slots_.back().get();
  }
  WakerSlot* slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void Scheduler::give_slot(WakerSlot* slot) {
  slot->attach(nullptr);
  const std::lock_guard lock(slots_mutex_);
  free_slots_.push_back(slot);
}

void Scheduler::push(Activity& activity, bool wake) {
  bool notify = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(&activity);
    waiting_.store(static_cast<int>(queue_.size()), std::memory_order_relaxed);
    notify = wake && idle_.load(std::memory_order_relaxed) > 0;
  }
  if (notify) ready_.notify_one();
}

void Scheduler::loop() {
  using State = Activity::State;
  for (;;) {
    Activity* activity = nullptr;
    {
      std::unique_lock lock(mutex_);
      if (queue_.empty()) {
        idle_.fetch_add(1, std::memory_order_relaxed);
        ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        idle_.fetch_sub(1, std::memory_order_relaxed);
      }
      if (queue_.empty()) return;  // stopping, and nothing is left to do
      activity = queue_.front();
      queue_.pop_front();
      waiting_.store(static_cast<int>(queue_.size()), std::memory_order_relaxed);
    }
    activity->state_.store(State::kRunning, std::memory_order_release);
    switch (activity->slice(*this)) {
      case Activity::Outcome::kAgain:
        start(*activity, false);
        break;
      case Activity::Outcome::kParked: {
        State expected = State::kRunning;
        if (!activity->state_.compare_exchange_strong(expected, State::kParked)) start(*activity, false);
        break;
      }
      case Activity::Outcome::kFinished:
        activity->state_.store(State::kFinished, std::memory_order_release);
        activity->finished();
        break;
    }
  }
}

}  // namespace tajo::exec
