#include "binder.hpp"

#include <unordered_set>

namespace tajo::sql {

using functions::Expression;

Binder::Binder(const ParsedStatement& statement, const BindContext& context)
    : statement_(statement), context_(context), parameters_(context.parameter_types) {}

void Binder::fail(std::string_view state, const std::string& message, int location) const {
  throw Error(state, message).at(position(location));
}

void Binder::unsupported(const std::string& feature, int location) const {
  fail(sqlstate::kFeatureNotSupported, feature + (feature.ends_with("s") ? " are" : " is") + " not supported", location);
}

ColumnId Binder::add_id(std::string name, std::string relation, const data::Type& type, bool not_null) {
  columns_.push_back({std::move(name), std::move(relation), type});
  not_null_.push_back(not_null);
  return static_cast<ColumnId>(columns_.size() - 1);
}

NodePtr Binder::make_node(LogicalNode::Kind kind, NodePtr child, NodePtr second) {
  if (++nodes_ > kMaxPlanNodes) throw Error(sqlstate::kStatementTooComplex, "statement needs too many operators");
  auto node = std::make_unique<LogicalNode>();
  node->kind = kind;
  if (child) node->children.push_back(std::move(child));
  if (second) node->children.push_back(std::move(second));
  return node;
}

NodePtr Binder::filter(NodePtr child, ExpressionPtr predicate) {
  if (!predicate) return child;
  NodePtr node = make_node(LogicalNode::Kind::kFilter, std::move(child));
  node->predicate = std::move(predicate);
  return node;
}

NodePtr Binder::one_row() {
  NodePtr node = make_node(LogicalNode::Kind::kValues);
  node->rows.emplace_back();
  return node;
}

namespace {

template <class F>
void each_node(const LogicalNode& root, F&& f) {
  std::vector<const LogicalNode*> stack{&root};
  while (!stack.empty()) {
    const LogicalNode* node = stack.back();
    stack.pop_back();
    f(*node);
    for (const NodePtr& child : node->children) stack.push_back(child.get());
  }
}

template <class F>
void each_expression(const LogicalNode& node, F&& f) {
  const auto visit = [&](const ExpressionPtr& e) {
    if (e) f(*e);
  };
  visit(node.predicate);
  for (const ExpressionPtr& e : node.expressions) visit(e);
  for (const auto& row : node.rows)
    for (const ExpressionPtr& e : row) visit(e);
  for (const plan::AggregateExpression& a : node.aggregates) {
    for (const ExpressionPtr& e : a.args) visit(e);
    for (const plan::SortKey& key : a.order_by) visit(key.expression);
    visit(a.filter);
  }
  for (const plan::WindowExpression& w : node.windows) {
    for (const ExpressionPtr& e : w.args) visit(e);
    for (const ExpressionPtr& e : w.partition_by) visit(e);
    for (const plan::SortKey& key : w.order_by) visit(key.expression);
  }
  for (const plan::SortKey& key : node.sort_keys) visit(key.expression);
}

}  // namespace

/// Whether an expression below `right` uses a column that is made below `left`.
bool Binder::is_dependent(const LogicalNode& left, const LogicalNode& right) const {
  std::unordered_set<ColumnId> used;
  std::vector<ColumnId> columns;
  each_node(right, [&](const LogicalNode& node) {
    each_expression(node, [&](const Expression& e) { functions::collect_columns(e, columns); });
    for (const auto& ids : node.set_columns) columns.insert(columns.end(), ids.begin(), ids.end());
  });
  used.insert(columns.begin(), columns.end());
  bool dependent = false;
  each_node(left, [&](const LogicalNode& node) {
    for (const ColumnId id : node.ids) dependent = dependent || used.contains(id);
  });
  return dependent;
}

void Binder::mark_nullable(const LogicalNode& root) {
  each_node(root, [&](const LogicalNode& node) {
    for (const ColumnId id : node.ids) not_null_[id] = false;
  });
}

}  // namespace tajo::sql
