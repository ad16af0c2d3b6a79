#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "tajo/data/type.hpp"
#include "time_zone.hpp"

/// Values as PostgreSQL prints them (DateStyle ISO, IntervalStyle postgres, shortest floats) and as its binary
/// formats lay them out. All append.
namespace tajo::pgwire {

void put_int_text(std::string& out, std::int64_t value);
void put_float4_text(std::string& out, float value);
void put_float8_text(std::string& out, double value);
void put_decimal_text(std::string& out, __int128 scaled, int scale);
void put_bytea_text(std::string& out, std::string_view bytes);
void put_date_text(std::string& out, std::int64_t days);
void put_time_text(std::string& out, std::int64_t micros);
void put_timestamp_text(std::string& out, std::int64_t micros);
void put_timestamptz_text(std::string& out, std::int64_t micros, const TimeZone& zone);
void put_interval_text(std::string& out, const data::Interval& interval);

void put_decimal_binary(std::string& out, __int128 scaled, int scale);

inline constexpr std::int64_t kPostgresEpochDays = 10'957;  ///< 2000-01-01, in days since 1970
inline constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

}  // namespace tajo::pgwire
