#include "comparison.hpp"

#include <limits>

#include "registry.hpp"
#include "types.hpp"

namespace tajo::functions {

namespace {

std::string mirrored(const std::string& op) {
  if (op == "<") return ">";
  if (op == "<=") return ">=";
  if (op == ">") return "<";
  if (op == ">=") return "<=";
  return op;
}

ExpressionPtr compare(const std::string& op, ExpressionPtr a, ExpressionPtr b, int position) {
  auto e = std::make_shared<Expression>();
  e->kind = Expression::Kind::kCall;
  e->type = Type::of(TypeId::kBool);
  e->physical = Physical::kBool;
  e->function = op;
  e->args = {std::move(a), std::move(b)};
  e->position = position;
  return fold(e);
}

/// The largest value of `type` that is not above the constant, as its integer form; `exact` when it is the constant.
bool floor_to(const Expression& constant, const Type& type, __int128& out, bool& exact) {
  if (constant.type.id == TypeId::kTimestamp && type.id == TypeId::kDate) {
    const auto us = static_cast<std::int64_t>(data::integer_value(constant.constant));
    const std::int64_t days = us / data::kMicrosPerDay - (us % data::kMicrosPerDay < 0 ? 1 : 0);
    out = days;
    exact = days * data::kMicrosPerDay == us;
    return true;
  }
  const bool exact_types = (type.is_integer() || type.id == TypeId::kDecimal) &&
                           (constant.type.is_integer() || constant.type.id == TypeId::kDecimal);
  if (!exact_types) return false;
  const __int128 value = data::integer_value(constant.constant);
  const int up = type.scale - constant.type.scale;
  exact = true;
  if (up >= 0) {
    if (!data::rescale_decimal(value, 0, up, out)) return false;
  } else {
    const __int128 unit = data::power_of_ten(-up);
    out = value / unit;
    exact = out * unit == value;
    if (!exact && value < 0) --out;
  }
  __int128 limit = std::numeric_limits<std::int8_t>::max();
  if (type.id == TypeId::kInt2) limit = std::numeric_limits<std::int16_t>::max();
  if (type.id == TypeId::kInt4) limit = std::numeric_limits<std::int32_t>::max();
  if (type.id == TypeId::kInt8) limit = std::numeric_limits<std::int64_t>::max();
  if (type.id == TypeId::kDecimal) limit = data::power_of_ten(type.precision) - 1;
  return out >= -limit && out <= limit;
}

/// `a op constant` in the type of `a`; null when that would change the answer or is not possible.
ExpressionPtr narrowed(const std::string& op, const ExpressionPtr& a, const ExpressionPtr& b, int position) {
  if (b->kind != Expression::Kind::kConstant || a->kind == Expression::Kind::kConstant || is_null_constant(*b) ||
      a->type == b->type)
    return nullptr;
  __int128 value = 0;
  bool exact = false;
  if (!floor_to(*b, a->type, value, exact)) return nullptr;
  Value constant = static_cast<std::int64_t>(value);
  if (a->type.id == TypeId::kDecimal) constant = data::decimal_value(value, a->type);
  const ExpressionPtr right = make_constant(std::move(constant), a->type);
  if (exact) return compare(op, a, right, position);
  if (op == "<" || op == "<=") return compare("<=", a, right, position);
  if (op == ">" || op == ">=") return compare(">", a, right, position);
  return nullptr;
}

ExpressionPtr interval_order(ExpressionPtr e) { return make_call("interval_order", {std::move(e)}); }

/// A literal in quotes takes the other side's type; a decimal one keeps the digits it is written with.
ExpressionPtr literal_as(const ExpressionPtr& literal, const Type& other) {
  if (other.is_text()) return make_cast(literal, Type::of(TypeId::kText), literal->position);
  if (other.id == TypeId::kDecimal || other.is_integer()) {
    const auto* text = std::get_if<std::string>(&literal->constant);
    __int128 scaled = 0;
    int precision = 0;
    int scale = 0;
    if (other.id == TypeId::kDecimal && text != nullptr && data::parse_decimal_literal(*text, scaled, precision, scale)) {
      const Type type = Type::decimal(precision, scale);
      return make_constant(data::decimal_value(scaled, type), type);
    }
  }
  return make_cast(literal, other, literal->position);
}

}  // namespace

bool is_comparison(const std::string& function) {
  return function == "=" || function == "<>" || function == "<" || function == "<=" || function == ">" ||
         function == ">=";
}

ExpressionPtr make_comparison(const std::string& op, ExpressionPtr a, ExpressionPtr b, int position) {
  if (a->type.id == TypeId::kUnknown && b->type.id != TypeId::kUnknown) a = literal_as(a, b->type);
  if (b->type.id == TypeId::kUnknown && a->type.id != TypeId::kUnknown) b = literal_as(b, a->type);
  if (a->kind == Expression::Kind::kConstant && b->kind != Expression::Kind::kConstant)
    return make_comparison(mirrored(op), std::move(b), std::move(a), position);
  if (ExpressionPtr e = narrowed(op, a, b, position)) return e;
  Type type;
  try {
    type = common_type(a->type, b->type);
  } catch (const Error&) {
    no_such_function(op, {a, b}, position);
  }
  a = make_cast(std::move(a), type, position);
  b = make_cast(std::move(b), type, position);
  if (type.id == TypeId::kInterval) {
    a = interval_order(std::move(a));
    b = interval_order(std::move(b));
  }
  return compare(op, std::move(a), std::move(b), position);
}

}  // namespace tajo::functions
