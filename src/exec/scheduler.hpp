#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tajo/exchange/flow.hpp"

namespace tajo::exec {

class Scheduler;

/// Something a thread can work on for a slice of about a morsel. Never run by two threads at once.
class Activity {
 public:
  enum class Outcome : std::uint8_t { kAgain, kParked, kFinished };
  virtual ~Activity() = default;
  virtual Outcome slice(Scheduler& scheduler) = 0;
  /// After kFinished, on the same thread; the activity may be destroyed by it.
  virtual void finished() = 0;

 private:
  friend class Scheduler;
  enum class State : std::uint8_t { kIdle, kQueued, kRunning, kNotified, kParked, kFinished };
  std::atomic<State> state_{State::kIdle};
};

/// Wakers outlive the activities they wake: a late wake() of a store finds nobody. Slots are reused, so a wake may
/// also come to the wrong activity, which then only looks and parks again.
class WakerSlot final : public exchange::Waker {
 public:
  explicit WakerSlot(Scheduler& scheduler) : scheduler_(scheduler) {}
  void wake() override;
  void attach(Activity* activity);  ///< nullptr detaches; returns when no wake() is under way

 private:
  Scheduler& scheduler_;
  std::mutex mutex_;
  Activity* activity_ = nullptr;
};

/// A fixed set of threads over one queue of runnable activities: round robin, a slice at a time.
class Scheduler {
 public:
  explicit Scheduler(int threads);
  ~Scheduler();
  int threads() const { return static_cast<int>(threads_.size()); }

  /// Makes a new activity runnable. `wake`: an idle thread is woken for it; false when the calling engine thread is
  /// about to be free itself.
  void start(Activity& activity, bool wake = true);
  /// A parked activity becomes runnable; a running one will run once more before it parks.
  void notify(Activity& activity);

  bool others_wait() const { return waiting_.load(std::memory_order_relaxed) > 0; }
  bool threads_idle() const { return idle_.load(std::memory_order_relaxed) > 0; }

  WakerSlot* take_slot();
  void give_slot(WakerSlot* slot);

 private:
  void push(Activity& activity, bool wake);
  void loop();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Activity*> queue_;
  bool stopping_ = false;
  std::atomic<int> waiting_{0};
  std::atomic<int> idle_{0};

  std::mutex slots_mutex_;
  std::vector<std::unique_ptr<WakerSlot>> slots_;
  std::vector<WakerSlot*> free_slots_;

  std::vector<std::thread> threads_;
};

}  // namespace tajo::exec
