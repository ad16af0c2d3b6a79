#include <charconv>
#include <cmath>
#include <limits>

#include "tajo/common/error.hpp"
#include "tajo/data/text.hpp"
#include "tajo/data/value.hpp"
#include "text_scan.hpp"

namespace tajo::data {

namespace {

constexpr int kMaxDigits = 38;

[[noreturn]] void invalid_syntax(std::string_view text, const Type& type) {
  Type plain = type;
  plain.precision = 0;
  plain.length = 0;
  throw Error(sqlstate::kInvalidText,
              "invalid input syntax for type " + postgres_type_name(plain) + ": \"" + std::string(text) + "\"");
}

struct Powers {
  __int128 of[kMaxDigits + 1];
  constexpr Powers() : of() {
    of[0] = 1;
    for (int i = 1; i <= kMaxDigits; ++i) of[i] = of[i - 1] * 10;
  }
};
constexpr Powers kPowers;

/// A number's digits before rounding: value * 10^-scale, with scale possibly negative (exponent beyond the digits).
struct Decimal {
  bool negative = false;
  __int128 digits = 0;     ///< at most 38 of them
  int count = 0;           ///< significant digits in `digits`
  int scale = 0;
  bool round_up = false;   ///< first digit that did not fit was 5 or more
  int dropped = 0;         ///< digits beyond 38, to the right of `digits`
};

bool scan_decimal(std::string_view text, Decimal& out) {
  std::size_t i = 0;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) out.negative = text[i++] == '-';
  bool any = false;
  bool point = false;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      if (point) return false;
      point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    any = true;
    if (out.count < kMaxDigits) {
      out.digits = out.digits * 10 + (c - '0');
      if (out.digits != 0) ++out.count;
      if (point) ++out.scale;
    } else {
      if (out.dropped == 0) out.round_up = c >= '5';
      ++out.dropped;
      if (!point) --out.scale;
    }
  }
  if (!any) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && text[i] == '+') ++i;
    int exponent = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + text.size(), exponent);
    if (error != std::errc() || end == text.data() + i) return false;
    if (exponent > 100'000 || exponent < -100'000) return false;
    i = static_cast<std::size_t>(end - text.data());
    out.scale -= exponent;
  }
  return i == text.size();
}

[[noreturn]] void field_overflow(const Type& type) {
  throw Error(sqlstate::kNumericOutOfRange, "numeric field overflow")
      .detail("A field with precision " + std::to_string(type.precision) + ", scale " + std::to_string(type.scale) +
              " must round to an absolute value less than 10^" + std::to_string(type.precision - type.scale) + ".");
}

}  // namespace

__int128 power_of_ten(int exponent) {
  TAJO_ASSERT(exponent >= 0 && exponent <= kMaxDigits);
  return kPowers.of[exponent];
}

bool rescale_decimal(__int128 value, int from, int to, __int128& out) {
  if (to >= from) {
    const int up = to - from;
    if (value == 0) {
      out = 0;
      return true;
    }
    if (up > kMaxDigits) return false;
    return !__builtin_mul_overflow(value, kPowers.of[up], &out) && out < kPowers.of[kMaxDigits] &&
           out > -kPowers.of[kMaxDigits];
  }
  const int down = from - to;
  if (down > kMaxDigits) {
    out = 0;
    return true;
  }
  const __int128 unit = kPowers.of[down];
  out = value / unit;
  const __int128 rest = value - out * unit;
  const __int128 magnitude = rest < 0 ? -rest : rest;
  if (magnitude >= unit - magnitude) out += value < 0 ? -1 : 1;
  return true;
}

Value decimal_value(__int128 scaled, const Type& type) {
  if (physical_of(type) == Physical::kI64) return static_cast<std::int64_t>(scaled);
  return scaled;
}

bool parse_decimal_literal(std::string_view text, __int128& scaled, int& precision, int& scale) {
  Decimal number;
  if (!scan_decimal(trim_blanks(text), number) || number.dropped > 0) return false;
  if (number.scale < 0) {
    if (!rescale_decimal(number.digits, 0, -number.scale, number.digits)) return false;
    number.count = number.digits == 0 ? 0 : number.count - number.scale;
    number.scale = 0;
  }
  if (number.scale > kMaxDigits) return false;
  scaled = number.negative ? -number.digits : number.digits;
  scale = number.scale;
  precision = number.count > scale ? number.count : scale;
  if (precision == 0) precision = 1;
  return precision <= kMaxDigits;
}

