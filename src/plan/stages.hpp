#pragma once
#include "lower.hpp"

namespace tajo::plan {

/// Cuts the tree into stages with exchanges between them and puts them into `plan`; the root's rows become the result,
/// or fragments of plan.write.
void cut_stages(PhysicalPtr root, const PlannerSettings& settings, PhysicalPlan& plan);

/// Lets the build sides of each stage's hash joins filter its scans ("runtime_filters").
void add_runtime_filters(PhysicalPlan& plan);

}  // namespace tajo::plan
