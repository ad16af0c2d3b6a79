#include "merge_input.hpp"

#include "exchange_input.hpp"

namespace tajo::exec {

struct MergeSource::Input {
  explicit Input(const SortLayout& layout) : evaluator(layout.keys()) {}
  std::unique_ptr<exchange::OutputReader::Cursor> cursor;
  Evaluator::State evaluator;
  Batch batch;
  std::span<const data::Vector> keys;
  std::byte* encoded = nullptr;       ///< normalised keys of the batch's selected rows
  std::uint32_t next = 0;             ///< place in the batch's selection
  bool done = false;
  data::Arena arena;
};

struct MergeSource::State final : Local {
  std::vector<std::unique_ptr<Input>> inputs;
};

MergeSource::MergeSource(const plan::PhysicalNode& node, const TaskSpec& spec, exchange::OutputStore& outputs)
    : Source(node.id),
      sources_(exchange_sources(spec, std::get<plan::ExchangeInputNode>(node.detail).stage)),
      partition_(exchange_partition(spec, std::get<plan::ExchangeInputNode>(node.detail).stage)),
      outputs_(outputs),
      layout_(std::get<plan::ExchangeInputNode>(node.detail).merge_keys, node.output, spec.plan->settings) {}

int MergeSource::open(Context&, int) {
  for (const exchange::OutputSource& source : sources_) readers_.push_back(outputs_.read({source}, partition_));
  return 1;
}

std::unique_ptr<Local> MergeSource::local(Context&) {
  auto state = std::make_unique<State>();
  for (const auto& reader : readers_) {
    state->inputs.push_back(std::make_unique<Input>(layout_));
    state->inputs.back()->cursor = reader->cursor();
  }
  return state;
}

/// kMore: the input stands at a row; kDone: it is at its end.
Flow MergeSource::fill(Context& context, Input& input) const {
  while (!input.done && input.next == input.batch.selection.count) {
    input.arena.reset();
    input.batch.arena = &input.arena;
    const Flow flow = input.cursor->next(input.batch, context.waker);
    if (flow == Flow::kBlocked) return Flow::kBlocked;
    input.next = 0;
    if (flow == Flow::kDone) {
      input.done = true;
      break;
    }
    if (input.batch.arena == nullptr) input.batch.arena = &input.arena;
    input.keys = input.evaluator.run_flat(input.batch);
    const std::size_t n = input.batch.selection.count;
    input.encoded = static_cast<std::byte*>(input.batch.arena->allocate(n * layout_.key_bytes() + 8));
    layout_.encode(input.keys, input.batch.selection, input.encoded, layout_.key_bytes());
  }
  return input.done ? Flow::kDone : Flow::kMore;
}

int MergeSource::compare(const Input& a, std::uint32_t row_a, const Input& b, std::uint32_t row_b) const {
  const std::size_t stride = layout_.key_bytes();
  return layout_.compare(a.encoded + row_a * stride, a.keys, a.batch.selection[row_a], b.encoded + row_b * stride, b.keys,
                         b.batch.selection[row_b]);
}

std::string MergeSource::waits_for() const {
  std::string out;
  for (const auto& reader : readers_)
    if (const std::string awaited = reader->waits_for(); !awaited.empty()) out += (out.empty() ? "" : ", ") + awaited;
  return out;
}

/// Gives the longest piece of one input that comes before all other inputs' next rows.
Flow MergeSource::next(Context& context, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  Input* first = nullptr;
  Input* second = nullptr;
  bool blocked = false;
  for (const auto& input : state.inputs) {
    const Flow flow = fill(context, *input);
    blocked |= flow == Flow::kBlocked;
    if (flow != Flow::kMore) continue;
    if (first == nullptr || compare(*input, input->next, *first, first->next) < 0) {
      second = first;
      first = input.get();
    } else if (second == nullptr || compare(*input, input->next, *second, second->next) < 0) {
      second = input.get();
    }
  }
  if (blocked) return Flow::kBlocked;
  if (first == nullptr) return Flow::kDone;
  std::uint32_t end = first->next + 1;
  const std::uint32_t count = first->batch.selection.count;
  if (second == nullptr) end = count;
  else
    while (end < count && compare(*first, end, *second, second->next) <= 0) ++end;
  out = first->batch;
  const std::uint32_t n = end - first->next;
  if (first->batch.selection.rows != nullptr) {
    out.selection = {first->batch.selection.rows + first->next, n};
  } else {
    auto* rows = first->batch.arena->array<std::uint16_t>(n);
    for (std::uint32_t i = 0; i < n; ++i) rows[i] = static_cast<std::uint16_t>(first->next + i);
    out.selection = {rows, n};
  }
  first->next = end;
  return Flow::kMore;
}

}  // namespace tajo::exec
