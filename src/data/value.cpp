#include "tajo/data/value.hpp"

#include <cmath>

namespace tajo::data {

__int128 integer_value(const Value& v) {
  if (const auto* narrow = std::get_if<std::int64_t>(&v)) return *narrow;
  TAJO_ASSERT(std::holds_alternative<__int128>(v));
  return std::get<__int128>(v);
}

double float_value(const Value& v) {
  if (const auto* number = std::get_if<double>(&v)) return *number;
  return static_cast<double>(integer_value(v));
}

namespace {

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

/// PostgreSQL's order of intervals: as lengths, with 30 days a month and 24 hours a day.
__int128 interval_length_us(__int128 packed) {
  const Interval interval = unpack_interval(packed);
  const __int128 days = static_cast<__int128>(interval.months) * 30 + interval.days;
  return days * 86'400'000'000LL + interval.micros;
}

}  // namespace

int compare_values(const Value& a, const Value& b, const Type& type) {
  if (is_null(a) || is_null(b)) return static_cast<int>(is_null(b)) - static_cast<int>(is_null(a));
  if (std::holds_alternative<std::string>(a)) {
    TAJO_ASSERT(std::holds_alternative<std::string>(b));
    return order(std::get<std::string>(a).compare(std::get<std::string>(b)), 0);
  }
  if (type.is_float()) {
    const double x = float_value(a);
    const double y = float_value(b);
    if (std::isnan(x) || std::isnan(y)) return static_cast<int>(std::isnan(x)) - static_cast<int>(std::isnan(y));
    return order(x, y);
  }
  if (type.id == TypeId::kInterval) return order(interval_length_us(integer_value(a)), interval_length_us(integer_value(b)));
  return order(integer_value(a), integer_value(b));
}

void put_value(ByteWriter& out, const Value& v) {
  out.put(static_cast<std::uint8_t>(v.index()));
  if (const auto* narrow = std::get_if<std::int64_t>(&v)) out.put(*narrow);
  if (const auto* wide = std::get_if<__int128>(&v)) out.put(*wide);
  if (const auto* number = std::get_if<double>(&v)) out.put(*number);
  if (const auto* text = std::get_if<std::string>(&v)) out.text(*text);
}

Value get_value(ByteReader& in) {
  switch (in.get<std::uint8_t>()) {
    case 0: return {};
    case 1: return in.get<std::int64_t>();
    case 2: return in.get<__int128>();
    case 3: return in.get<double>();
    case 4: return in.text();
    default: throw Error(sqlstate::kDataCorrupted, "unknown kind of value in a message or file");
  }
}

}  // namespace tajo::data
