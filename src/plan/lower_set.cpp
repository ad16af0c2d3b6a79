#include "lower.hpp"

namespace tajo::plan {
namespace {

functions::AggregateCall sum_of(std::uint32_t position) {
  functions::AggregateCall call;
  call.kind = functions::AggregateKind::kSumCounts;
  call.type = data::Type::of(data::TypeId::kInt8);
  call.physical = data::Physical::kI64;
  call.args = {functions::make_column(position, call.type, call.physical)};
  return call;
}

ExpressionPtr integer(std::int64_t v) { return functions::make_constant(data::Value(v), data::Type::of(data::TypeId::kInt8)); }

}  // namespace

Lowered Lower::union_all(LogicalNode& node, const std::vector<std::size_t>& positions) {
  Lowered out;
  out.node = make(0);
  out.node->detail = UnionAllNode{};
  std::vector<std::vector<ExpressionPtr>> columns;
  std::vector<Lowered> inputs;
  for (std::size_t c = 0; c < node.children.size(); ++c) {
    ColumnSet needs;
    for (std::size_t p : positions) needs.add(node.set_columns[c][p]);
    inputs.push_back(lower(*node.children[c], needs));
    out.node->estimated_rows += inputs.back().node->estimated_rows;
    columns.emplace_back();
    for (std::size_t p : positions) columns.back().push_back(resolve(context_.column(node.set_columns[c][p]), inputs.back()));
  }
  for (std::size_t i = 0; i < positions.size(); ++i) {
    PhysicalColumn col;
    col.name = context_.info(node.ids[positions[i]]).name;
    col.type = context_.info(node.ids[positions[i]]).type;
    col.physical = columns[0][i]->physical;
    col.bounds = columns[0][i]->bounds;
    for (const auto& side : columns) {
      const data::Bounds& b = side[i]->bounds;
      col.physical = wider(col.physical, side[i]->physical);
      col.bounds.proved = col.bounds.proved && b.proved;
      col.bounds.lo = std::min(col.bounds.lo, b.lo);
      col.bounds.hi = std::max(col.bounds.hi, b.hi);
      col.bounds.may_be_null = col.bounds.may_be_null || b.may_be_null;
    }
    out.node->output.push_back(std::move(col));
    out.layout.push_back(node.ids[positions[i]]);
  }
  for (std::size_t c = 0; c < inputs.size(); ++c) {
    PhysicalPtr project = make(inputs[c].node->estimated_rows);
    ProjectNode detail;
    bool same = inputs[c].node->output.size() == positions.size();
    for (std::size_t i = 0; i < positions.size(); ++i) {
      ExpressionPtr e = columns[c][i];
      if (e->type != out.node->output[i].type) e = narrow(functions::make_cast(e, out.node->output[i].type), inputs[c].node->output);
      if (e->physical != out.node->output[i].physical) e = widen(e, out.node->output[i].physical);
      same = same && e->kind == Expression::Kind::kColumn && e->column == i;
      detail.expressions.push_back(std::move(e));
    }
    if (same) {
      out.node->children.push_back(std::move(inputs[c].node));
      continue;
    }
    project->detail = std::move(detail);
    project->output = out.node->output;
    project->children.push_back(std::move(inputs[c].node));
    out.node->children.push_back(std::move(project));
  }
  return out;
}

Lowered Lower::set_operation(LogicalNode& node, const ColumnSet& required) {
  using Op = LogicalNode::SetOperation;
  std::vector<std::size_t> positions;
  const bool all_union = node.set_operation == Op::kUnion && node.all;
  for (std::size_t i = 0; i < node.ids.size(); ++i)
    if (!all_union || required.contains(node.ids[i])) positions.push_back(i);
  const double rows = estimator_.rows(node);
  if (all_union) return union_all(node, positions);
  if (node.set_operation == Op::kUnion) {
    Lowered in = union_all(node, positions);
    Lowered out;
    out.node = make(rows);
    out.layout = in.layout;
    out.node->output = in.node->output;
    AggregateNode detail;
    detail.estimated_groups = static_cast<std::uint64_t>(std::max(1.0, rows));
    for (ColumnId id : in.layout) detail.keys.push_back(resolve(context_.column(id), in));
    out.node->detail = std::move(detail);
    out.node->children.push_back(std::move(in.node));
    return out;
  }
  // INTERSECT and EXCEPT: tag the rows of each side, group, and look which sides a group has. Rows of the ALL forms are
  // numbered within equal rows first, so that the n-th copy meets the n-th copy.
  for (std::size_t c = 0; c < 2; ++c) {
    if (node.all) {
      auto number = make_node(Kind::kWindow, std::move(node.children[c]));
      WindowExpression w;
      w.name = "row_number";
      w.type = data::Type::of(data::TypeId::kInt8);
      for (ColumnId id : node.set_columns[c]) w.partition_by.push_back(context_.column(id));
      number->windows.push_back(std::move(w));
      number->ids.push_back(context_.new_column("copy", "", data::Type::of(data::TypeId::kInt8)));
      node.set_columns[c].push_back(number->ids[0]);
      node.children[c] = std::move(number);
    }
    auto tag = make_node(Kind::kProject, std::move(node.children[c]));
    for (std::size_t side = 0; side < 2; ++side) {
      tag->ids.push_back(context_.new_column(side == 0 ? "in_left" : "in_right", "", data::Type::of(data::TypeId::kInt8)));
      tag->expressions.push_back(integer(side == c ? 1 : 0));
      node.set_columns[c].push_back(tag->ids.back());
    }
    node.children[c] = std::move(tag);
  }
  const std::size_t width = node.ids.size();
  const std::size_t keys = width + (node.all ? 1 : 0);
  for (std::size_t i = width; i < keys + 2; ++i) {
    node.ids.push_back(context_.new_column("tag", "", data::Type::of(data::TypeId::kInt8)));
    positions.push_back(i);
  }
  Lowered in = union_all(node, positions);
  Lowered out;
  out.node = make(rows);
  AggregateNode detail;
  detail.estimated_groups = static_cast<std::uint64_t>(std::max(1.0, rows));
  for (std::size_t i = 0; i < keys; ++i) {
    detail.keys.push_back(resolve(context_.column(in.layout[i]), in));
    out.node->output.push_back(in.node->output[i]);
    out.layout.push_back(in.layout[i]);
  }
  for (std::size_t i = keys; i < keys + 2; ++i) {
    detail.calls.push_back(sum_of(static_cast<std::uint32_t>(i)));
    PhysicalColumn c = in.node->output[i];
    c.physical = data::Physical::kI64;
    c.bounds = {0, 0, false, false};
    out.node->output.push_back(std::move(c));
    out.layout.push_back(in.layout[i]);
  }
  out.node->detail = std::move(detail);
  out.node->children.push_back(std::move(in.node));
  const ExpressionPtr l = context_.column(out.layout[keys]), r = context_.column(out.layout[keys + 1]);
  PhysicalPtr filter = make(rows);
  filter->output = out.node->output;
  filter->detail = FilterNode{resolve(std::vector<ExpressionPtr>{functions::make_call(">", {l, integer(0)}),
                                                                 functions::make_call(node.set_operation == Op::kExcept ? "=" : ">", {r, integer(0)})},
                                      out)};
  filter->children.push_back(std::move(out.node));
  out.node = std::move(filter);
  return out;
}

}  // namespace tajo::plan
