#include "tajo/plan/optimizer.hpp"

#include "lower.hpp"
#include "rules.hpp"
#include "stages.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/common/error.hpp"
#include "validate.hpp"

namespace tajo::plan {
namespace {

struct Rule {
  const char* name;
  void (*apply)(Context&, NodePtr&);
  bool required;
};

constexpr Rule kRules[] = {
    {"fold", fold, false},
    {"or_factors", factor_disjunctions, false},
    {"unnest", unnest, true},
    {"push_down", push_down, false},
    {"join_order", order_joins, false},
    {"rewrite_aggregates", rewrite_aggregates, true},
    {"group_keys", reduce_group_keys, false},
};

/// INSERT and CTAS: the rows get exactly the target's types, in its physical form.
PhysicalPtr cast_to_target(PhysicalPtr root, const WriteTarget& target) {
  const auto& columns = target.source.schema.columns;
  if (columns.size() != root->output.size())
    throw Error("42601", "INSERT has " + std::string(root->output.size() > columns.size() ? "more" : "fewer") + " expressions than target columns");
  ProjectNode detail;
  auto project = std::make_unique<PhysicalNode>();
  bool same = true;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const PhysicalColumn& in = root->output[i];
    auto column = std::make_shared<Expression>();
    column->kind = Expression::Kind::kColumn;
    column->type = in.type;
    column->physical = in.physical;
    column->bounds = in.bounds;
    column->column = static_cast<std::uint32_t>(i);
    ExpressionPtr e = column;
    if (e->type != columns[i].type) e = functions::make_cast(e, columns[i].type);
    e = widen(e, data::physical_of(columns[i].type));
    same = same && e == column;
    PhysicalColumn out;
    out.name = columns[i].name;
    out.type = columns[i].type;
    out.physical = e->physical;
    out.bounds = e->bounds;
    project->output.push_back(std::move(out));
    detail.expressions.push_back(std::move(e));
  }
  if (same) return root;
  project->id = 0;
  project->estimated_rows = root->estimated_rows;
  project->detail = std::move(detail);
  project->children.push_back(std::move(root));
  return project;
}

PhysicalPlan run(LogicalPlan plan, const WriteTarget* target, const PlannerSettings& settings) {
  const Micros start = boottime_us();
  PhysicalPlan out;
  out.settings = settings.evaluation;
  Context context{plan, settings};
  for (const Rule& rule : kRules)
    if (rule.required || context.enabled(rule.name)) rule.apply(context, plan.root);
  Lower lower(context, out);
  PhysicalPtr root = lower.root(*plan.root, plan.outputs);
  if (target != nullptr) {
    root = cast_to_target(std::move(root), *target);
    out.write = *target;
  } else {
    out.result = root->output;
  }
  cut_stages(std::move(root), settings, out);
  add_runtime_filters(out);
  validate(out);
  out.planning_us = static_cast<std::uint64_t>(boottime_us() - start);
  return out;
}

}  // namespace

PhysicalPlan optimize(LogicalPlan plan, const PlannerSettings& settings) { return run(std::move(plan), nullptr, settings); }

PhysicalPlan optimize_write(LogicalPlan plan, WriteTarget target, const PlannerSettings& settings) {
  return run(std::move(plan), &target, settings);
}

}  // namespace tajo::plan
