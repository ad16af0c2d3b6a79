// Dates, times, timestamps (microseconds), intervals (months, days, microseconds).
#include <cmath>
#include <limits>

#include "datetime_fields.hpp"
#include "registry.hpp"

namespace tajo::functions {

namespace {

using data::Interval;
using data::kMicrosPerDay;
using data::pack_interval;
using data::unpack_interval;
using std::int32_t;
using std::int64_t;

[[noreturn]] void timestamp_out_of_range() { throw Error("22008", "timestamp out of range"); }
[[noreturn]] void date_out_of_range() { throw Error("22008", "date out of range"); }
[[noreturn]] void interval_out_of_range() { throw Error("22008", "interval out of range"); }

int64_t checked_add(int64_t a, int64_t b) {
  int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out)) timestamp_out_of_range();
  return out;
}

/// Months first (the day is cut to the month's length), then days, then time: PostgreSQL's order.
int64_t add_interval(int64_t us, const Interval& interval) {
  if (interval.months == 0) {
    int64_t days_us = 0;
    if (__builtin_mul_overflow(int64_t{interval.days}, kMicrosPerDay, &days_us)) timestamp_out_of_range();
    return checked_add(checked_add(us, days_us), interval.micros);
  }
  const int64_t days = floor_div(us, kMicrosPerDay);
  const int64_t time = us - days * kMicrosPerDay;
  const int32_t moved = add_months_to_date(static_cast<int32_t>(days), interval.months);
  int64_t out = 0;
  if (__builtin_mul_overflow(int64_t{moved} + interval.days, kMicrosPerDay, &out)) timestamp_out_of_range();
  return checked_add(checked_add(out, time), interval.micros);
}
Interval negated(const Interval& i) {
  if (i.micros == std::numeric_limits<int64_t>::min() || i.days == std::numeric_limits<int32_t>::min() ||
      i.months == std::numeric_limits<int32_t>::min())
    interval_out_of_range();
  return {-i.micros, -i.days, -i.months};
}
int64_t start_of(int32_t days) { return int64_t{days} * kMicrosPerDay; }

int32_t date_plus_int(KernelCall&, int32_t d, int32_t n) {
  int32_t out = 0;
  if (__builtin_add_overflow(d, n, &out)) date_out_of_range();
  return out;
}
int32_t int_plus_date(KernelCall& c, int32_t n, int32_t d) { return date_plus_int(c, d, n); }
int32_t date_minus_int(KernelCall&, int32_t d, int32_t n) {
  int32_t out = 0;
  if (__builtin_sub_overflow(d, n, &out)) date_out_of_range();
  return out;
}
int32_t date_minus_date(KernelCall&, int32_t a, int32_t b) { return a - b; }
int64_t date_plus_interval(KernelCall&, int32_t d, __int128 i) { return add_interval(start_of(d), unpack_interval(i)); }
int64_t interval_plus_date(KernelCall&, __int128 i, int32_t d) { return add_interval(start_of(d), unpack_interval(i)); }
int64_t date_minus_interval(KernelCall&, int32_t d, __int128 i) { return add_interval(start_of(d), negated(unpack_interval(i))); }
int64_t date_plus_time(KernelCall&, int32_t d, int64_t t) { return start_of(d) + t; }
int64_t timestamp_plus_interval(KernelCall&, int64_t t, __int128 i) { return add_interval(t, unpack_interval(i)); }
int64_t interval_plus_timestamp(KernelCall&, __int128 i, int64_t t) { return add_interval(t, unpack_interval(i)); }
int64_t timestamp_minus_interval(KernelCall&, int64_t t, __int128 i) { return add_interval(t, negated(unpack_interval(i))); }
__int128 timestamp_minus_timestamp(KernelCall&, int64_t a, int64_t b) {
  int64_t us = 0;
  if (__builtin_sub_overflow(a, b, &us)) interval_out_of_range();
  return pack_interval({us % kMicrosPerDay, static_cast<int32_t>(us / kMicrosPerDay), 0});
}
__int128 time_minus_time(KernelCall&, int64_t a, int64_t b) { return pack_interval({a - b, 0, 0}); }
int64_t within_day(int64_t us) { return us - floor_div(us, kMicrosPerDay) * kMicrosPerDay; }
int64_t time_plus_interval(KernelCall&, int64_t t, __int128 i) {
  return within_day(t + unpack_interval(i).micros % kMicrosPerDay);
}
int64_t time_minus_interval(KernelCall&, int64_t t, __int128 i) {
  return within_day(t - unpack_interval(i).micros % kMicrosPerDay);
}
__int128 combine(const Interval& a, const Interval& b) {
  Interval out;
  if (__builtin_add_overflow(a.micros, b.micros, &out.micros) || __builtin_add_overflow(a.days, b.days, &out.days) ||
      __builtin_add_overflow(a.months, b.months, &out.months))
    interval_out_of_range();
  return pack_interval(out);
}
__int128 interval_plus_interval(KernelCall&, __int128 a, __int128 b) { return combine(unpack_interval(a), unpack_interval(b)); }
__int128 interval_minus_interval(KernelCall&, __int128 a, __int128 b) {
  return combine(unpack_interval(a), negated(unpack_interval(b)));
}
__int128 interval_negated(KernelCall&, __int128 a) { return pack_interval(negated(unpack_interval(a))); }

