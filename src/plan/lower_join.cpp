#include <algorithm>
#include <cmath>

#include "lower.hpp"
#include "null_rejection.hpp"
#include "stages.hpp"
#include "tajo/common/error.hpp"

namespace tajo::plan {
namespace {

constexpr double kWorthwhilePass = 0.7;  // a runtime filter that lets more rows through is not made
constexpr double kBuildFactor = 1.5;  // how much dearer a built row is than a probed one

/// `a = b` with one side in each set, written left side first; nullptr when it is no key.
ExpressionPtr as_key(const ExpressionPtr& e, const ColumnSet& left, const ColumnSet& right) {
  if (!is_call(*e, "=") || functions::is_volatile(*e)) return nullptr;
  const ExpressionPtr &a = e->args[0], &b = e->args[1];
  const ColumnSet ca = columns_of(a), cb = columns_of(b);
  if (ca.empty() || cb.empty()) return nullptr;
  if (ca.subset_of(left) && cb.subset_of(right)) return e;
  if (ca.subset_of(right) && cb.subset_of(left)) {
    auto swapped = std::make_shared<Expression>(*e);
    std::swap(swapped->args[0], swapped->args[1]);
    return swapped;
  }
  return nullptr;
}

ExpressionPtr coalesced(const ExpressionPtr& e, bool value) {
  return functions::make_coalesce({e, functions::make_constant(data::Value(std::int64_t{value}), data::Type::of(data::TypeId::kBool))});
}

}  // namespace

Lowered Lower::join(LogicalNode& node, const ColumnSet& required) {
  if (node.dependent) throw Error(sqlstate::kInternalError, "a dependent join was left in the plan");
  if (node.join_type == JoinType::kRight) {
    std::swap(node.children[0], node.children[1]);
    node.join_type = JoinType::kLeft;
  }
  estimator_.rows(node);
  if (node.join_type == JoinType::kMark && !required.contains(node.ids[0])) return lower(*node.children[0], required);
  const ColumnSet left = visible(*node.children[0]), right = visible(*node.children[1]);
  std::vector<ExpressionPtr> conjuncts, keys, residual, where;
  split_and(node.predicate, conjuncts);
  split_and(node.correlation, where);
  JoinType type = node.join_type;
  const bool marks = type == JoinType::kMark;
  const bool null_matters = (type == JoinType::kAnti && node.null_aware) || (marks && !node.two_valued);
  bool null_aware = false;
  if (null_matters) {
    std::vector<ExpressionPtr> unsure;  // comparisons that may be NULL
    for (const ExpressionPtr& c : conjuncts) {
      const ExpressionPtr key = as_key(c, left, right);
      const bool sure = key && never_null(key->args[0], estimator_, *node.children[0]) && never_null(key->args[1], estimator_, *node.children[1]);
      if (sure) where.push_back(c);
      else unsure.push_back(c);
    }
    if (unsure.empty()) {
      conjuncts = std::move(where);
    } else if (unsure.size() == 1 && where.empty() && as_key(unsure[0], left, right)) {
      null_aware = true;
      conjuncts = std::move(unsure);
    } else if (marks) {
      std::vector<ExpressionPtr> all = std::move(unsure);
      for (const ExpressionPtr& c : where) all.push_back(coalesced(c, false));
      return nested_loop(node, required, JoinType::kMark, join_and(std::move(all)));
    } else {
      conjuncts = std::move(where);
      for (const ExpressionPtr& c : unsure) residual.push_back(coalesced(c, true));
    }
  } else {
    conjuncts.insert(conjuncts.end(), where.begin(), where.end());
  }
  for (const ExpressionPtr& c : conjuncts) {
    if (ExpressionPtr key = as_key(c, left, right)) keys.push_back(std::move(key));
    else residual.push_back(c);
  }
  const double left_rows = estimator_.rows(*node.children[0]), right_rows = estimator_.rows(*node.children[1]);
  if (keys.empty()) {
    if (type == JoinType::kFull) {
      if (!residual.empty()) throw Error(sqlstate::kFeatureNotSupported, "FULL JOIN is only supported with merge-joinable or hash-joinable join conditions");
    }
    return nested_loop(node, required, type, join_and(std::move(residual)));
  }
  ColumnSet right_equal, left_equal;
  for (const ExpressionPtr& k : keys) {
    if (k->args[0]->kind == Expression::Kind::kColumn) left_equal.add(k->args[0]->column);
    if (k->args[1]->kind == Expression::Kind::kColumn) right_equal.add(k->args[1]->column);
  }
  // A left join whose right side nobody reads and that cannot multiply rows is the left side itself.
  if (type == JoinType::kLeft && !required.intersects(right) && context_.enabled("join_elimination") &&
      estimator_.unique_on(*node.children[1], right_equal))
    return lower(*node.children[0], required);
  if (type == JoinType::kSingle && estimator_.unique_on(*node.children[1], right_equal)) type = JoinType::kLeft;
  bool swap = false;
  switch (type) {
    case JoinType::kInner:
    case JoinType::kFull: swap = right_rows > left_rows; break;
    case JoinType::kLeft:
      if (right_rows > left_rows * kBuildFactor) {
        type = JoinType::kRight;
        swap = true;
      }
      break;
    case JoinType::kSemi:
    case JoinType::kAnti:
      if (!null_aware && right_rows > left_rows * kBuildFactor && context_.enabled("right_semi")) {
        type = type == JoinType::kSemi ? JoinType::kRightSemi : JoinType::kRightAnti;
        swap = true;
      }
      break;
    default: break;
  }
  return hash_join(node, required, type, swap, null_aware, keys, residual);
}

Lowered Lower::hash_join(LogicalNode& node, const ColumnSet& required, JoinType type, bool swap, bool null_aware,
                         const std::vector<ExpressionPtr>& keys, const std::vector<ExpressionPtr>& residual) {
  const std::size_t probe_side = swap ? 1 : 0, build_side = swap ? 0 : 1;
  ColumnSet key_columns = required;
  for (const ExpressionPtr& k : keys) key_columns.add(columns_of(k));
  for (const ExpressionPtr& r : residual) key_columns.add(columns_of(r));
  ColumnSet probe_needs = key_columns, build_needs = key_columns;
  probe_needs.keep(visible(*node.children[probe_side]));
  build_needs.keep(visible(*node.children[build_side]));

  HashJoinNode detail;
  detail.type = type;
  detail.null_aware = null_aware;
  ColumnSet build_equal;
  for (const ExpressionPtr& k : keys)
    if (k->args[build_side]->kind == Expression::Kind::kColumn) build_equal.add(k->args[build_side]->column);
  detail.build_unique = estimator_.unique_on(*node.children[build_side], build_equal);
  const double rows = estimator_.rows(node);

  Lowered probe = lower(*node.children[probe_side], probe_needs);
  Lowered build = lower(*node.children[build_side], build_needs);
  for (const ExpressionPtr& k : keys) {
    ExpressionPtr p = resolve(k->args[probe_side], probe), b = resolve(k->args[build_side], build);
    align(p, b);
    detail.probe_keys.push_back(std::move(p));
    detail.build_keys.push_back(std::move(b));
    detail.runtime_filters.push_back(filters_rows(k->args[probe_side], *node.children[probe_side], k->args[build_side], *node.children[build_side]) ? kFilterCandidate : kNoFilter);
  }
  const bool probe_null = type == JoinType::kRight || type == JoinType::kFull;
  const bool build_null = type == JoinType::kLeft || type == JoinType::kFull || type == JoinType::kSingle;

  Lowered both;  // probe ++ build, what the residual sees
  both.node = make(rows);
  both.layout = probe.layout;
  both.layout.insert(both.layout.end(), build.layout.begin(), build.layout.end());
  both.node->output = probe.node->output;
  both.node->output.insert(both.node->output.end(), build.node->output.begin(), build.node->output.end());
  if (!residual.empty()) {
    std::vector<ExpressionPtr> copy = residual;
    detail.residual = resolve(join_and(std::move(copy)), both);
  }
  const std::size_t probe_width = probe.layout.size();
  Lowered out;
  out.node = std::move(both.node);
  std::vector<PhysicalColumn> columns = std::move(out.node->output);
  out.node->output.clear();
  const bool right_only = type == JoinType::kRightSemi || type == JoinType::kRightAnti;
  const bool left_only = type == JoinType::kSemi || type == JoinType::kAnti || type == JoinType::kMark;
  for (std::size_t i = 0; i < both.layout.size(); ++i) {
    const bool from_probe = i < probe_width;
    if (!required.contains(both.layout[i]) || (from_probe ? right_only : left_only)) continue;
    PhysicalColumn c = std::move(columns[i]);
    if (from_probe ? probe_null : build_null) c.bounds.may_be_null = true;
    out.node->output.push_back(std::move(c));
    out.layout.push_back(both.layout[i]);
    detail.emit.push_back(static_cast<std::uint32_t>(i));
  }
  if (type == JoinType::kMark) {
    PhysicalColumn c;
    c.name = "mark";
    c.type = data::Type::of(data::TypeId::kBool);
    c.physical = data::Physical::kBool;
    c.bounds = {0, 1, true, null_aware};
    out.node->output.push_back(std::move(c));
    out.layout.push_back(node.ids[0]);
    detail.emit.push_back(static_cast<std::uint32_t>(both.layout.size()));
  }
  out.node->detail = std::move(detail);
  out.node->children.push_back(std::move(probe.node));
  out.node->children.push_back(std::move(build.node));
  return out;
}

bool Lower::filters_rows(const ExpressionPtr& probe, const LogicalNode& probe_node, const ExpressionPtr& build, const LogicalNode& build_node) {
  if (!context_.enabled("runtime_filters")) return false;
  const double probe_rows = estimator_.rows(probe_node), build_rows = estimator_.rows(build_node);
  const double match = estimator_.equality_selectivity(probe, probe_rows, build, build_rows);  // 1 / values there are
  double values = build->kind == Expression::Kind::kColumn ? estimator_.column(build->column).distinct : -1;
  values = values > 0 ? values * (1 - std::exp(-build_rows / values)) : estimator_.expression_distinct(build, build_rows);
  if (build->kind == Expression::Kind::kColumn && estimator_.column(build->column).unique) values = std::min(build_rows, estimator_.column(build->column).distinct);
  return values * match < kWorthwhilePass;
}

Lowered Lower::nested_loop(LogicalNode& node, const ColumnSet& required, JoinType type, ExpressionPtr predicate) {
  bool swap = false;
  // A right side of exactly one row makes neither NULLs nor a second match.
  if ((type == JoinType::kSingle || type == JoinType::kLeft) && !predicate && exactly_one_row(*node.children[1])) type = JoinType::kInner;
  if (type == JoinType::kInner) swap = estimator_.rows(*node.children[1]) > estimator_.rows(*node.children[0]) && !exactly_one_row(*node.children[1]);
  const std::size_t probe_side = swap ? 1 : 0, build_side = swap ? 0 : 1;
  ColumnSet needs = required;
  needs.add(columns_of(predicate));
  ColumnSet probe_needs = needs, build_needs = needs;
  probe_needs.keep(visible(*node.children[probe_side]));
  build_needs.keep(visible(*node.children[build_side]));
  const double rows = estimator_.rows(node);
  Lowered probe = lower(*node.children[probe_side], probe_needs);
  Lowered build = lower(*node.children[build_side], build_needs);

  Lowered out;
  out.node = make(rows);
  out.layout = probe.layout;
  out.layout.insert(out.layout.end(), build.layout.begin(), build.layout.end());
  out.node->output = probe.node->output;
  out.node->output.insert(out.node->output.end(), build.node->output.begin(), build.node->output.end());
  NestedLoopJoinNode detail;
  detail.type = type;
  detail.predicate = resolve(predicate, out);
  const bool left_only = type == JoinType::kSemi || type == JoinType::kAnti || type == JoinType::kMark;
  const bool build_null = type == JoinType::kLeft || type == JoinType::kFull || type == JoinType::kSingle;
  const std::size_t width = out.layout.size();
  std::vector<PhysicalColumn> columns = std::move(out.node->output);
  std::vector<ColumnId> layout = std::move(out.layout);
  out.node->output.clear();
  out.layout.clear();
  for (std::size_t i = 0; i < width; ++i) {
    const bool from_probe = i < probe.layout.size();
    if (!required.contains(layout[i]) || (!from_probe && left_only)) continue;
    PhysicalColumn c = std::move(columns[i]);
    if ((!from_probe && build_null) || (from_probe && type == JoinType::kFull)) c.bounds.may_be_null = true;
    out.node->output.push_back(std::move(c));
    out.layout.push_back(layout[i]);
    detail.emit.push_back(static_cast<std::uint32_t>(i));
  }
  if (type == JoinType::kMark) {
    PhysicalColumn c;
    c.name = "mark";
    c.type = data::Type::of(data::TypeId::kBool);
    c.physical = data::Physical::kBool;
    c.bounds = {0, 1, true, true};
    out.node->output.push_back(std::move(c));
    out.layout.push_back(node.ids[0]);
    detail.emit.push_back(static_cast<std::uint32_t>(width));
  }
  out.node->detail = std::move(detail);
  out.node->children.push_back(std::move(probe.node));
  out.node->children.push_back(std::move(build.node));
  return out;
}

}  // namespace tajo::plan
