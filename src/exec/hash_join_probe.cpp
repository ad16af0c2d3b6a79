#include <algorithm>

#include "hash_join.hpp"
#include "tajo/data/load.hpp"

namespace tajo::exec {

using data::Selection;
using data::Vector;
using plan::JoinType;

namespace {
constexpr std::uint32_t kFewActive = 64;  ///< with fewer rows left that have matches, their matches are laid side by side
}

/// How far the batch under way is. `active` are the probe rows that have a match not yet emitted, `current` that match.
struct HashJoinProbe::State final : Local {
  State(const HashJoin& join) : keys(join.probe_keys), residual(join.residual) {}
  Evaluator::State keys;
  Condition::State residual;
  const JoinTable* table = nullptr;                 ///< of the batch under way
  std::span<const Vector> key_values;
  std::vector<std::byte*> found;                    ///< by place in the selection
  std::uint16_t active[data::kVectorRows];          ///< row positions, ascending
  std::byte* current[data::kVectorRows];
  std::uint32_t actives = 0;
  std::uint8_t matched[data::kVectorRows];          ///< by row position
  bool under_way = false;
  bool aligned = false;                             ///< probe columns pass as they are, build values at the rows' positions

  // Candidates of this call: pairs of a probe row and a build row.
  Batch wide;                                       ///< probe ++ build ++ mark columns
  std::uint16_t pair_row[data::kVectorRows];        ///< row position in the input
  std::byte* pair_build[data::kVectorRows];
  std::uint32_t pairs = 0;
  data::Arena arena;

