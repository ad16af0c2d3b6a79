#include "tajo/common/event_loop.hpp"

#include <chrono>

#include "tajo/common/clock.hpp"

namespace tajo {

void EventLoop::post(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void EventLoop::run_at(Micros at, std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    timers_.push({at, timer_order_++, std::move(work)});
  }
  wake_.notify_one();
}

void EventLoop::run_after(Micros delay, std::function<void()> work) { run_at(boottime_us() + delay, std::move(work)); }

void EventLoop::run() {
  thread_ = std::this_thread::get_id();
  std::deque<std::function<void()>> batch;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    turns_.fetch_add(1, std::memory_order_relaxed);
    Micros now = boottime_us();
    while (!timers_.empty() && timers_.top().at <= now) {
      posted_.push_back(std::move(const_cast<Timer&>(timers_.top()).work));
      timers_.pop();
    }
    if (posted_.empty()) {
      if (timers_.empty()) wake_.wait(lock);
      else wake_.wait_for(lock, std::chrono::microseconds(timers_.top().at - now));
      continue;
    }
    batch.swap(posted_);
    lock.unlock();
    for (auto& work : batch) work();
    batch.clear();
    if (after_turn_) after_turn_();
    lock.lock();
  }
  thread_ = std::thread::id();
}

void EventLoop::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

}  // namespace tajo