__int128 parse_decimal(std::string_view text, const Type& type) {
  Decimal number;
  if (!scan_decimal(trim_blanks(text), number)) invalid_syntax(text, type);
  const int precision = type.precision > 0 ? type.precision : kMaxDigits;
  __int128 scaled = 0;
  if (number.round_up && number.scale == type.scale) {
    scaled = number.digits + 1;
  } else if (number.scale < 0) {
    if (!rescale_decimal(number.digits, 0, -number.scale, scaled) || !rescale_decimal(scaled, 0, type.scale, scaled))
      field_overflow(type.precision > 0 ? type : Type::decimal(kMaxDigits, type.scale));
  } else if (!rescale_decimal(number.digits, number.scale, type.scale, scaled)) {
    field_overflow(type.precision > 0 ? type : Type::decimal(kMaxDigits, type.scale));
  }
  if (scaled >= kPowers.of[precision]) field_overflow(type.precision > 0 ? type : Type::decimal(kMaxDigits, type.scale));
  return number.negative ? -scaled : scaled;
}

std::int64_t parse_integer(std::string_view text, TypeId type) {
  std::string_view body = trim_blanks(text);
  if (!body.empty() && body[0] == '+' && (body.size() < 2 || body[1] != '-')) body.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value);
  const bool all = end == body.data() + body.size();
  if (body.empty() || error == std::errc::invalid_argument || !all) invalid_syntax(text, Type::of(type));
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  if (type == TypeId::kInt1) limit = std::numeric_limits<std::int8_t>::max();
  if (type == TypeId::kInt2) limit = std::numeric_limits<std::int16_t>::max();
  if (type == TypeId::kInt4) limit = std::numeric_limits<std::int32_t>::max();
  if (error == std::errc::result_out_of_range || value > limit || value < -limit - 1)
    throw Error(sqlstate::kNumericOutOfRange, "value \"" + std::string(text) + "\" is out of range for type " +
                                                  postgres_type_name(Type::of(type)));
  return value;
}

double parse_float(std::string_view text, TypeId type) {
  std::string_view body = trim_blanks(text);
  if (!body.empty() && body[0] == '+' && (body.size() < 2 || body[1] != '-')) body.remove_prefix(1);
  double value = 0;
  const char* const last = body.data() + body.size();
  std::from_chars_result result{};
  if (type == TypeId::kFloat4) {
    float narrow = 0;
    result = std::from_chars(body.data(), last, narrow);
    value = static_cast<double>(narrow);
  } else {
    result = std::from_chars(body.data(), last, value);
  }
  if (body.empty() || result.ec == std::errc::invalid_argument || result.ptr != last)
    invalid_syntax(text, Type::of(type));
  if (result.ec == std::errc::result_out_of_range)
    throw Error(sqlstate::kNumericOutOfRange,
                "\"" + std::string(text) + "\" is out of range for type " + postgres_type_name(Type::of(type)));
  return value;
}

bool parse_bool(std::string_view text) {
  const std::string word = lower_case(trim_blanks(text));
  const auto prefix_of = [&](std::string_view full, std::size_t least) {
    return word.size() >= least && full.substr(0, word.size()) == word;
  };
  if (prefix_of("true", 1) || prefix_of("yes", 1) || word == "on" || word == "1") return true;
  if (prefix_of("false", 1) || prefix_of("no", 1) || prefix_of("off", 2) || word == "0") return false;
  invalid_syntax(text, Type::of(TypeId::kBool));
}

void append_integer(std::string& out, std::int64_t value) {
  char buffer[24];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  static_cast<void>(error);
  out.append(buffer, end);
}

namespace {

/// PostgreSQL's choice between plain and exponent notation over std::to_chars' shortest digits.
template <class F>
void append_shortest(std::string& out, F value, int plain_digits) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  static_cast<void>(error);
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::size_t exponent_at = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + exponent_at, end, exponent);
  if (exponent < -4 || exponent >= plain_digits) {
    out += text;
    return;
  }
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c == '-') out += '-';
    else if (c != '.') digits += c;
  }
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out += digits;
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    out += digits;
    out.append(whole - digits.size(), '0');
    return;
  }
  out.append(digits, 0, whole);
  out += '.';
  out.append(digits, whole, std::string::npos);
}

}  // namespace

void append_float(std::string& out, double value) { append_shortest(out, value, 15); }
void append_float(std::string& out, float value) { append_shortest(out, value, 6); }

void append_decimal(std::string& out, __int128 scaled, int scale) {
  char buffer[64];
  char* at = buffer + sizeof buffer;
  auto magnitude = static_cast<unsigned __int128>(scaled);
  if (scaled < 0) magnitude = -magnitude;
  int written = 0;
  const auto put_digit = [&](int digit) {
    if (written == scale && scale > 0) *--at = '.';
    *--at = static_cast<char>('0' + digit);
    ++written;
  };
  // a 128-bit division costs ten times a 64-bit one, and hardly any value needs it
  for (; magnitude > std::numeric_limits<std::uint64_t>::max(); magnitude /= 10) put_digit(static_cast<int>(magnitude % 10));
  auto rest = static_cast<std::uint64_t>(magnitude);
  do {
    put_digit(static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0 || written <= scale);
  if (scaled < 0) *--at = '-';
  out.append(at, buffer + sizeof buffer);
}

std::string format_decimal(__int128 scaled, int scale) {
  std::string out;
  append_decimal(out, scaled, scale);
  return out;
}

}  // namespace tajo::data
