#include "output_sink.hpp"

#include <algorithm>

namespace tajo::exec {

struct OutputSink::State final : Local {
  explicit State(const Evaluator& evaluator) : keys(evaluator) {}
  Evaluator::State keys;
  std::vector<data::Selection> parts;   ///< of the batch under way
  std::uint16_t next = 0;               ///< partition to append next
  bool under_way = false;
};

OutputSink::OutputSink(const plan::Stage& stage, exchange::TaskOutput& output, const functions::EvaluationSettings& settings)
    : Sink(kNoNode), output_(output), partitions_(stage.output.kind == plan::StageOutput::Kind::kHash ? stage.output.partitions : 1) {
  if (partitions_ > 1) keys_ = Evaluator(stage.output.keys, physical_types(stage.root->output), settings);
}

std::unique_ptr<Local> OutputSink::local(Context&) { return std::make_unique<State>(keys_); }

void OutputSink::partition(State& state, const Batch& in) const {
  const std::uint32_t n = in.selection.count;
  const auto keys = state.keys.run_flat(in);
  auto* hashes = in.arena->array<std::uint64_t>(n);
  functions::hash_rows(keys, in.selection, hashes);
  auto* target = in.arena->array<std::uint16_t>(n);
  auto* starts = in.arena->array<std::uint32_t>(partitions_ + std::size_t{1});
  std::fill_n(starts, partitions_ + 1, 0U);
  for (std::uint32_t i = 0; i < n; ++i) {
    target[i] = static_cast<std::uint16_t>(hashes[i] % partitions_);
    ++starts[target[i] + 1];
  }
  for (std::uint32_t p = 0; p < partitions_; ++p) starts[p + 1] += starts[p];
  auto* rows = in.arena->array<std::uint16_t>(n);
  state.parts.resize(partitions_);
  for (std::uint32_t p = 0; p < partitions_; ++p) state.parts[p] = {rows + starts[p], starts[p + 1] - starts[p]};
  for (std::uint32_t i = 0; i < n; ++i) rows[starts[target[i]]++] = static_cast<std::uint16_t>(in.selection[i]);
}

Flow OutputSink::take(Context& context, Local& local, const Batch& in) {
  if (partitions_ == 1) return output_.append(0, in, in.selection, context.waker) == Flow::kBlocked ? Flow::kBlocked : Flow::kMore;
  auto& state = static_cast<State&>(local);
  if (!state.under_way) {
    partition(state, in);
    state.next = 0;
    state.under_way = true;
  }
  for (; state.next < partitions_; ++state.next) {
    const data::Selection& rows = state.parts[state.next];
    if (rows.count == 0) continue;
    if (output_.append(state.next, in, rows, context.waker) == Flow::kBlocked) return Flow::kBlocked;
  }
  state.under_way = false;
  return Flow::kMore;
}

}  // namespace tajo::exec
