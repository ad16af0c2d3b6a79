#include "lower.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tajo/common/error.hpp"

namespace tajo::plan {
namespace {

constexpr std::int64_t kMostTopN = 1'000'000;  // rows a TopN keeps; beyond, sort and cut
constexpr double kUnbounded = std::numeric_limits<double>::infinity();

/// What a task needs of a fragment: no statistics, no sketches.
data::FragmentInfo stripped(const data::FragmentInfo& f) {
  data::FragmentInfo out;
  out.id = f.id;
  out.path = f.path;
  out.rows = f.rows;
  out.unknown_rows = f.unknown_rows;
  out.bytes = f.bytes;
  out.mtime_us = f.mtime_us;
  out.footer_digest = f.footer_digest;
  out.inline_rows = f.inline_rows;
  out.columns.reserve(f.columns.size());
  for (const data::ColumnStatistics& c : f.columns)
    out.columns.push_back({c.min, c.max, c.nulls, c.distinct, c.strictly_increasing, {}});
  return out;
}

int scan_cost(const data::Type& type) { return type.is_text() || type.id == data::TypeId::kBlob ? 100 : static_cast<int>(data::physical_width(data::physical_of(type))); }

}  // namespace

PhysicalPtr Lower::make(double rows) {
  auto node = std::make_unique<PhysicalNode>();
  node->id = next_id_++;
  node->estimated_rows = rows;
  return node;
}

ExpressionPtr Lower::resolve(const ExpressionPtr& e, const Lowered& input) {
  if (!e) return nullptr;
  if (positions_.size() < context_.plan.columns.size()) positions_.resize(context_.plan.columns.size(), -1);
  for (std::size_t i = 0; i < input.layout.size(); ++i) positions_[input.layout[i]] = static_cast<std::int32_t>(i);
  ExpressionPtr out = functions::transform(e, [&](const ExpressionPtr& x) -> ExpressionPtr {
    if (x->kind != Expression::Kind::kColumn) return nullptr;
    const std::int32_t p = x->column < positions_.size() ? positions_[x->column] : -1;
    if (p < 0)
      throw Error(sqlstate::kInternalError, "column " + context_.info(x->column).name + " is not visible where it is used");
    const PhysicalColumn& c = input.node->output[static_cast<std::size_t>(p)];
    auto column = std::make_shared<Expression>();
    column->kind = Expression::Kind::kColumn;
    column->type = c.type;
    column->physical = c.physical;
    column->bounds = c.bounds;
    column->column = static_cast<std::uint32_t>(p);
    return column;
  });
  for (ColumnId id : input.layout) positions_[id] = -1;
  return narrow(out, input.node->output);
}

std::vector<ExpressionPtr> Lower::resolve(const std::vector<ExpressionPtr>& es, const Lowered& input) {
  std::vector<ExpressionPtr> out;
  out.reserve(es.size());
  for (const ExpressionPtr& e : es) out.push_back(resolve(e, input));
  return out;
}

std::vector<SortKey> Lower::resolve(const std::vector<SortKey>& keys, const Lowered& input) {
  std::vector<SortKey> out;
  for (const SortKey& k : keys) {
    ExpressionPtr e = resolve(k.expression, input);
    if (e->kind != Expression::Kind::kConstant) out.push_back({std::move(e), k.descending, k.nulls_first});
  }
  return out;
}

PhysicalColumn Lower::column_of(const Expression& e, std::string name) const {
  PhysicalColumn c;
  c.name = std::move(name);
  c.type = e.type;
  c.physical = e.physical;
  c.bounds = e.bounds;
  return c;
}

std::uint32_t Lower::table_index(const catalog::TablePtr& table) {
  for (std::size_t i = 0; i < tables_.size(); ++i)
    if (tables_[i] == table.get()) return static_cast<std::uint32_t>(i);
  PlannedTable t;
  t.number = table->number;
  t.name = table->name;
  t.version = table->version;
  t.source = table->source;
  t.fragments.reserve(table->fragments.size());
  for (const data::FragmentInfo& f : table->fragments) t.fragments.push_back(stripped(f));
  out_.tables.push_back(std::move(t));
  tables_.push_back(table.get());
  return static_cast<std::uint32_t>(tables_.size() - 1);
}

double Lower::most_rows(const PhysicalNode& node) const {
  auto child = [&](std::size_t i) { return most_rows(*node.children[i]); };
  if (const auto* s = std::get_if<ScanNode>(&node.detail)) {
    double rows = 0;
    for (const data::FragmentInfo& f : out_.tables[s->table].fragments) rows += f.unknown_rows ? kUnbounded : static_cast<double>(f.rows);
    return rows;
  }
  if (const auto* v = std::get_if<ValuesNode>(&node.detail)) return static_cast<double>(v->rows.size());
  if (std::holds_alternative<SeriesNode>(node.detail)) return node.estimated_rows + 1;
  if (const auto* j = std::get_if<HashJoinNode>(&node.detail)) {
    switch (j->type) {
      case JoinType::kSemi: case JoinType::kAnti: case JoinType::kMark: case JoinType::kSingle: return child(0);
      case JoinType::kRightSemi: case JoinType::kRightAnti: return child(1);
      case JoinType::kInner: return j->build_unique ? child(0) : child(0) * child(1);
      case JoinType::kLeft: return j->build_unique ? child(0) : child(0) * std::max(1.0, child(1));
      default: return child(0) * child(1) + child(0) + child(1);
    }
  }
  if (const auto* j = std::get_if<NestedLoopJoinNode>(&node.detail)) {
    if (j->type == JoinType::kSemi || j->type == JoinType::kAnti || j->type == JoinType::kMark || j->type == JoinType::kSingle) return child(0);
    return child(0) * std::max(1.0, child(1));
  }
  if (const auto* a = std::get_if<AggregateNode>(&node.detail)) return a->keys.empty() ? 1 : child(0);
  if (const auto* t = std::get_if<TopNNode>(&node.detail)) return std::min(child(0), static_cast<double>(t->limit));
  if (const auto* l = std::get_if<LimitNode>(&node.detail)) return l->limit < 0 ? child(0) : std::min(child(0), static_cast<double>(l->limit));
  double rows = 0;
  for (const PhysicalPtr& c : node.children) rows += most_rows(*c);
  return node.children.empty() ? kUnbounded : rows;
}

PhysicalPtr Lower::root(LogicalNode& node, const std::vector<ColumnId>& outputs) {
  ColumnSet required;
  for (ColumnId c : outputs) required.add(c);
  Lowered top = lower(node, required);
  if (top.layout == outputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) top.node->output[i].name = context_.plan.names[i];
    return std::move(top.node);
  }
  PhysicalPtr project = make(top.node->estimated_rows);
  ProjectNode detail;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    detail.expressions.push_back(resolve(context_.column(outputs[i]), top));
    project->output.push_back(column_of(*detail.expressions.back(), context_.plan.names[i]));
  }
  project->detail = std::move(detail);
  project->children.push_back(std::move(top.node));
  return project;
}

