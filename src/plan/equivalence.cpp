#include "equivalence.hpp"

#include <map>

namespace tajo::plan {
namespace {

constexpr std::size_t kMaxClass = 16;  // members of a class that are paired with each other

struct Classes {
  std::map<ColumnId, ColumnId> parent;
  std::map<ColumnId, ExpressionPtr> column;

  ColumnId find(ColumnId c) {
    while (parent.at(c) != c) c = parent[c] = parent.at(parent.at(c));
    return c;
  }
  void unite(const ExpressionPtr& a, const ExpressionPtr& b) {
    for (const ExpressionPtr& e : {a, b}) {
      parent.emplace(e->column, e->column);
      column.emplace(e->column, e);
    }
    parent[find(a->column)] = find(b->column);
  }
};

bool same_column(const ExpressionPtr& a, const ExpressionPtr& b) { return a->column == b->column; }

}  // namespace

bool implies_for_equals(const Expression& e) {
  using K = Expression::Kind;
  if (is_comparison(e))
    return (e.args[0]->kind == K::kColumn && e.args[1]->kind == K::kConstant) ||
           (e.args[1]->kind == K::kColumn && e.args[0]->kind == K::kConstant);
  return e.kind == K::kInList && e.args[0]->kind == K::kColumn;
}

void add_implied(std::vector<ExpressionPtr>& conjuncts) {
  Classes classes;
  for (const ExpressionPtr& c : conjuncts)
    if (is_call(*c, "=") && c->args[0]->kind == Expression::Kind::kColumn && c->args[1]->kind == Expression::Kind::kColumn &&
        c->args[0]->type == c->args[1]->type && !same_column(c->args[0], c->args[1]))
      classes.unite(c->args[0], c->args[1]);
  if (classes.parent.empty()) return;
  std::map<ColumnId, std::vector<ExpressionPtr>> members;
  for (const auto& [c, e] : classes.column) members[classes.find(c)].push_back(e);

  auto add = [&](ExpressionPtr e) {
    for (const ExpressionPtr& c : conjuncts)
      if (functions::equal(*c, *e)) return;
    conjuncts.push_back(std::move(e));
  };
  auto stated = [&](const ExpressionPtr& a, const ExpressionPtr& b) {
    for (const ExpressionPtr& c : conjuncts)
      if (is_call(*c, "=") && c->args[0]->kind == Expression::Kind::kColumn && c->args[1]->kind == Expression::Kind::kColumn &&
          ((same_column(c->args[0], a) && same_column(c->args[1], b)) || (same_column(c->args[0], b) && same_column(c->args[1], a))))
        return true;
    return false;
  };
  const std::size_t given = conjuncts.size();
  for (std::size_t i = 0; i < given; ++i) {
    const ExpressionPtr c = conjuncts[i];
    if (!implies_for_equals(*c)) continue;
    const ColumnId column = c->args[0]->kind == Expression::Kind::kColumn ? c->args[0]->column : c->args[1]->column;
    if (!classes.parent.contains(column)) continue;
    for (const ExpressionPtr& other : members[classes.find(column)])
      if (other->column != column) add(substitute(c, {{column, other}}));
  }
  for (const auto& [root, all] : members) {
    if (all.size() < 3 || all.size() > kMaxClass) continue;
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = i + 1; j < all.size(); ++j)
        if (!stated(all[i], all[j])) conjuncts.push_back(functions::make_call("=", {all[i], all[j]}));
  }
}

}  // namespace tajo::plan
