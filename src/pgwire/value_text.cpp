#include "value_text.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <vector>

#include "message.hpp"

namespace tajo::pgwire {
namespace {

void put_padded(std::string& out, std::uint64_t value, int digits) {
  char text[24];
  char* end = std::to_chars(text, text + sizeof text, value).ptr;
  for (auto n = end - text; n < digits; ++n) out.push_back('0');
  out.append(text, end);
}

/// `fixed_digits`: PostgreSQL writes exponents from -4 up to below this without an `e`.
template <class Float>
void put_float(std::string& out, Float value, int fixed_digits) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char text[64];
  char* end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
  std::string_view shortest(text, static_cast<std::size_t>(end - text));
  std::size_t e = shortest.rfind('e');
  int exponent = 0;
  const char* digits = shortest.data() + e + 1;
  std::from_chars(*digits == '+' ? digits + 1 : digits, end, exponent);
  if (exponent >= -4 && exponent < fixed_digits)
    end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr;
  out.append(text, end);
}

/// Fraction of a second without trailing zeros.
void put_fraction(std::string& out, std::int64_t micros) {
  if (micros == 0) return;
  out.push_back('.');
  put_padded(out, static_cast<std::uint64_t>(micros), 6);
  while (out.back() == '0') out.pop_back();
}

/// The date; returns whether it lies before year 1, which PostgreSQL marks at the very end.
bool put_civil(std::string& out, std::int64_t days) {
  // chrono's years are 16 bits wide; days are shifted by 400-year cycles into its range and back
  constexpr std::int64_t kCycleDays = 146'097;
  std::int64_t cycles = days / kCycleDays - (days % kCycleDays < 0 ? 1 : 0);
  std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days - cycles * kCycleDays}}};
  std::int64_t year = static_cast<int>(date.year()) + cycles * 400;
  bool before_christ = year <= 0;
  put_padded(out, static_cast<std::uint64_t>(before_christ ? 1 - year : year), 4);
  out.push_back('-');
  put_padded(out, static_cast<unsigned>(date.month()), 2);
  out.push_back('-');
  put_padded(out, static_cast<unsigned>(date.day()), 2);
  return before_christ;
}

void split_days(std::int64_t micros, std::int64_t& days, std::int64_t& of_day) {
  days = micros / kMicrosPerDay;
  of_day = micros % kMicrosPerDay;
  if (of_day < 0) {
    of_day += kMicrosPerDay;
    --days;
  }
}

std::string digits_of(unsigned __int128 value) {
  std::string reversed;
  do {
    reversed.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  std::ranges::reverse(reversed);
  return reversed;
}

}  // namespace

