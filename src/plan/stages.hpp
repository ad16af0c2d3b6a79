#pragma once
#include "lower.hpp"

namespace tajo::plan {

/// In HashJoinNode::runtime_filters until add_runtime_filters: the key is worth a filter.
inline constexpr std::uint16_t kFilterCandidate = 0xFFFE;
inline constexpr std::uint16_t kNoFilter = 0xFFFF;

/// Cuts the tree into stages with exchanges between them and puts them into `plan`; the root's rows become the result,
/// or fragments of plan.write.
void cut_stages(PhysicalPtr root, const PlannerSettings& settings, PhysicalPlan& plan);

/// Lets the build sides of each stage's hash joins filter its scans ("runtime_filters").
void add_runtime_filters(PhysicalPlan& plan);

}  // namespace tajo::plan
