#pragma once
#include "evaluator.hpp"
#include "operator.hpp"
#include "task.hpp"

namespace tajo::exec {

/// Gives the stage's rows to the task's output: one partition, or by hash_rows(keys) % partitions.
class OutputSink final : public Sink {
 public:
  OutputSink(const plan::Stage& stage, exchange::TaskOutput& output, const functions::EvaluationSettings& settings);
  std::unique_ptr<Local> local(Context&) override;
  Flow take(Context& context, Local& local, const Batch& in) override;
  void combine(Context&, Local&) override {}

 private:
  struct State;
  void partition(State& state, const Batch& in) const;
  exchange::TaskOutput& output_;
  const std::uint16_t partitions_;
  Evaluator keys_;
};

}  // namespace tajo::exec
