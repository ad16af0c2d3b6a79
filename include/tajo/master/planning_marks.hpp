#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace tajo::master {

/// Statements whose planning another master began and did not end: a master that dies while it plans leaves its mark
/// here. The count is how many masters began it. Any thread.
class PlanningMarks {
 public:
  static constexpr std::size_t kMaxMarks = 10'000;  ///< past it the smallest request id leaves
  /// A statement seen to take this many masters along is not planned again.
  static constexpr std::uint16_t kMaxMastersLost = 2;

  void begun(const std::string& request_id, std::uint16_t count) {
    std::lock_guard lock(mutex_);
    marks_[request_id] = count;
    if (marks_.size() > kMaxMarks) marks_.erase(marks_.begin());
  }
  void ended(const std::string& request_id) {
    std::lock_guard lock(mutex_);
    marks_.erase(request_id);
  }
  std::uint16_t count(const std::string& request_id) const {
    std::lock_guard lock(mutex_);
    auto it = marks_.find(request_id);
    return it == marks_.end() ? std::uint16_t{0} : it->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint16_t> marks_;
};

}  // namespace tajo::master