Lowered Lower::lower(LogicalNode& node, const ColumnSet& required) {
  Lowered out = dispatch(node, required);
  return prune_ && (node.kind == Kind::kFilter || node.kind == Kind::kSort) ? pruned(std::move(out), required) : std::move(out);
}

Lowered Lower::pruned(Lowered in, const ColumnSet& required) {
  const bool extra = std::any_of(in.layout.begin(), in.layout.end(), [&](ColumnId id) { return !required.contains(id); });
  if (!extra || required.empty()) return in;
  Lowered out;
  out.node = make(in.node->estimated_rows);
  ProjectNode detail;
  for (ColumnId id : in.layout) {
    if (!required.contains(id)) continue;
    detail.expressions.push_back(resolve(context_.column(id), in));
    out.node->output.push_back(column_of(*detail.expressions.back(), context_.info(id).name));
    out.layout.push_back(id);
  }
  out.node->detail = std::move(detail);
  out.node->children.push_back(std::move(in.node));
  return out;
}

Lowered Lower::dispatch(LogicalNode& node, const ColumnSet& required) {
  switch (node.kind) {
    case Kind::kScan: return scan(node, required, nullptr);
    case Kind::kValues: return values(node, required);
    case Kind::kSeries: return series(node);
    case Kind::kFilter: return filter(node, required);
    case Kind::kProject: return project(node, required);
    case Kind::kJoin: return join(node, required);
    case Kind::kAggregate: return aggregate(node, required);
    case Kind::kWindow: return window(node, required);
    case Kind::kSort: return sort(node, required);
    case Kind::kLimit: return limit(node, required);
    case Kind::kSetOperation: return set_operation(node, required);
  }
  throw Error(sqlstate::kInternalError, "unknown logical operator");
}

