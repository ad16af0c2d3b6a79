#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

#include "tajo/common/ids.hpp"

namespace tajo {

/// Where control logic runs: one function after the other, never two at once. Any thread may hand it work.
class Loop {
 public:
  virtual ~Loop() = default;
  virtual void post(std::function<void()> work) = 0;
  virtual void run_after(Micros delay, std::function<void()> work) = 0;
};

/// The control thread of a rank: runs posted functions in order and timers. All control logic (cluster node,
/// coordinator, QueryMaster) lives on it and is single-threaded by that. Nothing posted may block.
class EventLoop final : public Loop {
 public:
  EventLoop() = default;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Any thread.
  void post(std::function<void()> work) override;
  /// Any thread; `at` in boottime_us().
  void run_at(Micros at, std::function<void()> work);
  void run_after(Micros delay, std::function<void()> work) override;

  /// Called on the loop's thread after every batch of work and timers; set before run().
  void after_turn(std::function<void()> hook) { after_turn_ = std::move(hook); }
  /// Runs until stop(); call on the thread that becomes the control thread.
  void run();
  void stop();
  bool on_loop_thread() const { return thread_.load() == std::this_thread::get_id(); }
  /// Turns of the loop so far: the watchdog reads it.
  std::uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }

 private:
  struct Timer {
    Micros at;
    std::uint64_t order;
    std::function<void()> work;
    bool operator>(const Timer& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> posted_;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::uint64_t timer_order_ = 0;
  std::function<void()> after_turn_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> turns_{0};
  std::atomic<std::thread::id> thread_{};
};

}  // namespace tajo
