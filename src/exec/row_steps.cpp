#include "row_steps.hpp"

#include <algorithm>
#include <limits>

namespace tajo::exec {

struct FilterStep::State final : Local {
  explicit State(const Condition& condition) : condition(condition) {}
  Condition::State condition;
};

FilterStep::FilterStep(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings)
    : Step(node.id),
      condition_(std::get<plan::FilterNode>(node.detail).conjuncts, physical_types(node.children.at(0)->output), settings) {}

std::unique_ptr<Local> FilterStep::local(Context&) { return std::make_unique<State>(condition_); }

StepFlow FilterStep::run(Context&, Local& local, const Batch& in, Batch& out) {
  out = in;
  out.selection = static_cast<State&>(local).condition.filter(in);
  return StepFlow::kOut;
}

struct ProjectStep::State final : Local {
  explicit State(const Evaluator& evaluator) : evaluator(evaluator) {}
  Evaluator::State evaluator;
};

ProjectStep::ProjectStep(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings)
    : Step(node.id),
      evaluator_(std::get<plan::ProjectNode>(node.detail).expressions, physical_types(node.children.at(0)->output), settings) {}

std::unique_ptr<Local> ProjectStep::local(Context&) { return std::make_unique<State>(evaluator_); }

StepFlow ProjectStep::run(Context&, Local& local, const Batch& in, Batch& out) {
  const auto values = static_cast<State&>(local).evaluator.run(in);
  out.columns.assign(values.begin(), values.end());
  out.selection = in.selection;
  out.rows = in.rows;
  out.arena = in.arena;
  out.first_row_id = in.first_row_id;
  return StepFlow::kOut;
}

namespace {
std::uint64_t limit_end(const plan::LimitNode& limit) {
  if (limit.limit < 0) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t offset = static_cast<std::uint64_t>(limit.offset);
  return offset + static_cast<std::uint64_t>(limit.limit);
}
}  // namespace

LimitStep::LimitStep(const plan::PhysicalNode& node)
    : Step(node.id),
      offset_(static_cast<std::uint64_t>(std::get<plan::LimitNode>(node.detail).offset)),
      end_(limit_end(std::get<plan::LimitNode>(node.detail))) {}

std::unique_ptr<Local> LimitStep::local(Context&) { return std::make_unique<Local>(); }

StepFlow LimitStep::run(Context&, Local&, const Batch& in, Batch& out) {
  const std::uint64_t first = seen_.fetch_add(in.selection.count, std::memory_order_relaxed);
  const std::uint64_t last = first + in.selection.count;
  const std::uint64_t from = std::max(first, offset_);
  const std::uint64_t to = std::min(last, end_);
  const bool enough = last >= end_;
  out = in;
  if (from >= to) {
    out.selection.count = 0;
    return enough ? StepFlow::kLast : StepFlow::kNone;
  }
  const auto skip = static_cast<std::uint32_t>(from - first);
  const auto count = static_cast<std::uint32_t>(to - from);
  if (in.selection.rows != nullptr) {
    out.selection = {in.selection.rows + skip, count};
  } else if (skip == 0) {
    out.selection = {nullptr, count};
  } else {
    auto* rows = in.arena->array<std::uint16_t>(count);
    for (std::uint32_t i = 0; i < count; ++i) rows[i] = static_cast<std::uint16_t>(skip + i);
    out.selection = {rows, count};
  }
  return enough ? StepFlow::kLast : StepFlow::kOut;
}

}  // namespace tajo::exec
