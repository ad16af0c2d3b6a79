#include "datetime_fields.hpp"

#include <string>

namespace tajo::functions {

using data::Interval;
using data::kMicrosPerDay;
using std::int32_t;
using std::int64_t;

namespace {

constexpr __int128 kMillion = 1'000'000;
constexpr int64_t kMinuteUs = 60'000'000;
constexpr int64_t kHourUs = 3'600'000'000;

struct Name {
  std::string_view names;  // each between blanks
  Field field;
};
constexpr Name kNames[] = {
    {" microsecond microseconds us usec usecs ", Field::kMicrosecond},
    {" millisecond milliseconds ms msec msecs ", Field::kMillisecond},
    {" second seconds sec secs s ", Field::kSecond},
    {" minute minutes min mins m ", Field::kMinute},
    {" hour hours hr hrs h ", Field::kHour},
    {" day days d ", Field::kDay},
    {" week weeks w ", Field::kWeek},
    {" month months mon mons ", Field::kMonth},
    {" quarter qtr ", Field::kQuarter},
    {" year years yr yrs y ", Field::kYear},
    {" decade decades dec decs ", Field::kDecade},
    {" century centuries cent c ", Field::kCentury},
    {" millennium millennia mil mils ", Field::kMillennium},
    {" dow ", Field::kDow},
    {" isodow ", Field::kIsoDow},
    {" doy ", Field::kDoy},
    {" isoyear ", Field::kIsoYear},
    {" epoch ", Field::kEpoch},
    {" julian ", Field::kJulian},
};

struct Civil {
  int year;
  int month;
  int day;
};
Civil civil(int32_t days) {
  int y = 0;
  unsigned m = 0;
  unsigned d = 0;
  data::civil_from_days(days, y, m, d);
  return {y, static_cast<int>(m), static_cast<int>(d)};
}
int32_t days_of(int year, int month, int day) {
  return data::days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
}
/// There is no year 0 in print: 1 BC is -1.
int shown_year(int year) { return year > 0 ? year : year - 1; }
int century(int shown) { return shown > 0 ? (shown + 99) / 100 : -((99 - (shown - 1)) / 100); }
int millennium(int shown) { return shown > 0 ? (shown + 999) / 1000 : -((999 - (shown - 1)) / 1000); }

[[noreturn]] void unsupported(const char* type) {
  throw Error(sqlstate::kFeatureNotSupported, std::string("unit not supported for type ") + type);
}

}  // namespace

Field field_by_name(std::string_view name) {
  std::string padded = " ";
  for (const char c : name) padded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  padded += ' ';
  for (const Name& n : kNames)
    if (n.names.find(padded) != std::string_view::npos) return n.field;
  throw Error(sqlstate::kInvalidParameter, "unit \"" + std::string(name) + "\" not recognized");
}

int days_in_month(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return kDays[month - 1] + (leap && month == 2 ? 1 : 0);
}

int32_t add_months_to_date(int32_t days, int64_t months) {
  const Civil c = civil(days);
  const int64_t total = int64_t{c.year} * 12 + (c.month - 1) + months;
  const int64_t year = floor_div(total, 12);
  if (year < -4712 || year > 5'874'897) throw Error("22008", "timestamp out of range");
  const int month = static_cast<int>(total - year * 12) + 1;
  const int last = days_in_month(static_cast<int>(year), month);
  return days_of(static_cast<int>(year), month, c.day < last ? c.day : last);
}

int32_t civil_year(int32_t days) { return shown_year(civil(days).year); }

int iso_day_of_week(int32_t days) {
  const int rest = static_cast<int>((int64_t{days} + 3) % 7);  // 1970-01-01 was a Thursday
  return (rest < 0 ? rest + 7 : rest) + 1;
}

IsoWeek iso_week(int32_t days) {
  const int32_t thursday = days - iso_day_of_week(days) + 4;
  const int year = civil(thursday).year;
  return {year, (thursday - days_of(year, 1, 1)) / 7 + 1};
}

__int128 date_field(Field field, int32_t days) {
  const Civil c = civil(days);
  const int year = shown_year(c.year);
  switch (field) {
    case Field::kDay: return c.day * kMillion;
    case Field::kMonth: return c.month * kMillion;
    case Field::kQuarter: return ((c.month - 1) / 3 + 1) * kMillion;
    case Field::kYear: return year * kMillion;
    case Field::kDecade: return floor_div(c.year, 10) * kMillion;
    case Field::kCentury: return century(year) * kMillion;
    case Field::kMillennium: return millennium(year) * kMillion;
    case Field::kWeek: return iso_week(days).week * kMillion;
    case Field::kIsoYear: return shown_year(iso_week(days).year) * kMillion;
    case Field::kDow: return iso_day_of_week(days) % 7 * kMillion;
    case Field::kIsoDow: return iso_day_of_week(days) * kMillion;
    case Field::kDoy: return (days - days_of(c.year, 1, 1) + 1) * kMillion;
    case Field::kEpoch: return static_cast<__int128>(days) * kMicrosPerDay;
    case Field::kJulian: return (static_cast<__int128>(days) + 2'440'588) * kMillion;
    default: return 0;  // parts of the day, as of a timestamp at midnight
  }
}

__int128 time_field(Field field, int64_t us) {
  switch (field) {
    case Field::kMicrosecond: return us % kMinuteUs * kMillion;
    case Field::kMillisecond: return static_cast<__int128>(us % kMinuteUs) * 1000;
    case Field::kSecond: return us % kMinuteUs;
    case Field::kMinute: return us / kMinuteUs % 60 * kMillion;
    case Field::kHour: return us / kHourUs * kMillion;
    case Field::kEpoch: return us;
    default: unsupported("time without time zone");
  }
}

__int128 timestamp_field(Field field, int64_t us) {
  const int64_t days = floor_div(us, kMicrosPerDay);
  switch (field) {
    case Field::kEpoch: return us;
    case Field::kMicrosecond:
    case Field::kMillisecond:
    case Field::kSecond:
    case Field::kMinute:
    case Field::kHour: return time_field(field, us - days * kMicrosPerDay);
    case Field::kJulian:
      return date_field(field, static_cast<int32_t>(days)) +
             static_cast<__int128>(us - days * kMicrosPerDay) * kMillion / kMicrosPerDay;
    default: return date_field(field, static_cast<int32_t>(days));
  }
}

__int128 interval_field(Field field, const Interval& i) {
  const int years = i.months / 12;
  switch (field) {
    case Field::kDay: return i.days * kMillion;
    case Field::kMonth: return i.months % 12 * kMillion;
    case Field::kQuarter: return (i.months % 12 / 3 + 1) * kMillion;
    case Field::kYear: return years * kMillion;
    case Field::kDecade: return years / 10 * kMillion;
    case Field::kCentury: return years / 100 * kMillion;
    case Field::kMillennium: return years / 1000 * kMillion;
    case Field::kEpoch:  // a year has 365.25 days, a month 30
      return static_cast<__int128>(i.micros) + static_cast<__int128>(i.days) * kMicrosPerDay +
             static_cast<__int128>(i.months % 12) * 30 * kMicrosPerDay + static_cast<__int128>(years) * 31'557'600 * kMillion;
    case Field::kMicrosecond:
    case Field::kMillisecond:
    case Field::kSecond:
    case Field::kMinute:
    case Field::kHour: return time_field(field, i.micros);
    default: unsupported("interval");
  }
}

int64_t truncate_timestamp(Field field, int64_t us) {
  const int64_t days = floor_div(us, kMicrosPerDay);
  const auto at = [](int64_t d) { return d * kMicrosPerDay; };
  const auto down = [&](int64_t unit) { return floor_div(us, unit) * unit; };
  const Civil c = civil(static_cast<int32_t>(days));
  const auto first_of = [&](int year, int month) { return at(days_of(year, month, 1)); };
  switch (field) {
    case Field::kMicrosecond: return us;
    case Field::kMillisecond: return down(1000);
    case Field::kSecond: return down(1'000'000);
    case Field::kMinute: return down(kMinuteUs);
    case Field::kHour: return down(kHourUs);
    case Field::kDay: return at(days);
    case Field::kWeek: return at(days - iso_day_of_week(static_cast<int32_t>(days)) + 1);
    case Field::kMonth: return first_of(c.year, c.month);
    case Field::kQuarter: return first_of(c.year, (c.month - 1) / 3 * 3 + 1);
    case Field::kYear: return first_of(c.year, 1);
    case Field::kDecade: return first_of(static_cast<int>(floor_div(c.year, 10) * 10), 1);
    case Field::kCentury: return first_of(static_cast<int>(floor_div(c.year - 1, 100) * 100 + 1), 1);
    case Field::kMillennium: return first_of(static_cast<int>(floor_div(c.year - 1, 1000) * 1000 + 1), 1);
    default: unsupported("timestamp without time zone");
  }
}

Interval truncate_interval(Field field, const Interval& i) {
  const auto months = [&](int unit) { return Interval{0, 0, i.months / unit * unit}; };
  const auto time = [&](int64_t unit) { return Interval{i.micros / unit * unit, i.days, i.months}; };
  switch (field) {
    case Field::kMillennium: return months(12000);
    case Field::kCentury: return months(1200);
    case Field::kDecade: return months(120);
    case Field::kYear: return months(12);
    case Field::kQuarter: return months(3);
    case Field::kMonth: return months(1);
    case Field::kDay: return Interval{0, i.days, i.months};
    case Field::kHour: return time(kHourUs);
    case Field::kMinute: return time(kMinuteUs);
    case Field::kSecond: return time(1'000'000);
    case Field::kMillisecond: return time(1000);
    case Field::kMicrosecond: return i;
    default: unsupported("interval");
  }
}

Interval symbolic_difference(int64_t a, int64_t b) {
  if (a < b) {
    const Interval i = symbolic_difference(b, a);
    return {-i.micros, -i.days, -i.months};
  }
  const int64_t days_a = floor_div(a, kMicrosPerDay);
  const int64_t days_b = floor_div(b, kMicrosPerDay);
  const Civil x = civil(static_cast<int32_t>(days_a));
  const Civil y = civil(static_cast<int32_t>(days_b));
  int64_t micros = (a - days_a * kMicrosPerDay) - (b - days_b * kMicrosPerDay);
  int day = x.day - y.day;
  int months = (x.year - y.year) * 12 + (x.month - y.month);
  if (micros < 0) {
    micros += kMicrosPerDay;
    --day;
  }
  if (day < 0) {
    day += days_in_month(y.year, y.month);
    --months;
  }
  return {micros, day, months};
}

}  // namespace tajo::functions
