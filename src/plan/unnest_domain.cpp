#include "null_rejection.hpp"
#include "tajo/common/error.hpp"
#include "unnest.hpp"

namespace tajo::plan {
namespace {

using data::TypeId;

data::Value zero_of(const data::Type& type) {
  if (type.is_float()) return 0.0;
  if (type.is_text() || type.id == TypeId::kBlob || type.id == TypeId::kUnknown) return std::string();
  if (type.id == TypeId::kInterval) return __int128{0};
  if (type.id == TypeId::kDecimal) return data::decimal_value(0, type);
  return std::int64_t{0};
}

[[noreturn]] void unsupported(const std::string& what) {
  throw Error(sqlstate::kFeatureNotSupported, "correlated subquery with " + what + " is not supported");
}

/// Computes a correlated tree for all outer values at once. Each step returns the tree with columns that carry the
/// outer values its rows belong to (`map`: outer column → that column).
class DomainPush {
 public:
  using Map = std::map<ColumnId, ColumnId>;

  DomainPush(Context& context, const LogicalNode& left, const ColumnSet& outer) : context_(context), left_(left), outer_(outer) {
    Estimator estimator(context);
    outer.for_each([&](ColumnId c) { never_null_[c] = never_null(context.column(c), estimator, left); });
  }

  NodePtr push(NodePtr node, Map& map) {
    if (!correlated(*node)) {
      NodePtr domain = make_domain(map);
      return make_join(JoinType::kInner, std::move(domain), std::move(node), nullptr);
    }
    switch (node->kind) {
      case Kind::kFilter:
      case Kind::kProject:
      case Kind::kSort:
        node->children[0] = push(std::move(node->children[0]), map);
        rename(*node, map);
        return node;
      case Kind::kWindow:
        node->children[0] = push(std::move(node->children[0]), map);
        rename(*node, map);
        for (WindowExpression& w : node->windows)
          for (const auto& [c, d] : map) w.partition_by.push_back(context_.column(d));
        return node;
      case Kind::kJoin: return join(std::move(node), map);
      case Kind::kAggregate: return aggregate(std::move(node), map);
      case Kind::kLimit: return limit(std::move(node), map);
      case Kind::kSetOperation: return set_operation(std::move(node), map);
      case Kind::kSeries: unsupported("generate_series over outer columns");
      case Kind::kValues: return values(std::move(node), map);
      case Kind::kScan: break;
    }
    throw Error(sqlstate::kInternalError, "a scan uses outer columns");
  }

  void equate(const std::function<ExpressionPtr(ColumnId)>& left, const Map& right, std::vector<ExpressionPtr>& out) {
    for (const auto& [c, d] : right) add_null_safe_equality(left(c), context_.column(d), never_null_.at(c), out);
  }

 private:
  bool correlated(const LogicalNode& node) const { return free_columns(node).intersects(outer_); }

  /// Distinct outer values: a copy of the left side under a grouping.
  NodePtr make_domain(Map& map) {
    if (!repeatable(left_)) unsupported("an outer query that uses LIMIT or volatile functions");
    std::unordered_map<ColumnId, ColumnId> renamed;
    NodePtr domain = make_node(Kind::kAggregate, clone(context_, left_, renamed));
    map.clear();
    outer_.for_each([&](ColumnId c) {
      domain->expressions.push_back(context_.column(renamed.at(c)));
      ColumnInfo info = context_.info(c);
      domain->ids.push_back(context_.new_column(std::move(info.name), std::move(info.relation), info.type));
      map[c] = domain->ids.back();
    });
    return domain;
  }

  void rename(LogicalNode& node, const Map& map) {
    Substitution s;
    for (const auto& [c, d] : map) s.emplace(c, context_.column(d));
    for_each_expression(node, [&](ExpressionPtr& e) { e = substitute(e, s); });
  }

  NodePtr join(NodePtr node, Map& map) {
    LogicalNode& j = *node;
    if (j.join_type == JoinType::kFull || j.join_type == JoinType::kRight) unsupported("a full or right outer join");
    const bool left = correlated(*j.children[0]), right = correlated(*j.children[1]);
    if (j.join_type == JoinType::kInner && right && !left) {
      j.children[1] = push(std::move(j.children[1]), map);
      rename(j, map);
      return node;
    }
    j.children[0] = push(std::move(j.children[0]), map);
    std::vector<ExpressionPtr> same;
    if (right) {
      Map other;
      j.children[1] = push(std::move(j.children[1]), other);
      equate([&](ColumnId c) { return context_.column(map.at(c)); }, other, same);
    }
    rename(j, map);
    ExpressionPtr& target = j.join_type == JoinType::kMark ? j.correlation : j.predicate;
    std::vector<ExpressionPtr> all;
    split_and(target, all);
    all.insert(all.end(), same.begin(), same.end());
    target = join_and(std::move(all));
    return node;
  }

