#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "doctor_finding.hpp"
#include "tajo/common/ids.hpp"

namespace tajo::host {

inline constexpr int kRaceSlots = 1000;
inline constexpr Micros kRaceUs = 2'000'000;  ///< at most

/// What one of the two racers saw: for each slot, in order, whom it holds for the winner.
struct RaceLog {
  std::string racer;
  std::vector<std::string> winners;
  std::string failure;  ///< of the filesystem; ends the race
  Micros spent_us = 0;
};

/// Makes slot after slot by symlink(2) in `directory`, as the commit log does, until the time or kRaceSlots are used up.
RaceLog race(const std::string& directory, const std::string& racer, Micros limit_us);

/// Pure. Each slot that both tried has one winner, the same for both, and is still his (`kept`: the links as read at the end).
Finding judge_race(const std::string& hosts, const RaceLog& one, const RaceLog& other, const std::vector<std::string>& kept);

/// How long a host did not see a name that another had made. Pure.
Finding judge_look_ups(const std::string& host, Micros late_us, bool seen);

/// The texts of slot 0, 1, ... until one is missing.
std::vector<std::string> read_slots(const std::string& directory);

}  // namespace tajo::host
