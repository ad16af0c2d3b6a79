#include "aggregate.hpp"

#include <algorithm>

#include "aggregate_state.hpp"
#include "tajo/data/load.hpp"
#include "tajo/functions/program.hpp"

namespace tajo::exec {

using data::Selection;
using data::Vector;

namespace {
std::vector<data::Physical> expression_types(const std::vector<functions::ExpressionPtr>& expressions) {
  std::vector<data::Physical> out;
  for (const auto& e : expressions) out.push_back(e->physical);
  return out;
}
}  // namespace

AggregateSink::AggregateSink(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings)
    : Sink(node.id),
      aggregate_(std::get<plan::AggregateNode>(node.detail)),
      accumulators_(aggregate_.calls),
      layout_(expression_types(aggregate_.keys), accumulators_.bytes()) {
  const auto inputs = physical_types(node.children.at(0)->output);
  keys_ = Evaluator(aggregate_.keys, inputs, settings);
  std::vector<functions::ExpressionPtr> shared;
  for (std::size_t c = 0; c < aggregate_.calls.size(); ++c) {
    const functions::AggregateCall& call = aggregate_.calls[c];
    if (!call.filter && !call.distinct) {
      together_.push_back(Together{c, shared.size(), call.args.size()});
      shared.insert(shared.end(), call.args.begin(), call.args.end());
      continue;
    }
    Separate separate{c, {}, Evaluator(call.args, inputs, settings), {}};
    if (call.filter) separate.filter = Condition({call.filter}, inputs, settings);
    if (call.distinct) {
      std::vector<data::Physical> types = expression_types(aggregate_.keys);
      for (const auto& arg : call.args) types.push_back(arg->physical);
      separate.distinct.emplace(std::move(types), 0);
    }
    separate_.push_back(std::move(separate));
  }
  args_ = Evaluator(std::move(shared), inputs, settings);
}

AggregateSink::~AggregateSink() = default;

std::unique_ptr<Local> AggregateSink::local(Context& context) { return std::make_unique<State>(*this, context.memory); }

/// state.groups[i]: the group row of the i-th selected row.
void AggregateSink::find_groups(State& state, const Batch& in) const {
  const std::uint32_t n = in.selection.count;
  state.groups.resize(n);
  if (aggregate_.keys.empty()) {
    if (state.only == nullptr) state.only = state.tables->groups.single();
    std::fill(state.groups.begin(), state.groups.end(), state.only);
    return;
  }
  const auto keys = state.keys.run(in);
  if (state.coder) {
    auto* numbers = in.arena->array<std::uint32_t>(n);
    bool changed = false;
    if (state.coder->encode(keys, in.rows, in.selection, *in.arena, numbers, changed)) {
      if (changed || state.by_number.empty()) state.by_number.assign(state.coder->domain(), nullptr);
      bool missing = false;
      for (std::uint32_t i = 0; i < n; ++i) {
        state.groups[i] = state.by_number[numbers[i]];
        missing |= state.groups[i] == nullptr;
      }
      if (missing) {
        hash_groups(state, in, keys);
        for (std::uint32_t i = 0; i < n; ++i) state.by_number[numbers[i]] = state.groups[i];
      }
      return;
    }
    state.coder.reset();
    state.by_number.clear();
  }
  hash_groups(state, in, keys);
}

void AggregateSink::hash_groups(State& state, const Batch& in, std::span<const Vector> keys) const {
  state.flat_keys.assign(keys.begin(), keys.end());
  for (Vector& v : state.flat_keys) v = data::load(v, in.rows, in.selection, *in.arena);
  auto* hashes = in.arena->array<std::uint64_t>(in.selection.count);
  functions::hash_rows(state.flat_keys, in.selection, hashes);
  state.tables->groups.find_or_insert(state.flat_keys, in.selection, hashes, nullptr, state.groups.data());
}

Flow AggregateSink::take(Context&, Local& local, const Batch& in) {
  auto& state = static_cast<State&>(local);
  find_groups(state, in);
  const std::uint32_t n = in.selection.count;
  for (std::uint32_t i = 0; i < n; ++i) state.groups[i] += layout_.tail_offset;
  if (!together_.empty()) {
    const auto args = state.args.run_flat(in);
    for (const Together& t : together_)
      accumulators_.update(t.call, args.subspan(t.first_arg, t.args), in.selection, state.groups.data(), state.tables->groups.strings(), state.scratch);
  }
  for (std::size_t s = 0; s < separate_.size(); ++s) update_separate(state, s, in);
  state.tables->groups.account();
  return Flow::kMore;
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
    state.tables->distinct[index]->account();
    return;
  }
  own.rows.resize(passed.selection.count);
  // Both selections ascend: the groups of the rows that passed are picked by walking them together.
  for (std::uint32_t i = 0, j = 0; i < passed.selection.count; ++j)
    if (in.selection[j] == passed.selection[i]) own.rows[i++] = state.groups[j];
  accumulators_.update(separate.call, args, passed.selection, own.rows.data(), state.tables->groups.strings(), state.scratch);
}

void AggregateSink::combine(Context&, Local& local) {
  auto& state = static_cast<State&>(local);
  const std::lock_guard lock(mutex_);
  finished_.push_back(std::move(state.tables));
}

}  // namespace tajo::exec