  // While the join spills.
  Batch kept;                                       ///< the input without the rows put aside
  std::vector<std::uint64_t> hashes;
  std::vector<std::byte*> rows;
  std::vector<std::uint8_t> partitions;
};

std::unique_ptr<Local> HashJoinProbe::local(Context&) { return std::make_unique<State>(join_); }

StepFlow HashJoinProbe::run(Context& context, Local& local, const Batch& in, Batch& out) {
  if (!join_.spill.active()) return probe(context, local, *join_.table, in, out);
  auto& state = static_cast<State&>(local);
  if (!state.under_way) {
    put_aside(state, in);
    if (state.kept.selection.count == 0) return StepFlow::kNone;
  }
  return probe(context, local, *join_.table, state.kept, out);
}

/// Rows whose matches lie in spill files go there, too; state.kept has the others. A NULL key matches nothing anywhere.
void HashJoinProbe::put_aside(State& state, const Batch& in) const {
  const auto keys = state.keys.run_flat(in);
  const std::uint32_t n = in.selection.count;
  state.hashes.resize(n);
  join_.table->spill_hashes(keys, in.selection, state.hashes.data());
  auto* kept = in.arena->array<std::uint16_t>(n);
  auto* aside = in.arena->array<std::uint16_t>(n);
  std::uint32_t keeps = 0, leaves = 0;
  state.partitions.resize(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t row = in.selection[i];
    const std::uint8_t partition = JoinSpill::partition(state.hashes[i], 0);
    bool keep = join_.spill.resident(partition);
    for (const Vector& key : keys) keep |= !data::row_valid(key.valid, key.form == Vector::Form::kConstant ? 0 : row);
    if (keep) {
      kept[keeps++] = static_cast<std::uint16_t>(row);
      continue;
    }
    aside[leaves] = static_cast<std::uint16_t>(row);
    state.partitions[leaves] = partition;
    state.hashes[leaves++] = state.hashes[i];
  }
  state.kept = in;
  state.kept.selection = {kept, keeps};
  if (leaves == 0) return;
  const RowLayout& layout = join_.spill.probe_layout();
  const Selection left{aside, leaves};
  auto* memory = static_cast<std::byte*>(in.arena->allocate(std::size_t{leaves} * layout.size()));
  state.rows.resize(leaves);
  for (std::uint32_t i = 0; i < leaves; ++i) {
    state.rows[i] = memory + std::size_t{i} * layout.size();
    std::memcpy(state.rows[i], &state.hashes[i], sizeof state.hashes[i]);
    layout.clear_nulls(state.rows[i]);
  }
  for (std::size_t c = 0; c < join_.spilled_probe.size(); ++c)
    layout.scatter(c, data::load(in.columns[join_.spilled_probe[c]], in.rows, left, *in.arena), left, state.rows.data(), *in.arena);
  state.partitions.resize(leaves);
  const std::vector<const std::byte*> rows(state.rows.begin(), state.rows.end());
  join_.spill.probe().append(state.partitions, rows);
}

StepFlow HashJoinProbe::probe(Context& context, Local& local, const JoinTable& table, const Batch& in, Batch& out) const {
  auto& state = static_cast<State&>(local);
  state.table = &table;
  if (!state.under_way) begin(state, in);
  if (join_.asks_existence()) return existence(context, state, in, out);
  const JoinType type = join_.type();
  const bool keeps_probe = type == JoinType::kLeft || type == JoinType::kFull || type == JoinType::kSingle;
  const bool one_match = join_.join.build_unique || state.table->unique();
  if (keeps_probe && one_match && !join_.residual && type != JoinType::kFull) {
    state.under_way = false;
    return all_rows(state, in, out);
  }
  while (state.actives != 0) {
    if (context.stop.load(std::memory_order_relaxed)) return StepFlow::kNone;
    const bool any = candidates(state, in);
    if (!any) continue;
    if (type == JoinType::kSingle) {
      for (std::uint32_t i = 0; i < state.pairs; ++i)
        if (state.matched[state.pair_row[i]]++ != 0)
          throw Error("21000", "more than one row returned by a subquery used as an expression");
    } else if (keeps_probe) {
      for (std::uint32_t i = 0; i < state.pairs; ++i) state.matched[state.pair_row[i]] = 1;
    }
    if (join_.build_preserving())
      for (std::uint32_t i = 0; i < state.pairs; ++i) state.table->set_matched(state.pair_build[i]);
    if (type == JoinType::kRightSemi || type == JoinType::kRightAnti) continue;
    emit(state, out);
    if (state.actives != 0 || keeps_probe) return StepFlow::kMore;
    state.under_way = false;
    return StepFlow::kOut;
  }
  state.under_way = false;
  if (!keeps_probe) return StepFlow::kNone;
  unmatched(state, in, out);
  return StepFlow::kOut;
}

void HashJoinProbe::begin(State& state, const Batch& in) const {
  const std::uint32_t n = in.selection.count;
  state.under_way = true;
  state.key_values = state.keys.run_flat(in);
  state.found.resize(n);
  state.table->find(state.key_values, in.selection, *in.arena, state.found.data());
  std::uint32_t actives = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    state.active[actives] = static_cast<std::uint16_t>(in.selection[i]);
    state.current[actives] = state.found[i];
    actives += static_cast<std::uint32_t>(state.found[i] != nullptr);
  }
  state.actives = actives;
  std::memset(state.matched, 0, in.rows);
  state.wide.columns.resize(join_.mark_column() + 1);
}

