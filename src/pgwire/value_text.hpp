#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "tajo/data/type.hpp"
#include "time_zone.hpp"

/// What the wire adds to the texts of data/text.hpp: the session's time zone, binary decimals. All append.
namespace tajo::pgwire {

void put_timestamptz_text(std::string& out, std::int64_t micros, const TimeZone& zone);

void put_decimal_binary(std::string& out, __int128 scaled, int scale);

inline constexpr std::int64_t kPostgresEpochDays = 10'957;  ///< 2000-01-01, in days since 1970
inline constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

}  // namespace tajo::pgwire
