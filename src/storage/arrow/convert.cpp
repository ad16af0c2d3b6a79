#include "arrow/convert.hpp"

#include <arrow/array.h>
#include <arrow/type.h>

#include <strings.h>

#include <atomic>
#include <limits>
#include <vector>

#include "column_sink.hpp"

namespace tajo::storage::arrow_in {
namespace {

using data::Physical;
using data::TypeId;
using Int128 = __int128;

const std::uint64_t* validity(const arrow::Array& a, std::int64_t first, std::uint32_t rows, data::Arena& arena) {
  const std::uint8_t* bits = a.null_bitmap_data();
  if (a.null_count() == 0 || bits == nullptr) return nullptr;
  std::int64_t at = a.offset() + first;
  // Arrow pads its bitmaps to whole words.
  if (at % 64 == 0 && reinterpret_cast<std::uintptr_t>(bits) % 8 == 0)
    return reinterpret_cast<const std::uint64_t*>(bits) + at / 64;
  auto* out = arena.array<std::uint64_t>((rows + 63) / 64);
  std::memset(out, 0, (rows + 63) / 64 * 8);
  for (std::uint32_t i = 0; i < rows; ++i)
    if (((bits[(at + i) >> 3] >> ((at + i) & 7)) & 1) != 0) out[i >> 6] |= std::uint64_t{1} << (i & 63);
  return out;
}

[[noreturn]] void out_of_range(const data::Type& type) {
  throw Error(sqlstate::kNumericOutOfRange, "value out of range for type " + data::type_name(type));
}

struct Limits {
  Int128 lo;
  Int128 hi;
};

Int128 power_of_ten(int n) {
  Int128 p = 1;
  for (int i = 0; i < n; ++i) p *= 10;
  return p;
}

Limits limits_of(const data::Type& type) {
  switch (type.id) {
    case TypeId::kInt1: return {INT8_MIN, INT8_MAX};
    case TypeId::kInt2: return {INT16_MIN, INT16_MAX};
    case TypeId::kInt4:
    case TypeId::kDate: return {INT32_MIN, INT32_MAX};
    case TypeId::kDecimal: return {-(power_of_ten(type.precision) - 1), power_of_ten(type.precision) - 1};
    default: return {INT64_MIN, INT64_MAX};
  }
}

template <class S>
const S* values_of(const arrow::Array& a, std::int64_t first) {
  return reinterpret_cast<const S*>(a.data()->buffers[1]->data()) + a.offset() + first;
}

/// Values × multiplier ÷ divisor (floor), checked against the type; T is the flat width.
template <class T, class S>
void scale_values(const S* in, std::uint32_t rows, const std::uint64_t* valid, const data::Type& type, Int128 multiplier,
                  Int128 divisor, T* out) {
  Limits limits = limits_of(type);
  bool plain = multiplier == 1 && divisor == 1;
  bool fits = plain && static_cast<Int128>(std::numeric_limits<S>::min()) >= limits.lo &&
              static_cast<Int128>(std::numeric_limits<S>::max()) <= limits.hi;
  if (fits) {
    for (std::uint32_t i = 0; i < rows; ++i) out[i] = static_cast<T>(in[i]);
    return;
  }
  for (std::uint32_t i = 0; i < rows; ++i) {
    out[i] = T{};
    if (!data::row_valid(valid, i)) continue;
    Int128 v = in[i];
    if (multiplier != 1) {
      if (v > limits.hi / multiplier || v < limits.lo / multiplier) out_of_range(type);
      v *= multiplier;
    }
    if (divisor != 1) v = v >= 0 || v % divisor == 0 ? v / divisor : v / divisor - 1;
    if (v < limits.lo || v > limits.hi) out_of_range(type);
    out[i] = static_cast<T>(v);
  }
}

struct Decimal128Values {
  const std::byte* at;
  Int128 operator[](std::size_t i) const {
    Int128 v;
    std::memcpy(&v, at + i * 16, 16);
    return v;
  }
};

template <class T>
void decimals(const arrow::Array& a, std::int64_t first, std::uint32_t rows, const std::uint64_t* valid,
              const data::Type& type, T* out) {
  const auto& from = static_cast<const arrow::DecimalType&>(*a.type());
  Decimal128Values in{reinterpret_cast<const std::byte*>(a.data()->buffers[1]->data()) + (a.offset() + first) * 16};
  Int128 multiplier = power_of_ten(type.scale - from.scale());
  Limits limits = limits_of(type);
  if (multiplier == 1 && from.precision() <= type.precision) {
    for (std::uint32_t i = 0; i < rows; ++i) out[i] = static_cast<T>(in[i]);
    return;
  }
  for (std::uint32_t i = 0; i < rows; ++i) {
    out[i] = T{};
    if (!data::row_valid(valid, i)) continue;
    Int128 v = in[i];
    if (v > limits.hi / multiplier || v < limits.lo / multiplier) out_of_range(type);
    out[i] = static_cast<T>(v * multiplier);
  }
}

/// Multiplier and divisor from an Arrow time unit to microseconds.
std::pair<Int128, Int128> to_micros(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return {1'000'000, 1};
    case arrow::TimeUnit::MILLI: return {1000, 1};
    case arrow::TimeUnit::MICRO: return {1, 1};
    case arrow::TimeUnit::NANO: return {1, 1000};
  }
  return {1, 1};
}

template <class T>
void integers(const arrow::Array& a, std::int64_t first, std::uint32_t rows, const std::uint64_t* valid,
              const data::Type& type, T* out) {
  Int128 m = type.id == TypeId::kDecimal ? power_of_ten(type.scale) : 1;
  switch (a.type_id()) {
    case arrow::Type::INT8: return scale_values(values_of<std::int8_t>(a, first), rows, valid, type, m, 1, out);
    case arrow::Type::UINT8: return scale_values(values_of<std::uint8_t>(a, first), rows, valid, type, m, 1, out);
    case arrow::Type::INT16: return scale_values(values_of<std::int16_t>(a, first), rows, valid, type, m, 1, out);
    case arrow::Type::UINT16: return scale_values(values_of<std::uint16_t>(a, first), rows, valid, type, m, 1, out);
    case arrow::Type::INT32:
    case arrow::Type::DATE32: return scale_values(values_of<std::int32_t>(a, first), rows, valid, type, m, 1, out);
    case arrow::Type::UINT32: return scale_values(values_of<std::uint32_t>(a, first), rows, valid, type, m, 1, out);
    case arrow::Type::INT64: return scale_values(values_of<std::int64_t>(a, first), rows, valid, type, m, 1, out);
    case arrow::Type::UINT64: return scale_values(values_of<std::uint64_t>(a, first), rows, valid, type, m, 1, out);
    case arrow::Type::DATE64:
      return scale_values(values_of<std::int64_t>(a, first), rows, valid, type, 1, 86'400'000, out);
    case arrow::Type::TIMESTAMP: {
      auto [mul, div] = to_micros(static_cast<const arrow::TimestampType&>(*a.type()).unit());
      return scale_values(values_of<std::int64_t>(a, first), rows, valid, type, mul, div, out);
    }
    case arrow::Type::TIME64: {
      auto [mul, div] = to_micros(static_cast<const arrow::TimeType&>(*a.type()).unit());
      return scale_values(values_of<std::int64_t>(a, first), rows, valid, type, mul, div, out);
    }
    case arrow::Type::TIME32: {
      auto [mul, div] = to_micros(static_cast<const arrow::TimeType&>(*a.type()).unit());
      return scale_values(values_of<std::int32_t>(a, first), rows, valid, type, mul, div, out);
    }
    case arrow::Type::DECIMAL128: return decimals(a, first, rows, valid, type, out);
    default: TAJO_ASSERT(!"readable_as() admits no other type");
  }
}

template <class T>
void floats(const arrow::Array& a, std::int64_t first, std::uint32_t rows, T* out) {
  if (a.type_id() == arrow::Type::FLOAT) {
    const float* in = values_of<float>(a, first);
    for (std::uint32_t i = 0; i < rows; ++i) out[i] = static_cast<T>(in[i]);
  } else if (a.type_id() == arrow::Type::DOUBLE) {
    const double* in = values_of<double>(a, first);
    for (std::uint32_t i = 0; i < rows; ++i) out[i] = static_cast<T>(in[i]);
  } else {
    std::vector<std::int64_t> values(rows);
    integers(a, first, rows, nullptr, data::Type::of(TypeId::kInt8), values.data());
    for (std::uint32_t i = 0; i < rows; ++i) out[i] = static_cast<T>(values[i]);
  }
}

template <class A>
void texts(const arrow::Array& array, std::int64_t first, std::uint32_t rows, const std::uint64_t* valid, bool utf8,
           data::Str* out) {
  const auto& a = static_cast<const A&>(array);
  for (std::uint32_t i = 0; i < rows; ++i) {
    if (!data::row_valid(valid, i)) {
      new (&out[i]) data::Str();
      continue;
    }
    std::string_view text = a.GetView(first + i);
    if (utf8) check_utf8(text);
    new (&out[i]) data::Str(text);
  }
}

/// Any array of texts or bytes.
std::string_view text_at(const arrow::Array& a, std::int64_t i) {
  switch (a.type_id()) {
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY: return static_cast<const arrow::LargeBinaryArray&>(a).GetView(i);
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW: return static_cast<const arrow::BinaryViewArray&>(a).GetView(i);
    case arrow::Type::FIXED_SIZE_BINARY: return static_cast<const arrow::FixedSizeBinaryArray&>(a).GetView(i);
    default: return static_cast<const arrow::BinaryArray&>(a).GetView(i);
  }
}

void dictionary_texts(const arrow::Array& array, std::int64_t first, std::uint32_t rows, const std::uint64_t* valid,
                      bool utf8, data::Str* out) {
  const auto& a = static_cast<const arrow::DictionaryArray&>(array);
  const arrow::Array& words = *a.dictionary();
  for (std::uint32_t i = 0; i < rows; ++i) {
    new (&out[i]) data::Str();
    if (!data::row_valid(valid, i)) continue;
    std::int64_t code = a.GetValueIndex(first + i);
    if (code < 0 || code >= words.length()) throw Error(sqlstate::kDataCorrupted, "a code lies outside its dictionary");
    std::string_view text = text_at(words, code);
    if (utf8) check_utf8(text);
    new (&out[i]) data::Str(text);
  }
}

void all_texts(const arrow::Array& a, std::int64_t first, std::uint32_t rows, const std::uint64_t* valid,
               const data::Type& type, data::Str* out) {
  bool utf8 = type.id != TypeId::kBlob;
  switch (a.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return texts<arrow::BinaryArray>(a, first, rows, valid, utf8, out);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY: return texts<arrow::LargeBinaryArray>(a, first, rows, valid, utf8, out);
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW: return texts<arrow::BinaryViewArray>(a, first, rows, valid, utf8, out);
    case arrow::Type::FIXED_SIZE_BINARY: return texts<arrow::FixedSizeBinaryArray>(a, first, rows, valid, utf8, out);
    case arrow::Type::DICTIONARY: return dictionary_texts(a, first, rows, valid, utf8, out);
    default: TAJO_ASSERT(!"readable_as() admits no other type");
  }
}

bool integer_type(arrow::Type::type id) {
  return id == arrow::Type::INT8 || id == arrow::Type::INT16 || id == arrow::Type::INT32 || id == arrow::Type::INT64 ||
         id == arrow::Type::UINT8 || id == arrow::Type::UINT16 || id == arrow::Type::UINT32 || id == arrow::Type::UINT64;
}

bool text_type(arrow::Type::type id) {
  return id == arrow::Type::STRING || id == arrow::Type::LARGE_STRING || id == arrow::Type::STRING_VIEW;
}

bool is_bytes(arrow::Type::type id) {
  return text_type(id) ||
         id == arrow::Type::BINARY || id == arrow::Type::LARGE_BINARY || id == arrow::Type::BINARY_VIEW ||
         id == arrow::Type::FIXED_SIZE_BINARY;
}

/// Texts parsed as the column's type.
data::Vector parse_texts(const arrow::Array& a, std::int64_t first, std::uint32_t rows, const data::Type& type,
                         data::Arena& arena) {
  const std::uint64_t* valid = validity(a, first, rows, arena);
  auto* strings = arena.array<data::Str>(rows);
  all_texts(a, first, rows, valid, data::Type::of(TypeId::kText), strings);
  ColumnSink sink(data::Column{"", type, false});
  sink.begin(arena);
  for (std::uint32_t i = 0; i < rows; ++i) {
    if (data::row_valid(valid, i)) {
      sink.set_text(i, strings[i].view(), arena);
    } else {
      sink.set_null(i);
    }
  }
  return sink.vector();
}

}  // namespace