Lowered Lower::scan(LogicalNode& node, const ColumnSet& required, const LogicalNode* filter) {
  Lowered out;
  out.node = make(estimator_.rows(filter != nullptr ? *filter : node));
  estimator_.rows(node);
  ScanNode detail;
  detail.table = table_index(node.table);
  std::vector<ExpressionPtr> conjuncts;
  ColumnSet needed = required;
  if (filter != nullptr) {
    split_and(filter->predicate, conjuncts);
    needed.add(columns_of(filter->predicate));
  }
  auto deliver = [&](std::size_t i) {
    const ColumnId id = node.ids[i];
    const ColumnStatistic& s = estimator_.column(id);
    const data::Column& c = node.table->source.schema.columns[node.scan_columns[i]];
    PhysicalColumn column;
    column.name = c.name;
    column.type = c.type;
    column.physical = data::physical_of(c.type);
    column.bounds = s.bounds;
    if (c.not_null) column.bounds.may_be_null = false;
    out.node->output.push_back(std::move(column));
    out.layout.push_back(id);
    detail.columns.push_back(node.scan_columns[i]);
  };
  for (std::size_t i = 0; i < node.ids.size(); ++i)
    if (needed.contains(node.ids[i])) deliver(i);
  if (detail.columns.empty()) {  // rows are counted on the cheapest column
    const auto& columns = node.table->source.schema.columns;
    std::size_t best = 0;
    for (std::size_t i = 1; i < node.ids.size(); ++i)
      if (scan_cost(columns[node.scan_columns[i]].type) < scan_cost(columns[node.scan_columns[best]].type)) best = i;
    if (!node.ids.empty()) {
      deliver(best);
    } else if (!columns.empty()) {  // the binder listed no column at all
      std::uint32_t cheapest = 0;
      for (std::uint32_t i = 1; i < columns.size(); ++i)
        if (scan_cost(columns[i].type) < scan_cost(columns[cheapest].type)) cheapest = i;
      node.ids.push_back(context_.new_column(columns[cheapest].name, node.alias, columns[cheapest].type));
      node.scan_columns.push_back(cheapest);
      deliver(0);
    }
  }
  detail.filters = resolve(conjuncts, out);
  out.node->detail = std::move(detail);
  return out;
}

Lowered Lower::empty(const LogicalNode& node, const ColumnSet& required) {
  Lowered out;
  out.node = make(0);
  out.node->detail = ValuesNode{};
  visible(node).for_each([&](ColumnId id) {
    if (!required.contains(id)) return;
    PhysicalColumn c;
    c.name = context_.info(id).name;
    c.type = context_.info(id).type;
    c.physical = data::physical_of(c.type);
    out.node->output.push_back(std::move(c));
    out.layout.push_back(id);
  });
  return out;
}

Lowered Lower::filter(LogicalNode& node, const ColumnSet& required) {
  LogicalNode& child = *node.children[0];
  std::vector<ExpressionPtr> conjuncts;
  split_and(node.predicate, conjuncts);
  for (const ExpressionPtr& c : conjuncts)
    if (is_false(c)) return empty(node, required);
  if (conjuncts.empty()) return lower(child, required);
  if (child.kind == Kind::kScan && !functions::is_volatile(*node.predicate)) return scan(child, required, &node);
  ColumnSet needed = required;
  needed.add(columns_of(node.predicate));
  Lowered out = lower(child, needed);
  PhysicalPtr filter = make(estimator_.rows(node));
  filter->output = out.node->output;
  filter->detail = FilterNode{resolve(conjuncts, out)};
  filter->children.push_back(std::move(out.node));
  out.node = std::move(filter);
  return out;
}

