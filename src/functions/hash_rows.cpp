// One hash function for partitioning, tables and Bloom filters: integers of any width hash by value, text by bytes.
#include <cmath>
#include <cstring>

#include "kernel.hpp"
#include "tajo/data/isa.hpp"

namespace tajo::functions {

using data::Stored;
using Form = Vector::Form;

namespace {

constexpr std::uint64_t kNullHash = 0x9AE16A3B2F90404FULL;
constexpr std::uint64_t kFirst = 0xBF58476D1CE4E5B9ULL;
constexpr std::uint64_t kSecond = 0x94D049BB133111EBULL;

[[gnu::always_inline]] inline std::uint64_t mix(std::uint64_t h) {
  h = (h ^ (h >> 30)) * kFirst;
  h = (h ^ (h >> 27)) * kSecond;
  return h ^ (h >> 31);
}
/// The state starts at 0; every column turns it once.
[[gnu::always_inline]] inline std::uint64_t combine(std::uint64_t state, std::uint64_t value) {
  return mix(state * 0x9E3779B97F4A7C15ULL + value + 0x9E3779B97F4A7C15ULL);
}

std::uint64_t hash_bytes(const char* data, std::size_t size) {
  std::uint64_t h = size * kFirst;
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, data + i, 8);
    h = (h ^ mix(word)) * 0x9E3779B97F4A7C15ULL;
  }
  std::uint64_t word = 0;
  std::memcpy(&word, data + i, size - i);
  return mix(h ^ word);
}

template <class T>
[[gnu::always_inline]] inline std::uint64_t number(T v) {
  if constexpr (std::is_same_v<T, __int128>) {
    const auto low = static_cast<std::int64_t>(v);
    if (low == v) return static_cast<std::uint64_t>(low);
    return static_cast<std::uint64_t>(low) ^ mix(static_cast<std::uint64_t>(v >> 64));
  } else if constexpr (std::is_floating_point_v<T>) {
    auto wide = static_cast<double>(v);
    if (wide == 0) wide = 0;  // -0 equals 0
    std::uint64_t bits;
    std::memcpy(&bits, &wide, 8);
    return wide != wide ? 0x7FF8000000000000ULL : bits;  // one NaN
  } else {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(v));
  }
}

template <class T>
struct DenseHash {
  [[gnu::always_inline]] static inline void run(const T* in, std::uint64_t* out, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) out[i] = combine(out[i], number(in[i]));
  }
};

template <class T>
void hash_numbers(const T* in, const Vector& v, const Selection& selection, std::uint64_t* out) {
  const bool spare = v.form == Form::kStored && v.has_null_value;
  if (v.form == Form::kConstant) {
    const std::uint64_t value = data::row_valid(v.valid, 0) ? number(in[0]) : kNullHash;
    for (std::uint32_t i = 0; i < selection.count; ++i) out[i] = combine(out[i], value);
    return;
  }
  if (v.valid == nullptr && !spare) {
    if (selection.rows == nullptr) return data::run_kernel<DenseHash<T>>(in, out, selection.count);
    for (std::uint32_t i = 0; i < selection.count; ++i) out[i] = combine(out[i], number(in[selection.rows[i]]));
    return;
  }
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint32_t row = selection[i];
    bool null = !data::row_valid(v.valid, row);
    if constexpr (std::is_integral_v<T> && sizeof(T) <= 8) null = null || (spare && in[row] == static_cast<T>(v.null_value));
    out[i] = combine(out[i], null ? kNullHash : number(in[row]));
  }
}

void hash_texts(const Vector& v, const Selection& selection, std::uint64_t* out) {
  const auto* strings = v.as<Str>();
  const std::uint32_t stride = v.form == Form::kConstant ? 0 : 1;
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint32_t row = selection[i] * stride;
    const Str& s = strings[row];
    out[i] = combine(out[i], data::row_valid(v.valid, row) ? hash_bytes(s.view().data(), s.size) : kNullHash);
  }
}

template <class Code>
void hash_codes(const Code* codes, const Vector& v, const Selection& selection, std::uint64_t* out) {
  const auto entries = v.dictionary->values;
  const bool spare = v.form == Form::kStored && v.has_null_value;
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint32_t row = selection[i];
    const auto code = static_cast<std::size_t>(codes[row]);
    const bool null = !data::row_valid(v.valid, row) || (spare && codes[row] == static_cast<Code>(v.null_value));
    if (!null && code >= entries.size()) throw Error(sqlstate::kDataCorrupted, "dictionary code out of range");
    out[i] = combine(out[i], null ? kNullHash : hash_bytes(entries[code].view().data(), entries[code].size));
  }
}

void hash_column(const Vector& v, const Selection& selection, std::uint64_t* out) {
  if (v.type == Physical::kStr) {
    if (v.form == Form::kCodes) return hash_codes(v.as<std::uint32_t>(), v, selection, out);
    if (v.form != Form::kStored) return hash_texts(v, selection, out);
    switch (data::stored_width(v.stored)) {
      case 1: return hash_codes(v.as<std::uint8_t>(), v, selection, out);
      case 2: return hash_codes(v.as<std::uint16_t>(), v, selection, out);
      default: return hash_codes(v.as<std::uint32_t>(), v, selection, out);
    }
  }
  if (v.form == Form::kStored) {
    switch (v.stored) {
      case Stored::kI8: return hash_numbers(v.as<std::int8_t>(), v, selection, out);
      case Stored::kU8: return hash_numbers(v.as<std::uint8_t>(), v, selection, out);
      case Stored::kI16: return hash_numbers(v.as<std::int16_t>(), v, selection, out);
      case Stored::kU16: return hash_numbers(v.as<std::uint16_t>(), v, selection, out);
      case Stored::kI32: return hash_numbers(v.as<std::int32_t>(), v, selection, out);
      case Stored::kU32: return hash_numbers(v.as<std::uint32_t>(), v, selection, out);
      case Stored::kI64: return hash_numbers(v.as<std::int64_t>(), v, selection, out);
      case Stored::kF32: return hash_numbers(v.as<float>(), v, selection, out);
      case Stored::kF64: return hash_numbers(v.as<double>(), v, selection, out);
      case Stored::kI128: return hash_numbers(v.as<__int128>(), v, selection, out);
    }
  }
  switch (v.type) {
    case Physical::kBool: return hash_numbers(v.as<std::uint8_t>(), v, selection, out);
    case Physical::kI32: return hash_numbers(v.as<std::int32_t>(), v, selection, out);
    case Physical::kI64: return hash_numbers(v.as<std::int64_t>(), v, selection, out);
    case Physical::kI128: return hash_numbers(v.as<__int128>(), v, selection, out);
    case Physical::kF32: return hash_numbers(v.as<float>(), v, selection, out);
    case Physical::kF64: return hash_numbers(v.as<double>(), v, selection, out);
    case Physical::kStr: return;
  }
}

}  // namespace

void hash_rows(std::span<const Vector> keys, const Selection& selection, std::uint64_t* out) {
  std::memset(out, 0, selection.count * sizeof *out);
  for (const Vector& key : keys) hash_column(key, selection, out);
}

}  // namespace tajo::functions
