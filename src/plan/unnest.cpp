#include "unnest.hpp"

#include "null_rejection.hpp"
#include "rules.hpp"

namespace tajo::plan {
namespace {

/// For joins that only ask whether a right row exists: order, duplicates and a limit do not matter.
void strip_for_existence(LogicalNode& join) {
  for (;;) {
    NodePtr& right = join.children[1];
    const bool limit = right->kind == Kind::kLimit && right->offset == 0 && right->limit != 0 && is_true(join.predicate);
    const bool distinct = right->kind == Kind::kAggregate && right->aggregates.empty() && !right->expressions.empty();
    if (right->kind == Kind::kSort || limit) {
      right = std::move(right->children[0]);
    } else if (distinct) {
      auto project = make_node(Kind::kProject, std::move(right->children[0]));
      project->ids = right->ids;
      project->expressions = right->expressions;
      right = std::move(project);
    } else if (right->kind == Kind::kProject && !right->children.empty() && is_true(join.predicate) && !columns_of(join.correlation).intersects(visible(*right))) {
      right = std::move(right->children[0]);
    } else {
      return;
    }
  }
}

/// Projections on top that use outer columns: their expressions go into the join's predicate.
void inline_projections(LogicalNode& join, const ColumnSet& outer) {
  for (;;) {
    LogicalNode& right = *join.children[1];
    if (right.kind != Kind::kProject) return;
    bool correlated = false, is_volatile = false;
    Substitution map;
    for (std::size_t i = 0; i < right.ids.size(); ++i) {
      correlated = correlated || columns_of(right.expressions[i]).intersects(outer);
      is_volatile = is_volatile || functions::is_volatile(*right.expressions[i]);
      map.emplace(right.ids[i], right.expressions[i]);
    }
    if (!correlated || is_volatile) return;
    join.predicate = substitute(join.predicate, map);
    join.children[1] = std::move(right.children[0]);
  }
}

bool asks_existence(JoinType t) { return t == JoinType::kSemi || t == JoinType::kAnti || t == JoinType::kMark; }

/// single/left/inner join with Project* (aggregate without keys): every left row meets exactly one right row. The
/// aggregate becomes one grouped by the correlated columns, outer-joined; counts of missing groups are 0; projections
/// that would not be NULL for a missing group move above the join.
bool unnest_scalar_aggregate(Context& context, NodePtr& node, const ColumnSet& outer) {
  LogicalNode& join = *node;
  if (join.join_type != JoinType::kSingle && join.join_type != JoinType::kLeft && join.join_type != JoinType::kInner) return false;
  if (!is_true(join.predicate)) return false;
  LogicalNode* below = join.children[1].get();
  std::size_t depth = 0;
  for (; below->kind == Kind::kProject; below = below->children[0].get()) ++depth;
  if (below->kind != Kind::kAggregate || !below->expressions.empty()) return false;
  // Try on a join of the bare aggregate.
  std::vector<NodePtr> projections;
  NodePtr right = std::move(join.children[1]);
  for (std::size_t i = 0; i < depth; ++i) {
    NodePtr next = std::move(right->children[0]);
    projections.push_back(std::move(right));
    right = std::move(next);
  }
  auto restore = [&](NodePtr tree) {
    for (std::size_t i = projections.size(); i-- > 0;) {
      projections[i]->children[0] = std::move(tree);
      tree = std::move(projections[i]);
    }
    return tree;
  };
  ColumnSet made;
  for (std::size_t j = 0; j < right->ids.size(); ++j)
    if (right->aggregates[j].name != "count" && right->aggregates[j].name != "regr_count") made.add(right->ids[j]);
  const bool has_count = made.size() != right->ids.size();
  if (!(free_columns(*right).intersects(outer))) {
    // Only the projections are correlated: a cross join with one row.
    join.children[1] = std::move(right);
    join.join_type = JoinType::kInner;
    join.dependent = false;
    node = restore(std::move(node));
    return true;
  }
  join.children[1] = std::move(right);
  if (!pull_correlation(context, join, outer, true)) {
    join.children[1] = restore(std::move(join.children[1]));
    return false;
  }
  join.join_type = JoinType::kLeft;
  join.dependent = false;
  // Projections that are NULL whenever the group is missing may stay below: computed once a group.
  bool stay = !has_count;
  for (const NodePtr& p : projections)
    for (std::size_t i = 0; i < p->ids.size(); ++i) stay = stay && !columns_of(p->expressions[i]).intersects(outer);
  for (std::size_t k = projections.size(); stay && k-- > 0;)
    for (std::size_t i = 0; stay && i < projections[k]->ids.size(); ++i) {
      stay = strict_columns(projections[k]->expressions[i]).intersects(made);
      if (stay) made.add(projections[k]->ids[i]);
    }
  if (stay) {
    join.children[1] = restore(std::move(join.children[1]));
    return true;
  }
  if (has_count) {
    auto counts = make_node(Kind::kProject);
    for (auto& [id, e] : zero_for_missing(context, *join.children[1])) {
      counts->ids.push_back(id);
      counts->expressions.push_back(e);
    }
    counts->children.push_back(std::move(node));
    node = std::move(counts);
  }
  node = restore(std::move(node));
  return true;
}

void resolve(Context& context, NodePtr& node) {
  LogicalNode& join = *node;
  if (asks_existence(join.join_type)) strip_for_existence(join);
  const ColumnSet left = visible(*join.children[0]);
  ColumnSet outer = free_columns(*join.children[1]);
  outer.keep(left);
  if (outer.empty()) {
    join.dependent = false;
  } else if (!unnest_scalar_aggregate(context, node, outer)) {
    if (asks_existence(join.join_type)) inline_projections(join, outer);
    outer = free_columns(*join.children[1]);
    outer.keep(left);
    if (!outer.empty() && !pull_correlation(context, join, outer, false)) unnest_with_domain(context, join, outer);
    join.dependent = false;
  }
}

void visit(Context& context, NodePtr& node) {
  for (NodePtr& c : node->children) visit(context, c);
  if (node->kind != Kind::kJoin) return;
  if (node->dependent) resolve(context, node);
  if (node->kind == Kind::kJoin && node->join_type == JoinType::kSingle && is_true(node->predicate) && exactly_one_row(*node->children[1]))
    node->join_type = JoinType::kInner;
}

}  // namespace

Substitution zero_for_missing(Context& context, LogicalNode& aggregate) {
  Substitution out;
  const std::size_t keys = aggregate.expressions.size();
  for (std::size_t j = 0; j < aggregate.aggregates.size(); ++j) {
    const AggregateExpression& a = aggregate.aggregates[j];
    if (a.name != "count" && a.name != "regr_count") continue;
    ColumnId& id = aggregate.ids[keys + j];
    const ColumnId raw = context.new_column(a.name, "", a.type);
    out.emplace(id, functions::make_coalesce({context.column(raw), functions::make_constant(data::Value(std::int64_t{0}), a.type)}));
    id = raw;
  }
  return out;
}

void unnest(Context& context, NodePtr& root) { visit(context, root); }

}  // namespace tajo::plan
