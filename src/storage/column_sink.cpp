#include "column_sink.hpp"

#include <cstdio>

#include "tajo/data/text.hpp"

namespace tajo::storage {
namespace {

bool ascii(std::string_view s) {
  std::uint64_t seen = 0;
  std::size_t i = 0;
  for (; i + 8 <= s.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, s.data() + i, 8);
    seen |= word;
  }
  for (; i < s.size(); ++i) seen |= static_cast<unsigned char>(s[i]);
  return (seen & 0x8080808080808080ULL) == 0;
}

/// Bytes of the sequence that begins at `at` when it is well-formed (RFC 3629), else 0.
std::size_t sequence(const unsigned char* at, std::size_t left) {
  auto tail = [&](std::size_t i) { return i < left && (at[i] & 0xC0U) == 0x80U; };
  unsigned c = at[0];
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c <= 0xDF) return tail(1) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if ((c == 0xE0 && at[1] < 0xA0) || (c == 0xED && at[1] > 0x9F)) return 0;
    return 3;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if ((c == 0xF0 && at[1] < 0x90) || (c == 0xF4 && at[1] > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

/// Digits alone, the common case; others go the long way.
bool short_integer(std::string_view s, std::int64_t& out) {
  bool negative = !s.empty() && s[0] == '-';
  if (negative) s.remove_prefix(1);
  if (s.empty() || s.size() > 9) return false;
  std::int64_t v = 0;
  for (char c : s) {
    if (c < '0' || c > '9') return false;
    v = v * 10 + (c - '0');
  }
  out = negative ? -v : v;
  return true;
}

}  // namespace

void check_utf8(std::string_view text) {
  if (ascii(text)) return;
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = sequence(p + i, text.size() - i);
    if (n == 0) {
      char byte[8];
      std::snprintf(byte, sizeof byte, "0x%02x", static_cast<unsigned>(p[i]));
      throw Error("22021", std::string("invalid byte sequence for encoding \"UTF8\": ") + byte);
    }
    i += n;
  }
}

ColumnSink::ColumnSink(data::Column column) : column_(std::move(column)), physical_(data::physical_of(column_.type)) {}

void ColumnSink::begin(data::Arena& arena) {
  std::size_t bytes = data::kVectorRows * data::physical_width(physical_);
  values_ = arena.allocate(bytes, 64);
  std::memset(values_, 0, bytes);
  valid_ = arena.array<std::uint64_t>(data::kVectorRows / 64);
  std::memset(valid_, 0, data::kVectorRows / 8);
  any_null_ = false;
}

void ColumnSink::set_null(std::uint32_t row) {
  valid_[row >> 6] &= ~(std::uint64_t{1} << (row & 63));
  any_null_ = true;
}

void ColumnSink::set_text(std::uint32_t row, std::string_view text, data::Arena& arena) {
  const data::Type& type = column_.type;
  auto* i32 = static_cast<std::int32_t*>(values_) + row;
  auto* i64 = static_cast<std::int64_t*>(values_) + row;
  auto* str = static_cast<data::Str*>(values_) + row;
  std::int64_t small = 0;
  switch (type.id) {
    case data::TypeId::kBool: static_cast<std::uint8_t*>(values_)[row] = data::parse_bool(text) ? 1 : 0; break;
    case data::TypeId::kInt1:
    case data::TypeId::kInt2: *i32 = static_cast<std::int32_t>(data::parse_integer(text, type.id)); break;
    case data::TypeId::kInt4:
      *i32 = static_cast<std::int32_t>(short_integer(text, small) ? small : data::parse_integer(text, type.id));
      break;
    case data::TypeId::kInt8: *i64 = short_integer(text, small) ? small : data::parse_integer(text, type.id); break;
    case data::TypeId::kFloat4: static_cast<float*>(values_)[row] = static_cast<float>(data::parse_float(text, type.id)); break;
    case data::TypeId::kFloat8: static_cast<double*>(values_)[row] = data::parse_float(text, type.id); break;
    case data::TypeId::kDecimal: {
      __int128 v = data::parse_decimal(text, type);
      if (physical_ == data::Physical::kI64) {
        *i64 = static_cast<std::int64_t>(v);
      } else {
        static_cast<__int128*>(values_)[row] = v;
      }
      break;
    }
    case data::TypeId::kDate: *i32 = data::parse_date(text); break;
    case data::TypeId::kTime: *i64 = data::parse_time(text); break;
    case data::TypeId::kTimestamp: *i64 = data::parse_timestamp(text, false); break;
    case data::TypeId::kTimestampTz: *i64 = data::parse_timestamp(text, true); break;
    case data::TypeId::kInterval:
      static_cast<__int128*>(values_)[row] = data::pack_interval(data::parse_interval(text));
      break;
    case data::TypeId::kBlob: *str = arena.copy(data::parse_blob(text)); break;
    case data::TypeId::kChar:
    case data::TypeId::kVarchar:
      check_utf8(text);
      *str = arena.copy(type.length == 0 && type.id == data::TypeId::kVarchar ? text : data::fit_text(text, type, false));
      break;
    case data::TypeId::kText:
    case data::TypeId::kUnknown:
      check_utf8(text);
      *str = arena.copy(text);
      break;
  }
  set_valid(row);
}

data::Vector ColumnSink::vector() const {
  data::Vector v;
  v.form = data::Vector::Form::kFlat;
  v.type = physical_;
  v.data = values_;
  v.valid = any_null_ ? valid_ : nullptr;
  return v;
}

}  // namespace tajo::storage
