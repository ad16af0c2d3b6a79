#include "estimate.hpp"

#include <algorithm>

#include "rules.hpp"

namespace tajo::plan {
namespace {

struct Dependency {
  ColumnSet from, to;  ///< equal values of `from` mean equal values of `to`
};

/// Functional dependencies that hold in the node's output, as far as scans, equalities and groupings prove them.
void collect(const LogicalNode& node, Estimator& estimator, std::vector<Dependency>& out) {
  auto equalities = [&](const ExpressionPtr& predicate) {
    std::vector<ExpressionPtr> conjuncts;
    split_and(predicate, conjuncts);
    for (const ExpressionPtr& c : conjuncts) {
      if (!is_call(*c, "=")) continue;
      for (std::size_t side = 0; side < 2; ++side) {
        const ExpressionPtr &a = c->args[side], &b = c->args[1 - side];
        if (b->kind != Expression::Kind::kColumn || (a->kind != Expression::Kind::kColumn && a->kind != Expression::Kind::kConstant)) continue;
        Dependency d;
        d.from = columns_of(a);
        d.to.add(b->column);
        out.push_back(std::move(d));
      }
    }
  };
  switch (node.kind) {
    case Kind::kScan:
      estimator.rows(node);
      for (ColumnId id : node.ids) {
        if (!estimator.column(id).unique) continue;
        Dependency d;
        d.from.add(id);
        for (ColumnId other : node.ids) d.to.add(other);
        out.push_back(std::move(d));
      }
      return;
    case Kind::kAggregate: {
      Dependency d;
      for (std::size_t i = 0; i < node.ids.size(); ++i) {
        if (i < node.expressions.size()) d.from.add(node.ids[i]);
        d.to.add(node.ids[i]);
      }
      out.push_back(std::move(d));
      return;
    }
    case Kind::kFilter:
      equalities(node.predicate);
      collect(*node.children[0], estimator, out);
      return;
    case Kind::kProject:
      for (std::size_t i = 0; i < node.ids.size(); ++i) {
        if (functions::is_volatile(*node.expressions[i])) continue;
        Dependency d;
        d.from = columns_of(node.expressions[i]);
        d.to.add(node.ids[i]);
        out.push_back(std::move(d));
        if (node.expressions[i]->kind != Expression::Kind::kColumn) continue;
        Dependency back;
        back.from.add(node.ids[i]);
        back.to.add(node.expressions[i]->column);
        out.push_back(std::move(back));
      }
      collect(*node.children[0], estimator, out);
      return;
    case Kind::kSort:
    case Kind::kLimit:
    case Kind::kWindow: collect(*node.children[0], estimator, out); return;
    case Kind::kJoin:
      if (node.join_type == JoinType::kFull || node.join_type == JoinType::kRight) return;
      if (node.join_type == JoinType::kInner) equalities(node.predicate);
      collect(*node.children[0], estimator, out);
      if (node.join_type == JoinType::kInner) collect(*node.children[1], estimator, out);
      return;
    default: return;
  }
}

ColumnSet closure(ColumnSet from, const std::vector<Dependency>& dependencies) {
  for (bool grown = true; grown;) {
    grown = false;
    for (const Dependency& d : dependencies)
      if (d.from.subset_of(from) && !d.to.subset_of(from)) {
        from.add(d.to);
        grown = true;
      }
  }
  return from;
}

void reduce(Context& context, LogicalNode& node) {
  if (node.expressions.size() < 2) return;
  std::vector<Dependency> dependencies;
  Estimator estimator(context);
  collect(*node.children[0], estimator, dependencies);
  if (dependencies.empty()) return;
  const std::size_t keys = node.expressions.size();
  std::vector<bool> dropped(keys, false);
  // Texts go first, then wide numbers: the narrowest keys stay.
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < keys; ++i)
    if (node.expressions[i]->kind == Expression::Kind::kColumn) order.push_back(i);
  auto weight = [&](std::size_t i) {
    const data::Type& t = node.expressions[i]->type;
    if (t.is_text() || t.id == data::TypeId::kBlob) return std::size_t{100};
    const std::size_t unique = context.info(node.expressions[i]->column).type.is_integer() ? 0 : 20;
    return data::physical_width(data::physical_of(t)) + unique;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weight(a) > weight(b); });
  for (std::size_t i : order) {
    ColumnSet rest;
    for (std::size_t k = 0; k < keys; ++k)
      if (k != i && !dropped[k] && node.expressions[k]->kind == Expression::Kind::kColumn) rest.add(node.expressions[k]->column);
    dropped[i] = closure(std::move(rest), dependencies).contains(node.expressions[i]->column);
  }
  std::vector<ExpressionPtr> expressions;
  std::vector<ColumnId> key_ids, dropped_ids;
  std::vector<AggregateExpression> any;
  for (std::size_t i = 0; i < keys; ++i) {
    if (!dropped[i]) {
      expressions.push_back(node.expressions[i]);
      key_ids.push_back(node.ids[i]);
      continue;
    }
    AggregateExpression a;
    a.name = "any_value";
    a.args = {node.expressions[i]};
    a.type = node.expressions[i]->type;
    any.push_back(std::move(a));
    dropped_ids.push_back(node.ids[i]);
  }
  if (any.empty() || expressions.empty()) return;
  std::vector<ColumnId> ids = std::move(key_ids);
  ids.insert(ids.end(), node.ids.begin() + static_cast<std::ptrdiff_t>(keys), node.ids.end());
  ids.insert(ids.end(), dropped_ids.begin(), dropped_ids.end());
  node.ids = std::move(ids);
  node.expressions = std::move(expressions);
  for (AggregateExpression& a : any) node.aggregates.push_back(std::move(a));
}

void visit(Context& context, LogicalNode& node) {
  for (const NodePtr& c : node.children) visit(context, *c);
  if (node.kind == Kind::kAggregate) reduce(context, node);
}

}  // namespace

void reduce_group_keys(Context& context, NodePtr& root) { visit(context, *root); }

}  // namespace tajo::plan
