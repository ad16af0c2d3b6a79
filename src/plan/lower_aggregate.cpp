#include <cmath>

#include "aggregates.hpp"
#include "lower.hpp"
#include "tajo/common/error.hpp"

namespace tajo::plan {
namespace {

using functions::AggregateKind;

AggregateKind kind_of(const AggregateExpression& a) {
  const std::string& n = a.name;
  if (n == "count") return a.args.empty() ? AggregateKind::kCountStar : AggregateKind::kCount;
  if (n == "sum") return AggregateKind::kSum;
  if (n == "min") return AggregateKind::kMin;
  if (n == "max") return AggregateKind::kMax;
  if (n == "any_value" || n == "first") return AggregateKind::kAnyValue;
  if (n == "bool_and") return AggregateKind::kBoolAnd;
  if (n == "bool_or") return AggregateKind::kBoolOr;
  if (n == "string_agg") return AggregateKind::kStringAgg;
  if (n == kSumSquares) return AggregateKind::kSumSquares;
  if (n == kSumCounts) return AggregateKind::kSumCounts;
  throw Error(sqlstate::kFeatureNotSupported, "aggregate function " + n + " is not supported");
}

}  // namespace

functions::AggregateCall Lower::call(const AggregateExpression& a, const Lowered& input, double input_rows, bool grouped, PhysicalColumn& column) {
  functions::AggregateCall call;
  call.kind = kind_of(a);
  call.args = resolve(a.args, input);
  call.filter = resolve(a.filter, input);
  call.distinct = a.distinct;
  call.type = a.type;
  call.physical = data::physical_of(a.type);
  column.type = a.type;
  data::Bounds& b = column.bounds;
  b = {};
  const bool always = grouped && !call.filter;  // a group has at least one row
  switch (call.kind) {
    case AggregateKind::kCountStar:
    case AggregateKind::kCount:
    case AggregateKind::kSumCounts:
      b.may_be_null = false;
      if (input_rows < 9e18 && call.kind != AggregateKind::kSumCounts) b = {0, static_cast<__int128>(input_rows), true, false};
      break;
    case AggregateKind::kMin:
    case AggregateKind::kMax:
    case AggregateKind::kAnyValue:
      b = call.args[0]->bounds;
      b.may_be_null = b.may_be_null || !always;
      call.physical = call.args[0]->physical;
      break;
    case AggregateKind::kSum: {
      const data::Bounds& arg = call.args[0]->bounds;
      b.may_be_null = arg.may_be_null || !always;
      if (!arg.proved || a.type.is_float() || input_rows > 1e15) break;
      // One rounding of the product of doubles is far below the factor of two kept free here.
      const double most = std::max(std::fabs(static_cast<double>(arg.lo)), std::fabs(static_cast<double>(arg.hi)));
      if (most * input_rows >= std::ldexp(1.0, 100)) break;
      const auto rows = static_cast<__int128>(input_rows);
      b.lo = arg.lo < 0 ? arg.lo * rows : __int128{0};
      b.hi = arg.hi > 0 ? arg.hi * rows : __int128{0};
      if (grouped || !b.may_be_null) {
        if (arg.lo > 0) b.lo = arg.lo;
        if (arg.hi < 0) b.hi = arg.hi;
      }
      b.proved = true;
      if (call.physical == data::Physical::kI128 && most * input_rows < std::ldexp(1.0, 62)) call.physical = data::Physical::kI64;
      break;
    }
    default: break;
  }
  column.physical = call.physical;
  return call;
}

Lowered Lower::aggregate(LogicalNode& node, const ColumnSet& required) {
  const std::size_t keys = node.expressions.size();
  ColumnSet below;
  for (const ExpressionPtr& k : node.expressions) below.add(columns_of(k));
  std::vector<std::size_t> used;
  std::vector<SortKey> order;
  for (std::size_t j = 0; j < node.aggregates.size(); ++j) {
    if (!required.contains(node.ids[keys + j])) continue;
    used.push_back(j);
    const AggregateExpression& a = node.aggregates[j];
    for (const ExpressionPtr& e : a.args) below.add(columns_of(e));
    below.add(columns_of(a.filter));
    for (const SortKey& k : a.order_by) below.add(columns_of(k.expression));
    if (a.order_by.empty()) continue;
    if (!order.empty()) {
      bool same = order.size() == a.order_by.size();
      for (std::size_t i = 0; same && i < order.size(); ++i)
        same = functions::equal(*order[i].expression, *a.order_by[i].expression) && order[i].descending == a.order_by[i].descending;
      if (!same) throw Error(sqlstate::kFeatureNotSupported, "aggregates with different ORDER BY in one query are not supported");
    }
    order = a.order_by;
  }
  const double rows = estimator_.rows(node);
  Lowered in = lower(*node.children[0], below);
  if (!order.empty()) {  // string_agg takes its input in the order it comes
    PhysicalPtr sort = make(in.node->estimated_rows);
    sort->output = in.node->output;
    sort->detail = SortNode{resolve(order, in)};
    sort->children.push_back(std::move(in.node));
    in.node = std::move(sort);
  }
  const double most = most_rows(*in.node);
  Lowered out;
  out.node = make(rows);
  AggregateNode detail;
  detail.estimated_groups = static_cast<std::uint64_t>(std::max(1.0, std::min(rows, 1e15)));
  for (std::size_t i = 0; i < keys; ++i) {
    ExpressionPtr k = resolve(node.expressions[i], in);
    out.node->output.push_back(column_of(*k, context_.info(node.ids[i]).name));
    out.layout.push_back(node.ids[i]);
    detail.keys.push_back(std::move(k));
  }
  for (std::size_t j : used) {
    PhysicalColumn c;
    c.name = context_.info(node.ids[keys + j]).name;
    detail.calls.push_back(call(node.aggregates[j], in, most, keys > 0, c));
    out.node->output.push_back(std::move(c));
    out.layout.push_back(node.ids[keys + j]);
  }
  out.node->detail = std::move(detail);
  out.node->children.push_back(std::move(in.node));
  return out;
}

}  // namespace tajo::plan