  NodePtr aggregate(NodePtr node, Map& map) {
    LogicalNode& a = *node;
    const bool scalar = a.expressions.empty();
    Map in;
    a.children[0] = push(std::move(a.children[0]), in);
    rename(a, in);
    map.clear();
    std::size_t at = a.expressions.size();
    for (const auto& [c, d] : in) {
      ColumnInfo info = context_.info(c);
      const ColumnId id = context_.new_column(std::move(info.name), std::move(info.relation), info.type);
      a.expressions.push_back(context_.column(d));
      a.ids.insert(a.ids.begin() + static_cast<std::ptrdiff_t>(at++), id);
      map[c] = id;
    }
    if (!scalar) return node;
    // Without keys there is a row for every outer value, also for those without input.
    Substitution counts = zero_for_missing(context_, a);
    Map all;
    NodePtr domain = make_domain(all);
    std::vector<ExpressionPtr> same;
    equate([&](ColumnId c) { return context_.column(all.at(c)); }, map, same);
    NodePtr out = make_join(JoinType::kLeft, std::move(domain), std::move(node), join_and(std::move(same)));
    map = std::move(all);
    if (counts.empty()) return out;
    NodePtr project = make_node(Kind::kProject, std::move(out));
    for (auto& [id, e] : counts) {
      project->ids.push_back(id);
      project->expressions.push_back(e);
    }
    return project;
  }

  /// The first rows of every outer value: numbered within it.
  NodePtr limit(NodePtr node, Map& map) {
    NodePtr child = push(std::move(node->children[0]), map);
    NodePtr number = make_node(Kind::kWindow);
    WindowExpression w;
    w.name = "row_number";
    w.type = data::Type::of(TypeId::kInt8);
    for (const auto& [c, d] : map) w.partition_by.push_back(context_.column(d));
    if (child->kind == Kind::kSort) {
      w.order_by = child->sort_keys;
      child = std::move(child->children[0]);
    }
    number->children.push_back(std::move(child));
    number->windows.push_back(std::move(w));
    number->ids.push_back(context_.new_column("row_number", "", data::Type::of(TypeId::kInt8)));
    auto integer = [](std::int64_t v) { return functions::make_constant(data::Value(v), data::Type::of(TypeId::kInt8)); };
    const ExpressionPtr n = context_.column(number->ids[0]);
    std::vector<ExpressionPtr> conjuncts;
    if (node->offset > 0) conjuncts.push_back(functions::make_call(">", {n, integer(node->offset)}));
    if (node->limit >= 0) conjuncts.push_back(functions::make_call("<=", {n, integer(node->offset + node->limit)}));
    return make_filter(std::move(number), std::move(conjuncts));
  }

  NodePtr set_operation(NodePtr node, Map& map) {
    map.clear();
    outer_.for_each([&](ColumnId c) {
      ColumnInfo info = context_.info(c);
      map[c] = context_.new_column(std::move(info.name), std::move(info.relation), info.type);
      node->ids.push_back(map[c]);
    });
    for (std::size_t i = 0; i < node->children.size(); ++i) {
      Map in;
      node->children[i] = push(std::move(node->children[i]), in);
      outer_.for_each([&](ColumnId c) { node->set_columns[i].push_back(in.at(c)); });
    }
    return node;
  }

  /// VALUES over outer columns: one row is a projection of the domain.
  NodePtr values(NodePtr node, Map& map) {
    if (node->rows.size() != 1) unsupported("several rows of VALUES over outer columns");
    NodePtr project = make_node(Kind::kProject, make_domain(map));
    project->ids = node->ids;
    project->expressions = node->rows[0];
    rename(*project, map);
    return project;
  }

  Context& context_;
  const LogicalNode& left_;
  const ColumnSet& outer_;
  std::map<ColumnId, bool> never_null_;
};

}  // namespace

void add_null_safe_equality(const ExpressionPtr& a, const ExpressionPtr& b, bool never_null, std::vector<ExpressionPtr>& out) {
  if (never_null) {
    out.push_back(functions::make_call("=", {a, b}));
    return;
  }
  const ExpressionPtr zero = functions::make_constant(zero_of(a->type), a->type);
  out.push_back(functions::make_call("=", {functions::make_coalesce({a, zero}), functions::make_coalesce({b, zero})}));
  out.push_back(functions::make_call("=", {functions::make_is_null(a), functions::make_is_null(b)}));
}

void unnest_with_domain(Context& context, LogicalNode& join, const ColumnSet& outer) {
  DomainPush pusher(context, *join.children[0], outer);
  DomainPush::Map map;
  join.children[1] = pusher.push(std::move(join.children[1]), map);
  ExpressionPtr& target = join.join_type == JoinType::kMark ? join.correlation : join.predicate;
  std::vector<ExpressionPtr> all;
  split_and(target, all);
  pusher.equate([&](ColumnId c) { return context.column(c); }, map, all);
  target = join_and(std::move(all));
}

}  // namespace tajo::plan
