#include <charconv>
#include <cmath>
#include <cstdlib>

#include "tajo/common/error.hpp"
#include "tajo/data/text.hpp"
#include "tajo/data/value.hpp"
#include "text_scan.hpp"

namespace tajo::data {

namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;

[[noreturn]] void invalid_interval(std::string_view text) {
  throw Error(sqlstate::kInvalidDatetime, "invalid input syntax for type interval: \"" + std::string(text) + "\"");
}

/// One unit: how much of which field one of it is.
struct Unit {
  std::string_view names;  ///< each between blanks
  enum class Field { kMonths, kDays, kMicros } field;
  std::int64_t amount;
};
constexpr Unit kUnits[] = {
    {" microsecond microseconds us usec usecs useconds ", Unit::Field::kMicros, 1},
    {" millisecond milliseconds ms msec msecs mseconds ", Unit::Field::kMicros, 1000},
    {" second seconds sec secs s ", Unit::Field::kMicros, kSecond},
    {" minute minutes min mins m ", Unit::Field::kMicros, 60 * kSecond},
    {" hour hours hr hrs h ", Unit::Field::kMicros, kHour},
    {" day days d ", Unit::Field::kDays, 1},
    {" week weeks w ", Unit::Field::kDays, 7},
    {" mon mons month months ", Unit::Field::kMonths, 1},
    {" quarter quarters qtr ", Unit::Field::kMonths, 3},
    {" year years yr yrs y ", Unit::Field::kMonths, 12},
    {" decade decades dec decs ", Unit::Field::kMonths, 120},
    {" century centuries cent c ", Unit::Field::kMonths, 1200},
    {" millennium millennia mil mils ", Unit::Field::kMonths, 12000},
};

const Unit* find_unit(std::string_view name) {
  const std::string padded = " " + std::string(name) + " ";
  for (const Unit& unit : kUnits)
    if (unit.names.find(padded) != std::string_view::npos) return &unit;
  return nullptr;
}

/// Sums with the wide types; fractions of months become days, of days become time (30 days, 24 hours), as PostgreSQL.
struct Sum {
  __int128 months = 0;
  __int128 days = 0;
  __int128 micros = 0;

  void add_micros(long double value) { micros += static_cast<__int128>(std::llround(value)); }
  void add_days(std::int64_t whole, long double fraction) {
    days += whole;
    if (fraction != 0) add_micros(fraction * static_cast<long double>(kMicrosPerDay));
  }
  void add(const Unit& unit, std::int64_t whole, long double fraction) {
    switch (unit.field) {
      case Unit::Field::kMicros:
        micros += static_cast<__int128>(whole) * unit.amount;
        add_micros(fraction * static_cast<long double>(unit.amount));
        return;
      case Unit::Field::kDays: {
        const long double part = fraction * static_cast<long double>(unit.amount);
        const long double part_days = std::trunc(part);
        days += static_cast<__int128>(whole) * unit.amount;
        add_days(static_cast<std::int64_t>(part_days), part - part_days);
        return;
      }
      case Unit::Field::kMonths: {
        months += static_cast<__int128>(whole) * unit.amount;
        const long double part = fraction * static_cast<long double>(unit.amount);
        if (unit.amount >= 12) {  // a fraction of a year is rounded to months
          months += static_cast<__int128>(std::llround(part));
          return;
        }
        const long double part_months = std::trunc(part);
        months += static_cast<__int128>(part_months);
        const long double part_days = (part - part_months) * 30;
        const long double whole_days = std::trunc(part_days);
        add_days(static_cast<std::int64_t>(whole_days), part_days - whole_days);
        return;
      }
    }
  }
  Interval result(std::string_view text) const {
    const auto fits32 = [](__int128 v) { return v >= INT32_MIN && v <= INT32_MAX; };
    if (!fits32(months) || !fits32(days) || micros > INT64_MAX || micros < INT64_MIN)
      throw Error("22015", "interval field value out of range: \"" + std::string(text) + "\"");
    return {static_cast<std::int64_t>(micros), static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)};
  }
};

struct Number {
  bool negative = false;
  bool has_sign = false;
  std::int64_t whole = 0;
  long double fraction = 0;
};

bool take_number(std::string_view& rest, Number& out) {
  out = Number{};
  std::size_t i = 0;
  if (i < rest.size() && (rest[i] == '+' || rest[i] == '-')) {
    out.has_sign = true;
    out.negative = rest[i++] == '-';
  }
  const std::size_t start = i;
  while (i < rest.size() && is_digit(rest[i])) ++i;
  bool any = i > start;
  if (any) {
    const auto [end, error] = std::from_chars(rest.data() + start, rest.data() + i, out.whole);
    static_cast<void>(end);
    if (error != std::errc()) return false;
  }
  if (i < rest.size() && rest[i] == '.') {
    long double unit = 0.1L;
    for (++i; i < rest.size() && is_digit(rest[i]); ++i, unit /= 10) {
      out.fraction += unit * static_cast<long double>(rest[i] - '0');
      any = true;
    }
  }
  if (!any) return false;
  if (out.negative) {
    out.whole = -out.whole;
    out.fraction = -out.fraction;
  }
  rest.remove_prefix(i);
  return true;
}

