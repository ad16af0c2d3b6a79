#include "unnest.hpp"

namespace tajo::plan {
namespace {

/// `inner = outer`: one side has outer columns only, the other none.
bool is_correlated_equality(const ExpressionPtr& e, const ColumnSet& outer) {
  if (!is_call(*e, "=")) return false;
  const ColumnSet a = columns_of(e->args[0]), b = columns_of(e->args[1]);
  return (!a.empty() && a.subset_of(outer) && !b.intersects(outer) && !b.empty()) ||
         (!b.empty() && b.subset_of(outer) && !a.intersects(outer) && !a.empty());
}

class Puller {
 public:
  Puller(Context& context, const ColumnSet& outer) : context_(context), outer_(outer) {}

  bool can(const LogicalNode& node, bool equality_only) const {
    if (!free_columns(node).intersects(outer_)) return true;
    switch (node.kind) {
      case Kind::kFilter: return predicate(node.predicate, equality_only) && can(*node.children[0], equality_only);
      case Kind::kProject: return own_expressions_free(node) && can(*node.children[0], equality_only);
      case Kind::kSort: return own_expressions_free(node) && can(*node.children[0], equality_only);
      case Kind::kJoin:
        if (node.dependent) return false;
        if (node.join_type == JoinType::kInner)
          return predicate(node.predicate, equality_only) && can(*node.children[0], equality_only) && can(*node.children[1], equality_only);
        if (node.join_type == JoinType::kFull || node.join_type == JoinType::kRight) return false;
        return own_expressions_free(node) && !free_columns(*node.children[1]).intersects(outer_) && can(*node.children[0], equality_only);
      case Kind::kAggregate: return own_expressions_free(node) && can(*node.children[0], true);
      case Kind::kWindow: return own_expressions_free(node) && can(*node.children[0], true);
      default: return false;
    }
  }

  void pull(NodePtr& node, std::vector<ExpressionPtr>& out) {
    if (!free_columns(*node).intersects(outer_)) return;
    switch (node->kind) {
      case Kind::kFilter: {
        node->predicate = split(node->predicate, out);
        pull(node->children[0], out);
        if (!node->predicate) node = std::move(node->children[0]);
        return;
      }
      case Kind::kJoin:
        if (node->join_type == JoinType::kInner) {
          node->predicate = split(node->predicate, out);
          pull(node->children[1], out);
        }
        pull(node->children[0], out);
        return;
      case Kind::kAggregate: {
        std::vector<ExpressionPtr> pulled;
        pull(node->children[0], pulled);
        for (ExpressionPtr& e : pulled) out.push_back(over_key(*node, e));
        return;
      }
      case Kind::kWindow: {
        std::vector<ExpressionPtr> pulled;
        pull(node->children[0], pulled);
        for (const ExpressionPtr& e : pulled)
          for (WindowExpression& w : node->windows) w.partition_by.push_back(inner_side(e));
        out.insert(out.end(), pulled.begin(), pulled.end());
        return;
      }
      default: pull(node->children[0], out);
    }
  }

 private:
  bool own_expressions_free(const LogicalNode& node) const {
    bool free = true;
    for_each_expression(const_cast<LogicalNode&>(node), [&](const ExpressionPtr& e) { free = free && !columns_of(e).intersects(outer_); });
    return free;
  }

  bool predicate(const ExpressionPtr& e, bool equality_only) const {
    std::vector<ExpressionPtr> conjuncts;
    split_and(e, conjuncts);
    for (const ExpressionPtr& c : conjuncts) {
      if (!columns_of(c).intersects(outer_)) continue;
      if (functions::is_volatile(*c) || (equality_only && !is_correlated_equality(c, outer_))) return false;
    }
    return true;
  }

  ExpressionPtr split(const ExpressionPtr& e, std::vector<ExpressionPtr>& out) const {
    std::vector<ExpressionPtr> conjuncts, own;
    split_and(e, conjuncts);
    for (ExpressionPtr& c : conjuncts) (columns_of(c).intersects(outer_) ? out : own).push_back(std::move(c));
    return join_and(std::move(own));
  }

  const ExpressionPtr& inner_side(const ExpressionPtr& e) const { return e->args[columns_of(e->args[0]).intersects(outer_) ? 1 : 0]; }

  /// The equality above the aggregate: its inner side becomes a key.
  ExpressionPtr over_key(LogicalNode& aggregate, const ExpressionPtr& e) {
    const std::size_t side = columns_of(e->args[0]).intersects(outer_) ? 1 : 0;
    const ExpressionPtr& inner = e->args[side];
    ColumnId id = 0;
    bool found = false;
    for (std::size_t i = 0; i < aggregate.expressions.size() && !found; ++i)
      if (functions::equal(*aggregate.expressions[i], *inner)) {
        id = aggregate.ids[i];
        found = true;
      }
    if (!found) {
      const bool column = inner->kind == Expression::Kind::kColumn;
      id = context_.new_column(column ? context_.info(inner->column).name : "key", column ? context_.info(inner->column).relation : "", inner->type);
      aggregate.ids.insert(aggregate.ids.begin() + static_cast<std::ptrdiff_t>(aggregate.expressions.size()), id);
      aggregate.expressions.push_back(inner);
    }
    auto copy = std::make_shared<Expression>(*e);
    copy->args[side] = context_.column(id);
    return copy;
  }

  Context& context_;
  const ColumnSet& outer_;
};

}  // namespace

bool pull_correlation(Context& context, LogicalNode& join, const ColumnSet& outer, bool scalar_on_top) {
  Puller puller(context, outer);
  NodePtr& right = join.children[1];
  if (!puller.can(*right, false)) return false;
  // An aggregate without keys gives a row for no input; only unnest_scalar_aggregate may turn it into groups.
  std::vector<const LogicalNode*> stack{right.get()};
  while (!stack.empty()) {
    const LogicalNode* n = stack.back();
    stack.pop_back();
    if (n->kind == Kind::kAggregate && n->expressions.empty() && free_columns(*n).intersects(outer) && !(scalar_on_top && n == right.get()))
      return false;
    for (const NodePtr& c : n->children) stack.push_back(c.get());
  }
  std::vector<ExpressionPtr> pulled;
  puller.pull(right, pulled);
  ExpressionPtr& target = join.join_type == JoinType::kMark ? join.correlation : join.predicate;
  std::vector<ExpressionPtr> all;
  split_and(target, all);
  all.insert(all.end(), pulled.begin(), pulled.end());
  target = join_and(std::move(all));
  return true;
}

}  // namespace tajo::plan
