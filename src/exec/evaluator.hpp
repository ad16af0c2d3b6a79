#pragma once
#include <memory>
#include <span>
#include <vector>

#include "tajo/functions/program.hpp"
#include "tajo/plan/physical.hpp"

namespace tajo::exec {

/// Physical types of a node's output.
std::vector<data::Physical> physical_types(const std::vector<plan::PhysicalColumn>& columns);

/// Expressions over a batch. Bare columns are passed on without a program. Immutable; one State a lane.
class Evaluator {
 public:
  Evaluator() = default;
  Evaluator(std::vector<functions::ExpressionPtr> expressions, std::span<const data::Physical> inputs,
            const functions::EvaluationSettings& settings);

  class State {
   public:
    State() = default;
    explicit State(const Evaluator& evaluator);
    /// Vectors in any form, valid as long as the batch.
    std::span<const data::Vector> run(const data::Batch& in);
    /// The same, loaded: kFlat or kConstant.
    std::span<const data::Vector> run_flat(const data::Batch& in);

   private:
    const Evaluator* evaluator_ = nullptr;
    std::unique_ptr<functions::Program::State> program_;
    std::vector<data::Vector> computed_;
    std::vector<data::Vector> out_;
  };
  std::size_t size() const { return columns_.size(); }
  const std::vector<data::Physical>& types() const { return types_; }

 private:
  static constexpr std::uint32_t kComputed = 0xFFFFFFFF;
  std::vector<std::uint32_t> columns_;            ///< input column, or kComputed: the program's next output
  std::vector<data::Physical> types_;
  std::shared_ptr<const functions::Program> program_;
};

/// One boolean condition. Immutable; one State a lane.
class Condition {
 public:
  Condition() = default;
  Condition(std::vector<functions::ExpressionPtr> conjuncts, std::span<const data::Physical> inputs,
            const functions::EvaluationSettings& settings);
  explicit operator bool() const { return program_ != nullptr; }

  class State {
   public:
    State() = default;
    explicit State(const Condition& condition) : program_(condition.program_ ? condition.program_->state() : nullptr) {}
    data::Selection filter(const data::Batch& in) { return program_ ? program_->filter(in) : in.selection; }

   private:
    std::unique_ptr<functions::Program::State> program_;
  };

 private:
  std::shared_ptr<const functions::Program> program_;
};

}  // namespace tajo::exec
