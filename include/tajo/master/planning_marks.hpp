#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "tajo/cluster/node.hpp"

namespace tajo::master {

/// Statements whose planning another master began and did not end: a master that dies while it plans leaves its mark
/// here. The mark says how many masters began it so far, and which was the last. Any thread.
class PlanningMarks {
 public:
  static constexpr std::size_t kMaxMarks = 10'000;  ///< past it the smallest request id leaves
  /// A statement seen to take this many masters along is not planned again.
  static constexpr std::uint16_t kMaxMastersLost = 2;

  void begun(const std::string& request_id, std::uint16_t count, Rank by, Incarnation incarnation) {
    std::lock_guard lock(mutex_);
    marks_[request_id] = {count, by, incarnation};
    if (marks_.size() > kMaxMarks) marks_.erase(marks_.begin());
  }
  void ended(const std::string& request_id) {
    std::lock_guard lock(mutex_);
    marks_.erase(request_id);
  }
  /// How many masters it took along: one that is still a member only handed over, and its "ended" was lost on the way.
  std::uint16_t lost(const std::string& request_id, const cluster::View& view) const {
    std::lock_guard lock(mutex_);
    auto it = marks_.find(request_id);
    if (it == marks_.end()) return 0;
    const bool lives = it->second.incarnation != 0 && view.incarnation(it->second.by) == it->second.incarnation;
    return static_cast<std::uint16_t>(it->second.count - (lives ? 1 : 0));
  }

 private:
  struct Mark {
    std::uint16_t count = 0;
    Rank by = kNoRank;
    Incarnation incarnation = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Mark> marks_;
};

}  // namespace tajo::master
