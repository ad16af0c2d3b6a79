#include <algorithm>
#include <cstdlib>
#include <limits>

#include "tajo/common/error.hpp"
#include "tajo/data/text.hpp"
#include "tajo/data/value.hpp"
#include "text_scan.hpp"

namespace tajo::data {

namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr int kMaxDateYear = 5'874'897;     // PostgreSQL's ranges
constexpr int kMaxTimestampYear = 294'276;
constexpr int kMinYear = -4712;             // 4713 BC, astronomical

[[noreturn]] void invalid_datetime(std::string_view text, std::string_view type) {
  throw Error(sqlstate::kInvalidDatetime,
              "invalid input syntax for type " + std::string(type) + ": \"" + std::string(text) + "\"");
}

[[noreturn]] void field_out_of_range(std::string_view text) {
  throw Error("22008", "date/time field value out of range: \"" + std::string(text) + "\"");
}

constexpr std::string_view kMonthNames[] = {"january", "february", "march",     "april",   "may",      "june",
                                            "july",    "august",   "september", "october", "november", "december"};

int month_by_name(std::string_view word) {
  if (word.size() < 3) return 0;
  if (word == "sept") return 9;
  for (int m = 0; m < 12; ++m)
    if (word == kMonthNames[m] || word == kMonthNames[m].substr(0, 3)) return m + 1;
  return 0;
}

bool is_day_name(std::string_view word) {
  static constexpr std::string_view kDays[] = {"monday", "tuesday", "wednesday", "thursday",
                                               "friday", "saturday", "sunday"};
  return std::any_of(std::begin(kDays), std::end(kDays),
                     [&](std::string_view day) { return word == day || word == day.substr(0, 3); });
}

/// What a date, time or timestamp text holds; the parser is one for all three, as PostgreSQL's is.
struct Fields {
  bool has_date = false;
  bool has_time = false;
  bool has_zone = false;
  bool bc = false;
  bool epoch = false;
  int year = 0;
  int month = 0;
  int day = 0;
  std::int64_t micros = 0;  ///< of the day
  int zone_s = 0;           ///< east of UTC
};

class FieldScanner {
 public:
  FieldScanner(std::string_view text, std::string_view type) : whole_(text), rest_(trim_blanks(text)), type_(type) {}

  Fields scan() {
    if (rest_.empty()) invalid();
    while (skip_separators(), !rest_.empty()) token();
    if (names_ > 0 || loose_ > 0) loose_date();
    if (out_.bc) {
      if (!out_.has_date || out_.year <= 0) invalid();
      out_.year = 1 - out_.year;
    }
    return out_;
  }

 private:
  [[noreturn]] void invalid() const { invalid_datetime(whole_, type_); }
  [[noreturn]] void range() const { field_out_of_range(whole_); }

