#pragma once
#include <algorithm>
#include <functional>
#include <vector>

#include "tajo/common/ids.hpp"

namespace tajo::sim {

/// Simulated time: what happens next, in order of time, then of request.
class Events {
 public:
  Micros now() const { return now_; }
  const Micros& now_reference() const { return now_; }
  void after(Micros delay, std::function<void()> fn) {
    heap_.push_back({now_ + std::max<Micros>(delay, 0), next_++, std::move(fn)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  /// Runs one event; false when there is none before `end`.
  bool step(Micros end) {
    if (heap_.empty() || heap_.front().at >= end) return false;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Event e = std::move(heap_.back());
    heap_.pop_back();
    now_ = e.at;
    e.fn();
    return true;
  }

 private:
  struct Event {
    Micros at;
    std::uint64_t order;
    std::function<void()> fn;
  };
  static bool later(const Event& a, const Event& b) { return std::tie(a.at, a.order) > std::tie(b.at, b.order); }
  std::vector<Event> heap_;
  std::uint64_t next_ = 0;
  Micros now_ = 0;
};

inline constexpr Micros kSecond = 1'000'000;
inline constexpr Micros kMs = 1'000;
inline Micros seconds(double s) { return static_cast<Micros>(s * 1e6); }

}  // namespace tajo::sim
