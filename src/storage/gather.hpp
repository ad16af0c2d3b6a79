#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "tajo/data/vector.hpp"

namespace tajo::storage {

/// NULLs of one storage block while it fills; all valid until told otherwise.
class BlockValidity {
 public:
  BlockValidity() { reset(); }
  void reset() {
    bits_.fill(~std::uint64_t{0});
    nulls_ = 0;
  }
  void set_null(std::uint32_t row) {
    bits_[row >> 6] &= ~(std::uint64_t{1} << (row & 63));
    ++nulls_;
  }
  bool valid(std::uint32_t row) const { return ((bits_[row >> 6] >> (row & 63)) & 1) != 0; }
  std::uint64_t nulls() const { return nulls_; }
  const std::uint64_t* words() const { return bits_.data(); }

 private:
  std::array<std::uint64_t, data::kBlockRows / 64> bits_;
  std::uint64_t nulls_ = 0;
};

/// Which of a batch's selected rows: positions [from, to) of the selection.
struct RowRange {
  const data::Selection* selection;
  std::uint32_t from;
  std::uint32_t to;
};

namespace detail {

/// Values as they lie; 128-bit ones in a travelling block need not be aligned.
template <class S>
struct Values {
  const void* at;
  S operator[](std::size_t i) const {
    if constexpr (sizeof(S) <= 8) {
      return static_cast<const S*>(at)[i];
    } else {
      S value;
      std::memcpy(&value, static_cast<const std::byte*>(at) + i * sizeof value, sizeof value);
      return value;
    }
  }
};

template <class T, class S>
void gather_flat(const data::Vector& v, const RowRange& r, T* out, std::uint32_t first, BlockValidity& valid) {
  const Values<S> in{v.data};
  const std::uint16_t* rows = r.selection->rows;
  if (v.form == data::Vector::Form::kConstant) {
    bool null = !data::row_valid(v.valid, 0);
    for (std::uint32_t i = r.from; i < r.to; ++i) {
      out[i - r.from] = null ? T{} : static_cast<T>(in[0]);
      if (null) valid.set_null(first + i - r.from);
    }
    return;
  }
  if (rows == nullptr) {
    for (std::uint32_t i = r.from; i < r.to; ++i) out[i - r.from] = static_cast<T>(in[i]);
  } else {
    for (std::uint32_t i = r.from; i < r.to; ++i) out[i - r.from] = static_cast<T>(in[rows[i]]);
  }
  if (v.valid != nullptr) {
    for (std::uint32_t i = r.from; i < r.to; ++i) {
      if (data::row_valid(v.valid, (*r.selection)[i])) continue;
      out[i - r.from] = T{};
      valid.set_null(first + i - r.from);
    }
  }
  if constexpr (std::is_integral_v<S>) {
    if (v.form == data::Vector::Form::kStored && v.has_null_value) {
      for (std::uint32_t i = r.from; i < r.to; ++i) {
        if (static_cast<std::int64_t>(in[(*r.selection)[i]]) != v.null_value) continue;
        if (!data::row_valid(v.valid, (*r.selection)[i])) continue;
        out[i - r.from] = T{};
        valid.set_null(first + i - r.from);
      }
    }
  }
}

}  // namespace detail

/// The values of a vector of numbers (not kStr), whatever its form, as T; NULLs become zero and are noted in `valid`
/// from position `first` on.
template <class T>
void gather(const data::Vector& v, const RowRange& r, T* out, std::uint32_t first, BlockValidity& valid) {
  using detail::gather_flat;
  if (v.form == data::Vector::Form::kStored) {
    switch (v.stored) {
      case data::Stored::kI8: return gather_flat<T, std::int8_t>(v, r, out, first, valid);
      case data::Stored::kU8: return gather_flat<T, std::uint8_t>(v, r, out, first, valid);
      case data::Stored::kI16: return gather_flat<T, std::int16_t>(v, r, out, first, valid);
      case data::Stored::kU16: return gather_flat<T, std::uint16_t>(v, r, out, first, valid);
      case data::Stored::kI32: return gather_flat<T, std::int32_t>(v, r, out, first, valid);
      case data::Stored::kU32: return gather_flat<T, std::uint32_t>(v, r, out, first, valid);
      case data::Stored::kI64: return gather_flat<T, std::int64_t>(v, r, out, first, valid);
      case data::Stored::kF32: return gather_flat<T, float>(v, r, out, first, valid);
      case data::Stored::kF64: return gather_flat<T, double>(v, r, out, first, valid);
      case data::Stored::kI128: return gather_flat<T, __int128>(v, r, out, first, valid);
    }
  }
  switch (v.type) {
    case data::Physical::kBool: return gather_flat<T, std::uint8_t>(v, r, out, first, valid);
    case data::Physical::kI32: return gather_flat<T, std::int32_t>(v, r, out, first, valid);
    case data::Physical::kI64: return gather_flat<T, std::int64_t>(v, r, out, first, valid);
    case data::Physical::kI128: return gather_flat<T, __int128>(v, r, out, first, valid);
    case data::Physical::kF32: return gather_flat<T, float>(v, r, out, first, valid);
    case data::Physical::kF64: return gather_flat<T, double>(v, r, out, first, valid);
    case data::Physical::kStr: break;
  }
  TAJO_ASSERT(!"a column of numbers was given texts");
}

/// Calls f(position, Str*) for each row of a vector of texts, whatever its form; nullptr for NULL.
template <class F>
void for_each_text(const data::Vector& v, const RowRange& r, F&& f) {
  TAJO_ASSERT(v.type == data::Physical::kStr);
  auto code = [&v](std::uint32_t row) -> std::int64_t {
    if (v.form == data::Vector::Form::kCodes) return v.as<std::uint32_t>()[row];
    switch (v.stored) {
      case data::Stored::kI8: return v.as<std::int8_t>()[row];
      case data::Stored::kU8: return v.as<std::uint8_t>()[row];
      case data::Stored::kI16: return v.as<std::int16_t>()[row];
      case data::Stored::kU16: return v.as<std::uint16_t>()[row];
      case data::Stored::kI32: return v.as<std::int32_t>()[row];
      default: return v.as<std::uint32_t>()[row];
    }
  };
  bool coded = v.form == data::Vector::Form::kCodes || v.form == data::Vector::Form::kStored;
  for (std::uint32_t i = r.from; i < r.to; ++i) {
    std::uint32_t row = v.form == data::Vector::Form::kConstant ? 0 : (*r.selection)[i];
    const data::Str* text = nullptr;
    if (data::row_valid(v.valid, row)) {
      if (!coded) {
        text = &v.as<data::Str>()[row];
      } else if (std::int64_t c = code(row); !v.has_null_value || c != v.null_value) {
        TAJO_ASSERT(static_cast<std::uint64_t>(c) < v.dictionary->values.size());
        text = &v.dictionary->values[static_cast<std::size_t>(c)];
      }
    }
    f(i - r.from, text);
  }
}

}  // namespace tajo::storage
