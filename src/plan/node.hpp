#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "column_set.hpp"
#include "context.hpp"

namespace tajo::plan {

/// Columns by which expressions are rewritten: an id becomes another expression.
using Substitution = std::unordered_map<ColumnId, ExpressionPtr>;

NodePtr make_node(Kind kind);
NodePtr make_node(Kind kind, NodePtr child);
/// A filter over `child`, or `child` itself when there is nothing to test; merges with a filter below.
NodePtr make_filter(NodePtr child, std::vector<ExpressionPtr> conjuncts);
NodePtr make_join(JoinType type, NodePtr left, NodePtr right, ExpressionPtr predicate);

/// Columns a node hands to its parent.
ColumnSet visible(const LogicalNode& node);
/// Columns used somewhere in the tree that no node of it makes: the outer references of a subquery.
ColumnSet free_columns(const LogicalNode& node);
ColumnSet columns_of(const ExpressionPtr& e);
/// True when every column of `e` is in `set`.
bool covered(const ExpressionPtr& e, const ColumnSet& set);

bool is_true(const ExpressionPtr& e);   ///< null or the constant TRUE
bool is_false(const ExpressionPtr& e);  ///< the constant FALSE or NULL: no row passes
/// The conjuncts of a predicate, appended; null and TRUE add nothing.
void split_and(const ExpressionPtr& e, std::vector<ExpressionPtr>& out);
/// AND of the conjuncts; null for none.
ExpressionPtr join_and(std::vector<ExpressionPtr> conjuncts);
bool is_call(const Expression& e, std::string_view function);
bool is_comparison(const Expression& e);  ///< = <> < <= > >=
/// `a op b` as `b op' a`.
std::string mirrored(const std::string& comparison);
ExpressionPtr substitute(const ExpressionPtr& e, const Substitution& map);

/// Calls f(ExpressionPtr&) for every expression of this node alone, sort keys and aggregates' arguments included.
template <class F>
void for_each_expression(LogicalNode& node, F&& f) {
  auto sort = [&](std::vector<SortKey>& keys) { for (SortKey& k : keys) f(k.expression); };
  for (ExpressionPtr& e : node.expressions) f(e);
  for (auto& row : node.rows) for (ExpressionPtr& e : row) f(e);
  if (node.predicate) f(node.predicate);
  if (node.correlation) f(node.correlation);
  for (AggregateExpression& a : node.aggregates) {
    for (ExpressionPtr& e : a.args) f(e);
    if (a.filter) f(a.filter);
    sort(a.order_by);
  }
  for (WindowExpression& w : node.windows) {
    for (ExpressionPtr& e : w.args) f(e);
    for (ExpressionPtr& e : w.partition_by) f(e);
    sort(w.order_by);
  }
  sort(node.sort_keys);
}

/// A copy of the tree whose made columns get new ids; `renamed` maps old to new. Outer references stay.
NodePtr clone(Context& context, const LogicalNode& node, std::unordered_map<ColumnId, ColumnId>& renamed);
/// True when two evaluations of the tree give the same rows: no volatile function, no LIMIT.
bool repeatable(const LogicalNode& node);
/// True when the node gives exactly one row: an aggregate without keys, one row of VALUES, and projections of those.
bool exactly_one_row(const LogicalNode& node);

/// Compact form for tests and debugging: `join inner [a = b] (scan t, filter …)`, one node a line.
std::string print(const LogicalPlan& plan, const LogicalNode& node);

}  // namespace tajo::plan
