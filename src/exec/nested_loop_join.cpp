#include "nested_loop_join.hpp"

#include <algorithm>

#include "tajo/data/load.hpp"

namespace tajo::exec {

using data::Selection;
using data::Vector;
using plan::JoinType;

namespace {

/// One value of a flat or constant vector as a constant; `bit` gets its validity.
Vector constant_of(const Vector& v, std::uint32_t row, std::uint64_t& bit) {
  if (v.form == Vector::Form::kConstant) return v;
  Vector out = v;
  out.form = Vector::Form::kConstant;
  out.data = v.as<std::byte>() + row * data::physical_width(v.type);
  if (v.valid != nullptr) {
    bit = static_cast<std::uint64_t>(data::row_valid(v.valid, row));
    out.valid = &bit;
  }
  return out;
}

std::vector<data::Physical> both(std::vector<data::Physical> a, const std::vector<data::Physical>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

NestedLoopJoin::NestedLoopJoin(const plan::PhysicalNode& n, const functions::EvaluationSettings& settings)
    : node(n),
      join(std::get<plan::NestedLoopJoinNode>(n.detail)),
      probe_types(physical_types(n.children.at(0)->output)),
      build_types(physical_types(n.children.at(1)->output)) {
  if (join.predicate) predicate = Evaluator({join.predicate}, both(probe_types, build_types), settings);
}

struct NestedLoopBuild::State final : Local {
  State(const NestedLoopJoin& join, MemoryAccount& memory)
      : layout(0, join.build_types, 16), rows(layout.size()), reservation(memory, "nested loop join build") {}
  RowLayout layout;
  RowStore rows;
  std::unique_ptr<data::Arena> arena = std::make_unique<data::Arena>();
  data::Arena row_arena;
  Reservation reservation;
  std::vector<bool> any_null;
  std::vector<std::byte*> targets;
};

std::unique_ptr<Local> NestedLoopBuild::local(Context& context) {
  auto state = std::make_unique<State>(join_, context.memory);
  state->any_null.assign(join_.build_types.size(), false);
  return state;
}

Flow NestedLoopBuild::take(Context&, Local& local, const Batch& in) {
  auto& state = static_cast<State&>(local);
  state.targets.resize(in.selection.count);
  for (std::byte*& row : state.targets) {
    row = state.rows.append(state.row_arena);
    state.layout.clear_nulls(row);
  }
  for (std::size_t c = 0; c < join_.build_types.size(); ++c) {
    const Vector v = data::load(in.columns[c], in.rows, in.selection, *in.arena);
    if (state.layout.scatter(c, v, in.selection, state.targets.data(), *state.arena)) state.any_null[c] = true;
  }
  state.reservation.set(state.row_arena.bytes() * 2 + state.arena->bytes());
  return Flow::kMore;
}

/// Rows become columns: small batches of the input are joined to full chunks on the way.
void NestedLoopBuild::combine(Context&, Local& local) {
  auto& state = static_cast<State&>(local);
  std::vector<const std::byte*> rows;
  std::vector<NestedLoopJoin::Chunk> chunks;
  const auto flush = [&] {
    const auto n = static_cast<std::uint32_t>(rows.size());
    if (n == 0) return;
    NestedLoopJoin::Chunk chunk;
    chunk.rows = n;
    for (std::size_t c = 0; c < join_.build_types.size(); ++c)
      chunk.columns.push_back(state.layout.gather(c, rows.data(), n, nullptr, n, state.any_null[c], *state.arena));
    chunks.push_back(std::move(chunk));
    rows.clear();
  };
  for (const RowStore::Chunk& chunk : state.rows.chunks()) {
    for (std::uint32_t r = 0; r < chunk.rows; ++r) {
      rows.push_back(chunk.data + std::size_t{r} * state.layout.size());
      if (rows.size() == data::kVectorRows) flush();
    }
  }
  flush();
  state.reservation.set(state.arena->bytes());
  add_memory(state.reservation.held());
  const std::lock_guard lock(join_.mutex);
  for (NestedLoopJoin::Chunk& chunk : chunks) {
    chunk.first = join_.rows;
    join_.rows += chunk.rows;
    join_.chunks.push_back(std::move(chunk));
  }
  join_.storage.push_back(std::move(state.arena));
  join_.reservations.push_back(std::move(state.reservation));
}

std::uint32_t NestedLoopBuild::phase(Context& context, std::uint32_t) {
  if (join_.build_preserving())
    join_.matched = ZeroedArray<std::uint8_t>(join_.rows, Reservation(context.memory, "nested loop join build"));
  return 0;
}

/// Where the batch under way stands. by_build_row: build row `row` of `chunk` against the whole batch; else the
/// `probe`th selected row against a whole chunk.
struct NestedLoopProbe::State final : Local {
  explicit State(const NestedLoopJoin& join) : predicate(join.predicate) {}
  Evaluator::State predicate;
  bool under_way = false;
  bool by_build_row = false;
  std::size_t chunk = 0;
  std::uint32_t row = 0;
  std::uint32_t probe = 0;
  std::uint8_t matched[data::kVectorRows];   ///< by row position
  std::uint8_t unknown[data::kVectorRows];
  std::vector<Vector> loaded;                ///< the batch's columns
  std::vector<std::uint64_t> bits;           ///< validity of constants
  std::uint64_t build_row = 0;               ///< of the pairs: by_build_row that row, else the chunk's first
  std::uint32_t probe_row = 0;
  Batch wide;
  Selection pairs;                           ///< places in `wide` for which the predicate is TRUE
  data::Arena arena;
};

std::unique_ptr<Local> NestedLoopProbe::local(Context&) { return std::make_unique<State>(join_); }

void NestedLoopProbe::begin(State& state, const Batch& in) const {
  state.under_way = true;
  state.by_build_row = join_.rows <= in.selection.count;
  state.chunk = 0;
  state.row = state.probe = 0;
  std::memset(state.matched, 0, in.rows);
  std::memset(state.unknown, 0, in.rows);
  const std::size_t columns = join_.mark_column();
  state.wide.columns.resize(columns);
  state.bits.resize(columns);
  state.loaded = in.columns;
  for (Vector& v : state.loaded) v = data::load(v, in.rows, in.selection, *in.arena);
}

/// Lays the next pairs side by side in `wide`; false: all pairs of the batch have been seen.
bool NestedLoopProbe::pair_up(State& state, const Batch& in) const {
  if (state.chunk == join_.chunks.size()) return false;
  const NestedLoopJoin::Chunk& chunk = join_.chunks[state.chunk];
  const std::size_t probe = join_.probe_types.size();
  state.arena.reset();
  Batch& wide = state.wide;
  wide.arena = &state.arena;
  if (state.by_build_row) {
    std::copy_n(state.loaded.begin(), probe, wide.columns.begin());
    for (std::size_t c = 0; c < join_.build_types.size(); ++c)
      wide.columns[probe + c] = constant_of(chunk.columns[c], state.row, state.bits[probe + c]);
    wide.rows = in.rows;
    wide.selection = in.selection;
    state.build_row = chunk.first + state.row;
    if (++state.row == chunk.rows) {
      state.row = 0;
      ++state.chunk;
    }
  } else {
    state.probe_row = in.selection[state.probe];
    for (std::size_t c = 0; c < probe; ++c) wide.columns[c] = constant_of(state.loaded[c], state.probe_row, state.bits[c]);
    std::copy(chunk.columns.begin(), chunk.columns.end(), wide.columns.begin() + static_cast<std::ptrdiff_t>(probe));
    wide.rows = chunk.rows;
    wide.selection = {nullptr, chunk.rows};
    state.build_row = chunk.first;
    if (++state.probe == in.selection.count) {
      state.probe = 0;
      ++state.chunk;
    }
  }
  return true;
}

/// state.pairs: where the predicate is TRUE; notes rows for which it is NULL.
void NestedLoopProbe::evaluate(State& state) const {
  const Selection& all = state.wide.selection;
  if (!join_.join.predicate) {
    state.pairs = all;
    return;
  }
  const Vector v = state.predicate.run_flat(state.wide)[0];
  const bool constant = v.form == Vector::Form::kConstant;
  auto* rows = state.arena.array<std::uint16_t>(all.count);
  std::uint32_t n = 0;
  for (std::uint32_t i = 0; i < all.count; ++i) {
    const std::uint32_t row = all[i];
    const std::uint32_t at = constant ? 0 : row;
    const bool valid = data::row_valid(v.valid, at);
    rows[n] = static_cast<std::uint16_t>(row);
    n += static_cast<std::uint32_t>(valid && v.as<std::uint8_t>()[at] != 0);
    if (!valid) state.unknown[state.by_build_row ? row : state.probe_row] = 1;
  }
  state.pairs = {rows, n};
}

StepFlow NestedLoopProbe::run(Context& context, Local& local, const Batch& in, Batch& out) {
  auto& state = static_cast<State&>(local);
  const JoinType type = join_.type();
  const bool existence = type == JoinType::kSemi || type == JoinType::kAnti || type == JoinType::kMark;
  const bool keeps_probe = type == JoinType::kLeft || type == JoinType::kFull || type == JoinType::kSingle;
  if (!state.under_way) begin(state, in);
  while (pair_up(state, in)) {
    if (context.stop.load(std::memory_order_relaxed)) return StepFlow::kNone;
    evaluate(state);
    for (std::uint32_t i = 0; i < state.pairs.count; ++i) {
      const std::uint32_t place = state.pairs[i];
      std::uint8_t& matched = state.matched[state.by_build_row ? place : state.probe_row];
      if (type == JoinType::kSingle && matched != 0)
        throw Error("21000", "more than one row returned by a subquery used as an expression");
      matched = 1;
      if (join_.build_preserving()) join_.set_matched(state.by_build_row ? state.build_row : state.build_row + place);
    }
    if (existence || type == JoinType::kRightSemi || type == JoinType::kRightAnti || state.pairs.count == 0) continue;
    const auto& emit = join_.join.emit;
    out.columns.resize(emit.size());
    for (std::size_t i = 0; i < emit.size(); ++i) out.columns[i] = state.wide.columns[emit[i]];
    out.rows = state.wide.rows;
    out.selection = state.pairs;
    out.arena = &state.arena;
    return StepFlow::kMore;
  }
  state.under_way = false;
  if (!existence && !keeps_probe) return StepFlow::kNone;
  finish(state, in, out);
  return StepFlow::kOut;
}

/// The probe rows that are given once, after all their pairs were seen.
void NestedLoopProbe::finish(State& state, const Batch& in, Batch& out) const {
  const JoinType type = join_.type();
  const std::size_t probe = join_.probe_types.size();
  state.arena.reset();
  Vector mark;
  out.rows = in.rows;
  out.arena = &state.arena;
  if (type == JoinType::kMark) {
    auto* values = state.arena.array<std::uint8_t>(in.rows);
    std::memcpy(values, state.matched, in.rows);
    auto* valid = data::allocate_valid(state.arena, in.rows);
    std::memset(valid, 0xFF, (in.rows + 63) / 64 * 8);
    for (std::uint32_t r = 0; r < in.rows; ++r)
      if (values[r] == 0 && state.unknown[r] != 0) valid[r >> 6] &= ~(std::uint64_t{1} << (r & 63));
    mark.type = data::Physical::kBool;
    mark.data = values;
    mark.valid = valid;
    out.selection = in.selection;
  } else {
    const std::uint8_t wanted = type == JoinType::kSemi ? 1 : 0;
    auto* rows = state.arena.array<std::uint16_t>(in.selection.count);
    std::uint32_t n = 0;
    for (std::uint32_t i = 0; i < in.selection.count; ++i) {
      rows[n] = static_cast<std::uint16_t>(in.selection[i]);
      n += static_cast<std::uint32_t>(state.matched[in.selection[i]] == wanted);
    }
    out.selection = {rows, n};
  }
  const auto& emit = join_.join.emit;
  out.columns.resize(emit.size());
  for (std::size_t i = 0; i < emit.size(); ++i) {
    if (emit[i] < probe) out.columns[i] = in.columns[emit[i]];
    else out.columns[i] = emit[i] == join_.mark_column() ? mark : null_vector(join_.build_types[emit[i] - probe]);
  }
}

struct NestedLoopRest::State final : Local {
  std::size_t chunk = 0;
  data::Arena arena;
};

std::unique_ptr<Local> NestedLoopRest::local(Context&) { return std::make_unique<State>(); }

Flow NestedLoopRest::next(Context&, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  if (state.chunk == join_.chunks.size()) return Flow::kDone;
  const NestedLoopJoin::Chunk& chunk = join_.chunks[state.chunk++];
  const std::uint8_t wanted = join_.type() == JoinType::kRightSemi ? 1 : 0;
  const std::size_t probe = join_.probe_types.size();
  state.arena.reset();
  auto* rows = state.arena.array<std::uint16_t>(chunk.rows);
  std::uint32_t n = 0;
  for (std::uint32_t r = 0; r < chunk.rows; ++r) {
    rows[n] = static_cast<std::uint16_t>(r);
    n += static_cast<std::uint32_t>(join_.matched[chunk.first + r] == wanted);
  }
  out.rows = chunk.rows;
  out.selection = {rows, n};
  out.arena = &state.arena;
  const auto& emit = join_.join.emit;
  out.columns.resize(emit.size());
  for (std::size_t i = 0; i < emit.size(); ++i)
    out.columns[i] = emit[i] < probe ? null_vector(join_.probe_types[emit[i]]) : chunk.columns[emit[i] - probe];
  return Flow::kMore;
}

}  // namespace tajo::exec
