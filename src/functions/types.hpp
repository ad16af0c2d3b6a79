#pragma once
#include "tajo/functions/expression.hpp"

namespace tajo::functions {

/// DECIMAL an integer or decimal expression is in arithmetic: its own type, digits of its integer type, or the digits
/// of the integer constant itself.
data::Type as_decimal(const Expression& e);
data::Type sum_type(const data::Type& a, const data::Type& b);       ///< of + and -
data::Type product_type(const data::Type& a, const data::Type& b);
data::Type quotient_type(const data::Type& a, const data::Type& b);
data::Type remainder_type(const data::Type& a, const data::Type& b);
inline constexpr int kMaxPrecision = 38;
inline constexpr int kQuotientScale = 16;  ///< least scale of a division and of avg (docs/decimal.md)

/// A constant in its place when `e` has no column and nothing volatile or stable in it and evaluates without error.
ExpressionPtr fold(ExpressionPtr e);
bool is_null_constant(const Expression& e);

}  // namespace tajo::functions
