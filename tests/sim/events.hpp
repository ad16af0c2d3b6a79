#pragma once
#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "tajo/common/ids.hpp"

namespace tajo::sim {

/// Simulated time: what happens next, in order of time, then of request.
class Events {
 public:
  Micros now() const { return now_; }
  const Micros& now_reference() const { return now_; }
  void after(Micros delay, std::function<void()> fn) {
    std::uint32_t place = 0;
    if (free_.empty()) {
      place = static_cast<std::uint32_t>(work_.size());
      work_.push_back(std::move(fn));
    } else {
      place = free_.back();
      free_.pop_back();
      work_[place] = std::move(fn);
    }
    heap_.push_back({now_ + std::max<Micros>(delay, 0), next_++, place});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  /// Runs one event; false when there is none before `end`.
  bool step(Micros end) {
    if (heap_.empty() || heap_.front().at >= end) return false;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event e = heap_.back();
    heap_.pop_back();
    now_ = e.at;
    auto fn = std::exchange(work_[e.place], nullptr);
    free_.push_back(e.place);
    fn();
    return true;
  }

 private:
  struct Event {
    Micros at;
    std::uint64_t order;
    std::uint32_t place;  ///< in work_: what the heap moves about stays small
  };
  static bool later(const Event& a, const Event& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }
  std::vector<Event> heap_;
  std::vector<std::function<void()>> work_;
  std::vector<std::uint32_t> free_;
  std::uint64_t next_ = 0;
  Micros now_ = 0;
};

inline constexpr Micros kSecond = 1'000'000;
inline constexpr Micros kMs = 1'000;
inline Micros seconds(double s) { return static_cast<Micros>(s * 1e6); }

}  // namespace tajo::sim
