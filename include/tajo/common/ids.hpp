#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tajo {

using Rank = std::int32_t;           ///< rank in MPI_COMM_WORLD
using Epoch = std::uint64_t;         ///< number of a claim; grows by one at each takeover
using ViewNumber = std::uint64_t;    ///< number of a membership record
using Incarnation = std::uint32_t;   ///< grows each time a rank is evicted and comes back
using Micros = std::int64_t;         ///< microseconds of CLOCK_BOOTTIME (or simulated time)

inline constexpr Rank kNoRank = -1;

/// Tajo's query id: `q_<epoch ms>_<%04d>`.
struct QueryId {
  std::uint64_t start_ms = 0;
  std::uint32_t number = 0;
  auto operator<=>(const QueryId&) const = default;
  explicit operator bool() const { return start_ms != 0; }
  std::string str() const;
  /// Parses `q_1700000000000_0001`; returns an empty id for anything else.
  static QueryId parse(std::string_view text);
};

/// One attempt of one task: a claim of splits by one worker for one stage (design: worker/, exchange/).
struct TaskId {
  QueryId query;
  std::uint16_t stage = 0;
  std::uint16_t attempt = 0;
  std::uint32_t task = 0;
  auto operator<=>(const TaskId&) const = default;
  std::string str() const;  ///< `t_<ms>_<n>_<stage>_<task>_<attempt>`
};

}  // namespace tajo