/// `04:05`, `04:05:06.7` after its hours were read.
void take_clock(std::string_view& rest, const Number& hours, Sum& sum, std::string_view text) {
  const std::int64_t sign = hours.negative ? -1 : 1;
  long double total = static_cast<long double>(std::llabs(hours.whole)) * kHour;
  long double unit = 60 * kSecond;
  for (int part = 0; part < 2 && !rest.empty() && rest.front() == ':'; ++part, unit = kSecond) {
    rest.remove_prefix(1);
    Number field;
    if (!take_number(rest, field) || field.has_sign || field.whole > 59) invalid_interval(text);
    total += (static_cast<long double>(field.whole) + field.fraction) * unit;
  }
  sum.micros += sign * static_cast<__int128>(std::llround(total));
}

/// ISO 8601: P1Y2M3DT4H5M6S.
Interval parse_iso(std::string_view text) {
  std::string_view rest = trim_blanks(text).substr(1);
  Sum sum;
  bool time = false;
  while (!rest.empty()) {
    if (rest.front() == 'T' || rest.front() == 't') {
      time = true;
      rest.remove_prefix(1);
      continue;
    }
    Number number;
    if (!take_number(rest, number) || rest.empty()) invalid_interval(text);
    const char letter = static_cast<char>(rest.front() & ~0x20);
    rest.remove_prefix(1);
    const Unit* unit = nullptr;
    if (letter == 'Y') unit = find_unit("year");
    if (letter == 'M') unit = find_unit(time ? "minute" : "month");
    if (letter == 'W') unit = find_unit("week");
    if (letter == 'D') unit = find_unit("day");
    if (letter == 'H') unit = find_unit("hour");
    if (letter == 'S') unit = find_unit("second");
    if (unit == nullptr) invalid_interval(text);
    sum.add(*unit, number.whole, number.fraction);
  }
  return sum.result(text);
}

}  // namespace

Interval parse_interval(std::string_view text) {
  std::string_view rest = trim_blanks(text);
  if (!rest.empty() && rest.front() == '@') rest = trim_blanks(rest.substr(1));
  if (rest.empty()) invalid_interval(text);
  if (rest.size() > 1 && (rest.front() == 'P' || rest.front() == 'p')) return parse_iso(rest);
  Sum sum;
  bool ago = false;
  while (!rest.empty()) {
    if (is_blank(rest.front())) {
      rest.remove_prefix(1);
      continue;
    }
    if (ago) invalid_interval(text);
    if (is_letter(rest.front())) {
      if (lower_case(rest) != "ago") invalid_interval(text);
      ago = true;
      rest = {};
      continue;
    }
    Number number;
    if (!take_number(rest, number)) invalid_interval(text);
    if (!rest.empty() && rest.front() == ':') {
      take_clock(rest, number, sum, text);
      continue;
    }
    if (!rest.empty() && rest.front() == '-' && rest.size() > 1 && is_digit(rest[1])) {  // SQL standard years-months
      rest.remove_prefix(1);
      Number months;
      if (!take_number(rest, months) || months.whole > 11) invalid_interval(text);
      sum.months += static_cast<__int128>(number.whole) * 12 + (number.negative ? -months.whole : months.whole);
      continue;
    }
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
    std::size_t n = 0;
    while (n < rest.size() && is_letter(rest[n])) ++n;
    if (n == 0) {
      // A bare number is seconds at the end of the text, days before a clock time ('3 4:05:06').
      const bool clock_follows = rest.find(':') != std::string_view::npos;
      if (!clock_follows && !rest.empty()) invalid_interval(text);
      sum.add(*find_unit(clock_follows ? "day" : "second"), number.whole, number.fraction);
      continue;
    }
    const Unit* unit = find_unit(lower_case(rest.substr(0, n)));
    if (unit == nullptr) invalid_interval(text);
    sum.add(*unit, number.whole, number.fraction);
    rest.remove_prefix(n);
  }
  if (ago) {
    sum.months = -sum.months;
    sum.days = -sum.days;
    sum.micros = -sum.micros;
  }
  return sum.result(text);
}

void append_interval(std::string& out, const Interval& interval) {
  bool empty = true;
  bool negative_before = false;
  const auto part = [&](std::int64_t value, const char* unit) {
    if (value == 0) return;
    if (!empty) out += ' ';
    if (negative_before && value > 0) out += '+';
    append_integer(out, value);
    out += ' ';
    out += unit;
    if (value != 1) out += 's';
    negative_before = value < 0;
    empty = false;
  };
  part(interval.months / 12, "year");
  part(interval.months % 12, "mon");
  part(interval.days, "day");
  if (!empty && interval.micros == 0) return;
  if (!empty) out += ' ';
  if (interval.micros < 0) out += '-';
  else if (negative_before) out += '+';
  auto micros = static_cast<std::uint64_t>(interval.micros);
  if (interval.micros < 0) micros = -micros;
  append_time(out, static_cast<std::int64_t>(micros));
}

}  // namespace tajo::data
