#include "null_rejection.hpp"

#include <array>
#include <string_view>

namespace tajo::plan {
namespace {

/// Functions that give NULL for a NULL argument. Others (concat, nullif, greatest …) are not asked.
bool is_strict(const std::string& f) {
  static constexpr std::array<std::string_view, 23> kStrict = {
      "=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "like", "not_like", "ilike", "substr", "substring",
      "date_part", "extract", "lower", "upper", "length", "abs", "round"};
  for (std::string_view s : kStrict)
    if (s == f) return true;
  return false;
}

ColumnSet of_args(const Expression& e, ColumnSet (*f)(const ExpressionPtr&)) {
  ColumnSet out;
  for (const ExpressionPtr& a : e.args) out.add(f(a));
  return out;
}

}  // namespace

ColumnSet strict_columns(const ExpressionPtr& e) {
  using K = Expression::Kind;
  switch (e->kind) {
    case K::kColumn: {
      ColumnSet out;
      out.add(e->column);
      return out;
    }
    case K::kCall: return is_strict(e->function) ? of_args(*e, strict_columns) : ColumnSet();
    case K::kCast:
    case K::kNot: return of_args(*e, strict_columns);
    case K::kInList: return strict_columns(e->args[0]);
    default: return {};
  }
}

ColumnSet rejected_columns(const ExpressionPtr& e) {
  using K = Expression::Kind;
  switch (e->kind) {
    case K::kAnd: return of_args(*e, rejected_columns);
    case K::kOr: {
      ColumnSet out;
      for (std::size_t i = 0; i < e->args.size(); ++i) {
        if (i == 0) out = rejected_columns(e->args[i]);
        else out.keep(rejected_columns(e->args[i]));
      }
      return out;
    }
    case K::kNot:
      if (e->args[0]->kind == K::kIsNull) return strict_columns(e->args[0]->args[0]);
      return strict_columns(e->args[0]);
    default: return strict_columns(e);
  }
}

}  // namespace tajo::plan
