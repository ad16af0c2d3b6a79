#include "cast.hpp"

#include <cmath>
#include <cstdio>
#include <limits>

#include "types.hpp"

namespace tajo::functions {

namespace {

using std::int32_t;
using std::int64_t;
using Bool = std::uint8_t;

// --- numbers
template <class F>
void check_integer_range(const KernelCall& c, F value, TypeId id) {
  F lo = -128;
  F hi = 127;
  if (id == TypeId::kInt2) lo = -32768, hi = 32767;
  if (id == TypeId::kInt4) lo = static_cast<F>(-2147483648.0), hi = static_cast<F>(2147483647.0);
  if (id == TypeId::kInt8) lo = static_cast<F>(-0x1p63), hi = static_cast<F>(0x1p63);
  if (std::isnan(value) || value < lo || (id == TypeId::kInt8 ? value >= hi : value > hi)) out_of_range(c.call.type);
}
template <class F, class I>
I float_to_integer(KernelCall& c, F value) {
  const F rounded = std::nearbyint(value);  // half to even, as PostgreSQL
  check_integer_range<double>(c, static_cast<double>(rounded), c.call.type.id);
  return static_cast<I>(rounded);
}
template <class F>
__int128 float_to_decimal(KernelCall& c, F value) {
  if (!std::isfinite(value))
    throw Error(sqlstate::kFeatureNotSupported, "cannot convert NaN or infinity to numeric");
  char text[64];
  const int digits = sizeof(F) == 4 ? 6 : 15;
  const int n = std::snprintf(text, sizeof text, "%.*g", digits, static_cast<double>(value));
  return data::parse_decimal({text, static_cast<std::size_t>(n)}, c.call.type);
}
template <class I>
double integer_to_double(KernelCall&, I value) { return static_cast<double>(value); }
template <class I>
float integer_to_float(KernelCall&, I value) { return static_cast<float>(value); }
double decimal_to_double(KernelCall& c, __int128 value) {
  const int scale = c.call.args[0]->type.scale;
  // Both are exact in a double up to 2^53 and 10^22, so their quotient is rounded once: the nearest double.
  if (value > -(1LL << 53) && value < (1LL << 53) && scale <= 22)
    return static_cast<double>(static_cast<int64_t>(value)) / static_cast<double>(data::power_of_ten(scale));
  std::string text;
  data::append_decimal(text, value, scale);
  return data::parse_float(text, TypeId::kFloat8);
}
float decimal_to_float(KernelCall& c, __int128 value) { return static_cast<float>(decimal_to_double(c, value)); }
double float_widen(KernelCall&, float value) { return static_cast<double>(value); }
float float_narrow(KernelCall& c, double value) {
  const auto narrow = static_cast<float>(value);
  if (std::isinf(narrow) && !std::isinf(value)) out_of_range(c.call.type);
  return narrow;
}
int32_t bool_to_int(KernelCall&, Bool value) { return value; }
Bool int_to_bool(KernelCall&, int32_t value) { return value != 0; }

// --- text in
std::string_view view(const Str& s) { return s.view(); }
Bool text_to_bool(KernelCall&, Str s) { return data::parse_bool(view(s)); }
int32_t text_to_int4(KernelCall& c, Str s) { return static_cast<int32_t>(data::parse_integer(view(s), c.call.type.id)); }
int64_t text_to_int8(KernelCall&, Str s) { return data::parse_integer(view(s), TypeId::kInt8); }
float text_to_float4(KernelCall&, Str s) { return static_cast<float>(data::parse_float(view(s), TypeId::kFloat4)); }
double text_to_float8(KernelCall&, Str s) { return data::parse_float(view(s), TypeId::kFloat8); }
__int128 text_to_decimal(KernelCall& c, Str s) { return data::parse_decimal(view(s), c.call.type); }
int32_t text_to_date(KernelCall&, Str s) { return data::parse_date(view(s)); }
int64_t text_to_time(KernelCall&, Str s) { return data::parse_time(view(s)); }
int64_t text_to_timestamp(KernelCall&, Str s) { return data::parse_timestamp(view(s), false); }
int64_t text_to_timestamptz(KernelCall&, Str s) { return data::parse_timestamp(view(s), true); }
__int128 text_to_interval(KernelCall&, Str s) { return data::pack_interval(data::parse_interval(view(s))); }
Str text_to_blob(KernelCall& c, Str s) { return c.arena.copy(data::parse_blob(view(s))); }
void text_to_text(KernelCall& c) {
  const auto* in = c.in[0].as<Str>();
  auto* out = static_cast<Str*>(c.out);
  const std::uint32_t stride = c.in[0].form == Vector::Form::kConstant ? 0 : 1;
  for_rows(c.selection, [&](std::uint32_t row) {
    const Str& s = in[row * stride];
    const std::string_view kept = data::fit_text(s.view(), c.call.type, true);
    out[row] = kept.size() == s.size ? s : c.arena.copy(kept);  // `s` may hold its bytes inside
  });
}

// --- text out
template <class F>
Str with_text(KernelCall& c, F&& append) {
  thread_local std::string text;
  text.clear();
  append(text);
  return c.arena.copy(text);
}
Str bool_to_text(KernelCall& c, Bool v) {
  return with_text(c, [&](std::string& out) { out = v != 0 ? "true" : "false"; });
}
Str int4_to_text(KernelCall& c, int32_t v) {
  return with_text(c, [&](std::string& out) { data::append_integer(out, v); });
}
Str int8_to_text(KernelCall& c, int64_t v) {
  return with_text(c, [&](std::string& out) { data::append_integer(out, v); });
}
Str float4_to_text(KernelCall& c, float v) {
  return with_text(c, [&](std::string& out) { data::append_float(out, v); });
}
Str float8_to_text(KernelCall& c, double v) {
  return with_text(c, [&](std::string& out) { data::append_float(out, v); });
}
Str decimal_to_text(KernelCall& c, __int128 v) {
  return with_text(c, [&](std::string& out) { data::append_decimal(out, v, c.call.args[0]->type.scale); });
}
Str date_to_text(KernelCall& c, int32_t v) {
  return with_text(c, [&](std::string& out) { data::append_date(out, v); });
}
Str time_to_text(KernelCall& c, int64_t v) {
  return with_text(c, [&](std::string& out) { data::append_time(out, v); });
}
Str timestamp_to_text(KernelCall& c, int64_t v) {
  return with_text(c, [&](std::string& out) { data::append_timestamp(out, v, false); });
}
Str timestamptz_to_text(KernelCall& c, int64_t v) {
  return with_text(c, [&](std::string& out) { data::append_timestamp(out, v, true); });
}
Str interval_to_text(KernelCall& c, __int128 v) {
  return with_text(c, [&](std::string& out) { data::append_interval(out, data::unpack_interval(v)); });
}
Str blob_to_text(KernelCall& c, Str v) {
  return with_text(c, [&](std::string& out) { data::append_blob(out, v.view()); });
}

// --- dates and times
int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
int64_t zone_us(const KernelCall& c) { return int64_t{c.settings.timezone_offset_s} * 1'000'000; }
int64_t date_to_timestamp(KernelCall&, int32_t days) { return int64_t{days} * data::kMicrosPerDay; }
int64_t date_to_timestamptz(KernelCall& c, int32_t days) { return int64_t{days} * data::kMicrosPerDay - zone_us(c); }
int32_t timestamp_to_date(KernelCall&, int64_t us) { return static_cast<int32_t>(floor_div(us, data::kMicrosPerDay)); }
int64_t timestamp_to_time(KernelCall&, int64_t us) { return us - floor_div(us, data::kMicrosPerDay) * data::kMicrosPerDay; }
int64_t timestamp_to_timestamptz(KernelCall& c, int64_t us) { return us - zone_us(c); }
int64_t timestamptz_to_timestamp(KernelCall& c, int64_t us) { return us + zone_us(c); }
int32_t timestamptz_to_date(KernelCall& c, int64_t us) { return timestamp_to_date(c, us + zone_us(c)); }
int64_t timestamptz_to_time(KernelCall& c, int64_t us) { return timestamp_to_time(c, us + zone_us(c)); }
__int128 time_to_interval(KernelCall&, int64_t us) { return data::pack_interval({us, 0, 0}); }
int64_t interval_to_time(KernelCall& c, __int128 v) { return timestamp_to_time(c, data::unpack_interval(v).micros); }

struct Row {
  TypeId from;
  TypeId to;
  Kernel kernel;
  bool can_fail;
};
const Row kCasts[] = {
    {TypeId::kBool, TypeId::kInt4, scalar<bool_to_int>, false},
    {TypeId::kInt4, TypeId::kBool, scalar<int_to_bool>, false},
    {TypeId::kInt4, TypeId::kFloat4, scalar<integer_to_float<int32_t>>, false},
    {TypeId::kInt4, TypeId::kFloat8, scalar<integer_to_double<int32_t>>, false},
    {TypeId::kInt8, TypeId::kFloat4, scalar<integer_to_float<int64_t>>, false},
    {TypeId::kInt8, TypeId::kFloat8, scalar<integer_to_double<int64_t>>, false},
    {TypeId::kFloat4, TypeId::kInt4, scalar<float_to_integer<float, int32_t>>, true},
    {TypeId::kFloat8, TypeId::kInt4, scalar<float_to_integer<double, int32_t>>, true},
    {TypeId::kFloat4, TypeId::kInt8, scalar<float_to_integer<float, int64_t>>, true},
    {TypeId::kFloat8, TypeId::kInt8, scalar<float_to_integer<double, int64_t>>, true},
    {TypeId::kFloat4, TypeId::kFloat8, scalar<float_widen>, false},
    {TypeId::kFloat8, TypeId::kFloat4, scalar<float_narrow>, true},
    {TypeId::kFloat4, TypeId::kDecimal, scalar<float_to_decimal<float>>, true},
    {TypeId::kFloat8, TypeId::kDecimal, scalar<float_to_decimal<double>>, true},
    {TypeId::kDecimal, TypeId::kFloat4, scalar<decimal_to_float>, false},
    {TypeId::kDecimal, TypeId::kFloat8, scalar<decimal_to_double>, false},
    {TypeId::kText, TypeId::kBool, scalar<text_to_bool>, true},
    {TypeId::kText, TypeId::kInt4, scalar<text_to_int4>, true},
    {TypeId::kText, TypeId::kInt8, scalar<text_to_int8>, true},
    {TypeId::kText, TypeId::kFloat4, scalar<text_to_float4>, true},
    {TypeId::kText, TypeId::kFloat8, scalar<text_to_float8>, true},
    {TypeId::kText, TypeId::kDecimal, scalar<text_to_decimal>, true},
    {TypeId::kText, TypeId::kDate, scalar<text_to_date>, true},
    {TypeId::kText, TypeId::kTime, scalar<text_to_time>, true},
    {TypeId::kText, TypeId::kTimestamp, scalar<text_to_timestamp>, true},
    {TypeId::kText, TypeId::kTimestampTz, scalar<text_to_timestamptz>, true},
    {TypeId::kText, TypeId::kInterval, scalar<text_to_interval>, true},
    {TypeId::kText, TypeId::kBlob, scalar<text_to_blob>, true},
    {TypeId::kBool, TypeId::kText, scalar<bool_to_text>, false},
    {TypeId::kInt4, TypeId::kText, scalar<int4_to_text>, false},
    {TypeId::kInt8, TypeId::kText, scalar<int8_to_text>, false},
    {TypeId::kFloat4, TypeId::kText, scalar<float4_to_text>, false},
    {TypeId::kFloat8, TypeId::kText, scalar<float8_to_text>, false},
    {TypeId::kDecimal, TypeId::kText, scalar<decimal_to_text>, false},
    {TypeId::kDate, TypeId::kText, scalar<date_to_text>, false},
    {TypeId::kTime, TypeId::kText, scalar<time_to_text>, false},
    {TypeId::kTimestamp, TypeId::kText, scalar<timestamp_to_text>, false},
    {TypeId::kTimestampTz, TypeId::kText, scalar<timestamptz_to_text>, false},
    {TypeId::kInterval, TypeId::kText, scalar<interval_to_text>, false},
    {TypeId::kBlob, TypeId::kText, scalar<blob_to_text>, false},
    {TypeId::kDate, TypeId::kTimestamp, scalar<date_to_timestamp>, false},
    {TypeId::kDate, TypeId::kTimestampTz, scalar<date_to_timestamptz>, false},
    {TypeId::kTimestamp, TypeId::kDate, scalar<timestamp_to_date>, false},
    {TypeId::kTimestamp, TypeId::kTime, scalar<timestamp_to_time>, false},
    {TypeId::kTimestamp, TypeId::kTimestampTz, scalar<timestamp_to_timestamptz>, false},
    {TypeId::kTimestampTz, TypeId::kTimestamp, scalar<timestamptz_to_timestamp>, false},
    {TypeId::kTimestampTz, TypeId::kDate, scalar<timestamptz_to_date>, false},
    {TypeId::kTimestampTz, TypeId::kTime, scalar<timestamptz_to_time>, false},
    {TypeId::kTime, TypeId::kInterval, scalar<time_to_interval>, false},
    {TypeId::kInterval, TypeId::kTime, scalar<interval_to_time>, false},
};

TypeId family(const Type& type) {
  if (type.id == TypeId::kUnknown || type.is_text()) return TypeId::kText;
  if (type.id == TypeId::kInt1 || type.id == TypeId::kInt2) return TypeId::kInt4;
  return type.id;
}

Physical wide_physical(const Type& type) {
  return type.id == TypeId::kDecimal ? Physical::kI128 : data::physical_of(type);
}

}  // namespace

std::optional<CastPlan> plan_cast(const Type& from, const Type& to) {
  if (is_exact(from) && is_exact(to))
    return plan_exact_cast(from, data::physical_of(from), to, data::physical_of(to), false);
  const TypeId a = family(from);
  const TypeId b = family(to);
  CastPlan plan{nullptr, wide_physical(from), wide_physical(to), false};
  if (a == b) {
    // Lengths are kept by a cast that cuts; other members of one family share their values.
    if (a == TypeId::kText && (to.length > 0 || to.id == TypeId::kChar)) plan.kernel = &text_to_text;
    return plan;
  }
  for (const Row& row : kCasts)
    if (row.from == a && row.to == b) {
      plan.kernel = row.kernel;
      plan.can_fail = row.can_fail;
      return plan;
    }
  return std::nullopt;
}

}  // namespace tajo::functions
