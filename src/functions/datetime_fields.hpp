#pragma once
#include <string_view>

#include "kernel.hpp"

namespace tajo::functions {

// Fields of dates and times for extract, date_part, date_trunc and to_char. Values come in millionths.

enum class Field : std::uint8_t {
  kMicrosecond, kMillisecond, kSecond, kMinute, kHour, kDay, kWeek, kMonth, kQuarter, kYear, kDecade, kCentury,
  kMillennium, kDow, kIsoDow, kDoy, kIsoYear, kEpoch, kJulian,
};
/// PostgreSQL's names, any case, plural or short; Error 22023.
Field field_by_name(std::string_view name);

__int128 date_field(Field field, std::int32_t days);
__int128 timestamp_field(Field field, std::int64_t us);
__int128 time_field(Field field, std::int64_t us);
__int128 interval_field(Field field, const data::Interval& interval);
std::int64_t truncate_timestamp(Field field, std::int64_t us);
data::Interval truncate_interval(Field field, const data::Interval& interval);
data::Interval symbolic_difference(std::int64_t a, std::int64_t b);

inline std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
int days_in_month(int year, int month);
/// Error 22008 beyond the range of dates.
std::int32_t add_months_to_date(std::int32_t days, std::int64_t months);
std::int32_t civil_year(std::int32_t days);
struct IsoWeek {
  int year;
  int week;
};
IsoWeek iso_week(std::int32_t days);
int iso_day_of_week(std::int32_t days);  ///< Monday 1 … Sunday 7

}  // namespace tajo::functions