/// Takes the next candidates: one match of every active row, or, when few rows have many, all that fit a batch.
/// Drops those the residual rejects. False: none is left of them.
bool HashJoinProbe::candidates(State& state, const Batch& in) const {
  state.arena.reset();
  Batch& wide = state.wide;
  wide.arena = &state.arena;
  const std::size_t probe = join_.probe_types.size();
  const bool one_match = join_.join.build_unique || state.table->unique();
  state.aligned = one_match || state.actives > kFewActive;
  Selection loaded;
  if (state.aligned) {
    state.pairs = state.actives;
    std::copy_n(state.active, state.actives, state.pair_row);
    std::copy_n(state.current, state.actives, state.pair_build);
    if (one_match) state.actives = 0;
    else advance(state, state.actives);
  } else {
    auto* active = state.arena.array<std::uint16_t>(state.actives);
    std::copy_n(state.active, state.actives, active);
    loaded = {active, state.actives};
    state.pairs = 0;
    while (state.actives != 0 && state.pairs + state.actives <= data::kVectorRows) {
      for (std::uint32_t i = 0; i < state.actives; ++i) {
        state.pair_row[state.pairs] = state.active[i];
        state.pair_build[state.pairs++] = state.current[i];
      }
      advance(state, state.actives);
    }
  }
  const std::uint32_t pairs = state.pairs;
  if (state.aligned) {
    std::copy_n(in.columns.begin(), probe, wide.columns.begin());
    wide.rows = in.rows;
    auto* rows = state.arena.array<std::uint16_t>(pairs);
    std::copy_n(state.pair_row, pairs, rows);
    wide.selection = {rows, pairs};
  } else {
    for (const std::size_t c : join_.used_probe)
      wide.columns[c] = gather_vector(data::load(in.columns[c], in.rows, loaded, state.arena), state.pair_row, pairs, state.arena);
    wide.rows = pairs;
    wide.selection = {nullptr, pairs};
  }
  if (!join_.residual) return pairs != 0;
  gather_build(state, join_.residual_build);
  const Selection passed = state.residual.filter(wide);
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < pairs && kept < passed.count; ++i) {
    if ((state.aligned ? state.pair_row[i] : i) != passed[kept]) continue;
    state.pair_row[kept] = state.pair_row[i];
    state.pair_build[kept++] = state.pair_build[i];
  }
  state.pairs = kept;
  wide.selection = passed;
  return kept != 0;
}

/// Moves the active rows to their next match; rows without one leave.
void HashJoinProbe::advance(State& state, std::uint32_t count) const {
  std::uint32_t left = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::byte* next = state.table->find_next(state.key_values, state.active[i], state.current[i]);
    state.active[left] = state.active[i];
    state.current[left] = next;
    left += static_cast<std::uint32_t>(next != nullptr);
  }
  state.actives = left;
}

/// Build values of the candidates at their places in the wide batch.
void HashJoinProbe::gather_build(State& state, const std::vector<std::size_t>& columns) const {
  const JoinTable& table = *state.table;
  for (const std::size_t column : columns) {
    const std::size_t stored = join_.stored_as[column];
    const std::uint16_t* positions = state.wide.selection.rows;
    state.wide.columns[join_.probe_types.size() + column] = table.layout().gather(
        stored, state.pair_build, state.pairs, positions, state.wide.rows, table.any_null(stored), state.arena);
  }
}

void HashJoinProbe::emit(State& state, Batch& out) const {
  gather_build(state, join_.emitted_build);
  const auto& emitted = join_.join.emit;
  out.columns.resize(emitted.size());
  for (std::size_t i = 0; i < emitted.size(); ++i) out.columns[i] = state.wide.columns[emitted[i]];
  out.rows = state.wide.rows;
  out.selection = state.wide.selection;
  out.arena = &state.arena;
}

/// Left and single joins with at most one match a row: all rows at once, NULLs where there is none.
StepFlow HashJoinProbe::all_rows(State& state, const Batch& in, Batch& out) const {
  const JoinTable& table = *state.table;
  const std::size_t probe = join_.probe_types.size();
  state.arena.reset();
  out.columns.resize(join_.join.emit.size());
  for (std::size_t i = 0; i < join_.join.emit.size(); ++i) {
    const std::uint32_t c = join_.join.emit[i];
    out.columns[i] = c < probe ? in.columns[c]
                               : table.layout().gather(join_.stored_as[c - probe], state.found.data(), in.selection.count,
                                                       in.selection.rows, in.rows, true, state.arena);
  }
  out.rows = in.rows;
  out.selection = in.selection;
  out.arena = &state.arena;
  return StepFlow::kOut;
}

