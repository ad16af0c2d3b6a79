#include "aggregate.hpp"

#include <algorithm>

#include "aggregate_state.hpp"
#include "tajo/data/load.hpp"
#include "tajo/functions/program.hpp"

namespace tajo::exec {

using data::Selection;
using data::Vector;

namespace {
constexpr std::uint64_t kMaxNumbers = std::uint64_t{1} << 24;   ///< of an array that finds groups: 128 MiB a lane
constexpr std::uint64_t kAlwaysIndexed = std::uint64_t{1} << 16;
constexpr double kNumbersPerRow = 4;                           ///< of the estimated input
constexpr std::size_t kFewGroups = 32;  ///< groups whose accumulators stay in the first-level cache

std::vector<data::Physical> expression_types(const std::vector<functions::ExpressionPtr>& expressions) {
  std::vector<data::Physical> out;
  for (const auto& e : expressions) out.push_back(e->physical);
  return out;
}
}  // namespace

AggregateSink::AggregateSink(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings,
                             const std::vector<std::string>& tmpdirs)
    : Sink(node.id),
      aggregate_(std::get<plan::AggregateNode>(node.detail)),
      accumulators_(aggregate_.calls),
      layout_(expression_types(aggregate_.keys), accumulators_.bytes()),
      format_(RowFormat::of(layout_.keys, layout_.row_bytes)),
      files_(tmpdirs),
      spilled_(files_, format_, kPartitions) {
  for (const functions::TextPlace place : accumulators_.texts()) format_.texts.push_back({place.offset + layout_.tail_offset, place.growing});
  const auto inputs = physical_types(node.children.at(0)->output);
  keys_ = Evaluator(aggregate_.keys, inputs, settings);
  std::vector<functions::ExpressionPtr> shared;
  for (const std::size_t c : accumulators_.together_calls()) {
    const functions::AggregateCall& call = aggregate_.calls[c];
    TAJO_ASSERT(call.args.size() <= 2);
    shared.insert(shared.end(), call.args.begin(), call.args.end());
  }
  for (const Accumulators::Separate& apart : accumulators_.separate()) {
    const functions::AggregateCall& call = aggregate_.calls[apart.call];
    Separate separate{{}, Evaluator(call.args, inputs, settings), {}, {}, nullptr};
    if (call.filter) separate.filter = Condition({call.filter}, inputs, settings);
    if (call.distinct) {
      std::vector<data::Physical> types = expression_types(aggregate_.keys);
      for (const auto& arg : call.args) types.push_back(arg->physical);
      separate.distinct.emplace(std::move(types), 0);
    }
    separate_.push_back(std::move(separate));
  }
  for (Separate& separate : separate_) {
    if (!separate.distinct) continue;
    separate.format = RowFormat::of(separate.distinct->keys, separate.distinct->row_bytes);
    separate.spilled = std::make_unique<SpillPartitions>(files_, separate.format, kPartitions);
  }
  args_ = Evaluator(std::move(shared), inputs, settings);
  const bool distinct = std::any_of(separate_.begin(), separate_.end(), [](const Separate& s) { return s.distinct.has_value(); });
  if (distinct) return;  // their partitions go by the keys' common hash
  packer_ = KeyPacker::make(aggregate_.keys);
  if (!packer_ || packer_->range() == 0 || packer_->range() > kMaxNumbers) return;
  const double rows = node.children[0]->estimated_rows;
  index_by_number_ = packer_->range() <= kAlwaysIndexed || static_cast<double>(packer_->range()) <= rows * kNumbersPerRow;
}

AggregateSink::~AggregateSink() = default;

std::unique_ptr<Local> AggregateSink::local(Context& context) { return std::make_unique<State>(*this, context.memory); }

void AggregateSink::find_groups(State& state, const Batch& in) const {
  if (aggregate_.keys.empty()) {
    if (state.only == nullptr) state.only = state.tables->groups.single();
    state.found = State::Found::kOnly;
    return;
  }
  state.groups.resize(in.selection.count);
  const auto keys = state.keys.run(in);
  if (state.coder && number_groups(state, in, keys)) return;
  state.found = State::Found::kRows;
  hash_groups(state, in, keys);
}

/// Finds groups by the coder's numbers; false: these keys cannot be numbered, nor will later ones.
bool AggregateSink::number_groups(State& state, const Batch& in, std::span<const Vector> keys) const {
  const std::uint32_t n = in.selection.count;
  auto* numbers = in.arena->array<std::uint32_t>(n);
  bool changed = false;
  const bool known = !state.compact.empty() && state.coder->encode_bytes(keys, in.selection, numbers);
  if (!known && !state.coder->encode(keys, in.rows, in.selection, *in.arena, numbers, changed)) {
    fold_few(state);
    state.few_table = nullptr;
    state.coder.reset();
    return false;
  }
  for (std::uint32_t i = 0; i < n; ++i) TAJO_ASSERT(numbers[i] < state.coder->domain());  // else proved bounds are wrong
  if (changed || state.compact.empty()) {
    fold_few(state);
    state.numbered.clear();
    state.compact.assign(state.coder->domain(), 0);
    if (state.few_memory.empty()) {
      state.few_memory.resize(kFewGroups * std::size_t{accumulators_.bytes()} + 16);
      state.few_table = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(state.few_memory.data()) + 15) & ~std::uintptr_t{15});
    }
  }
  state.few.resize(n);
  bool missing = false;
  const std::uint32_t* compact = state.compact.data();
  std::uint32_t* few = state.few.data();
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t number = compact[numbers[i]];
    few[i] = number - 1;
    missing |= number == 0;
  }
  if (missing) {
    hash_groups(state, in, keys);
    for (std::uint32_t i = 0; i < n; ++i) {
      std::uint32_t& number = state.compact[numbers[i]];
      if (number == 0) {
        state.numbered.push_back(state.groups[i]);
        number = static_cast<std::uint32_t>(state.numbered.size());
      }
      state.few[i] = number - 1;
    }
    if (state.few_table != nullptr && state.numbered.size() > kFewGroups) {
      fold_few(state);
      state.few_table = nullptr;
    }
  }
  state.found = state.few_table != nullptr ? State::Found::kFew : State::Found::kRows;
  if (!missing && (state.found == State::Found::kRows || !separate_.empty()))
    for (std::uint32_t i = 0; i < n; ++i) state.groups[i] = state.numbered[state.few[i]];
  return true;
}

