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

bool never_null(const ExpressionPtr& e, Estimator& estimator, const LogicalNode& node) {
  estimator.rows(node);
  // Only columns that come straight from a scan of this side keep the manifest's word: outer joins below make NULLs.
  std::vector<const LogicalNode*> stack{&node};
  ColumnSet safe;
  while (!stack.empty()) {
    const LogicalNode* n = stack.back();
    stack.pop_back();
    if (n->kind == Kind::kScan) {
      for (std::size_t i = 0; i < n->ids.size(); ++i)
        if (!estimator.column(n->ids[i]).bounds.may_be_null || n->table->source.schema.columns[n->scan_columns[i]].not_null) safe.add(n->ids[i]);
      continue;
    }
    if (n->kind == Kind::kSeries) safe.add(n->ids[0]);
    if (n->kind == Kind::kAggregate) {
      for (std::size_t i = 0; i < n->expressions.size(); ++i)
        if (never_null(n->expressions[i], estimator, *n->children[0])) safe.add(n->ids[i]);
      continue;
    }
    if (n->kind == Kind::kSetOperation || n->kind == Kind::kValues) continue;
    if (n->kind == Kind::kProject)
      for (std::size_t i = 0; i < n->ids.size(); ++i)
        if (n->expressions[i]->kind == Expression::Kind::kColumn && never_null(n->expressions[i], estimator, *n->children[0])) safe.add(n->ids[i]);
    if (n->kind == Kind::kJoin) {
      if (n->join_type == JoinType::kFull || n->join_type == JoinType::kRight) continue;
      stack.push_back(n->children[0].get());
      if (n->join_type == JoinType::kInner) stack.push_back(n->children[1].get());
      continue;
    }
    for (const NodePtr& c : n->children) stack.push_back(c.get());
  }
  const Expression* x = e.get();
  while (x->kind == Expression::Kind::kCast) x = x->args[0].get();
  return x->kind == Expression::Kind::kConstant ? !data::is_null(x->constant) : x->kind == Expression::Kind::kColumn && safe.contains(x->column);
}


}  // namespace tajo::plan