Lowered Lower::values(LogicalNode& node, const ColumnSet& required) {
  std::vector<std::size_t> used;
  Lowered out;
  for (std::size_t i = 0; i < node.ids.size(); ++i)
    if (required.contains(node.ids[i])) {
      used.push_back(i);
      out.layout.push_back(node.ids[i]);
    }
  std::vector<PhysicalColumn> columns;
  for (ColumnId id : out.layout) {
    PhysicalColumn c;
    c.name = context_.info(id).name;
    c.type = context_.info(id).type;
    c.physical = data::physical_of(c.type);
    columns.push_back(std::move(c));
  }
  const double rows = static_cast<double>(node.rows.size());
  bool constant = true;
  for (const auto& row : node.rows)
    for (std::size_t i : used) constant = constant && row[i]->kind == Expression::Kind::kConstant;
  if (constant) {
    ValuesNode detail;
    detail.rows.reserve(node.rows.size());
    for (const auto& row : node.rows) {
      detail.rows.emplace_back();
      for (std::size_t i : used)
        detail.rows.back().push_back(row[i]->constant);
    }
    out.node = make(rows);
    out.node->detail = std::move(detail);
    out.node->output = std::move(columns);
    return out;
  }
  // Something to compute in a row (now(), random(), what fails): each row is a projection of a row without columns.
  PhysicalPtr all = make(rows);
  all->detail = UnionAllNode{};
  all->output = columns;
  for (const auto& row : node.rows) {
    PhysicalPtr one = make(1);
    one->detail = ValuesNode{{std::vector<data::Value>{}}};
    PhysicalPtr project = make(1);
    ProjectNode detail;
    for (std::size_t i = 0; i < used.size(); ++i) {
      ExpressionPtr e = row[used[i]];
      if (e->physical != columns[i].physical) e = widen(e, columns[i].physical);
      detail.expressions.push_back(std::move(e));
    }
    project->detail = std::move(detail);
    project->output = columns;
    project->children.push_back(std::move(one));
    all->children.push_back(std::move(project));
  }
  out.node = std::move(all);
  return out;
}

Lowered Lower::series(LogicalNode& node) {
  std::int64_t v[3] = {0, 0, 1};
  bool null = false;
  for (std::size_t i = 0; i < node.expressions.size() && i < 3; ++i) {
    const ExpressionPtr& e = node.expressions[i];
    if (!functions::is_constant(*e))
      throw Error(sqlstate::kFeatureNotSupported, "generate_series with arguments that are not constant is not supported").at(e->position);
    const data::Value value = e->kind == Expression::Kind::kConstant ? e->constant : functions::evaluate_constant(*e);
    if (data::is_null(value)) null = true;
    else v[i] = static_cast<std::int64_t>(data::integer_value(value));
  }
  if (v[2] == 0) throw Error(sqlstate::kInvalidParameter, "step size cannot equal zero");
  ColumnSet all;
  for (ColumnId id : node.ids) all.add(id);
  if (null) return empty(node, all);
  Lowered out;
  const bool any = v[2] > 0 ? v[0] <= v[1] : v[0] >= v[1];
  out.node = make(any ? std::floor((static_cast<double>(v[1]) - static_cast<double>(v[0])) / static_cast<double>(v[2])) + 1 : 0);
  out.node->detail = SeriesNode{v[0], v[1], v[2]};
  PhysicalColumn c;
  c.name = context_.info(node.ids[0]).name;
  c.type = context_.info(node.ids[0]).type;
  c.physical = data::physical_of(c.type);
  c.bounds = {std::min(v[0], v[1]), std::max(v[0], v[1]), true, false};
  out.node->output.push_back(std::move(c));
  out.layout.push_back(node.ids[0]);
  return out;
}

Lowered Lower::project(LogicalNode& node, const ColumnSet& required) {
  std::vector<std::size_t> used;
  ColumnSet below = required;
  for (ColumnId id : node.ids) below.remove(id);
  const ColumnSet passed = below;
  for (std::size_t i = 0; i < node.ids.size(); ++i)
    if (required.contains(node.ids[i])) {
      used.push_back(i);
      below.add(columns_of(node.expressions[i]));
    }
  Lowered in = lower(*node.children[0], below);
  if (used.empty()) return in;
  Lowered out;
  out.node = make(in.node->estimated_rows);
  ProjectNode detail;
  for (ColumnId id : in.layout) {
    if (!passed.contains(id)) continue;
    detail.expressions.push_back(resolve(context_.column(id), in));
    out.node->output.push_back(column_of(*detail.expressions.back(), context_.info(id).name));
    out.layout.push_back(id);
  }
  for (std::size_t i : used) {
    detail.expressions.push_back(resolve(node.expressions[i], in));
    out.node->output.push_back(column_of(*detail.expressions.back(), context_.info(node.ids[i]).name));
    out.layout.push_back(node.ids[i]);
  }
  out.node->detail = std::move(detail);
  out.node->children.push_back(std::move(in.node));
  return out;
}

