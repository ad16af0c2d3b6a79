#pragma once
#include <span>

#include "tajo/functions/expression.hpp"

namespace tajo::functions {

/// Bounds that follow from a type alone: DECIMAL(p,s) < 10^p, INT2 …, BOOL 0..1. proved = false for text and floats.
data::Bounds type_bounds(const data::Type& type);

/// Bounds of an integer, decimal, date or boolean expression from those of its columns (by Expression::column; columns
/// beyond the span or unproved ones count with their type's bounds). `proved` says that no row can lie outside, so that
/// widths may be picked and overflow checks dropped; `may_be_null` is right whether proved or not.
data::Bounds derive_bounds(const Expression& e, std::span<const data::Bounds> columns);

/// The expression with `bounds` set on every node where they are proved, and `physical` of DECIMAL columns, arithmetic,
/// casts, CASE and COALESCE set to kI64 wherever the bounds prove that the value and its operands fit. A kI128 column
/// keeps its physical type. Idempotent; call it once column bounds are known (after statistics), before Program::compile.
ExpressionPtr narrow(const ExpressionPtr& e, std::span<const data::Bounds> columns);

}  // namespace tajo::functions
