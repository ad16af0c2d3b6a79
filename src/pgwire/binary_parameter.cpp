#include "binary_parameter.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "tajo/common/error.hpp"
#include "tajo/data/text.hpp"
#include "value_text.hpp"
#include "wire_types.hpp"

namespace tajo::pgwire {
namespace {

/// Big-endian numbers one after the other; nullopt past the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  std::optional<T> next() {
    if (bytes_.size() - at_ < sizeof(T)) return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value = value << 8 | static_cast<unsigned char>(bytes_[at_++]);
    return static_cast<T>(value);
  }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

template <class T>
std::optional<T> only(std::string_view bytes) {
  Reader reader(bytes);
  const auto value = reader.next<T>();
  return reader.at_end() ? value : std::nullopt;
}

constexpr int kGroupDigits = 4;  // of a base-10000 digit
constexpr int kMaxGroups = 1'000;

std::optional<std::string> numeric_text(std::string_view bytes) {
  Reader reader(bytes);
  const auto count = reader.next<std::int16_t>(), weight = reader.next<std::int16_t>();
  const auto sign = reader.next<std::uint16_t>(), scale = reader.next<std::uint16_t>();
  if (!scale || *count < 0 || *count > kMaxGroups) return std::nullopt;
  if (*sign == 0xC000) return "NaN";
  if (*sign != 0 && *sign != 0x4000) return std::nullopt;
  std::string whole, fraction;
  for (int i = 0; i < *count; ++i) {
    const auto group = reader.next<std::int16_t>();
    if (!group || *group < 0 || *group > 9999) return std::nullopt;
    std::string digits = std::to_string(*group);
    digits.insert(0, kGroupDigits - digits.size(), '0');
    // The group of weight 0 stands right before the point.
    const int place = *weight - i;
    if (place < 0 && fraction.empty() && i == 0) fraction.assign(static_cast<std::size_t>(-place - 1) * kGroupDigits, '0');
    (place >= 0 ? whole : fraction) += digits;
  }
  if (!reader.at_end()) return std::nullopt;
  for (int place = *weight - *count; place >= 0; --place) whole.append(kGroupDigits, '0');
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  fraction.resize(*scale, '0');
  return (*sign != 0 ? "-" : "") + (whole.empty() ? "0" : whole) + (fraction.empty() ? "" : "." + fraction);
}

std::optional<std::string> interval_text(std::string_view bytes) {
  Reader reader(bytes);
  data::Interval interval;
  const auto micros = reader.next<std::int64_t>();
  const auto days = reader.next<std::int32_t>(), months = reader.next<std::int32_t>();
  if (!months || !reader.at_end()) return std::nullopt;
  interval.micros = *micros;
  interval.days = *days;
  interval.months = *months;
  std::string out;
  data::append_interval(out, interval);
  return out;
}

template <class T, class F>
std::optional<std::string> made(std::string_view bytes, F&& put) {
  const auto value = only<T>(bytes);
  if (!value) return std::nullopt;
  std::string out;
  put(out, *value);
  return out;
}

std::optional<std::string> text_of(std::uint32_t type, std::string_view bytes) {
  const auto integer = [](std::string& out, std::int64_t n) { data::append_integer(out, n); };
  switch (type) {
    case oid::kBool:
      return made<std::int8_t>(bytes, [](std::string& out, std::int8_t b) { out = b != 0 ? "t" : "f"; });
    case oid::kInt2: return made<std::int16_t>(bytes, integer);
    case oid::kInt4: return made<std::int32_t>(bytes, integer);
    case oid::kInt8: return made<std::int64_t>(bytes, integer);
    case oid::kFloat4:
      return made<std::int32_t>(bytes, [](std::string& out, std::int32_t n) { data::append_float(out, std::bit_cast<float>(n)); });
    case oid::kFloat8:
      return made<std::int64_t>(bytes, [](std::string& out, std::int64_t n) { data::append_float(out, std::bit_cast<double>(n)); });
    case oid::kNumeric: return numeric_text(bytes);
    case oid::kDate:
      return made<std::int32_t>(bytes, [](std::string& out, std::int32_t n) { data::append_date(out, static_cast<std::int32_t>(n + kPostgresEpochDays)); });
    case oid::kTime: return made<std::int64_t>(bytes, [](std::string& out, std::int64_t n) { data::append_time(out, n); });
    case oid::kTimestamp:
    case oid::kTimestampTz:
      return made<std::int64_t>(bytes, [&](std::string& out, std::int64_t n) {
        data::append_timestamp(out, n + kPostgresEpochDays * kMicrosPerDay, type == oid::kTimestampTz);
      });
    case oid::kInterval: return interval_text(bytes);
    case oid::kBytea: {
      std::string out;
      data::append_blob(out, bytes);
      return out;
    }
    default: return std::string(bytes);
  }
}

bool has_binary_form(std::uint32_t type) {
  switch (type) {
    case oid::kBool:
    case oid::kBytea:
    case oid::kInt8:
    case oid::kInt2:
    case oid::kInt4:
    case oid::kText:
    case oid::kUnknown:
    case oid::kFloat4:
    case oid::kFloat8:
    case oid::kBpchar:
    case oid::kVarchar:
    case oid::kDate:
    case oid::kTime:
    case oid::kTimestamp:
    case oid::kTimestampTz:
    case oid::kInterval:
    case oid::kNumeric: return true;
    default: return false;
  }
}

}  // namespace

std::string binary_parameter_text(std::uint32_t type, std::string_view bytes, std::size_t number) {
  if (!has_binary_form(type))
    throw Error(sqlstate::kFeatureNotSupported, "parameter $" + std::to_string(number) + " has a binary form of type " + std::to_string(type) + ", which is not supported")
        .hint("Send it as text.");
  if (auto text = text_of(type, bytes)) return std::move(*text);
  throw Error("22P03", "incorrect binary data format in bind parameter " + std::to_string(number));
}

}  // namespace tajo::pgwire
