#include "exchange_input.hpp"

namespace tajo::exec {

namespace {
constexpr std::uint64_t kBytesPerLane = 512 << 10;  ///< inputs that came inline and are smaller feed one thread
}

std::vector<exchange::OutputSource> exchange_sources(const TaskSpec& spec, std::uint16_t stage) {
  const auto found = spec.inputs.find(stage);
  return found == spec.inputs.end() ? std::vector<exchange::OutputSource>{} : found->second;
}

std::uint16_t exchange_partition(const TaskSpec& spec, std::uint16_t stage) {
  if (stage >= spec.plan->stages.size()) return 0;  // a feed from outside the plan (COPY) has one partition
  return spec.plan->stages[stage].output.kind == plan::StageOutput::Kind::kHash ? spec.partition : std::uint16_t{0};
}

struct ExchangeSource::State final : Local {
  std::unique_ptr<exchange::OutputReader::Cursor> cursor;
  data::Arena arena;
};

ExchangeSource::ExchangeSource(const plan::PhysicalNode& node, const TaskSpec& spec, exchange::OutputStore& outputs)
    : Source(node.id), outputs_(outputs) {
  const std::uint16_t stage = std::get<plan::ExchangeInputNode>(node.detail).stage;
  sources_ = exchange_sources(spec, stage);
  partition_ = exchange_partition(spec, stage);
}

int ExchangeSource::open(Context&, int threads) {
  std::uint64_t inline_bytes = 0;
  bool all_inline = true;
  for (const exchange::OutputSource& source : sources_) {
    if (source.inline_output) inline_bytes += source.inline_output->size();
    else all_inline = false;
  }
  reader_ = outputs_.read(sources_, partition_);
  return all_inline && inline_bytes < kBytesPerLane ? 1 : threads;
}

std::unique_ptr<Local> ExchangeSource::local(Context&) {
  auto state = std::make_unique<State>();
  state->cursor = reader_->cursor();
  return state;
}

Flow ExchangeSource::next(Context& context, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  state.arena.reset();
  out.arena = &state.arena;
  const Flow flow = state.cursor->next(out, context.waker);
  if (out.arena == nullptr) out.arena = &state.arena;
  return flow;
}

}  // namespace tajo::exec
