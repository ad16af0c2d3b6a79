#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tajo/plan/logical.hpp"
#include "tajo/plan/physical.hpp"

namespace tajo::plan {

/// What the planner may know of the cluster and the session.
struct PlannerSettings {
  int workers = 1;
  int threads_per_worker = 1;
  std::uint64_t worker_memory_bytes = std::uint64_t{1} << 30;
  functions::EvaluationSettings evaluation;
  std::vector<std::string> disabled_rules;    ///< `SET tajo.optimizer.disabled_rules`: tests run with rules off
  bool force_distributed = false;             ///< tests: exchanges even for small inputs
};

/// Optimises a bound query and cuts it into stages. Pure; any thread with a large stack. Throws Error for what only
/// planning finds (0A000, 54001).
PhysicalPlan optimize(LogicalPlan plan, const PlannerSettings& settings);
/// The same for INSERT/CTAS: rows of the query are written to `target`.
PhysicalPlan optimize_write(LogicalPlan plan, WriteTarget target, const PlannerSettings& settings);

}  // namespace tajo::plan
