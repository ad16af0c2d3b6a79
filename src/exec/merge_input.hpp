#pragma once
#include "operator.hpp"
#include "sort_keys.hpp"
#include "task.hpp"

namespace tajo::exec {

/// Outputs of another stage that are each sorted, merged to one order; one lane.
class MergeSource final : public Source {
 public:
  MergeSource(const plan::PhysicalNode& node, const TaskSpec& spec, exchange::OutputStore& outputs);
  int open(Context&, int threads) override;
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context& context, Local& local, Batch& out) override;
  std::string waits_for() const override;

 private:
  struct Input;
  struct State;
  Flow fill(Context& context, Input& input) const;
  int compare(const Input& a, std::uint32_t row_a, const Input& b, std::uint32_t row_b) const;
  std::vector<exchange::OutputSource> sources_;
  std::uint16_t partition_;
  exchange::OutputStore& outputs_;
  const SortLayout layout_;
  std::vector<std::unique_ptr<exchange::OutputReader>> readers_;
};

}  // namespace tajo::exec