/// Adds the accumulators of the array to the groups' rows.
void AggregateSink::fold_few(State& state) const {
  if (state.few_table == nullptr) return;
  const std::size_t bytes = accumulators_.together().row_size();
  const std::size_t used = std::min<std::size_t>(state.numbered.size(), kFewGroups);
  for (std::size_t g = 0; g < used; ++g)
    accumulators_.together().combine(state.numbered[g] + layout_.tail_offset, state.few_table + g * bytes, state.tables->groups.strings());
  std::memset(state.few_table, 0, used * bytes);
}

void AggregateSink::hash_groups(State& state, const Batch& in, std::span<const Vector> keys) const {
  state.flat_keys.assign(keys.begin(), keys.end());
  for (Vector& v : state.flat_keys) v = data::load(v, in.rows, in.selection, *in.arena);
  auto* hashes = in.arena->array<std::uint64_t>(in.selection.count);
  if (packer_) {
    packer_->pack(state.flat_keys, in.selection, hashes);
    return state.tables->groups.find_or_insert_packed(hashes, state.flat_keys, in.selection, state.groups.data());
  }
  functions::hash_rows(state.flat_keys, in.selection, hashes);
  state.tables->groups.find_or_insert(state.flat_keys, in.selection, hashes, nullptr, state.groups.data());
}

Flow AggregateSink::take(Context& context, Local& local, const Batch& in) {
  auto& state = static_cast<State&>(local);
  find_groups(state, in);
  update_together(state, in);
  for (std::size_t s = 0; s < separate_.size(); ++s) update_separate(state, s, in);
  keep_within_memory(context, state);
  return Flow::kMore;
}

