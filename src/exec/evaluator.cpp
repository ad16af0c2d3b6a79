#include "evaluator.hpp"

#include "tajo/data/load.hpp"

namespace tajo::exec {

using functions::Expression;

std::vector<data::Physical> physical_types(const std::vector<plan::PhysicalColumn>& columns) {
  std::vector<data::Physical> out;
  out.reserve(columns.size());
  for (const plan::PhysicalColumn& column : columns) out.push_back(column.physical);
  return out;
}

Evaluator::Evaluator(std::vector<functions::ExpressionPtr> expressions, std::span<const data::Physical> inputs,
                     const functions::EvaluationSettings& settings) {
  std::vector<functions::ExpressionPtr> computed;
  for (functions::ExpressionPtr& e : expressions) {
    if (e->kind == Expression::Kind::kColumn) {
      TAJO_ASSERT(e->column < inputs.size());
      columns_.push_back(e->column);
      types_.push_back(inputs[e->column]);
    } else {
      columns_.push_back(kComputed);
      types_.push_back(e->physical);
      computed.push_back(std::move(e));
    }
  }
  if (!computed.empty()) program_ = functions::Program::compile(computed, inputs, settings);
}

Evaluator::State::State(const Evaluator& evaluator) : evaluator_(&evaluator), out_(evaluator.columns_.size()) {
  if (evaluator.program_) {
    program_ = evaluator.program_->state();
    computed_.resize(evaluator.program_->outputs());
  }
}

std::span<const data::Vector> Evaluator::State::run(const data::Batch& in) {
  if (program_) program_->run(in, computed_);
  std::size_t next = 0;
  for (std::size_t i = 0; i < out_.size(); ++i) {
    const std::uint32_t column = evaluator_->columns_[i];
    out_[i] = column == kComputed ? computed_[next++] : in.columns[column];
  }
  return out_;
}

std::span<const data::Vector> Evaluator::State::run_flat(const data::Batch& in) {
  run(in);
  for (data::Vector& v : out_) v = data::load(v, in.rows, in.selection, *in.arena);
  return out_;
}

Condition::Condition(std::vector<functions::ExpressionPtr> conjuncts, std::span<const data::Physical> inputs,
                     const functions::EvaluationSettings& settings) {
  if (conjuncts.empty()) return;
  const functions::ExpressionPtr all = conjuncts.size() == 1 ? conjuncts[0] : functions::make_and(std::move(conjuncts));
  program_ = functions::Program::compile({&all, 1}, inputs, settings);
}

}  // namespace tajo::exec