bool readable_as(const arrow::DataType& from, const data::Type& type) {
  arrow::Type::type id = from.id();
  if (text_type(id)) return true;  // parsed as the type's text
  switch (type.id) {
    case TypeId::kBool: return id == arrow::Type::BOOL;
    case TypeId::kInt1:
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kInt8: return integer_type(id);
    case TypeId::kFloat4:
    case TypeId::kFloat8: return id == arrow::Type::FLOAT || id == arrow::Type::DOUBLE || integer_type(id);
    case TypeId::kDecimal:
      return integer_type(id) ||
             (id == arrow::Type::DECIMAL128 && static_cast<const arrow::DecimalType&>(from).scale() >= 0 &&
              static_cast<const arrow::DecimalType&>(from).scale() <= type.scale);
    case TypeId::kChar:
    case TypeId::kVarchar:
    case TypeId::kText:
    case TypeId::kBlob: {
      if (id != arrow::Type::DICTIONARY) return is_bytes(id);
      return is_bytes(static_cast<const arrow::DictionaryType&>(from).value_type()->id());
    }
    case TypeId::kDate: return id == arrow::Type::DATE32 || id == arrow::Type::DATE64;
    case TypeId::kTime: return id == arrow::Type::TIME32 || id == arrow::Type::TIME64;
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: return id == arrow::Type::TIMESTAMP;
    default: return false;
  }
}

