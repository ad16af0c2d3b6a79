#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tajo/plan/physical.hpp"

namespace tajo::plan {

/// What one operator did in one task, as EXPLAIN ANALYZE shows it.
struct OperatorSample {
  std::uint32_t node = 0;
  std::int32_t worker = -1;  ///< rank; -1: the master itself
  std::uint64_t rows = 0, bytes = 0, time_ns = 0, memory_bytes = 0, spilled_bytes = 0;
};

/// A run of the plan.
struct PlanRun {
  std::vector<OperatorSample> samples;
  std::uint64_t rows = 0, rows_read = 0, bytes_read = 0;
  std::uint32_t tasks = 0, task_retries = 0;
  double execution_ms = 0;
};

struct ExplainOptions {
  bool global = false;           ///< by stages instead of one tree
  const PlanRun* run = nullptr;  ///< EXPLAIN ANALYZE
  std::optional<double> planning_ms;
};

/// EXPLAIN: the tree of the whole query or, with `global`, the stages with their exchanges. With a run: for each operator
/// its rows beside the estimate (q-error: the greater of both ratios), time of all threads, bytes, memory and the skew of
/// the workers' times (largest / mean), then the stages and the times. Any thread.
std::vector<std::string> explain(const PhysicalPlan& plan, const ExplainOptions& options);
/// The same as PostgreSQL's JSON: one array with one object.
std::string explain_json(const PhysicalPlan& plan, const ExplainOptions& options);

}  // namespace tajo::plan