/// Fractions of months become days (30), of days become time, as PostgreSQL.
__int128 scaled(const Interval& i, double factor) {
  const double months = i.months * factor;
  const double days = i.days * factor;
  if (!std::isfinite(months) || std::fabs(months) > 2e9 || std::fabs(days) > 2e9) interval_out_of_range();
  const double whole_months = std::trunc(months);
  const double month_days = std::round((months - whole_months) * 30 * 1e6) / 1e6;
  const double whole_days = std::trunc(days);
  const double extra_days = std::trunc(month_days);
  const double day_fraction = (days - whole_days) + (month_days - extra_days);
  const double micros = std::nearbyint(static_cast<double>(i.micros) * factor + day_fraction * static_cast<double>(kMicrosPerDay));
  if (std::fabs(micros) > 9.2e18 || std::fabs(whole_days + extra_days) > 2147483647.0) interval_out_of_range();
  return pack_interval({static_cast<int64_t>(micros), static_cast<int32_t>(whole_days + extra_days), static_cast<int32_t>(whole_months)});
}
__int128 interval_times(KernelCall&, __int128 i, double f) { return scaled(unpack_interval(i), f); }
__int128 times_interval(KernelCall&, double f, __int128 i) { return scaled(unpack_interval(i), f); }
__int128 interval_over(KernelCall&, __int128 i, double f) {
  if (f == 0) division_by_zero();
  return scaled(unpack_interval(i), 1 / f);
}
/// A number that orders intervals as PostgreSQL does: 30 days a month, 24 hours a day.
Type order_type(const std::vector<ExpressionPtr>&) { return Type::decimal(38, 0); }
__int128 interval_order(KernelCall&, __int128 packed) {
  const Interval i = unpack_interval(packed);
  return (static_cast<__int128>(i.months) * 30 + i.days) * kMicrosPerDay + i.micros;
}

// --- fields
Type extract_type(const std::vector<ExpressionPtr>& args) {
  const auto* name = std::get_if<std::string>(&args[0]->constant);
  if (name == nullptr) return Type::decimal(26, 6);
  switch (field_by_name(*name)) {
    case Field::kSecond: return Type::decimal(8, 6);
    case Field::kMillisecond: return Type::decimal(8, 3);
    case Field::kEpoch: return Type::decimal(26, 6);
    case Field::kJulian: return Type::decimal(20, 6);
    default: return Type::decimal(10, 0);
  }
}
std::shared_ptr<const void> prepare_field(const Expression& call) {
  const auto* name = std::get_if<std::string>(&call.args[0]->constant);
  if (name == nullptr) return nullptr;
  return std::make_shared<Field>(field_by_name(*name));
}
Field field_of(const KernelCall& c, const Str& name) {
  return c.prepared != nullptr ? *static_cast<const Field*>(c.prepared) : field_by_name(name.view());
}
/// The field in millionths, brought to the result's scale.
__int128 extracted(const KernelCall& c, __int128 millionths) {
  const int scale = c.call.type.scale;
  return scale == 6 ? millionths : millionths / data::power_of_ten(6 - scale);
}
__int128 extract_date(KernelCall& c, Str name, int32_t d) {
  const Field field = field_of(c, name);
  if (field == Field::kYear && c.call.type.scale == 0) return civil_year(d);  // the common one, without the rest
  return extracted(c, date_field(field, d));
}
__int128 extract_timestamp(KernelCall& c, Str name, int64_t t) { return extracted(c, timestamp_field(field_of(c, name), t)); }
__int128 extract_time(KernelCall& c, Str name, int64_t t) { return extracted(c, time_field(field_of(c, name), t)); }
__int128 extract_interval(KernelCall& c, Str name, __int128 i) {
  return extracted(c, interval_field(field_of(c, name), unpack_interval(i)));
}
double as_double(__int128 millionths) { return static_cast<double>(millionths) / 1e6; }
double part_date(KernelCall& c, Str name, int32_t d) { return as_double(date_field(field_of(c, name), d)); }
double part_timestamp(KernelCall& c, Str name, int64_t t) { return as_double(timestamp_field(field_of(c, name), t)); }
double part_time(KernelCall& c, Str name, int64_t t) { return as_double(time_field(field_of(c, name), t)); }
double part_interval(KernelCall& c, Str name, __int128 i) {
  return as_double(interval_field(field_of(c, name), unpack_interval(i)));
}
int64_t trunc_timestamp(KernelCall& c, Str name, int64_t t) { return truncate_timestamp(field_of(c, name), t); }
__int128 trunc_interval(KernelCall& c, Str name, __int128 i) {
  return pack_interval(truncate_interval(field_of(c, name), unpack_interval(i)));
}