bool natural_type(const arrow::DataType& from, data::Type& out) {
  using data::Type;
  switch (from.id()) {
    case arrow::Type::BOOL: out = Type::of(TypeId::kBool); return true;
    case arrow::Type::INT8: out = Type::of(TypeId::kInt1); return true;
    case arrow::Type::UINT8:
    case arrow::Type::INT16: out = Type::of(TypeId::kInt2); return true;
    case arrow::Type::UINT16:
    case arrow::Type::INT32: out = Type::of(TypeId::kInt4); return true;
    case arrow::Type::UINT32:
    case arrow::Type::INT64: out = Type::of(TypeId::kInt8); return true;
    case arrow::Type::UINT64: out = Type::decimal(20, 0); return true;
    case arrow::Type::FLOAT: out = Type::of(TypeId::kFloat4); return true;
    case arrow::Type::DOUBLE: out = Type::of(TypeId::kFloat8); return true;
    case arrow::Type::DECIMAL128: {
      const auto& d = static_cast<const arrow::DecimalType&>(from);
      if (d.scale() < 0 || d.scale() > d.precision()) return false;
      out = Type::decimal(d.precision(), d.scale());
      return true;
    }
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW: out = Type::of(TypeId::kText); return true;
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY: out = Type::of(TypeId::kBlob); return true;
    case arrow::Type::DICTIONARY: return natural_type(*static_cast<const arrow::DictionaryType&>(from).value_type(), out) &&
                                         data::physical_of(out) == Physical::kStr;
    case arrow::Type::DATE32:
    case arrow::Type::DATE64: out = Type::of(TypeId::kDate); return true;
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: out = Type::of(TypeId::kTime); return true;
    case arrow::Type::TIMESTAMP:
      out = Type::of(static_cast<const arrow::TimestampType&>(from).timezone().empty() ? TypeId::kTimestamp
                                                                                       : TypeId::kTimestampTz);
      return true;
    default: return false;
  }
}

