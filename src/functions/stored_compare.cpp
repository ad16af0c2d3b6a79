#include "stored_compare.hpp"

#include <limits>
#include <type_traits>

#include "bits.hpp"
#include "tajo/data/isa.hpp"

namespace tajo::functions {

using data::Stored;
using Form = Vector::Form;

namespace {

/// One unsigned comparison a row: value - lo <= hi - lo.
template <class T>
struct InRange {
  using U = std::make_unsigned_t<T>;
  [[gnu::always_inline]] static inline void run(const T* in, T lo, U span, std::uint8_t* mask, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i)
      mask[i] &= static_cast<U>(static_cast<U>(in[i]) - static_cast<U>(lo)) <= span;
  }
};
template <class T>
struct OutOfRange {
  using U = std::make_unsigned_t<T>;
  [[gnu::always_inline]] static inline void run(const T* in, T lo, U span, std::uint8_t* mask, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i)
      mask[i] &= static_cast<U>(static_cast<U>(in[i]) - static_cast<U>(lo)) > span;
  }
};
template <class T>
struct Differs {
  [[gnu::always_inline]] static inline void run(const T* in, T value, std::uint8_t* mask, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) mask[i] &= in[i] != value;
  }
};

/// The test brought to the width T: nothing, everything, or a range with a NULL value to leave out.
template <class T>
struct Narrow {
  bool none = false;
  bool all = false;
  T lo = 0;
  std::make_unsigned_t<T> span = 0;
  bool skip_null = false;  // the spare value would pass
  T null_value = 0;

  Narrow(const Vector& in, const RangeTest& test) {
    constexpr __int128 least = std::numeric_limits<T>::min();
    constexpr __int128 most = std::numeric_limits<T>::max();
    const __int128 low = test.lo < least ? least : test.lo;
    const __int128 high = test.hi > most ? most : test.hi;
    const bool empty = low > high;
    const bool full = !empty && low == least && high == most;
    none = test.negated ? full : empty;
    all = test.negated ? empty : full;
    lo = static_cast<T>(empty ? 0 : low);
    span = static_cast<std::make_unsigned_t<T>>(empty ? 0 : high - low);
    if (in.form == Form::kStored && in.has_null_value) {
      null_value = static_cast<T>(in.null_value);
      const bool inside = !empty && null_value >= low && null_value <= high;
      skip_null = inside != test.negated;
    }
  }
};

/// Calls f with the vector's data in its stored type; false for floats and 128-bit values.
template <class F>
bool with_stored(const Vector& in, F&& f) {
  if (in.form == Form::kFlat) {
    if (in.type == Physical::kI32) f(in.as<std::int32_t>());
    else if (in.type == Physical::kI64) f(in.as<std::int64_t>());
    else return false;
    return true;
  }
  if (in.form == Form::kCodes) {
    f(in.as<std::uint32_t>());
    return true;
  }
  if (in.form != Form::kStored) return false;
  switch (in.stored) {
    case Stored::kI8: f(in.as<std::int8_t>()); return true;
    case Stored::kU8: f(in.as<std::uint8_t>()); return true;
    case Stored::kI16: f(in.as<std::int16_t>()); return true;
    case Stored::kU16: f(in.as<std::uint16_t>()); return true;
    case Stored::kI32: f(in.as<std::int32_t>()); return true;
    case Stored::kU32: f(in.as<std::uint32_t>()); return true;
    case Stored::kI64: f(in.as<std::int64_t>()); return true;
    default: return false;
  }
}

template <class T>
std::uint32_t select_range(const T* in, const Vector& v, const RangeTest& test, const Selection& selection,
                           std::uint16_t* out) {
  const Narrow<T> narrow(v, test);
  if (narrow.none) return 0;
  using U = std::make_unsigned_t<T>;
  std::uint32_t n = 0;
  const bool negated = test.negated && !narrow.all;
  const bool always = narrow.all;
  const bool plain = !narrow.skip_null && v.valid == nullptr;
  for_rows(selection, [&](std::uint32_t row) {
    const T value = in[row];
    bool pass = always || ((static_cast<U>(static_cast<U>(value) - static_cast<U>(narrow.lo)) <= narrow.span) != negated);
    if (!plain) pass = pass && !(narrow.skip_null && value == narrow.null_value) && data::row_valid(v.valid, row);
    out[n] = static_cast<std::uint16_t>(row);
    n += pass ? 1 : 0;
  });
  return n;
}

