#pragma once
#include <atomic>
#include <cstdint>

namespace tajo::cluster {

inline constexpr int kWatchdogTickMs = 100;
inline constexpr int kWatchdogTicks = 50;

/// Ends a rank whose loop hangs. It counts its own ticks without a turn of the loop, never elapsed time: a stopped or
/// suspended process has no ticks either, and must not be ended for having been away. turn(): the watched loop;
/// tick(): a thread of its own, every kWatchdogTickMs.
class Watchdog {
 public:
  void turn() { turned_.store(true, std::memory_order_relaxed); }
  /// True: the loop hangs, `_exit`.
  bool tick() {
    ticks_ = turned_.exchange(false, std::memory_order_relaxed) ? 0 : ticks_ + 1;
    return ticks_ >= kWatchdogTicks;
  }

 private:
  std::atomic<bool> turned_{false};
  int ticks_ = 0;
};

}  // namespace tajo::cluster
