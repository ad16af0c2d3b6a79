#include "arithmetic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tajo/data/isa.hpp"
#include "types.hpp"

namespace tajo::functions {

namespace {

using data::run_kernel;

template <class T>
struct Unsigned {
  using type = std::make_unsigned_t<T>;
};
template <>
struct Unsigned<float> {
  using type = float;
};
template <>
struct Unsigned<double> {
  using type = double;
};
template <class T>
using Wrap = typename Unsigned<T>::type;

// Plain operations wrap around; the checked forms say so.
struct Add {
  template <class T>
  [[gnu::always_inline]] static T apply(T a, T b) { return static_cast<T>(static_cast<Wrap<T>>(a) + static_cast<Wrap<T>>(b)); }
  template <class T>
  static bool checked(T a, T b, T& out) { return __builtin_add_overflow(a, b, &out); }
};
struct Subtract {
  template <class T>
  [[gnu::always_inline]] static T apply(T a, T b) { return static_cast<T>(static_cast<Wrap<T>>(a) - static_cast<Wrap<T>>(b)); }
  template <class T>
  static bool checked(T a, T b, T& out) { return __builtin_sub_overflow(a, b, &out); }
};
struct Multiply {
  template <class T>
  [[gnu::always_inline]] static T apply(T a, T b) { return static_cast<T>(static_cast<Wrap<T>>(a) * static_cast<Wrap<T>>(b)); }
  template <class T>
  static bool checked(T a, T b, T& out) { return __builtin_mul_overflow(a, b, &out); }
};

template <class Op, class T>
struct VectorVector {
  [[gnu::always_inline]] static inline void run(const T* a, const T* b, T* out, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) out[i] = Op::apply(a[i], b[i]);
  }
};
template <class Op, class T>
struct VectorConstant {
  [[gnu::always_inline]] static inline void run(const T* a, const T* b, T* out, std::uint32_t n) {
    const T c = *b;
    for (std::uint32_t i = 0; i < n; ++i) out[i] = Op::apply(a[i], c);
  }
};
template <class Op, class T>
struct ConstantVector {
  [[gnu::always_inline]] static inline void run(const T* a, const T* b, T* out, std::uint32_t n) {
    const T c = *a;
    for (std::uint32_t i = 0; i < n; ++i) out[i] = Op::apply(c, b[i]);
  }
};

template <class T>
struct Pair {
  const T* a;
  const T* b;
  std::uint32_t a_stride;
  std::uint32_t b_stride;
  T* out;
};
template <class T>
Pair<T> operands(const KernelCall& call) {
  return {call.in[0].as<T>(), call.in[1].as<T>(), call.in[0].form == Vector::Form::kConstant ? 0U : 1U,
          call.in[1].form == Vector::Form::kConstant ? 0U : 1U, static_cast<T*>(call.out)};
}

template <class Op, class T>
void plain(KernelCall& call) {
  const Pair<T> p = operands<T>(call);
  if (call.dense() && p.a_stride + p.b_stride > 0) {
    if (p.b_stride == 0) run_kernel<VectorConstant<Op, T>>(p.a, p.b, p.out, call.rows);
    else if (p.a_stride == 0) run_kernel<ConstantVector<Op, T>>(p.a, p.b, p.out, call.rows);
    else run_kernel<VectorVector<Op, T>>(p.a, p.b, p.out, call.rows);
    return;
  }
  for_rows(call.selection, [&](std::uint32_t row) { p.out[row] = Op::apply(p.a[row * p.a_stride], p.b[row * p.b_stride]); });
}

template <class Op, class T>
void checked(KernelCall& call) {
  const Pair<T> p = operands<T>(call);
  T limit = std::numeric_limits<T>::max();
  if (call.call.type.id == TypeId::kDecimal && sizeof(T) == 16) limit = static_cast<T>(data::power_of_ten(kMaxPrecision) - 1);
  const T least = call.call.type.id == TypeId::kDecimal && sizeof(T) == 16 ? -limit : std::numeric_limits<T>::min();
  bool failed = false;
  for_rows(call.selection, [&](std::uint32_t row) {
    T value;
    failed |= Op::checked(p.a[row * p.a_stride], p.b[row * p.b_stride], value);
    failed |= value > limit || value < least;
    p.out[row] = value;
  });
  if (failed) out_of_range(call.call.type);
}

template <class Op, class T>
void checked_float(KernelCall& call) {
  const Pair<T> p = operands<T>(call);
  bool overflow = false;
  bool underflow = false;
  for_rows(call.selection, [&](std::uint32_t row) {
    const T a = p.a[row * p.a_stride];
    const T b = p.b[row * p.b_stride];
    const T value = Op::apply(a, b);
    overflow |= std::isinf(value) && !std::isinf(a) && !std::isinf(b);
    if constexpr (std::is_same_v<Op, Multiply>) underflow |= value == 0 && a != 0 && b != 0;
    p.out[row] = value;
  });
  if (overflow) throw Error(sqlstate::kNumericOutOfRange, "value out of range: overflow");
  if (underflow) throw Error(sqlstate::kNumericOutOfRange, "value out of range: underflow");
}

template <class T>
T divide_float(KernelCall&, T a, T b) {
  if (b == 0) division_by_zero();
  const T value = a / b;
  if (std::isinf(value) && !std::isinf(a)) throw Error(sqlstate::kNumericOutOfRange, "value out of range: overflow");
  if (value == 0 && a != 0 && !std::isinf(b)) throw Error(sqlstate::kNumericOutOfRange, "value out of range: underflow");
  return value;
}
template <class T>
T divide_integer(KernelCall& call, T a, T b) {
  if (b == 0) division_by_zero();
  if (b == -1) {
    if (a == std::numeric_limits<T>::min()) out_of_range(call.call.type);
    return static_cast<T>(-a);
  }
  return static_cast<T>(a / b);
}
template <class T>
T remainder(KernelCall&, T a, T b) {
  if (b == 0) division_by_zero();
  return b == -1 ? T{0} : static_cast<T>(a % b);
}

using Wide = unsigned __int128;

/// a * factor / b, rounded half away from zero, with a 256-bit product.
Wide multiply_divide(Wide a, Wide factor, Wide b, bool& overflow) {
  constexpr Wide kLow = ~std::uint64_t{0};
  const Wide low = (a & kLow) * (factor & kLow);
  const Wide middle1 = (a >> 64) * (factor & kLow);
  const Wide middle2 = (a & kLow) * (factor >> 64);
  Wide high = (a >> 64) * (factor >> 64);
  Wide middle = (low >> 64) + (middle1 & kLow) + (middle2 & kLow);
  high += (middle1 >> 64) + (middle2 >> 64) + (middle >> 64);
  const Wide bottom = (low & kLow) | (middle << 64);
  overflow = high >= b;
  if (overflow) return 0;
  Wide rest = high;
  Wide quotient = 0;
  for (int bit = 127; bit >= 0; --bit) {  // schoolbook: only for quotients whose dividend needs more than 127 bits
    const bool carry = (rest >> 127) != 0;
    rest = (rest << 1) | ((bottom >> bit) & 1);
    quotient <<= 1;
    if (carry || rest >= b) {
      rest -= b;
      quotient |= 1;
    }
  }
  if (rest >= b - rest) ++quotient;
  return quotient;
}

__int128 divide_decimal(KernelCall& call, __int128 a, __int128 b) {
  if (b == 0) division_by_zero();
  const int up = call.call.type.scale - call.call.args[0]->type.scale + call.call.args[1]->type.scale;
  const bool negative = (a < 0) != (b < 0);
  const Wide x = a < 0 ? -static_cast<Wide>(a) : static_cast<Wide>(a);
  const Wide y = b < 0 ? -static_cast<Wide>(b) : static_cast<Wide>(b);
  Wide quotient = 0;
  Wide scaled = 0;
  bool overflow = false;
  const int first = up > kMaxPrecision ? kMaxPrecision : up;
  const auto factor = static_cast<Wide>(data::power_of_ten(first));
  if (up > kMaxPrecision) {
    overflow = x != 0;  // more than 38 digits after the point of the dividend: never from the rules of quotient_type
  } else if (!__builtin_mul_overflow(x, factor, &scaled)) {
    if ((scaled >> 64) == 0 && (y >> 64) == 0) {  // the hardware divides 64 by 64 bits several times faster
      const auto n = static_cast<std::uint64_t>(scaled);
      const auto d = static_cast<std::uint64_t>(y);
      quotient = n / d;
      const std::uint64_t rest = n % d;
      if (rest >= d - rest) ++quotient;
    } else {
      quotient = scaled / y;
      const Wide rest = scaled - quotient * y;
      if (rest >= y - rest) ++quotient;
    }
  } else {
    quotient = multiply_divide(x, factor, y, overflow);
  }
  if (overflow || quotient >= static_cast<Wide>(data::power_of_ten(kMaxPrecision))) out_of_range(call.call.type);
  return negative ? -static_cast<__int128>(quotient) : static_cast<__int128>(quotient);
}

/// A product whose type has fewer digits after the point than its factors together.
__int128 multiply_rounded(KernelCall& call, __int128 a, __int128 b) {
  const int down = call.call.args[0]->type.scale + call.call.args[1]->type.scale - call.call.type.scale;
  const bool negative = (a < 0) != (b < 0);
  const Wide x = a < 0 ? -static_cast<Wide>(a) : static_cast<Wide>(a);
  const Wide y = b < 0 ? -static_cast<Wide>(b) : static_cast<Wide>(b);
  const auto unit = static_cast<Wide>(data::power_of_ten(std::min(down, kMaxPrecision)));
  bool overflow = false;
  Wide product = 0;
  if (!__builtin_mul_overflow(x, y, &product)) {
    const Wide rest = product % unit;
    product = product / unit + (rest >= unit - rest ? 1 : 0);
  } else {
    product = multiply_divide(x, y, unit, overflow);
  }
  if (overflow || product >= static_cast<Wide>(data::power_of_ten(kMaxPrecision))) out_of_range(call.call.type);
  return negative ? -static_cast<__int128>(product) : static_cast<__int128>(product);
}

template <class T>
void negate(KernelCall& call) {
  const T* in = call.in[0].as<T>();
  auto* out = static_cast<T*>(call.out);
  const std::uint32_t stride = call.in[0].form == Vector::Form::kConstant ? 0 : 1;
  for_rows(call.selection, [&](std::uint32_t row) {
    const T value = in[row * stride];
    if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
      if (value == std::numeric_limits<T>::min()) out_of_range(call.call.type);
    out[row] = static_cast<T>(-value);
  });
}

template <class T>
Kernel pick(char op, bool check) {
  constexpr bool kIsFloat = std::is_floating_point_v<T>;
  switch (op) {
    case '+':
      if constexpr (kIsFloat) return check ? &checked_float<Add, T> : &plain<Add, T>;
      else return check ? &checked<Add, T> : &plain<Add, T>;
    case '-':
      if constexpr (kIsFloat) return check ? &checked_float<Subtract, T> : &plain<Subtract, T>;
      else return check ? &checked<Subtract, T> : &plain<Subtract, T>;
    case '*':
      if constexpr (kIsFloat) return check ? &checked_float<Multiply, T> : &plain<Multiply, T>;
      else return check ? &checked<Multiply, T> : &plain<Multiply, T>;
    case '/':
      if constexpr (kIsFloat) return scalar<divide_float<T>>;
      else if constexpr (sizeof(T) == 16) return scalar<divide_decimal>;
      else return scalar<divide_integer<T>>;
    case '%':
      if constexpr (kIsFloat) return nullptr;
      else return scalar<remainder<T>>;
    default: return nullptr;
  }
}

Kernel pick_negate(Physical physical) {
  switch (physical) {
    case Physical::kI32: return &negate<std::int32_t>;
    case Physical::kI64: return &negate<std::int64_t>;
    case Physical::kF32: return &negate<float>;
    case Physical::kF64: return &negate<double>;
    default: return &negate<__int128>;
  }
}

bool wraps_never(const Expression& call) {
  if (call.type.id == TypeId::kDecimal && call.type.precision < kMaxPrecision) return true;  // the rules leave room
  return call.bounds.proved;
}

}  // namespace