/// Every field of a date or timestamp has a value; only an unknown name fails.
bool known_field(const Expression& call) {
  try {
    return prepare_field(call) != nullptr;
  } catch (const Error&) {
    return false;
  }
}

// --- makers
int32_t make_date(KernelCall&, int32_t y, int32_t m, int32_t d) {
  const int year = y < 0 ? y + 1 : y;
  if (y == 0 || m < 1 || m > 12 || d < 1 || d > days_in_month(year, m))
    throw Error("22008", "date field value out of range: " + std::to_string(y) + "-" + std::to_string(m) + "-" + std::to_string(d));
  return data::days_from_civil(year, static_cast<unsigned>(m), static_cast<unsigned>(d));
}
int64_t make_time(KernelCall&, int32_t h, int32_t m, double s) {
  if (h < 0 || h > 24 || m < 0 || m > 59 || s < 0 || s > 60) throw Error("22008", "time field value out of range");
  return (int64_t{h} * 60 + m) * 60'000'000 + static_cast<int64_t>(std::nearbyint(s * 1e6));
}
int64_t make_timestamp(KernelCall& c, int32_t y, int32_t mo, int32_t d, int32_t h, int32_t mi, double s) {
  return start_of(make_date(c, y, mo, d)) + make_time(c, h, mi, s);
}
int64_t epoch_to_timestamp(KernelCall&, double seconds) {
  if (!std::isfinite(seconds) || std::fabs(seconds) > 9e12) timestamp_out_of_range();
  return static_cast<int64_t>(std::nearbyint(seconds * 1e6));
}
int64_t add_days_date(KernelCall&, int32_t d, int64_t n) { return add_interval(start_of(d), {0, static_cast<int32_t>(n), 0}); }
int64_t add_days_timestamp(KernelCall&, int64_t t, int64_t n) { return add_interval(t, {0, static_cast<int32_t>(n), 0}); }
int64_t add_months_date(KernelCall&, int32_t d, int64_t n) { return add_interval(start_of(d), {0, 0, static_cast<int32_t>(n)}); }
int64_t add_months_timestamp(KernelCall&, int64_t t, int64_t n) { return add_interval(t, {0, 0, static_cast<int32_t>(n)}); }
int32_t last_day(KernelCall&, int32_t d) {
  int y = 0;
  unsigned m = 0;
  unsigned day = 0;
  data::civil_from_days(d, y, m, day);
  return data::days_from_civil(y, m, static_cast<unsigned>(days_in_month(y, static_cast<int>(m))));
}
/// PostgreSQL's age: years, months and days between two points, borrowed from the month of the earlier one.
__int128 age(KernelCall&, int64_t a, int64_t b) { return pack_interval(symbolic_difference(a, b)); }

// --- the statement's time
int64_t local_now(const KernelCall& c) { return c.settings.now_us + int64_t{c.settings.timezone_offset_s} * 1'000'000; }
int64_t now(KernelCall& c) { return c.settings.now_us; }
int64_t local_timestamp(KernelCall& c) { return local_now(c); }
int32_t current_date(KernelCall& c) { return static_cast<int32_t>(floor_div(local_now(c), kMicrosPerDay)); }
int64_t current_time(KernelCall& c) { return within_day(local_now(c)); }