void AggregateSink::update_together(State& state, const Batch& in) const {
  const functions::AggregateSet& set = accumulators_.together();
  if (set.calls() == 0) return;
  const auto args = state.args.run_flat(in);
  std::size_t next = 0;
  for (std::size_t c = 0; c < state.inputs.size(); ++c) {
    const std::size_t count = aggregate_.calls[accumulators_.together_calls()[c]].args.size();
    for (std::size_t a = 0; a < count; ++a) state.inputs[c].args[a] = args[next++];
  }
  data::Arena& strings = state.tables->groups.strings();
  switch (state.found) {
    case State::Found::kOnly:
      return set.update_single(state.inputs, in.selection, state.only + layout_.tail_offset, strings);
    case State::Found::kFew:
      return set.update_dense(state.inputs, in.selection, state.few.data(), state.few_table,
                              static_cast<std::uint32_t>(state.numbered.size()), strings);
    case State::Found::kRows: {
      auto* tails = in.arena->array<std::byte*>(in.selection.count);
      for (std::uint32_t i = 0; i < in.selection.count; ++i) tails[i] = state.groups[i] + layout_.tail_offset;
      return set.update(state.inputs, in.selection, tails, strings);
    }
  }
}

void AggregateSink::update_separate(State& state, std::size_t index, const Batch& in) const {
  const Separate& separate = separate_[index];
  State::SeparateState& own = state.separate[index];
  Batch passed = in;
  if (separate.filter) {
    passed.selection = own.filter.filter(in);
    if (passed.selection.count == 0) return;
  }
  const auto args = own.args.run_flat(passed);
  if (separate.distinct) {
    // Only remembers the values; they are counted once when the lanes' partitions are joined.
    std::vector<Vector>& keys = own.keys;
    keys.clear();
    if (!aggregate_.keys.empty())
      for (const Vector& v : state.keys.run(passed)) keys.push_back(data::load(v, in.rows, passed.selection, *in.arena));
    auto* group_hashes = in.arena->array<std::uint64_t>(passed.selection.count);
    if (keys.empty()) std::fill_n(group_hashes, passed.selection.count, std::uint64_t{0});
    else functions::hash_rows(keys, passed.selection, group_hashes);
    keys.insert(keys.end(), args.begin(), args.end());
    auto* hashes = in.arena->array<std::uint64_t>(passed.selection.count);
    functions::hash_rows(keys, passed.selection, hashes);
    own.rows.resize(passed.selection.count);
    state.tables->distinct[index]->find_or_insert(keys, passed.selection, hashes, group_hashes, own.rows.data());
    return;
  }
  const Accumulators::Separate& apart = accumulators_.separate()[index];
  functions::AggregateInput input;
  std::copy(args.begin(), args.end(), input.args);
  data::Arena& strings = state.tables->groups.strings();
  const std::uint32_t offset = layout_.tail_offset + apart.offset;
  if (state.found == State::Found::kOnly) return apart.set.update_single({&input, 1}, passed.selection, state.only + offset, strings);
  own.rows.resize(passed.selection.count);
  // Both selections ascend: the groups of the rows that passed are picked by walking them together.
  for (std::uint32_t i = 0, j = 0; i < passed.selection.count; ++j)
    if (in.selection[j] == passed.selection[i]) own.rows[i++] = state.groups[j] + offset;
  apart.set.update({&input, 1}, passed.selection, own.rows.data(), strings);
}

void AggregateSink::combine(Context&, Local& local) {
  auto& state = static_cast<State&>(local);
  fold_few(state);
  add_memory(state.tables->groups.memory());
  for (const auto& values : state.tables->distinct)
    if (values) add_memory(values->memory());
  if (spilling_.load(std::memory_order_relaxed)) spill(*state.tables, true);
  const std::lock_guard lock(mutex_);
  finished_.push_back(std::move(state.tables));
}

}  // namespace tajo::exec
