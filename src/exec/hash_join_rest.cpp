#include <algorithm>

#include "hash_join.hpp"

namespace tajo::exec {

namespace {
constexpr std::uint64_t kRestRowsPerLane = 32768;
constexpr std::size_t kDirectoryPerRow = 20;   ///< most bytes of a hashed directory
}  // namespace

struct HashJoinRest::State final : Local {
  explicit State(std::unique_ptr<Local> probe_local) : probe(std::move(probe_local)) {}
  enum class Stage : std::uint8_t { kResident, kNullKeys, kClaim, kProbe, kBuildRows } stage = Stage::kResident;
  std::vector<const std::byte*> rows;           ///< build rows of the next batch
  std::uint32_t piece = 0, row = 0;
  bool have_piece = false;
  data::Arena arena;

  // The partition under way.
  SpilledJoin item;
  std::unique_ptr<JoinTable> table;
  std::size_t next_build = 0;                   ///< block that the table does not have any more
  std::size_t next_probe = 0;
  std::vector<Piece> pieces;                    ///< of the table
  Batch in;
  std::unique_ptr<Local> probe;
  bool again = false;                           ///< the probe wants the same batch once more
  data::Arena block, values;                    ///< of a block of rows, and of the batch made of it
};

int HashJoinRest::open(Context&, int threads) {
  std::uint64_t rows = 0;
  if (join_.build_preserving()) {
    for (const auto& part : join_.table->parts()) {
      for (const RowStore::Chunk& chunk : part->rows.chunks()) pieces_.push_back({chunk, false});
      for (const RowStore::Chunk& chunk : part->null_rows.chunks()) pieces_.push_back({chunk, true});
    }
    for (const Piece& piece : pieces_) rows += piece.chunk.rows;
  }
  if (join_.spill.active()) {
    items_ = join_.spill.take_items();
    null_keys_ = join_.spill.take_null_keys();
    return threads;
  }
  if (!join_.build_preserving()) return 0;
  return static_cast<int>(std::clamp<std::uint64_t>(rows / kRestRowsPerLane, 1, static_cast<std::uint64_t>(threads)));
}

std::unique_ptr<Local> HashJoinRest::local(Context& context) {
  return std::make_unique<State>(join_.spill.active() ? probe_.local(context) : nullptr);
}

Flow HashJoinRest::next(Context& context, Local& local, Batch& out) {
  using Stage = State::Stage;
  auto& state = static_cast<State&>(local);
  while (!context.stop.load(std::memory_order_relaxed)) {
    switch (state.stage) {
      case Stage::kResident:
        if (next_resident(state, out)) return Flow::kMore;
        if (!join_.spill.active()) return Flow::kDone;
        state.stage = Stage::kNullKeys;
        break;
      case Stage::kNullKeys:
        if (next_null_key(state, out)) return Flow::kMore;
        state.stage = Stage::kClaim;
        break;
      case Stage::kClaim:
        if (!begin_item(context, state)) return Flow::kDone;
        break;
      case Stage::kProbe:
      case Stage::kBuildRows:
        if (next_of_item(context, state, out)) return Flow::kMore;
        break;
    }
  }
  return Flow::kDone;
}

/// Adds the wanted rows of a piece, from state.row on, to state.rows. True: the piece is used up.
bool HashJoinRest::collect(State& state, const JoinTable& table, const Piece& piece) const {
  const bool want_matched = join_.type() == plan::JoinType::kRightSemi;
  for (; state.row < piece.chunk.rows && state.rows.size() < data::kVectorRows; ++state.row) {
    const std::byte* row = piece.chunk.data + std::size_t{state.row} * table.layout().size();
    if (table.matched(row) == want_matched) state.rows.push_back(row);
  }
  return state.row == piece.chunk.rows;
}

bool HashJoinRest::next_resident(State& state, Batch& out) {
  state.rows.clear();
  while (state.rows.size() < data::kVectorRows) {
    if (!state.have_piece) {
      state.piece = next_.fetch_add(1, std::memory_order_relaxed);
      if (state.piece >= pieces_.size()) break;
      state.have_piece = true;
      state.row = 0;
    }
    if (collect(state, *join_.table, pieces_[state.piece])) state.have_piece = false;
  }
  if (state.rows.empty()) return false;
  give(state, *join_.table, out);
  return true;
}

/// Build rows with a NULL key that were spilled: none has a match. A block has at most kVectorRows rows.
bool HashJoinRest::next_null_key(State& state, Batch& out) {
  const std::size_t b = next_null_key_.fetch_add(1, std::memory_order_relaxed);
  if (b >= null_keys_.blocks.size()) return false;
  const SpilledRows::Block& block = null_keys_.blocks[b];
  state.block.reset();
  const std::byte* rows = load_block(join_.spill.build_format(), block, state.block);
  state.rows.resize(block.rows);
  for (std::uint32_t r = 0; r < block.rows; ++r) state.rows[r] = rows + std::size_t{r} * join_.table->layout().size();
  give(state, *join_.table, out);
  return true;
}

/// A batch of the build rows state.rows, probe columns NULL.
void HashJoinRest::give(State& state, const JoinTable& table, Batch& out) const {
  const auto n = static_cast<std::uint32_t>(state.rows.size());
  state.arena.reset();
  out.arena = &state.arena;
  out.rows = n;
  out.selection = {nullptr, n};
  out.columns.resize(join_.join.emit.size());
  const std::size_t probe = join_.probe_types.size();
  for (std::size_t i = 0; i < join_.join.emit.size(); ++i) {
    const std::uint32_t c = join_.join.emit[i];
    if (c < probe) {
      out.columns[i] = null_vector(join_.probe_types[c]);
    } else {
      const std::size_t stored = join_.stored_as[c - probe];
      out.columns[i] = table.layout().gather(stored, state.rows.data(), n, nullptr, n, join_.table->any_null(stored), state.arena);
    }
  }
}

/// Takes a partition and makes its table, or divides it. False: no lane will find another one here.
bool HashJoinRest::begin_item(Context& context, State& state) {
  {
    const std::lock_guard lock(items_mutex_);
    if (items_.empty()) return false;
    state.item = std::move(items_.back());
    items_.pop_back();
  }
  state.next_build = state.next_probe = 0;
  const bool keeps_probe = join_.type() != plan::JoinType::kInner && join_.type() != plan::JoinType::kSemi &&
                           join_.type() != plan::JoinType::kRight && join_.type() != plan::JoinType::kRightSemi &&
                           join_.type() != plan::JoinType::kRightAnti;
  if (state.item.build.rows == 0 && !keeps_probe) return true;
  if (state.item.probe.rows == 0 && !join_.build_preserving()) return true;
  const bool some = state.item.divisions >= kMostDivisions && some_at_a_time();
  if (load(context, state, some)) {
    state.stage = State::Stage::kProbe;
    return true;
  }
  state.table.reset();
  if (state.item.divisions >= kMostDivisions) context.memory.refuse("hash join", state.item.build.bytes);
  divide(context, std::move(state.item));
  return true;
}

/// Whether build rows may be joined some at a time, as those of one key are; elsewhere that needs flags of probe rows.
bool HashJoinRest::some_at_a_time() const {
  return join_.type() == plan::JoinType::kInner || (join_.build_preserving() && join_.type() != plan::JoinType::kFull);
}

/// Makes a table of the partition's build rows from state.next_build on. False: they do not fit; with `some`: not even
/// those of one block.
bool HashJoinRest::load(Context& context, State& state, bool some) const {
  state.table = std::make_unique<JoinTable>(join_.shape, context.memory);
  state.table->set_more_elsewhere();
  auto part = std::make_unique<JoinTable::Part>(*state.table, context.memory);
  part->null_key = join_.table->has_null_key();
  for (std::size_t c = 0; c < part->any_null.size(); ++c) part->any_null[c] = join_.table->any_null(c);
  std::uint64_t rows = 0;
  const auto& blocks = state.item.build.blocks;
  for (; state.next_build < blocks.size(); ++state.next_build) {
    const SpilledRows::Block& block = blocks[state.next_build];
    std::byte* at = load_block(join_.spill.build_format(), block, part->arena);
    if (!part->reservation.try_set(part->bytes() + (rows + block.rows) * kDirectoryPerRow)) {
      if (!some || rows == 0) return false;
      break;
    }
    state.table->adopt(*part, at, block.rows);
    rows += block.rows;
  }
  part->reservation.set(std::min(part->reservation.held(), part->bytes()));
  state.table->add(std::move(part));
  if (!state.table->prepare()) return false;
  for (std::uint32_t p = 0; p < state.table->pieces(); ++p) state.table->link(p, {});
  state.pieces.clear();
  if (join_.build_preserving())
    for (const auto& p : state.table->parts())
      for (const RowStore::Chunk& chunk : p->rows.chunks()) state.pieces.push_back({chunk, false});
  state.piece = state.row = 0;
  state.next_probe = 0;
  state.again = false;
  return true;
}

void HashJoinRest::divide(Context& context, SpilledJoin&& item) {
  std::vector<const std::byte*> rows;
  std::vector<std::uint8_t> numbers;
  data::Arena memory;
  const auto divide_rows = [&](const SpilledRows& spilled, const RowFormat& format, auto&& hash_of) {
    SpillPartitions parts(join_.spill.files(), format, kSpillPartitions);
    for (const SpilledRows::Block& block : spilled.blocks) {
      if (context.stop.load(std::memory_order_relaxed)) break;
      memory.reset();
      const std::byte* at = load_block(format, block, memory);
      rows.resize(block.rows);
      numbers.resize(block.rows);
      for (std::uint32_t r = 0; r < block.rows; ++r) {
        rows[r] = at + std::size_t{r} * format.row_bytes;
        numbers[r] = JoinSpill::partition(hash_of(rows[r]), item.divisions + 1);
      }
      parts.append(numbers, rows);
    }
    std::vector<SpilledRows> out;
    for (std::uint32_t p = 0; p < kSpillPartitions; ++p) out.push_back(parts.take(p));
    return out;
  };
  auto build = divide_rows(item.build, join_.spill.build_format(), [&](const std::byte* row) { return join_.table->spill_hash(row); });
  auto probe = divide_rows(item.probe, join_.spill.probe_format(), [](const std::byte* row) {
    std::uint64_t hash;
    std::memcpy(&hash, row, sizeof hash);
    return hash;
  });
  const std::lock_guard lock(items_mutex_);
  for (std::uint32_t p = 0; p < kSpillPartitions; ++p) {
    if (build[p].rows == 0 && probe[p].rows == 0) continue;
    // All rows in one part: further bits will hardly divide what is one key.
    const bool one_key = build[p].rows == item.build.rows && some_at_a_time();
    const std::uint32_t divisions = one_key ? kMostDivisions : item.divisions + 1;
    items_.push_back({std::move(build[p]), std::move(probe[p]), divisions});
  }
}

/// The next batch of the partition under way. False: none this time, perhaps because the partition is done.
bool HashJoinRest::next_of_item(Context& context, State& state, Batch& out) {
  if (state.stage == State::Stage::kProbe) {
    if (state.again || read_probe(state)) {
      const StepFlow flow = probe_.probe(context, *state.probe, *state.table, state.in, out);
      state.again = flow == StepFlow::kMore;
      return flow != StepFlow::kNone && out.selection.count != 0;
    }
    state.stage = State::Stage::kBuildRows;
  }
  state.rows.clear();
  while (state.rows.size() < data::kVectorRows && state.piece < state.pieces.size()) {
    if (!collect(state, *state.table, state.pieces[state.piece])) break;
    ++state.piece;
    state.row = 0;
  }
  if (!state.rows.empty()) {
    give(state, *state.table, out);
    return true;
  }
  // The build rows that did not fit before meet all probe rows anew.
  if (state.next_build < state.item.build.blocks.size()) {
    if (!load(context, state, true)) context.memory.refuse("hash join", state.item.build.bytes);
    state.stage = State::Stage::kProbe;
    return false;
  }
  state.table.reset();
  state.item = {};
  state.stage = State::Stage::kClaim;
  return false;
}

/// The next block of probe rows as a batch; columns that nobody reads stay NULL.
bool HashJoinRest::read_probe(State& state) const {
  const auto& blocks = state.item.probe.blocks;
  if (state.next_probe == blocks.size()) return false;
  const SpilledRows::Block& block = blocks[state.next_probe++];
  const RowLayout& layout = join_.spill.probe_layout();
  state.block.reset();
  state.values.reset();
  const std::byte* at = load_block(join_.spill.probe_format(), block, state.block);
  state.rows.resize(block.rows);
  for (std::uint32_t r = 0; r < block.rows; ++r) state.rows[r] = at + std::size_t{r} * layout.size();
  state.in.arena = &state.values;
  state.in.rows = block.rows;
  state.in.selection = {nullptr, block.rows};
  state.in.columns.resize(join_.probe_types.size());
  for (std::size_t c = 0; c < state.in.columns.size(); ++c) state.in.columns[c] = null_vector(join_.probe_types[c]);
  for (std::size_t c = 0; c < join_.spilled_probe.size(); ++c)
    state.in.columns[join_.spilled_probe[c]] = layout.gather(c, state.rows.data(), block.rows, nullptr, block.rows, true, state.values);
  return true;
}

}  // namespace tajo::exec
