// Casts among integers and decimals: one multiplication or rounding division, and a range check where it is needed.
#include <algorithm>
#include <limits>

#include "cast.hpp"
#include "types.hpp"

namespace tajo::functions {

namespace {

int digits_of(const Type& type) {
  switch (type.id) {
    case TypeId::kInt1: return 3;
    case TypeId::kInt2: return 5;
    case TypeId::kInt4: return 10;
    case TypeId::kInt8: return 19;
    default: return type.precision > 0 ? type.precision : kMaxPrecision;
  }
}

struct Limits {
  __int128 lo;
  __int128 hi;
};

Limits limits_of(const Type& type) {
  switch (type.id) {
    case TypeId::kInt1: return {INT8_MIN, INT8_MAX};
    case TypeId::kInt2: return {INT16_MIN, INT16_MAX};
    case TypeId::kInt4: return {INT32_MIN, INT32_MAX};
    case TypeId::kInt8: return {INT64_MIN, INT64_MAX};
    default: break;
  }
  const __int128 power = data::power_of_ten(digits_of(type));
  return {1 - power, power - 1};
}

template <class From, class To>
void same_scale(KernelCall& call) {
  const From* in = call.in[0].as<From>();
  auto* out = static_cast<To*>(call.out);
  const std::uint32_t stride = call.in[0].form == Vector::Form::kConstant ? 0 : 1;
  const Limits limits = limits_of(call.call.type);
  for_rows(call.selection, [&](std::uint32_t row) {
    const From value = in[row * stride];
    if (value < limits.lo || value > limits.hi) out_of_range(call.call.type);
    out[row] = static_cast<To>(value);
  });
}

template <class From, class To>
void rescale(KernelCall& call) {
  const From* in = call.in[0].as<From>();
  auto* out = static_cast<To*>(call.out);
  const std::uint32_t stride = call.in[0].form == Vector::Form::kConstant ? 0 : 1;
  const Limits limits = limits_of(call.call.type);
  const int from_scale = call.call.args[0]->type.scale;
  const int to_scale = call.call.type.scale;
  for_rows(call.selection, [&](std::uint32_t row) {
    __int128 value = 0;
    if (!data::rescale_decimal(in[row * stride], from_scale, to_scale, value) || value < limits.lo || value > limits.hi)
      out_of_range(call.call.type);
    out[row] = static_cast<To>(value);
  });
}

/// Multiplication by a power of ten that cannot overflow.
template <class From, class To>
void scale_up(KernelCall& call) {
  const From* in = call.in[0].as<From>();
  auto* out = static_cast<To*>(call.out);
  const To factor = static_cast<To>(data::power_of_ten(call.call.type.scale - call.call.args[0]->type.scale));
  if (call.in[0].form == Vector::Form::kFlat && call.dense()) {
    for (std::uint32_t row = 0; row < call.rows; ++row)
      out[row] = static_cast<To>(static_cast<std::make_unsigned_t<To>>(in[row]) * static_cast<std::make_unsigned_t<To>>(factor));
    return;
  }
  const std::uint32_t stride = call.in[0].form == Vector::Form::kConstant ? 0 : 1;
  for_rows(call.selection, [&](std::uint32_t row) { out[row] = static_cast<To>(in[row * stride]) * factor; });
}

enum class Work { kSameScale, kRescale, kScaleUp };

template <class From, class To>
Kernel pick(Work work) {
  switch (work) {
    case Work::kSameScale: return &same_scale<From, To>;
    case Work::kRescale: return &rescale<From, To>;
    case Work::kScaleUp: return &scale_up<From, To>;
  }
  return nullptr;
}

template <class From>
Kernel pick_to(Work work, Physical to) {
  switch (to) {
    case Physical::kI32: return work == Work::kScaleUp ? nullptr : pick<From, std::int32_t>(work);
    case Physical::kI64: return pick<From, std::int64_t>(work);
    default: return pick<From, __int128>(work);
  }
}

}  // namespace

CastPlan plan_exact_cast(const Type& from, Physical from_physical, const Type& to, Physical to_physical, bool proved) {
  CastPlan plan{nullptr, from_physical, to_physical, false};
  const int up = to.scale - from.scale;
  const bool fits = proved || (up >= 0 && digits_of(from) + up <= digits_of(to) && !to.is_integer()) ||
                    (to.is_integer() && from.is_integer() && to.id >= from.id) ||
                    (to.is_integer() && up == 0 && digits_of(from) < digits_of(to));
  Work work = up == 0 ? Work::kSameScale : Work::kRescale;
  if (fits && up == 0) return plan;  // only the width changes
  if (fits && up > 0 && up <= 18 && to_physical != Physical::kI32) work = Work::kScaleUp;
  plan.can_fail = !fits && !(up < 0 && !to.is_integer() && digits_of(from) + up + 1 <= digits_of(to));
  switch (from_physical) {
    case Physical::kI32: plan.kernel = pick_to<std::int32_t>(work, to_physical); break;
    case Physical::kI64: plan.kernel = pick_to<std::int64_t>(work, to_physical); break;
    default:
      plan.from = Physical::kI128;
      if (work == Work::kScaleUp && to_physical != Physical::kI128) work = Work::kRescale;
      plan.kernel = pick_to<__int128>(work, to_physical);
  }
  return plan;
}

}  // namespace tajo::functions