void put_int_text(std::string& out, std::int64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void put_float4_text(std::string& out, float value) { put_float(out, value, 6); }
void put_float8_text(std::string& out, double value) { put_float(out, value, 15); }

void put_decimal_text(std::string& out, __int128 scaled, int scale) {
  bool negative = scaled < 0;
  unsigned __int128 magnitude = negative ? -static_cast<unsigned __int128>(scaled) : static_cast<unsigned __int128>(scaled);
  if (negative) out.push_back('-');
  char small[24];
  std::string large;
  std::string_view digits;
  if (magnitude <= ~std::uint64_t{0}) {
    char* end = std::to_chars(small, small + sizeof small, static_cast<std::uint64_t>(magnitude)).ptr;
    digits = {small, static_cast<std::size_t>(end - small)};
  } else {
    large = digits_of(magnitude);
    digits = large;
  }
  auto fraction = static_cast<std::size_t>(scale);
  if (digits.size() > fraction) {
    out.append(digits.substr(0, digits.size() - fraction));
  } else {
    out.push_back('0');
  }
  if (fraction == 0) return;
  out.push_back('.');
  if (digits.size() < fraction) out.append(fraction - digits.size(), '0');
  out.append(digits.substr(digits.size() > fraction ? digits.size() - fraction : 0));
}

void put_bytea_text(std::string& out, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += "\\x";
  for (char c : bytes) {
    auto b = static_cast<unsigned char>(c);
    out.push_back(kHex[b >> 4]);
    out.push_back(kHex[b & 15]);
  }
}

void put_date_text(std::string& out, std::int64_t days) {
  if (put_civil(out, days)) out += " BC";
}

void put_time_text(std::string& out, std::int64_t micros) {
  std::int64_t seconds = micros / 1'000'000;
  put_padded(out, static_cast<std::uint64_t>(seconds / 3600), 2);
  out.push_back(':');
  put_padded(out, static_cast<std::uint64_t>(seconds / 60 % 60), 2);
  out.push_back(':');
  put_padded(out, static_cast<std::uint64_t>(seconds % 60), 2);
  put_fraction(out, micros % 1'000'000);
}

void put_timestamp_text(std::string& out, std::int64_t micros) {
  std::int64_t days, of_day;
  split_days(micros, days, of_day);
  bool before_christ = put_civil(out, days);
  out.push_back(' ');
  put_time_text(out, of_day);
  if (before_christ) out += " BC";
}

void put_timestamptz_text(std::string& out, std::int64_t micros, const TimeZone& zone) {
  std::int64_t seconds = micros / 1'000'000 - (micros % 1'000'000 < 0 ? 1 : 0);
  std::int32_t offset = zone.offset_seconds(seconds);
  std::int64_t days, of_day;
  split_days(micros + std::int64_t{offset} * 1'000'000, days, of_day);
  bool before_christ = put_civil(out, days);
  out.push_back(' ');
  put_time_text(out, of_day);
  out.push_back(offset < 0 ? '-' : '+');
  auto size = static_cast<std::uint64_t>(offset < 0 ? -offset : offset);
  put_padded(out, size / 3600, 2);
  if (size % 3600 != 0) {
    out.push_back(':');
    put_padded(out, size / 60 % 60, 2);
  }
  if (size % 60 != 0) {
    out.push_back(':');
    put_padded(out, size % 60, 2);
  }
  if (before_christ) out += " BC";
}

void put_interval_text(std::string& out, const data::Interval& interval) {
  std::size_t start = out.size();
  bool was_negative = false;  // PostgreSQL writes a + after a negative part
  auto part = [&](std::int64_t value, const char* unit) {
    if (value == 0) return;
    if (out.size() > start) out.push_back(' ');
    if (was_negative && value > 0) out.push_back('+');
    was_negative = value < 0;
    put_int_text(out, value);
    out.push_back(' ');
    out += unit;
    if (value != 1) out.push_back('s');
  };
  part(interval.months / 12, "year");
  part(interval.months % 12, "mon");
  part(interval.days, "day");
  if (interval.micros != 0 || out.size() == start) {
    if (out.size() > start) out.push_back(' ');
    if (interval.micros < 0) {
      out.push_back('-');
    } else if (was_negative) {
      out.push_back('+');
    }
    auto size = interval.micros < 0 ? -static_cast<std::uint64_t>(interval.micros) : static_cast<std::uint64_t>(interval.micros);
    std::uint64_t seconds = size / 1'000'000;
    put_padded(out, seconds / 3600, 2);
    out.push_back(':');
    put_padded(out, seconds / 60 % 60, 2);
    out.push_back(':');
    put_padded(out, seconds % 60, 2);
    put_fraction(out, static_cast<std::int64_t>(size % 1'000'000));
  }
}

void put_decimal_binary(std::string& out, __int128 scaled, int scale) {
  constexpr int kGroup = 4;  // decimal digits in one base-10000 digit
  bool negative = scaled < 0;
  std::string digits = digits_of(negative ? -static_cast<unsigned __int128>(scaled) : static_cast<unsigned __int128>(scaled));
  auto fraction = static_cast<std::size_t>(scale);
  if (digits.size() < fraction) digits.insert(0, fraction - digits.size(), '0');
  std::size_t whole = digits.size() - fraction;
  std::size_t lead = (kGroup - whole % kGroup) % kGroup;
  digits.insert(0, lead, '0');
  digits.append((kGroup - fraction % kGroup) % kGroup, '0');
  int weight = static_cast<int>((whole + lead) / kGroup) - 1;
  std::vector<int> groups;
  for (std::size_t i = 0; i < digits.size(); i += kGroup)
    groups.push_back((digits[i] - '0') * 1000 + (digits[i + 1] - '0') * 100 + (digits[i + 2] - '0') * 10 + digits[i + 3] - '0');
  std::size_t first = 0;
  while (first < groups.size() && groups[first] == 0) {
    ++first;
    --weight;
  }
  while (groups.size() > first && groups.back() == 0) groups.pop_back();
  if (groups.size() == first) weight = 0;
  put_i16(out, static_cast<int>(groups.size() - first));
  put_i16(out, weight);
  put_i16(out, negative ? 0x4000 : 0);
  put_i16(out, scale);
  for (std::size_t i = first; i < groups.size(); ++i) put_i16(out, groups[i]);
}

}  // namespace tajo::pgwire
