#include "doctor_race.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tajo/common/clock.hpp"

namespace tajo::host {
namespace {

constexpr Micros kPromptUs = 20'000;  ///< look-ups later than this are said to be stale

std::string slot_path(const std::string& directory, int slot) { return directory + "/slot-" + std::to_string(slot); }

std::string link_text(const std::string& path) {
  char text[256];
  const ssize_t n = ::readlink(path.c_str(), text, sizeof text);
  return n < 0 ? std::string() : std::string(text, static_cast<std::size_t>(n));
}

constexpr const char* kRaceRemedy =
    "tajo.rootdir must be on a filesystem with exclusive creation across hosts (NFSv4, Lustre, GPFS, BeeGFS, CephFS), mounted by all";

}  // namespace

RaceLog race(const std::string& directory, const std::string& racer, Micros limit_us) {
  RaceLog log{racer, {}, {}, 0};
  const Micros begin = boottime_us();
  for (int slot = 0; slot < kRaceSlots && boottime_us() - begin < limit_us; ++slot) {
    const std::string path = slot_path(directory, slot);
    if (::symlink(racer.c_str(), path.c_str()) == 0) {
      log.winners.push_back(racer);
    } else if (errno == EEXIST) {
      log.winners.push_back(link_text(path));
    } else {
      log.failure = path + ": " + std::strerror(errno);
      break;
    }
  }
  log.spent_us = boottime_us() - begin;
  return log;
}

std::vector<std::string> read_slots(const std::string& directory) {
  std::vector<std::string> out;
  for (int slot = 0; slot < kRaceSlots; ++slot) {
    std::string text = link_text(slot_path(directory, slot));
    if (text.empty()) break;
    out.push_back(std::move(text));
  }
  return out;
}

Finding judge_race(const std::string& hosts, const RaceLog& one, const RaceLog& other, const std::vector<std::string>& kept) {
  for (const RaceLog* log : {&one, &other})
    if (!log->failure.empty()) return {Grade::kError, hosts, "slots", log->failure, kRaceRemedy};
  const std::size_t both = std::min(one.winners.size(), other.winners.size());
  if (both == 0)
    return {Grade::kError, hosts, "slots", "no slot was made in " + std::to_string(std::max(one.spent_us, other.spent_us) / 1000) + " ms",
            "the filesystem of tajo.rootdir answers too slowly: see its server"};
  std::size_t won_by_one = 0;
  for (std::size_t slot = 0; slot < both; ++slot) {
    const bool one_won = one.winners[slot] == one.racer, other_won = other.winners[slot] == other.racer;
    won_by_one += one_won;
    std::string wrong;
    if (one_won && other_won) wrong = "both created slot " + std::to_string(slot);
    else if (!one_won && !other_won) wrong = "nobody created slot " + std::to_string(slot) + ", and yet it exists";
    else if (one.winners[slot] != other.winners[slot]) wrong = "slot " + std::to_string(slot) + " does not read the same on both";
    else if (slot >= kept.size() || kept[slot] != one.winners[slot]) wrong = "slot " + std::to_string(slot) + " changed after it was won";
    if (!wrong.empty()) return {Grade::kError, hosts, "slots", wrong + ": the log would lose commits here", kRaceRemedy};
  }
  char text[200];
  std::snprintf(text, sizeof text, "%zu slots raced for, each with one winner (%zu : %zu), %.2f ms a slot", both, won_by_one, both - won_by_one,
                static_cast<double>(std::max(one.spent_us, other.spent_us)) / 1000.0 / static_cast<double>(both));
  return {Grade::kOk, hosts, "slots", text, {}};
}

Finding judge_look_ups(const std::string& host, Micros late_us, bool seen) {
  const std::string ms = std::to_string(late_us / 1000) + " ms";
  if (seen && late_us <= kPromptUs) return {Grade::kOk, host, "look-ups", "a new name is seen at once", {}};
  return {Grade::kWarning, host, "look-ups",
          seen ? "a new name was seen only after " + ms + " (stale look-ups)" : "a new name was still not seen after " + ms + " (stale look-ups)",
          "nothing is lost by it, the log never rests on an absence; takeovers are quicker with the NFS mount option lookupcache=positive"};
}

}  // namespace tajo::host
