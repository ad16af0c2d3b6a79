#pragma once
// What the binder asks of parts of expressions.
#include "scope.hpp"

namespace tajo::sql {

inline std::string operator_name(NodeSpan names) { return names.empty() ? std::string() : std::string(string_in(names.back())); }

inline bool is_comparison(const std::string& op) { return op == "=" || op == "<>" || op == "<" || op == "<=" || op == ">" || op == ">="; }

inline bool is_untyped(const functions::Expression& e) { return e.type.id == data::TypeId::kUnknown; }

/// A parameter whose type is not known yet carries its number in `column`.
inline bool is_open_parameter(const functions::Expression& e) {
  return is_untyped(e) && e.kind == functions::Expression::Kind::kConstant && e.column != 0;
}

inline ExpressionPtr truth(bool value) { return functions::make_constant(std::int64_t{value}, data::Type::of(data::TypeId::kBool)); }

}  // namespace tajo::sql