template <class T, char kOp>
struct PairLoop {
  [[gnu::always_inline]] static inline void run(const T* a, const T* b, std::uint8_t* mask, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) {
      if constexpr (kOp == '<') mask[i] &= a[i] < b[i];
      if constexpr (kOp == 'l') mask[i] &= a[i] <= b[i];
      if constexpr (kOp == '=') mask[i] &= a[i] == b[i];
      if constexpr (kOp == '!') mask[i] &= a[i] != b[i];
    }
  }
};

}  // namespace

bool range_mask(const Vector& in, const RangeTest& test, std::uint8_t* mask, std::uint32_t rows) {
  const bool handled = with_stored(in, [&]<class T>(const T* values) {
    using U = std::make_unsigned_t<T>;
    const Narrow<T> narrow(in, test);
    if (narrow.none) {
      std::memset(mask, 0, rows);
      return;
    }
    if (!narrow.all) {
      if (test.negated) data::run_kernel<OutOfRange<T>, const T*, T, U>(values, narrow.lo, narrow.span, mask, rows);
      else data::run_kernel<InRange<T>, const T*, T, U>(values, narrow.lo, narrow.span, mask, rows);
    }
    if (narrow.skip_null) data::run_kernel<Differs<T>>(values, narrow.null_value, mask, rows);
  });
  if (handled && in.valid != nullptr) and_bits(mask, in.valid, rows);
  return handled;
}

std::int64_t range_select(const Vector& in, const RangeTest& test, const Selection& selection, std::uint16_t* out) {
  std::int64_t n = -1;
  with_stored(in, [&](const auto* values) { n = select_range(values, in, test, selection, out); });
  return n;
}

bool pair_mask(const Vector& a, const Vector& b, char op, std::uint8_t* mask, std::uint32_t rows) {
  if (a.form != b.form || a.type != b.type || a.valid != nullptr || b.valid != nullptr) return false;
  if (a.form == Form::kStored && (a.stored != b.stored || a.has_null_value || b.has_null_value)) return false;
  return with_stored(a, [&]<class T>(const T* left) {
    const T* right = b.as<T>();
    switch (op) {
      case '<': return data::run_kernel<PairLoop<T, '<'>>(left, right, mask, rows);
      case 'l': return data::run_kernel<PairLoop<T, 'l'>>(left, right, mask, rows);
      case '=': return data::run_kernel<PairLoop<T, '='>>(left, right, mask, rows);
      default: return data::run_kernel<PairLoop<T, '!'>>(left, right, mask, rows);
    }
  });
}

namespace {

/// Codes may lie beyond the dictionary only where the row is NULL: by its spare value or its bit.
template <class T>
std::uint32_t table_index(T code, std::uint32_t entries, const std::uint64_t* valid, std::uint32_t row) {
  const auto index = static_cast<std::uint32_t>(static_cast<std::make_unsigned_t<T>>(code));
  return index < entries && data::row_valid(valid, row) ? index : entries;
}

}  // namespace

void table_mask(const Vector& in, const std::uint8_t* table, std::uint32_t entries, std::uint8_t* mask, std::uint32_t rows) {
  with_stored(in, [&](const auto* codes) {
    for (std::uint32_t row = 0; row < rows; ++row) mask[row] &= table[table_index(codes[row], entries, in.valid, row)];
  });
}

std::uint32_t table_select(const Vector& in, const std::uint8_t* table, std::uint32_t entries, const Selection& selection,
                           std::uint16_t* out) {
  std::uint32_t n = 0;
  with_stored(in, [&](const auto* codes) {
    for_rows(selection, [&](std::uint32_t row) {
      out[n] = static_cast<std::uint16_t>(row);
      n += table[table_index(codes[row], entries, in.valid, row)];
    });
  });
  return n;
}

}  // namespace tajo::functions
