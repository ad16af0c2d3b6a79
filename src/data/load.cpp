#include "tajo/data/load.hpp"

#include "tajo/common/error.hpp"
#include "tajo/data/isa.hpp"

namespace tajo::data {

namespace {

template <class From, class To>
struct Widen {
  [[gnu::always_inline]] static inline void run(const From* in, To* out, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) out[i] = static_cast<To>(in[i]);
  }
};

template <class From, class To>
struct WidenSelected {
  [[gnu::always_inline]] static inline void run(const From* in, To* out, const std::uint16_t* rows, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) out[rows[i]] = static_cast<To>(in[rows[i]]);
  }
};

template <class From>
struct NotEqualBits {
  [[gnu::always_inline]] static inline void run(const From* in, From spare, std::uint64_t* valid, std::uint32_t n) {
    std::uint32_t i = 0;
    for (; i + 64 <= n; i += 64) {
      std::uint64_t word = 0;
      for (std::uint32_t k = 0; k < 64; ++k) word |= static_cast<std::uint64_t>(in[i + k] != spare) << k;
      valid[i >> 6] = word;
    }
    if (i < n) {
      std::uint64_t word = 0;
      for (std::uint32_t k = 0; i + k < n; ++k) word |= static_cast<std::uint64_t>(in[i + k] != spare) << k;
      valid[i >> 6] = word;
    }
  }
};

/// Above this share of selected rows a straight loop over all of them is cheaper than the scattered one.
bool mostly(const Selection& selection, std::uint32_t rows) {
  return selection.rows == nullptr || selection.count * 4 >= rows;
}

template <class From, class To>
void widen(const void* in, void* out, std::uint32_t rows, const Selection& selection) {
  const auto* from = static_cast<const From*>(in);
  auto* to = static_cast<To*>(out);
  if (mostly(selection, rows)) run_kernel<Widen<From, To>>(from, to, rows);
  else run_kernel<WidenSelected<From, To>>(from, to, selection.rows, selection.count);
}

template <class To>
void widen_to(Stored stored, const void* in, void* out, std::uint32_t rows, const Selection& selection) {
  switch (stored) {
    case Stored::kI8: return widen<std::int8_t, To>(in, out, rows, selection);
    case Stored::kU8: return widen<std::uint8_t, To>(in, out, rows, selection);
    case Stored::kI16: return widen<std::int16_t, To>(in, out, rows, selection);
    case Stored::kU16: return widen<std::uint16_t, To>(in, out, rows, selection);
    case Stored::kI32: return widen<std::int32_t, To>(in, out, rows, selection);
    case Stored::kU32: return widen<std::uint32_t, To>(in, out, rows, selection);
    case Stored::kI64: return widen<std::int64_t, To>(in, out, rows, selection);
    default: TAJO_ASSERT(!"stored width does not load into this type");
  }
}

/// The width in which values already lie as their physical type wants them.
bool same_form(Physical type, Stored stored) {
  switch (type) {
    case Physical::kBool: return stored == Stored::kU8;
    case Physical::kI32: return stored == Stored::kI32;
    case Physical::kI64: return stored == Stored::kI64;
    case Physical::kI128: return stored == Stored::kI128;
    case Physical::kF32: return stored == Stored::kF32;
    case Physical::kF64: return stored == Stored::kF64;
    case Physical::kStr: return false;
  }
  return false;
}

template <class Code>
void load_strings(const Code* codes, const Dictionary& dictionary, const std::uint64_t* valid, Str* out,
                  std::uint32_t rows, const Selection& selection) {
  const std::size_t size = dictionary.values.size();
  const std::uint32_t n = selection.rows == nullptr ? rows : selection.count;
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t row = selection[i];
    const auto code = static_cast<std::size_t>(codes[row]);
    if (code < size) out[row] = dictionary.values[code];
    else if (row_valid(valid, row)) throw Error(sqlstate::kDataCorrupted, "dictionary code out of range");
    else out[row] = Str();
  }
}

template <class Code>
void copy_codes(const Code* codes, std::size_t size, const std::uint64_t* valid, std::uint32_t* out,
                std::uint32_t rows, const Selection& selection) {
  const std::uint32_t n = selection.rows == nullptr ? rows : selection.count;
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t row = selection[i];
    const auto code = static_cast<std::size_t>(codes[row]);
    if (code >= size && row_valid(valid, row)) throw Error(sqlstate::kDataCorrupted, "dictionary code out of range");
    out[row] = code < size ? static_cast<std::uint32_t>(code) : 0;
  }
}