  void skip_separators() {
    while (!rest_.empty() && (is_blank(rest_.front()) || rest_.front() == ',')) rest_.remove_prefix(1);
  }
  bool eat(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  int number(std::size_t& digits) {
    digits = 0;
    std::int64_t value = 0;
    while (digits < rest_.size() && is_digit(rest_[digits])) {
      if (digits >= 9) range();
      value = value * 10 + (rest_[digits++] - '0');
    }
    rest_.remove_prefix(digits);
    return static_cast<int>(value);
  }

  void token() {
    const char c = rest_.front();
    if (is_digit(c)) {
      digits();
    } else if ((c == '+' || c == '-') && (out_.has_time || out_.has_date)) {  // JDBC sends `2020-02-20 +00`
      zone();
    } else if (is_letter(c)) {
      word();
    } else {
      invalid();
    }
  }

  void word() {
    std::size_t n = 0;
    while (n < rest_.size() && is_letter(rest_[n])) ++n;
    const std::string name = lower_case(rest_.substr(0, n));
    rest_.remove_prefix(n);
    if (name == "bc") out_.bc = true;
    else if (name == "ad") return;
    else if (name == "z" || name == "utc" || name == "gmt" || name == "zulu") out_.has_zone = true;
    else if (name == "t" && out_.has_date && !out_.has_time) return;
    else if (name == "epoch" && !out_.has_date) epoch();
    else if ((name == "am" || name == "pm") && out_.has_time) meridian(name == "pm");
    else if (const int month = month_by_name(name); month > 0 && names_ == 0 && !out_.has_date) name_month(month);
    else if (!is_day_name(name)) invalid();
    if (name != "epoch" && !rest_.empty() && rest_.front() == '.') rest_.remove_prefix(1);
  }

  void name_month(int month) {
    out_.month = month;
    names_ = 1;
    eat('-');
  }

  void epoch() {
    out_ = Fields{};
    out_.has_date = out_.has_time = out_.epoch = true;
    out_.year = 1970;
    out_.month = out_.day = 1;
  }

  void meridian(bool afternoon) {
    const std::int64_t hour = out_.micros / (3600 * kMicrosPerSecond);
    if (hour < 1 || hour > 12) range();
    if (hour == 12) out_.micros -= 12 * 3600 * kMicrosPerSecond;
    if (afternoon) out_.micros += 12 * 3600 * kMicrosPerSecond;
  }

  void digits() {
    std::size_t n = 0;
    const int first = number(n);
    const char next = rest_.empty() ? ' ' : rest_.front();
    if (next == ':') return time(first);
    if (out_.has_date) invalid();
    if ((next == '-' || next == '/' || next == '.') && names_ == 0 && loose_ == 0) return separated(first, n, next);
    if ((n == 8 || n == 6) && names_ == 0 && loose_ == 0) return compact(first, n);
    if (loose_ == 2) invalid();
    loose_digits_[loose_] = n;
    loose_values_[loose_++] = first;
    eat('-');
  }

  void compact(int value, std::size_t n) {
    out_.day = value % 100;
    out_.month = value / 100 % 100;
    out_.year = value / 10000;
    if (n == 6) out_.year += out_.year < 70 ? 2000 : 1900;
    out_.has_date = true;
  }

  void separated(int first, std::size_t n, char separator) {
    eat(separator);
    if (!rest_.empty() && is_letter(rest_.front())) {
      loose_digits_[loose_] = n;
      loose_values_[loose_++] = first;
      return;
    }
    std::size_t digits2 = 0;
    const int second = number(digits2);
    if (digits2 == 0) invalid();
    if (!eat(separator)) invalid();
    std::size_t digits3 = 0;
    const int third = number(digits3);
    if (digits3 == 0) invalid();
    if (n >= 3) {
      out_.year = first;
      out_.month = second;
      out_.day = third;
    } else {  // DateStyle MDY, PostgreSQL's default
      out_.month = first;
      out_.day = second;
      out_.year = third;
      if (digits3 <= 2) out_.year += third < 70 ? 2000 : 1900;
    }
    out_.has_date = true;
  }

  /// `8 January 1999`, `January 8, 1999`, `1999 Jan 8`, `1999-Jan-08`.
  void loose_date() {
    if (names_ != 1 || loose_ != 2 || out_.has_date) invalid();
    const bool year_first = loose_digits_[0] >= 3;
    out_.year = loose_values_[year_first ? 0 : 1];
    out_.day = loose_values_[year_first ? 1 : 0];
    if (loose_digits_[year_first ? 0 : 1] <= 2) out_.year += out_.year < 70 ? 2000 : 1900;
    out_.has_date = true;
  }

  void time(int hour) {
    if (out_.has_time) invalid();
    eat(':');
    std::size_t n = 0;
    const int minute = number(n);
    if (n == 0) invalid();
    int second = 0;
    std::int64_t fraction = 0;
    if (eat(':')) {
      second = number(n);
      if (n == 0) invalid();
      if (eat('.')) fraction = fraction_us();
    }
    const std::int64_t micros =
        ((static_cast<std::int64_t>(hour) * 60 + minute) * 60 + second) * kMicrosPerSecond + fraction;
    if (hour > 24 || minute > 59 || second > 60 || micros > kMicrosPerDay) range();
    out_.micros = micros;
    out_.has_time = true;
  }

  std::int64_t fraction_us() {
    std::int64_t value = 0;
    std::size_t n = 0;
    for (; n < rest_.size() && is_digit(rest_[n]); ++n) {
      if (n < 6) value = value * 10 + (rest_[n] - '0');
      if (n == 6 && rest_[n] >= '5') ++value;
    }
    for (std::size_t k = n; k < 6; ++k) value *= 10;
    rest_.remove_prefix(n);
    return value;
  }

  void zone() {
    const int sign = rest_.front() == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    std::size_t n = 0;
    int hours = number(n);
    int minutes = 0;
    if (n == 0) invalid();
    if (n == 4) {
      minutes = hours % 100;
      hours /= 100;
    } else if (eat(':')) {
      minutes = number(n);
    }
    if (hours > 15 || minutes > 59) throw Error("22009", "time zone displacement out of range: \"" + std::string(whole_) + "\"");
    out_.zone_s = sign * (hours * 3600 + minutes * 60);
    out_.has_zone = true;
  }

  std::string_view whole_;
  std::string_view rest_;
  std::string_view type_;
  Fields out_;
  int names_ = 0;
  int loose_ = 0;
  int loose_values_[2] = {0, 0};
  std::size_t loose_digits_[2] = {0, 0};
};

std::int32_t checked_days(const Fields& fields, std::string_view text, int max_year) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int y = fields.year;
  if (y == 0 && !fields.bc) field_out_of_range(text);
  if (fields.month < 1 || fields.month > 12 || fields.day < 1) field_out_of_range(text);
  const bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
  const int last = kDays[fields.month - 1] + (leap && fields.month == 2 ? 1 : 0);
  if (fields.day > last) field_out_of_range(text);
  if (y > max_year || y < kMinYear)
    throw Error("22008", std::string(max_year == kMaxDateYear ? "date" : "timestamp") + " out of range: \"" +
                             std::string(text) + "\"");
  return days_from_civil(y, static_cast<unsigned>(fields.month), static_cast<unsigned>(fields.day));
}

void append_padded(std::string& out, std::int64_t value, int width) {
  char digits[24];
  int n = 0;
  do {
    digits[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (n < width) digits[n++] = '0';
  while (n > 0) out += digits[--n];
}

bool append_civil(std::string& out, std::int32_t days) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  civil_from_days(days, year, month, day);
  append_padded(out, year > 0 ? year : 1 - year, 4);
  out += '-';
  append_padded(out, month, 2);
  out += '-';
  append_padded(out, day, 2);
  return year <= 0;
}

void append_fraction(std::string& out, std::int64_t micros) {
  if (micros == 0) return;
  out += '.';
  append_padded(out, micros, 6);
  while (out.back() == '0') out.pop_back();
}

}  // namespace

std::int32_t parse_date(std::string_view text) {
  // The common form first: YYYY-MM-DD costs a few nanoseconds, the scanner a hundred.
  if (text.size() == 10 && text[4] == '-' && text[7] == '-' &&
      std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '-'; })) {
    const auto two = [&](std::size_t i) { return (text[i] - '0') * 10 + (text[i + 1] - '0'); };
    Fields fields;
    fields.year = two(0) * 100 + two(2);
    fields.month = two(5);
    fields.day = two(8);
    if (text.find('-', 5) == 7 && text.rfind('-') == 7) return checked_days(fields, text, kMaxDateYear);
  }
  const Fields fields = FieldScanner(text, "date").scan();
  if (!fields.has_date) invalid_datetime(text, "date");
  return checked_days(fields, text, kMaxDateYear);
}

