#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tajo/plan/logical.hpp"
#include "tajo/plan/optimizer.hpp"

namespace tajo::plan {

using functions::Expression;
using NodePtr = std::unique_ptr<LogicalNode>;
using Kind = LogicalNode::Kind;

/// What every rule works with: the plan's columns and the settings. One thread.
struct Context {
  LogicalPlan& plan;
  const PlannerSettings& settings;

  bool enabled(std::string_view rule) const;
  ColumnId new_column(std::string name, std::string relation, const data::Type& type);
  ExpressionPtr column(ColumnId id) const;
  const ColumnInfo& info(ColumnId id) const { return plan.columns[id]; }
};

}  // namespace tajo::plan
