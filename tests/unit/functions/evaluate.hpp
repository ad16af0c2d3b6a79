#pragma once
#include <string>

#include "tajo/common/error.hpp"
#include "tajo/functions/expression.hpp"
#include "tajo/functions/program.hpp"

namespace tajo::functions {

// Short words for tests: expressions from literals, and their value as text.
inline ExpressionPtr literal(const std::string& text) { return make_constant(text, data::Type{}); }
inline ExpressionPtr null() { return make_constant({}, data::Type{}); }
inline ExpressionPtr int4(std::int64_t v) { return make_constant(v, data::Type::of(data::TypeId::kInt4)); }
inline ExpressionPtr int8(std::int64_t v) { return make_constant(v, data::Type::of(data::TypeId::kInt8)); }
inline ExpressionPtr float8(double v) { return make_constant(v, data::Type::of(data::TypeId::kFloat8)); }
inline ExpressionPtr boolean(bool v) { return make_constant(std::int64_t{v}, data::Type::of(data::TypeId::kBool)); }
inline ExpressionPtr text(const std::string& v) { return make_constant(v, data::Type::of(data::TypeId::kText)); }
inline ExpressionPtr decimal(const std::string& v) {
  __int128 scaled = 0;
  int precision = 0;
  int scale = 0;
  if (!data::parse_decimal_literal(v, scaled, precision, scale)) throw Error("22P02", v);
  const data::Type type = data::Type::decimal(precision, scale);
  return make_constant(data::decimal_value(scaled, type), type);
}
inline ExpressionPtr typed(data::TypeId id, const std::string& v) { return make_cast(literal(v), data::Type::of(id)); }
inline ExpressionPtr date(const std::string& v) { return typed(data::TypeId::kDate, v); }
inline ExpressionPtr timestamp(const std::string& v) { return typed(data::TypeId::kTimestamp, v); }
inline ExpressionPtr interval(const std::string& v) { return typed(data::TypeId::kInterval, v); }

inline std::string show(const ExpressionPtr& e) { return data::format_value(evaluate_constant(*e), e->type); }
inline std::string call(const std::string& function, std::vector<ExpressionPtr> args) {
  try {
    return show(make_call(function, std::move(args)));
  } catch (const Error& e) {
    return e.sqlstate();
  }
}

}  // namespace tajo::functions
