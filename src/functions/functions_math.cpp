// Mathematical functions. Decimal arguments arrive as 128-bit integers with the scale of their own type.
#include <cmath>
#include <limits>

#include "registry.hpp"
#include "tajo/common/random.hpp"
#include "types.hpp"

namespace tajo::functions {

namespace {

using std::int32_t;
using std::int64_t;

[[noreturn]] void bad_input(const char* message) { throw Error(sqlstate::kNumericOutOfRange, message); }

template <class T>
T absolute(KernelCall& c, T v) {
  if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
    if (v == std::numeric_limits<T>::min()) out_of_range(c.call.type);
  return v < 0 ? static_cast<T>(-v) : v;
}
double sign_float(KernelCall&, double v) { return v > 0 ? 1 : v < 0 ? -1 : v; }
__int128 sign_decimal(KernelCall&, __int128 v) { return v > 0 ? 1 : v < 0 ? -1 : 0; }

// --- rounding
int constant_digits(const std::vector<ExpressionPtr>& args, int otherwise) {
  if (args.size() < 2) return 0;
  const Expression& digits = *args[1];
  if (digits.kind != Expression::Kind::kConstant || data::is_null(digits.constant)) return otherwise;
  const __int128 n = data::integer_value(digits.constant);
  return n < 0 ? 0 : n > kMaxPrecision ? kMaxPrecision : static_cast<int>(n);
}
Type rounded_type(const std::vector<ExpressionPtr>& args) {
  const Type& type = args[0]->type;
  const int scale = std::min<int>(constant_digits(args, type.scale), type.scale);
  return Type::decimal(std::min(type.precision - type.scale + scale + 1, kMaxPrecision), scale);
}
Type whole_type(const std::vector<ExpressionPtr>& args) {
  const Type& type = args[0]->type;
  return Type::decimal(std::min(type.precision - type.scale + 1, kMaxPrecision), 0);
}
Type same_type(const std::vector<ExpressionPtr>& args) { return args[0]->type; }
Type sign_type(const std::vector<ExpressionPtr>&) { return Type::decimal(1, 0); }

/// `v` with `digits` digits after the point, in the scale of the result.
__int128 round_at(KernelCall& c, __int128 v, int32_t digits, bool truncate) {
  const int from = c.call.args[0]->type.scale;
  const int to = c.call.type.scale;
  const int keep = digits < from ? (digits < -kMaxPrecision ? -kMaxPrecision : digits) : from;
  __int128 out = v;
  if (from - keep > kMaxPrecision) return 0;
  if (truncate) out = v / data::power_of_ten(from - keep);
  else data::rescale_decimal(v, from - keep, 0, out);
  if (to < keep) data::rescale_decimal(out, keep - to, 0, out);
  else if (!data::rescale_decimal(out, 0, to - keep, out)) out_of_range(c.call.type);
  return out;
}
__int128 round_decimal(KernelCall& c, __int128 v) { return round_at(c, v, 0, false); }
__int128 round_decimal_to(KernelCall& c, __int128 v, int32_t digits) { return round_at(c, v, digits, false); }
__int128 trunc_decimal(KernelCall& c, __int128 v) { return round_at(c, v, 0, true); }
__int128 trunc_decimal_to(KernelCall& c, __int128 v, int32_t digits) { return round_at(c, v, digits, true); }
__int128 floor_decimal(KernelCall& c, __int128 v) {
  const __int128 unit = data::power_of_ten(c.call.args[0]->type.scale);
  return v / unit - (v % unit < 0 ? 1 : 0);
}
__int128 ceil_decimal(KernelCall& c, __int128 v) {
  const __int128 unit = data::power_of_ten(c.call.args[0]->type.scale);
  return v / unit + (v % unit > 0 ? 1 : 0);
}
double round_float(KernelCall&, double v) { return std::nearbyint(v); }
/// Tajo's round(FLOAT8, INT4): PostgreSQL has it for numeric only.
double round_float_to(KernelCall&, double v, int32_t digits) {
  if (!std::isfinite(v) || digits > 300) return v;
  const double unit = std::pow(10.0, digits);
  const double scaled = v * unit;
  if (!std::isfinite(scaled)) return v;
  return std::round(scaled) / unit;
}
double trunc_float(KernelCall&, double v) { return std::trunc(v); }
double floor_float(KernelCall&, double v) { return std::floor(v); }
double ceil_float(KernelCall&, double v) { return std::ceil(v); }

// --- powers
double checked(double value, bool finite_input) {
  if (std::isinf(value) && finite_input) bad_input("value out of range: overflow");
  return value;
}
double square_root(KernelCall&, double v) {
  if (v < 0) throw Error("2201F", "cannot take square root of a negative number");
  return std::sqrt(v);
}
double cube_root(KernelCall&, double v) { return std::cbrt(v); }
double exponential(KernelCall&, double v) { return checked(std::exp(v), std::isfinite(v)); }
double logarithm(double v) {
  if (v == 0) throw Error("2201E", "cannot take logarithm of zero");
  if (v < 0) throw Error("2201E", "cannot take logarithm of a negative number");
  return std::log(v);
}
double natural_log(KernelCall&, double v) { return logarithm(v); }
double log_of_ten(KernelCall&, double v) {
  logarithm(v);
  return std::log10(v);
}
double log_to_base(KernelCall&, double base, double v) {
  const double divisor = logarithm(base);
  if (divisor == 0) division_by_zero();
  return logarithm(v) / divisor;
}
double power(KernelCall&, double base, double exponent) {
  if (base == 0 && exponent < 0) throw Error("2201F", "zero raised to a negative power is undefined");
  if (base < 0 && std::isfinite(base) && std::floor(exponent) != exponent)
    throw Error("2201F", "a negative number raised to a non-integer power yields a complex result");
  return checked(std::pow(base, exponent), std::isfinite(base) && std::isfinite(exponent));
}
double factorial(KernelCall&, int64_t n) {
  if (n < 0) bad_input("factorial of a negative number is undefined");
  return checked(std::tgamma(static_cast<double>(n) + 1), true);
}
int64_t divide_whole(KernelCall& c, int64_t a, int64_t b) {
  if (b == 0) division_by_zero();
  if (b == -1 && a == std::numeric_limits<int64_t>::min()) out_of_range(c.call.type);
  return a / b;
}
Type div_type(const std::vector<ExpressionPtr>&) { return Type::decimal(kMaxPrecision, 0); }
__int128 divide_decimals(KernelCall& c, __int128 a, __int128 b) {
  if (b == 0) division_by_zero();
  const int x = c.call.args[0]->type.scale;
  const int y = c.call.args[1]->type.scale;
  const int scale = x > y ? x : y;
  if (!data::rescale_decimal(a, x, scale, a) || !data::rescale_decimal(b, y, scale, b)) out_of_range(c.call.type);
  return a / b;
}
int64_t greatest_divisor(KernelCall&, int64_t a, int64_t b) {
  while (b != 0) {
    const int64_t rest = b == -1 ? 0 : a % b;
    a = b;
    b = rest;
  }
  return a < 0 ? -a : a;
}

// --- angles
constexpr double kPi = 3.14159265358979323846;
double pi(KernelCall&) { return kPi; }
double to_degrees(KernelCall&, double v) { return v * (180.0 / kPi); }
double to_radians(KernelCall&, double v) { return v * (kPi / 180.0); }
template <double (*F)(double)>
double plain(KernelCall&, double v) { return F(v); }
template <double (*F)(double)>
double finite_angle(KernelCall&, double v) {
  if (std::isinf(v)) bad_input("input is out of range");
  return F(v);
}
template <double (*F)(double)>
double within_one(KernelCall&, double v) {
  if (v < -1 || v > 1) bad_input("input is out of range");
  return F(v);
}
double arc_tangent2(KernelCall&, double y, double x) { return std::atan2(y, x); }
double cotangent(KernelCall&, double v) { return 1 / std::tan(v); }

// --- chance: a hash of seed and row, so that a task that runs again gives the same rows
void random_number(KernelCall& c) {
  auto* out = static_cast<double*>(c.out);
  for_rows(c.selection, [&](std::uint32_t row) {
    out[row] = Random(c.settings.random_seed ^ Random(c.first_row_id + row)()).uniform();
  });
}
void random_below(KernelCall& c) {
  auto* out = static_cast<int32_t*>(c.out);
  const auto* bound = c.in[0].as<int32_t>();
  const std::uint32_t stride = c.in[0].form == Vector::Form::kConstant ? 0 : 1;
  for_rows(c.selection, [&](std::uint32_t row) {
    const int32_t most = bound[row * stride];
    const std::uint64_t number = Random(c.settings.random_seed ^ Random(c.first_row_id + row)())();
    out[row] = most <= 0 ? 0 : static_cast<int32_t>(number % static_cast<std::uint64_t>(most));
  });
}
int32_t width_bucket(KernelCall&, double v, double low, double high, int32_t count) {
  if (count <= 0) throw Error("2201G", "count must be greater than zero");
  if (low == high || !std::isfinite(low) || !std::isfinite(high)) throw Error("2201G", "lower bound cannot equal upper bound");
  if (low < high) return v < low ? 0 : v >= high ? count + 1 : static_cast<int32_t>((v - low) / (high - low) * count) + 1;
  return v > low ? 0 : v <= high ? count + 1 : static_cast<int32_t>((low - v) / (low - high) * count) + 1;
}

template <class T>
T bits_and(KernelCall&, T a, T b) {
  return a & b;
}
template <class T>
T bits_or(KernelCall&, T a, T b) {
  return a | b;
}

const Entry kEntries[] = {
    {"abs(int4) -> int4", scalar<absolute<int32_t>>, kCanFail},
    {"abs(int8) -> int8", scalar<absolute<int64_t>>, kCanFail},
    {"abs(decimal) -> decimal", scalar<absolute<__int128>>, kPlain, same_type},
    {"abs(float4) -> float4", scalar<absolute<float>>},
    {"abs(float8) -> float8", scalar<absolute<double>>},
    {"sign(float8) -> float8", scalar<sign_float>},
    {"sign(decimal) -> decimal", scalar<sign_decimal>, kPlain, sign_type},
    {"round(decimal) -> decimal", scalar<round_decimal>, kPlain, rounded_type},
    {"round(decimal, int4) -> decimal", scalar<round_decimal_to>, kCanFail, rounded_type},
    {"round(float8) -> float8", scalar<round_float>},
    {"round(float8, int4) -> float8", scalar<round_float_to>},
    {"trunc(decimal) -> decimal", scalar<trunc_decimal>, kPlain, rounded_type},
    {"trunc(decimal, int4) -> decimal", scalar<trunc_decimal_to>, kCanFail, rounded_type},
    {"trunc(float8) -> float8", scalar<trunc_float>},
    {"floor(decimal) -> decimal", scalar<floor_decimal>, kPlain, whole_type},
    {"floor(float8) -> float8", scalar<floor_float>},
    {"ceil(decimal) -> decimal", scalar<ceil_decimal>, kPlain, whole_type},
    {"ceil(float8) -> float8", scalar<ceil_float>},
    {"sqrt(float8) -> float8", scalar<square_root>, kCanFail},
    {"cbrt(float8) -> float8", scalar<cube_root>},
    {"exp(float8) -> float8", scalar<exponential>, kCanFail},
    {"ln(float8) -> float8", scalar<natural_log>, kCanFail},
    {"log(float8) -> float8", scalar<log_of_ten>, kCanFail},
    {"log10(float8) -> float8", scalar<log_of_ten>, kCanFail},
    {"log(float8, float8) -> float8", scalar<log_to_base>, kCanFail},
    {"power(float8, float8) -> float8", scalar<power>, kCanFail},
    {"factorial(int8) -> float8", scalar<factorial>, kCanFail},
    {"div(int8, int8) -> int8", scalar<divide_whole>, kCanFail},
    {"div(decimal, decimal) -> decimal", scalar<divide_decimals>, kCanFail, div_type},
    {"gcd(int8, int8) -> int8", scalar<greatest_divisor>},
    {"&(int4, int4) -> int4", scalar<bits_and<int32_t>>},
    {"&(int8, int8) -> int8", scalar<bits_and<int64_t>>},
    {"|(int4, int4) -> int4", scalar<bits_or<int32_t>>},
    {"|(int8, int8) -> int8", scalar<bits_or<int64_t>>},
    {"pi() -> float8", scalar<pi>},
    {"degrees(float8) -> float8", scalar<to_degrees>},
    {"radians(float8) -> float8", scalar<to_radians>},
    {"sin(float8) -> float8", scalar<finite_angle<std::sin>>, kCanFail},
    {"cos(float8) -> float8", scalar<finite_angle<std::cos>>, kCanFail},
    {"tan(float8) -> float8", scalar<finite_angle<std::tan>>, kCanFail},
    {"cot(float8) -> float8", scalar<cotangent>},
    {"asin(float8) -> float8", scalar<within_one<std::asin>>, kCanFail},
    {"acos(float8) -> float8", scalar<within_one<std::acos>>, kCanFail},
    {"atan(float8) -> float8", scalar<plain<std::atan>>},
    {"atan2(float8, float8) -> float8", scalar<arc_tangent2>},
    {"sinh(float8) -> float8", scalar<plain<std::sinh>>},
    {"cosh(float8) -> float8", scalar<plain<std::cosh>>},
    {"tanh(float8) -> float8", scalar<plain<std::tanh>>},
    {"width_bucket(float8, float8, float8, int4) -> int4", scalar<width_bucket>, kCanFail},
    {"random() -> float8", random_number, kVolatile},
    {"random(int4) -> int4", random_below, kVolatile},
};

}  // namespace

std::span<const Entry> math_functions() { return kEntries; }

}  // namespace tajo::functions