data::Vector convert(const arrow::Array& a, std::int64_t first, std::uint32_t rows, const data::Type& type,
                     data::Arena& arena) {
  if (text_type(a.type_id()) && data::physical_of(type) != Physical::kStr) return parse_texts(a, first, rows, type, arena);
  data::Vector v;
  v.form = data::Vector::Form::kFlat;
  v.type = data::physical_of(type);
  v.valid = validity(a, first, rows, arena);
  switch (v.type) {
    case Physical::kBool: {
      auto* out = arena.array<std::uint8_t>(rows);
      const auto& bools = static_cast<const arrow::BooleanArray&>(a);
      for (std::uint32_t i = 0; i < rows; ++i) out[i] = bools.Value(first + i) ? 1 : 0;
      v.data = out;
      break;
    }
    case Physical::kI32: {
      bool same = a.type_id() == arrow::Type::DATE32 || (a.type_id() == arrow::Type::INT32 && type.id == TypeId::kInt4);
      if (same) {
        v.data = values_of<std::int32_t>(a, first);
      } else {
        auto* out = arena.array<std::int32_t>(rows);
        integers(a, first, rows, v.valid, type, out);
        v.data = out;
      }
      break;
    }
    case Physical::kI64: {
      bool micros = a.type_id() == arrow::Type::TIMESTAMP &&
                    static_cast<const arrow::TimestampType&>(*a.type()).unit() == arrow::TimeUnit::MICRO;
      if (micros || (a.type_id() == arrow::Type::INT64 && type.id == TypeId::kInt8)) {
        v.data = values_of<std::int64_t>(a, first);
      } else {
        auto* out = arena.array<std::int64_t>(rows);
        integers(a, first, rows, v.valid, type, out);
        v.data = out;
      }
      break;
    }
    case Physical::kI128: {
      auto* out = arena.array<Int128>(rows);
      integers(a, first, rows, v.valid, type, out);
      v.data = out;
      break;
    }
    case Physical::kF32: {
      auto* out = arena.array<float>(rows);
      floats(a, first, rows, out);
      v.data = out;
      break;
    }
    case Physical::kF64: {
      auto* out = arena.array<double>(rows);
      floats(a, first, rows, out);
      v.data = out;
      break;
    }
    case Physical::kStr: {
      auto* out = arena.array<data::Str>(rows);
      all_texts(a, first, rows, v.valid, type, out);
      v.data = out;
      break;
    }
  }
  return v;
}