Lowered Lower::window(LogicalNode& node, const ColumnSet& required) {
  std::vector<std::size_t> used;
  ColumnSet below = required;
  for (ColumnId id : node.ids) below.remove(id);
  for (std::size_t i = 0; i < node.ids.size(); ++i) {
    if (!required.contains(node.ids[i])) continue;
    used.push_back(i);
    const WindowExpression& w = node.windows[i];
    for (const ExpressionPtr& e : w.args) below.add(columns_of(e));
    for (const ExpressionPtr& e : w.partition_by) below.add(columns_of(e));
    for (const SortKey& k : w.order_by) below.add(columns_of(k.expression));
  }
  Lowered in = lower(*node.children[0], below);
  auto same = [](const WindowExpression& a, const WindowExpression& b) {
    if (a.partition_by.size() != b.partition_by.size() || a.order_by.size() != b.order_by.size()) return false;
    for (std::size_t i = 0; i < a.partition_by.size(); ++i)
      if (!functions::equal(*a.partition_by[i], *b.partition_by[i])) return false;
    for (std::size_t i = 0; i < a.order_by.size(); ++i)
      if (!functions::equal(*a.order_by[i].expression, *b.order_by[i].expression) || a.order_by[i].descending != b.order_by[i].descending ||
          a.order_by[i].nulls_first != b.order_by[i].nulls_first)
        return false;
    return true;
  };
  // One operator for the windows of one partitioning and order.
  while (!used.empty()) {
    PhysicalPtr op = make(in.node->estimated_rows);
    op->output = in.node->output;
    WindowNode detail;
    std::vector<std::size_t> rest;
    std::vector<ColumnId> made;
    for (std::size_t i : used) {
      const WindowExpression& w = node.windows[i];
      if (!same(w, node.windows[used[0]])) {
        rest.push_back(i);
        continue;
      }
      WindowExpression r;
      r.name = w.name;
      r.type = w.type;
      r.args = resolve(w.args, in);
      r.partition_by = resolve(w.partition_by, in);
      r.order_by = resolve(w.order_by, in);
      r.frame = w.frame;
      detail.windows.push_back(std::move(r));
      PhysicalColumn c;
      c.name = context_.info(node.ids[i]).name;
      c.type = w.type;
      c.physical = data::physical_of(w.type);
      op->output.push_back(std::move(c));
      made.push_back(node.ids[i]);
    }
    op->detail = std::move(detail);
    op->children.push_back(std::move(in.node));
    in.node = std::move(op);
    in.layout.insert(in.layout.end(), made.begin(), made.end());
    used = std::move(rest);
  }
  return in;
}

Lowered Lower::sort(LogicalNode& node, const ColumnSet& required) {
  ColumnSet below = required;
  for (const SortKey& k : node.sort_keys) below.add(columns_of(k.expression));
  Lowered in = lower(*node.children[0], below);
  std::vector<SortKey> keys = resolve(node.sort_keys, in);
  if (keys.empty()) return in;
  PhysicalPtr op = make(in.node->estimated_rows);
  op->output = in.node->output;
  op->detail = SortNode{std::move(keys)};
  op->children.push_back(std::move(in.node));
  in.node = std::move(op);
  return in;
}

Lowered Lower::limit(LogicalNode& node, const ColumnSet& required) {
  if (node.limit == 0) return empty(node, required);
  if (node.children[0]->kind == Kind::kProject) {  // cut before computing; a sort below becomes a TopN
    NodePtr project = std::move(node.children[0]);
    auto cut = make_node(Kind::kLimit, std::move(project->children[0]));
    cut->limit = node.limit;
    cut->offset = node.offset;
    project->children[0] = std::move(cut);
    node.children[0] = std::move(project);
    node.limit = -1;
    node.offset = 0;
  }
  Lowered in = dispatch(*node.children[0], required);
  if (node.limit < 0 && node.offset == 0) return in;
  if (auto* s = std::get_if<SortNode>(&in.node->detail); s != nullptr && node.limit > 0 && node.limit + node.offset <= kMostTopN) {
    TopNNode top{std::move(s->keys), node.limit, node.offset};
    in.node->detail = std::move(top);
    in.node->estimated_rows = std::min(in.node->estimated_rows, static_cast<double>(node.limit));
    return prune_ ? pruned(std::move(in), required) : std::move(in);
  }
  PhysicalPtr op = make(estimator_.rows(node));
  op->output = in.node->output;
  op->detail = LimitNode{node.limit, node.offset};
  op->children.push_back(std::move(in.node));
  in.node = std::move(op);
  return in;
}

}  // namespace tajo::plan