std::int64_t parse_time(std::string_view text) {
  const Fields fields = FieldScanner(text, "time").scan();
  if (!fields.has_time) invalid_datetime(text, "time");
  return fields.micros;
}

std::int64_t parse_timestamp(std::string_view text, bool with_zone) {
  const Fields fields = FieldScanner(text, with_zone ? "timestamp with time zone" : "timestamp").scan();
  if (!fields.has_date) invalid_datetime(text, with_zone ? "timestamp with time zone" : "timestamp");
  const std::int64_t days = checked_days(fields, text, kMaxTimestampYear);
  const std::int64_t zone_us = with_zone ? fields.zone_s * kMicrosPerSecond : 0;
  return days * kMicrosPerDay + fields.micros - zone_us;
}

void append_date(std::string& out, std::int32_t days) {
  if (append_civil(out, days)) out += " BC";
}

void append_time(std::string& out, std::int64_t micros) {
  const std::int64_t seconds = micros / kMicrosPerSecond;
  append_padded(out, seconds / 3600, 2);
  out += ':';
  append_padded(out, seconds / 60 % 60, 2);
  out += ':';
  append_padded(out, seconds % 60, 2);
  append_fraction(out, micros % kMicrosPerSecond);
}

void append_timestamp(std::string& out, std::int64_t micros, bool with_zone) {
  std::int64_t days = micros / kMicrosPerDay;
  std::int64_t rest = micros % kMicrosPerDay;
  if (rest < 0) {
    rest += kMicrosPerDay;
    --days;
  }
  const bool bc = append_civil(out, static_cast<std::int32_t>(days));
  out += ' ';
  append_time(out, rest);
  if (with_zone) out += "+00";
  if (bc) out += " BC";
}

}  // namespace tajo::data