bool Words::codes(const arrow::Array& array, std::int64_t first, std::uint32_t rows, const data::Type& type,
                  data::Arena& arena, data::Vector& out) {
  if (array.type_id() != arrow::Type::DICTIONARY || data::physical_of(type) != Physical::kStr) return false;
  const auto& a = static_cast<const arrow::DictionaryArray&>(array);
  if (a.indices()->type_id() != arrow::Type::INT32) return false;
  if (a.dictionary() != source_) {
    static std::atomic<std::uint64_t> next_id{std::uint64_t{1} << 62};  // apart from those of managed files
    struct Owner {
      std::vector<data::Str> words;
      std::shared_ptr<arrow::Array> bytes;
    };
    auto owner = std::make_shared<Owner>();
    owner->bytes = a.dictionary();
    const arrow::Array& words = *a.dictionary();
    for (std::int64_t i = 0; i < words.length(); ++i) {
      std::string_view word = text_at(words, i);
      if (type.id != TypeId::kBlob) check_utf8(word);
      owner->words.emplace_back(word);
    }
    // Rows that are NULL have a code too, and it must be in range.
    if (owner->words.empty()) owner->words.emplace_back();
    source_ = a.dictionary();
    dictionary_ = {next_id.fetch_add(1), owner->words, false, owner};
  }
  const auto* codes = reinterpret_cast<const std::uint32_t*>(a.indices()->data()->buffers[1]->data()) +
                      a.indices()->offset() + first;
  out = {};
  out.form = data::Vector::Form::kCodes;
  out.type = Physical::kStr;
  out.valid = validity(array, first, rows, arena);
  for (std::uint32_t i = 0; i < rows; ++i)
    if (codes[i] >= dictionary_.values.size() && data::row_valid(out.valid, i))
      throw Error(sqlstate::kDataCorrupted, "a code lies outside its dictionary");
  if (out.valid != nullptr) {
    auto* copy = arena.array<std::uint32_t>(rows);
    for (std::uint32_t i = 0; i < rows; ++i) copy[i] = data::row_valid(out.valid, i) ? codes[i] : 0;
    codes = copy;
  }
  out.data = codes;
  out.dictionary = &dictionary_;
  return true;
}

int find_field(const arrow::Schema& schema, const std::string& column) {
  int found = -1;
  for (int i = 0; i < schema.num_fields(); ++i) {
    const std::string& name = schema.field(i)->name();
    if (name == column) return i;
    bool alike = name.size() == column.size() && strcasecmp(name.c_str(), column.c_str()) == 0;
    if (alike && found < 0) found = i;
  }
  return found;
}

data::Schema schema_of(const arrow::Schema& schema, const std::string& path) {
  data::Schema out;
  for (int i = 0; i < schema.num_fields(); ++i) {
    const arrow::Field& f = *schema.field(i);
    data::Type type;
    if (!natural_type(*f.type(), type)) continue;
    std::string name = f.name();
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (out.find(name) >= 0) name += "_" + std::to_string(i);
    out.columns.push_back({name, type, false});
  }
  if (out.columns.empty())
    throw Error(sqlstate::kFeatureNotSupported, "file \"" + path + "\" has no column of a type that can be read");
  return out;
}

}  // namespace tajo::storage::arrow_in
