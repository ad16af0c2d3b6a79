#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "tajo/common/ids.hpp"

namespace tajo::master {

/// What time it is for deciding that something is old. A wall clock that jumps ahead, here or at the master that was active
/// before, makes nothing old: it is never later than the wall clock, than the wall clock at the start plus the time that has passed
/// since, and than the newest time that other masters left in the log plus the time since it was read. When these are
/// wrong it is too early, and what is old stays longer. One thread at a time.
class AgeClock {
 public:
  AgeClock(Micros wall, Micros boottime) : first_ms_((wall - boottime) / 1000) {}

  /// This master is active from now on; `newest_ms`: the newest time of the log that earlier actives took from their clocks.
  void begin(std::optional<std::int64_t> newest_ms, Micros boottime) {
    log_ms_ = newest_ms ? std::optional(*newest_ms - boottime / 1000) : std::nullopt;
  }
  std::int64_t now_ms(Micros wall, Micros boottime) const {
    const std::int64_t passed_ms = boottime / 1000;
    std::int64_t now = std::min(wall / 1000, first_ms_ + passed_ms);
    if (log_ms_) now = std::min(now, *log_ms_ + passed_ms);
    return now;
  }

 private:
  std::int64_t first_ms_;                ///< wall clock minus boottime, as at the start
  std::optional<std::int64_t> log_ms_;   ///< time in the log minus boottime, as when it was read
};

}  // namespace tajo::master