const Entry kEntries[] = {
    {"+(date, int4) -> date", scalar<date_plus_int>, kCanFail},
    {"+(int4, date) -> date", scalar<int_plus_date>, kCanFail},
    {"-(date, int4) -> date", scalar<date_minus_int>, kCanFail},
    {"-(date, date) -> int4", scalar<date_minus_date>, kCheap},
    {"+(date, interval) -> timestamp", scalar<date_plus_interval>, kCanFail},
    {"+(interval, date) -> timestamp", scalar<interval_plus_date>, kCanFail},
    {"-(date, interval) -> timestamp", scalar<date_minus_interval>, kCanFail},
    {"+(date, time) -> timestamp", scalar<date_plus_time>},
    {"+(timestamp, interval) -> timestamp", scalar<timestamp_plus_interval>, kCanFail},
    {"+(interval, timestamp) -> timestamp", scalar<interval_plus_timestamp>, kCanFail},
    {"-(timestamp, interval) -> timestamp", scalar<timestamp_minus_interval>, kCanFail},
    {"+(timestamptz, interval) -> timestamptz", scalar<timestamp_plus_interval>, kCanFail},
    {"+(interval, timestamptz) -> timestamptz", scalar<interval_plus_timestamp>, kCanFail},
    {"-(timestamptz, interval) -> timestamptz", scalar<timestamp_minus_interval>, kCanFail},
    {"-(timestamp, timestamp) -> interval", scalar<timestamp_minus_timestamp>, kCanFail},
    {"-(timestamptz, timestamptz) -> interval", scalar<timestamp_minus_timestamp>, kCanFail},
    {"-(time, time) -> interval", scalar<time_minus_time>},
    {"+(time, interval) -> time", scalar<time_plus_interval>},
    {"-(time, interval) -> time", scalar<time_minus_interval>},
    {"+(interval, interval) -> interval", scalar<interval_plus_interval>, kCanFail},
    {"-(interval, interval) -> interval", scalar<interval_minus_interval>, kCanFail},
    {"-(interval) -> interval", scalar<interval_negated>, kCanFail},
    {"*(interval, float8) -> interval", scalar<interval_times>, kCanFail},
    {"*(float8, interval) -> interval", scalar<times_interval>, kCanFail},
    {"/(interval, float8) -> interval", scalar<interval_over>, kCanFail},
    {"interval_order(interval) -> decimal", scalar<interval_order>, kPlain, order_type},
    {"extract(text, date) -> decimal", scalar<extract_date>, kCanFail, extract_type, prepare_field, known_field},
    {"extract(text, timestamp) -> decimal", scalar<extract_timestamp>, kCanFail, extract_type, prepare_field, known_field},
    {"extract(text, timestamptz) -> decimal", scalar<extract_timestamp>, kCanFail, extract_type, prepare_field, known_field},
    {"extract(text, time) -> decimal", scalar<extract_time>, kCanFail, extract_type, prepare_field},
    {"extract(text, interval) -> decimal", scalar<extract_interval>, kCanFail, extract_type, prepare_field},
    {"date_part(text, date) -> float8", scalar<part_date>, kCanFail, nullptr, prepare_field, known_field},
    {"date_part(text, timestamp) -> float8", scalar<part_timestamp>, kCanFail, nullptr, prepare_field, known_field},
    {"date_part(text, timestamptz) -> float8", scalar<part_timestamp>, kCanFail, nullptr, prepare_field, known_field},
    {"date_part(text, time) -> float8", scalar<part_time>, kCanFail, nullptr, prepare_field},
    {"date_part(text, interval) -> float8", scalar<part_interval>, kCanFail, nullptr, prepare_field},
    {"date_trunc(text, timestamp) -> timestamp", scalar<trunc_timestamp>, kCanFail, nullptr, prepare_field},
    {"date_trunc(text, timestamptz) -> timestamptz", scalar<trunc_timestamp>, kCanFail, nullptr, prepare_field},
    {"date_trunc(text, interval) -> interval", scalar<trunc_interval>, kCanFail, nullptr, prepare_field},
    {"make_date(int4, int4, int4) -> date", scalar<make_date>, kCanFail},
    {"make_time(int4, int4, float8) -> time", scalar<make_time>, kCanFail},
    {"make_timestamp(int4, int4, int4, int4, int4, float8) -> timestamp", scalar<make_timestamp>, kCanFail},
    {"to_timestamp(float8) -> timestamptz", scalar<epoch_to_timestamp>, kCanFail},
    {"add_days(date, int8) -> timestamp", scalar<add_days_date>, kCanFail},
    {"add_days(timestamp, int8) -> timestamp", scalar<add_days_timestamp>, kCanFail},
    {"add_months(date, int8) -> timestamp", scalar<add_months_date>, kCanFail},
    {"add_months(timestamp, int8) -> timestamp", scalar<add_months_timestamp>, kCanFail},
    {"last_day(date) -> date", scalar<last_day>},
    {"age(timestamp, timestamp) -> interval", scalar<age>},
    {"now() -> timestamptz", scalar<now>, kStable},
    {"current_timestamp() -> timestamptz", scalar<now>, kStable},
    {"localtimestamp() -> timestamp", scalar<local_timestamp>, kStable},
    {"current_date() -> date", scalar<current_date>, kStable},
    {"current_time() -> time", scalar<current_time>, kStable},
    {"localtime() -> time", scalar<current_time>, kStable},
};

}  // namespace

std::span<const Entry> datetime_functions() { return kEntries; }

}  // namespace tajo::functions
