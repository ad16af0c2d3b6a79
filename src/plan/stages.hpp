#pragma once
#include "lower.hpp"

namespace tajo::plan {

/// Cuts the tree into stages with exchanges between them and puts them into `plan`; the root's rows become the result,
/// or fragments of plan.write.
void cut_stages(PhysicalPtr root, const PlannerSettings& settings, PhysicalPlan& plan);

}  // namespace tajo::plan