template <class F>
void for_code_width(const Vector& in, F&& f) {
  if (in.form == Vector::Form::kCodes) return f(in.as<std::uint32_t>());
  switch (in.stored) {
    case Stored::kI8:
    case Stored::kU8: return f(in.as<std::uint8_t>());
    case Stored::kI16:
    case Stored::kU16: return f(in.as<std::uint16_t>());
    case Stored::kI32:
    case Stored::kU32: return f(in.as<std::uint32_t>());
    default: TAJO_ASSERT(!"dictionary codes have 8, 16 or 32 bits");
  }
}

}  // namespace

std::uint64_t* allocate_valid(Arena& arena, std::uint32_t rows) {
  const std::size_t words = (rows + 63) / 64;
  auto* valid = arena.array<std::uint64_t>(words);
  std::memset(valid, 0, words * 8);
  return valid;
}

const std::uint64_t* load_valid(const Vector& in, std::uint32_t rows, Arena& arena) {
  if (in.form != Vector::Form::kStored || !in.has_null_value) return in.valid;
  auto* valid = allocate_valid(arena, rows);
  const auto bits = [&]<class T>(const T* values) {
    run_kernel<NotEqualBits<T>>(values, static_cast<T>(in.null_value), valid, rows);
  };
  switch (in.stored) {
    case Stored::kI8: bits(in.as<std::int8_t>()); break;
    case Stored::kU8: bits(in.as<std::uint8_t>()); break;
    case Stored::kI16: bits(in.as<std::int16_t>()); break;
    case Stored::kU16: bits(in.as<std::uint16_t>()); break;
    case Stored::kI32: bits(in.as<std::int32_t>()); break;
    case Stored::kU32: bits(in.as<std::uint32_t>()); break;
    case Stored::kI64: bits(in.as<std::int64_t>()); break;
    default: TAJO_ASSERT(!"only integers carry a spare value");
  }
  if (in.valid != nullptr)
    for (std::uint32_t w = 0; w < (rows + 63) / 64; ++w) valid[w] &= in.valid[w];
  return valid;
}

Vector load(const Vector& in, std::uint32_t rows, const Selection& selection, Arena& arena) {
  if (in.form == Vector::Form::kFlat || in.form == Vector::Form::kConstant) return in;
  Vector out;
  out.type = in.type;
  out.valid = load_valid(in, rows, arena);
  if (in.type == Physical::kStr) {
    TAJO_ASSERT(in.dictionary != nullptr);
    auto* values = arena.array<Str>(rows);
    for_code_width(in, [&](const auto* codes) {
      load_strings(codes, *in.dictionary, out.valid, values, rows, selection);
    });
    out.data = values;
    return out;
  }
  if (same_form(in.type, in.stored)) {
    out.data = in.data;
    return out;
  }
  void* values = arena.allocate(rows * physical_width(in.type), 64);
  out.data = values;
  switch (in.type) {
    case Physical::kBool: widen_to<std::uint8_t>(in.stored, in.data, values, rows, selection); break;
    case Physical::kI32: widen_to<std::int32_t>(in.stored, in.data, values, rows, selection); break;
    case Physical::kI64: widen_to<std::int64_t>(in.stored, in.data, values, rows, selection); break;
    case Physical::kI128: widen_to<__int128>(in.stored, in.data, values, rows, selection); break;
    case Physical::kF64:
      if (in.stored == Stored::kF32) widen<float, double>(in.data, values, rows, selection);
      else widen_to<double>(in.stored, in.data, values, rows, selection);
      break;
    case Physical::kF32: widen_to<float>(in.stored, in.data, values, rows, selection); break;
    case Physical::kStr: break;
  }
  return out;
}

const std::uint32_t* load_codes(const Vector& in, std::uint32_t rows, const Selection& selection, Arena& arena,
                                const std::uint64_t*& valid_out) {
  TAJO_ASSERT(in.type == Physical::kStr && in.dictionary != nullptr);
  valid_out = load_valid(in, rows, arena);
  auto* codes = arena.array<std::uint32_t>(rows);
  for_code_width(in, [&](const auto* from) {
    copy_codes(from, in.dictionary->values.size(), valid_out, codes, rows, selection);
  });
  return codes;
}

}  // namespace tajo::data
