#pragma once
#include <optional>

#include "kernel.hpp"

namespace tajo::functions {

/// How a kCast node is run: the kernel over its argument in the physical form `from`; null kernel: the value passes as
/// it is (perhaps widened).
struct CastPlan {
  Kernel kernel = nullptr;
  Physical from = Physical::kI32;
  Physical to = Physical::kI32;
  bool can_fail = false;
};
/// nullopt: no such cast (42846).
std::optional<CastPlan> plan_cast(const Type& from, const Type& to);

/// Casts between integers and decimals, in the narrowest form the expressions allow (cast_decimal.cpp).
CastPlan plan_exact_cast(const Type& from, Physical from_physical, const Type& to, Physical to_physical, bool proved);
inline bool is_exact(const Type& type) { return type.is_integer() || type.id == TypeId::kDecimal; }

}  // namespace tajo::functions
