#include "node.hpp"

#include <algorithm>

namespace tajo::plan {

bool Context::enabled(std::string_view rule) const {
  for (const std::string& r : settings.disabled_rules)
    if (r == rule) return false;
  return true;
}

ColumnId Context::new_column(std::string name, std::string relation, const data::Type& type) {
  plan.columns.push_back(ColumnInfo{std::move(name), std::move(relation), type});
  return static_cast<ColumnId>(plan.columns.size() - 1);
}

ExpressionPtr Context::column(ColumnId id) const {
  const data::Type& type = plan.columns[id].type;
  return functions::make_column(id, type, data::physical_of(type));
}

NodePtr make_node(Kind kind) {
  auto node = std::make_unique<LogicalNode>();
  node->kind = kind;
  return node;
}

NodePtr make_node(Kind kind, NodePtr child) {
  NodePtr node = make_node(kind);
  node->children.push_back(std::move(child));
  return node;
}

NodePtr make_filter(NodePtr child, std::vector<ExpressionPtr> conjuncts) {
  if (conjuncts.empty()) return child;
  if (child->kind == Kind::kFilter) {
    std::vector<ExpressionPtr> all;
    split_and(child->predicate, all);
    all.insert(all.end(), conjuncts.begin(), conjuncts.end());
    child->predicate = join_and(std::move(all));
    return child;
  }
  NodePtr node = make_node(Kind::kFilter, std::move(child));
  node->predicate = join_and(std::move(conjuncts));
  return node;
}

NodePtr make_join(JoinType type, NodePtr left, NodePtr right, ExpressionPtr predicate) {
  NodePtr node = make_node(Kind::kJoin, std::move(left));
  node->children.push_back(std::move(right));
  node->join_type = type;
  node->predicate = std::move(predicate);
  return node;
}

namespace {

void add_visible(const LogicalNode& node, ColumnSet& out) {
  for (ColumnId id : node.ids) out.add(id);
  switch (node.kind) {
    case Kind::kAggregate:
    case Kind::kSetOperation:
      return;
    case Kind::kJoin:
      add_visible(*node.children[0], out);
      if (node.join_type != JoinType::kSemi && node.join_type != JoinType::kAnti && node.join_type != JoinType::kMark)
        add_visible(*node.children[1], out);
      return;
    default:
      for (const NodePtr& c : node.children) add_visible(*c, out);
  }
}

void add_used_and_made(const LogicalNode& node, ColumnSet& used, ColumnSet& made) {
  std::vector<std::uint32_t> columns;
  for_each_expression(const_cast<LogicalNode&>(node), [&](const ExpressionPtr& e) { functions::collect_columns(*e, columns); });
  for (std::uint32_t c : columns) used.add(c);
  for (const auto& child : node.set_columns)
    for (ColumnId c : child) used.add(c);
  for (ColumnId c : node.ids) made.add(c);
  for (const NodePtr& c : node.children) add_used_and_made(*c, used, made);
}

}  // namespace

ColumnSet visible(const LogicalNode& node) {
  ColumnSet out;
  add_visible(node, out);
  return out;
}

ColumnSet free_columns(const LogicalNode& node) {
  ColumnSet used, made;
  add_used_and_made(node, used, made);
  used.remove(made);
  return used;
}

ColumnSet columns_of(const ExpressionPtr& e) {
  ColumnSet out;
  if (!e) return out;
  std::vector<std::uint32_t> columns;
  functions::collect_columns(*e, columns);
  for (std::uint32_t c : columns) out.add(c);
  return out;
}

bool covered(const ExpressionPtr& e, const ColumnSet& set) {
  std::vector<std::uint32_t> columns;
  functions::collect_columns(*e, columns);
  return std::all_of(columns.begin(), columns.end(), [&](std::uint32_t c) { return set.contains(c); });
}

bool is_true(const ExpressionPtr& e) {
  if (!e) return true;
  const auto* v = e->kind == Expression::Kind::kConstant ? std::get_if<std::int64_t>(&e->constant) : nullptr;
  return v != nullptr && e->type.id == data::TypeId::kBool && *v != 0;
}

bool is_false(const ExpressionPtr& e) {
  if (!e || e->kind != Expression::Kind::kConstant) return false;
  if (data::is_null(e->constant)) return true;
  const auto* v = std::get_if<std::int64_t>(&e->constant);
  return v != nullptr && e->type.id == data::TypeId::kBool && *v == 0;
}

void split_and(const ExpressionPtr& e, std::vector<ExpressionPtr>& out) {
  if (is_true(e)) return;
  if (e->kind == Expression::Kind::kAnd) {
    for (const ExpressionPtr& arg : e->args) split_and(arg, out);
    return;
  }
  out.push_back(e);
}

ExpressionPtr join_and(std::vector<ExpressionPtr> conjuncts) {
  if (conjuncts.empty()) return nullptr;
  if (conjuncts.size() == 1) return std::move(conjuncts[0]);
  return functions::make_and(std::move(conjuncts));
}

bool is_call(const Expression& e, std::string_view function) {
  return e.kind == Expression::Kind::kCall && e.function == function;
}

bool is_comparison(const Expression& e) {
  if (e.kind != Expression::Kind::kCall || e.args.size() != 2) return false;
  const std::string& f = e.function;
  return f == "=" || f == "<>" || f == "<" || f == "<=" || f == ">" || f == ">=";
}

std::string mirrored(const std::string& comparison) {
  if (comparison == "<") return ">";
  if (comparison == "<=") return ">=";
  if (comparison == ">") return "<";
  if (comparison == ">=") return "<=";
  return comparison;
}

ExpressionPtr substitute(const ExpressionPtr& e, const Substitution& map) {
  if (!e || map.empty()) return e;
  return functions::transform(e, [&](const ExpressionPtr& x) -> ExpressionPtr {
    if (x->kind != Expression::Kind::kColumn) return nullptr;
    auto it = map.find(x->column);
    return it == map.end() ? nullptr : it->second;
  });
}

NodePtr clone(Context& context, const LogicalNode& node, std::unordered_map<ColumnId, ColumnId>& renamed) {
  NodePtr copy = make_node(node.kind);
  for (const NodePtr& c : node.children) copy->children.push_back(clone(context, *c, renamed));
  copy->table = node.table;
  copy->alias = node.alias;
  copy->scan_columns = node.scan_columns;
  copy->expressions = node.expressions;
  copy->rows = node.rows;
  copy->predicate = node.predicate;
  copy->correlation = node.correlation;
  copy->null_aware = node.null_aware;
  copy->two_valued = node.two_valued;
  copy->join_type = node.join_type;
  copy->dependent = node.dependent;
  copy->aggregates = node.aggregates;
  copy->windows = node.windows;
  copy->sort_keys = node.sort_keys;
  copy->limit = node.limit;
  copy->offset = node.offset;
  copy->set_operation = node.set_operation;
  copy->all = node.all;
  copy->set_columns = node.set_columns;
  copy->estimated_rows = node.estimated_rows;
  for (ColumnId id : node.ids) {
    ColumnInfo info = context.info(id);
    ColumnId fresh = context.new_column(std::move(info.name), std::move(info.relation), info.type);
    renamed[id] = fresh;
    copy->ids.push_back(fresh);
  }
  Substitution map;
  for (const auto& [from, to] : renamed) map.emplace(from, context.column(to));
  for_each_expression(*copy, [&](ExpressionPtr& e) { e = substitute(e, map); });
  for (auto& child : copy->set_columns)
    for (ColumnId& c : child) {
      auto it = renamed.find(c);
      if (it != renamed.end()) c = it->second;
    }
  return copy;
}

bool repeatable(const LogicalNode& node) {
  if (node.kind == Kind::kLimit) return false;
  bool stable = true;
  for_each_expression(const_cast<LogicalNode&>(node), [&](const ExpressionPtr& e) { stable = stable && !functions::is_volatile(*e); });
  return stable && std::all_of(node.children.begin(), node.children.end(), [](const NodePtr& c) { return repeatable(*c); });
}

bool exactly_one_row(const LogicalNode& node) {
  switch (node.kind) {
    case Kind::kAggregate: return node.expressions.empty();
    case Kind::kValues: return node.rows.size() == 1;
    case Kind::kProject:
    case Kind::kSort:
    case Kind::kWindow: return exactly_one_row(*node.children[0]);
    case Kind::kJoin: {
      if (!exactly_one_row(*node.children[0])) return false;
      switch (node.join_type) {
        case JoinType::kMark:
        case JoinType::kSingle: return true;
        case JoinType::kLeft: return exactly_one_row(*node.children[1]);
        case JoinType::kInner: return is_true(node.predicate) && exactly_one_row(*node.children[1]);
        default: return false;
      }
    }
    default: return false;
  }
}

}  // namespace tajo::plan