bool is_arithmetic(const std::string& f) { return f == "+" || f == "-" || f == "*" || f == "/" || f == "%"; }

bool arithmetic_can_fail(const Expression& call) {
  if (call.function == "/" || call.function == "%") {
    // A constant divisor other than 0 and -1 is safe; a decimal quotient may still need more than 38 digits.
    const Expression& divisor = *call.args[1];
    if (divisor.kind != Expression::Kind::kConstant || data::is_null(divisor.constant)) return true;
    if (call.type.is_float()) return true;
    const __int128 value = data::integer_value(divisor.constant);
    return value == 0 || value == -1 || (call.type.id == TypeId::kDecimal && call.function == "/" && !call.bounds.proved);
  }
  if (call.type.is_float()) return call.args.size() == 2;
  if (call.args.size() == 1) return call.type.id != TypeId::kDecimal && !call.bounds.proved;
  return !wraps_never(call);
}

ArithmeticPlan plan_arithmetic(const Expression& call, std::span<const Physical> operands) {
  Physical form = data::physical_of(call.type);
  if (call.type.id == TypeId::kDecimal) {
    const bool narrow = call.physical == Physical::kI64 && call.function != "/" &&
                        std::all_of(operands.begin(), operands.end(), [](Physical p) { return p != Physical::kI128; });
    form = narrow ? Physical::kI64 : Physical::kI128;
  }
  if (call.args.size() == 1) return {pick_negate(form), form, form};
  const char op = call.function[0];
  const bool check = !wraps_never(call);
  if (op == '*' && call.type.id == TypeId::kDecimal &&
      call.type.scale < call.args[0]->type.scale + call.args[1]->type.scale)
    return {scalar<multiply_rounded>, Physical::kI128, Physical::kI128};
  switch (form) {
    case Physical::kI32: return {pick<std::int32_t>(op, check), form, form};
    case Physical::kI64: return {pick<std::int64_t>(op, check), form, form};
    case Physical::kF32: return {pick<float>(op, true), form, form};
    case Physical::kF64: return {pick<double>(op, true), form, form};
    default: return {pick<__int128>(op, check), Physical::kI128, Physical::kI128};
  }
}

}  // namespace tajo::functions