/// Probe rows without a match, build columns NULL.
void HashJoinProbe::unmatched(State& state, const Batch& in, Batch& out) const {
  const std::size_t probe = join_.probe_types.size();
  state.arena.reset();
  auto* rows = state.arena.array<std::uint16_t>(in.selection.count);
  std::uint32_t n = 0;
  for (std::uint32_t i = 0; i < in.selection.count; ++i) {
    const std::uint32_t row = in.selection[i];
    rows[n] = static_cast<std::uint16_t>(row);
    n += static_cast<std::uint32_t>(state.matched[row] == 0);
  }
  out.columns.resize(join_.join.emit.size());
  for (std::size_t i = 0; i < join_.join.emit.size(); ++i) {
    const std::uint32_t c = join_.join.emit[i];
    out.columns[i] = c < probe ? in.columns[c] : null_vector(join_.build_types[c - probe]);
  }
  out.rows = in.rows;
  out.selection = {rows, n};
  out.arena = &state.arena;
}

/// Semi, anti and mark joins: finds out which rows have a match, then emits probe rows once.
StepFlow HashJoinProbe::existence(Context& context, State& state, const Batch& in, Batch& out) const {
  if (!join_.residual) {
    for (std::uint32_t i = 0; i < state.actives; ++i) state.matched[state.active[i]] = 1;
  } else {
    while (state.actives != 0) {
      if (context.stop.load(std::memory_order_relaxed)) return StepFlow::kNone;
      if (!candidates(state, in)) continue;
      for (std::uint32_t i = 0; i < state.pairs; ++i) state.matched[state.pair_row[i]] = 1;
      std::uint32_t left = 0;
      for (std::uint32_t i = 0; i < state.actives; ++i) {
        if (state.matched[state.active[i]] != 0) continue;
        state.active[left] = state.active[i];
        state.current[left++] = state.current[i];
      }
      state.actives = left;
    }
  }
  state.under_way = false;
  state.arena.reset();
  const bool aware = join_.join.null_aware;
  const bool build_null = aware && state.table->has_null_key();
  const bool build_empty = state.table->empty();
  const auto key_null = [&](std::uint32_t row) {
    const Vector& key = state.key_values[0];
    return !data::row_valid(key.valid, key.form == Vector::Form::kConstant ? 0 : row);
  };
  // Without a match: unknown rather than false?
  const auto unknown = [&](std::uint32_t row) { return aware && (build_null || (!build_empty && key_null(row))); };
  const std::uint32_t n = in.selection.count;
  out.rows = in.rows;
  out.arena = &state.arena;
  Vector mark;
  if (join_.type() == JoinType::kMark) {
    auto* values = state.arena.array<std::uint8_t>(in.rows);
    std::uint64_t* valid = aware ? data::allocate_valid(state.arena, in.rows) : nullptr;
    if (aware) std::memset(valid, 0xFF, (in.rows + 63) / 64 * 8);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t row = in.selection[i];
      values[row] = state.matched[row];
      if (aware && values[row] == 0 && unknown(row)) valid[row >> 6] &= ~(std::uint64_t{1} << (row & 63));
    }
    mark.type = data::Physical::kBool;
    mark.data = values;
    mark.valid = valid;
    out.selection = in.selection;
  } else {
    const bool semi = join_.type() == JoinType::kSemi;
    auto* rows = state.arena.array<std::uint16_t>(n);
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t row = in.selection[i];
      rows[kept] = static_cast<std::uint16_t>(row);
      const bool keep = semi ? state.matched[row] != 0 : state.matched[row] == 0 && !unknown(row);
      kept += static_cast<std::uint32_t>(keep);
    }
    out.selection = {rows, kept};
  }
  const auto& emitted = join_.join.emit;
  out.columns.resize(emitted.size());
  for (std::size_t i = 0; i < emitted.size(); ++i)
    out.columns[i] = emitted[i] == join_.mark_column() ? mark : in.columns[emitted[i]];
  return StepFlow::kOut;
}

}  // namespace tajo::exec
