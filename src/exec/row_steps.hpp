#pragma once
#include <atomic>

#include "evaluator.hpp"
#include "operator.hpp"

namespace tajo::exec {

/// Keeps the rows for which all conjuncts are TRUE.
class FilterStep final : public Step {
 public:
  FilterStep(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings);
  std::unique_ptr<Local> local(Context&) override;
  StepFlow run(Context&, Local& local, const Batch& in, Batch& out) override;

 private:
  struct State;
  Condition condition_;
};

/// Computes expressions; bare columns pass as they are.
class ProjectStep final : public Step {
 public:
  ProjectStep(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings);
  std::unique_ptr<Local> local(Context&) override;
  StepFlow run(Context&, Local& local, const Batch& in, Batch& out) override;

 private:
  struct State;
  Evaluator evaluator_;
};

/// OFFSET and LIMIT over all lanes together; ends the pipeline when it has enough. In order when the source is.
class LimitStep final : public Step {
 public:
  explicit LimitStep(const plan::PhysicalNode& node);
  std::unique_ptr<Local> local(Context&) override;
  StepFlow run(Context&, Local& local, const Batch& in, Batch& out) override;

 private:
  const std::uint64_t offset_;
  const std::uint64_t end_;  ///< rows seen from which on nothing is wanted
  std::atomic<std::uint64_t> seen_{0};
};

}  // namespace tajo::exec
