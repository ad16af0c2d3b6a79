#include <algorithm>
#include <bit>

#include "aggregate_source_state.hpp"
#include "tajo/functions/program.hpp"

namespace tajo::exec {

using data::Vector;

namespace {
constexpr std::uint64_t kRowsPerLane = 16384;  ///< fewer groups are joined by one thread
}

int AggregateSource::open(Context& context, int threads) {
  auto& tables = sink_.finished_;
  if (sink_.aggregate_.keys.empty()) {
    // One row in any case: the first table gets it when no lane saw a row.
    const bool any = std::any_of(tables.begin(), tables.end(), [](const auto& t) { return t->groups.rows() != 0; });
    if (!any && !sink_.spilling_) {
      if (tables.empty()) tables.push_back(std::make_unique<AggregateSink::Tables>(sink_, context.memory));
      tables.front()->groups.single();
    }
  }
  std::uint64_t rows = 0;
  any_null_.assign(sink_.layout_.keys.columns(), false);
  any_null_value_.resize(sink_.separate_.size());
  for (const auto& t : tables) {
    rows += t->groups.rows();
    for (std::size_t k = 0; k < any_null_.size(); ++k) any_null_[k] = any_null_[k] || t->groups.any_null(k);
    for (std::size_t s = 0; s < any_null_value_.size(); ++s) {
      if (!t->distinct[s]) continue;
      any_null_value_[s].resize(sink_.separate_[s].distinct->keys.columns());
      for (std::size_t k = 0; k < any_null_value_[s].size(); ++k) any_null_value_[s][k] = any_null_value_[s][k] || t->distinct[s]->any_null(k);
    }
  }
  if (sink_.spilling_ || !may_merge_in_memory(context, threads)) {
    spill_finished();
    return partitions_.empty() ? 0 : threads;
  }
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    const bool any = std::any_of(tables.begin(), tables.end(), [&](const auto& t) { return t->groups.partition(p).rows() != 0; });
    if (any) partitions_.push_back(p);
  }
  return static_cast<int>(std::clamp<std::uint64_t>(rows / kRowsPerLane, 1, static_cast<std::uint64_t>(threads)));
}

/// Takes the memory for as many partitions as there are threads: directories and lists of rows.
bool AggregateSource::may_merge_in_memory(Context& context, int lanes) {
  std::size_t most = 0;
  const auto directory_bytes = [](std::uint64_t rows) { return std::bit_ceil(std::max<std::uint64_t>(rows * 2, 16)) * sizeof(std::uint64_t); };
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    std::uint64_t rows = 0, values = 0;
    for (const auto& t : sink_.finished_) {
      rows += t->groups.partition(p).rows();
      for (const auto& d : t->distinct) values += d ? d->partition(p).rows() : 0;
    }
    std::size_t bytes = rows * sizeof(std::byte*) + directory_bytes(rows);
    if (values != 0) bytes += directory_bytes(values);
    if (rows != 0) most = std::max(most, bytes);
  }
  merge_memory_ = Reservation(context.memory, "hash aggregation");
  if (merge_memory_.try_set(most * static_cast<std::size_t>(lanes))) return true;
  if (!sink_.files_.possible()) merge_memory_.refuse(most * static_cast<std::size_t>(lanes));
  return false;
}

std::unique_ptr<Local> AggregateSource::local(Context& context) { return std::make_unique<State>(context.memory); }

Flow AggregateSource::next(Context& context, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  while (state.next == state.groups.size()) {
    if (context.stop.load(std::memory_order_relaxed)) return Flow::kDone;
    if (!state.todo.empty()) {
      SpilledGroups item = std::move(state.todo.back());
      state.todo.pop_back();
      merge_spilled(context, state, std::move(item));
      continue;
    }
    const std::uint32_t claimed = next_.fetch_add(1, std::memory_order_relaxed);
    if (claimed >= partitions_.size()) return Flow::kDone;
    if (!spilled_.empty()) state.todo.push_back(std::move(spilled_[claimed]));
    else merge(context, state, partitions_[claimed]);
  }
  emit(state, out);
  return Flow::kMore;
}

/// Finds the row's group and joins it, or makes it the group's row; `copy`: it and its texts do not stay where they are.
void AggregateSource::add_row(State& state, std::byte* row, bool copy) const {
  const GroupLayout& layout = sink_.layout_;
  const std::uint64_t hash = GroupLayout::hash(row);
  for (std::uint64_t slot = state.directory.slot(hash);; slot = state.directory.next(slot)) {
    std::uint64_t& entry = state.directory.at(slot);
    if (entry == 0) {
      if (copy) {
        std::byte* own = state.rows.append(state.row_memory);
        std::memcpy(own, row, layout.row_bytes);
        sink_.format_.own_texts(own, state.strings);
        row = own;
      }
      entry = GroupDirectory::entry(hash, row);
      state.groups.push_back(row);
      return;
    }
    std::byte* other = GroupDirectory::row(entry);
    if (!GroupDirectory::same_tag(entry, hash) || GroupLayout::hash(other) != hash) continue;
    bool same = true;  // packed keys: equal hashes are enough
    for (std::size_t k = 0; k < layout.keys.columns() && same && !sink_.packer_; ++k) same = layout.keys.equal(k, other, row);
    if (!same) continue;
    return sink_.accumulators_.combine(other + layout.tail_offset, row + layout.tail_offset, state.strings);
  }
}

/// Joins the lanes' rows of one partition: state.groups holds each group once, with its accumulators complete.
void AggregateSource::merge(Context& context, State& state, std::uint32_t partition) {
  const GroupLayout& layout = sink_.layout_;
  state.clear();
  std::uint64_t rows = 0;
  std::size_t sources = 0;
  bool repeated = false;
  for (const auto& t : sink_.finished_) {
    const std::uint64_t n = t->groups.partition(partition).rows();
    rows += n;
    sources += n != 0 ? 1 : 0;
    repeated |= !t->groups.complete();
  }
  const bool distinct = std::any_of(sink_.separate_.begin(), sink_.separate_.end(), [](const auto& s) { return s.distinct.has_value(); });
  state.groups.reserve(rows);
  if (sources <= 1 && !repeated && !distinct) {
    for (const auto& t : sink_.finished_)
      for (const RowStore::Chunk& chunk : t->groups.partition(partition).chunks())
        for (std::uint32_t r = 0; r < chunk.rows; ++r) state.groups.push_back(chunk.data + std::size_t{r} * layout.row_bytes);
    return;
  }
  state.directory = GroupDirectory(rows);
  for (const auto& t : sink_.finished_) {
    for (const RowStore::Chunk& chunk : t->groups.partition(partition).chunks()) {
      if (context.stop.load(std::memory_order_relaxed)) return;
      for (std::uint32_t r = 0; r < chunk.rows; ++r) add_row(state, chunk.data + std::size_t{r} * layout.row_bytes, false);
    }
  }
  for (std::size_t s = 0; s < sink_.separate_.size(); ++s)
    if (sink_.separate_[s].distinct) add_distinct(state, partition, s);
}

/// Counts each remembered (keys, arguments) once: repeated rows of several lanes are told apart by a directory of their own.
void AggregateSource::add_distinct(State& state, std::uint32_t partition, std::size_t index) {
  const GroupLayout& layout = *sink_.separate_[index].distinct;
  std::uint64_t rows = 0;
  for (const auto& t : sink_.finished_) rows += t->distinct[index]->partition(partition).rows();
  if (rows == 0) return;
  GroupDirectory seen(rows);
  std::vector<const std::byte*> unique;
  unique.reserve(data::kVectorRows);
  for (const auto& t : sink_.finished_) {
    for (const RowStore::Chunk& chunk : t->distinct[index]->partition(partition).chunks()) {
      for (std::uint32_t r = 0; r < chunk.rows; ++r) {
        const std::byte* row = chunk.data + std::size_t{r} * layout.row_bytes;
        if (!seen.add(layout.keys, row)) continue;
        unique.push_back(row);
        if (unique.size() < data::kVectorRows) continue;
        count_values(state, index, unique);
        unique.clear();
      }
    }
  }
  count_values(state, index, unique);
}

/// state.values: keys and arguments of at most kVectorRows rows; state.hashes: those of their groups.
void AggregateSource::group_hashes(State& state, std::size_t index, std::span<const std::byte* const> rows) const {
  const GroupLayout& layout = *sink_.separate_[index].distinct;
  const std::size_t keys = sink_.layout_.keys.columns();
  const auto n = static_cast<std::uint32_t>(rows.size());
  state.arena.reset();
  state.values.resize(layout.keys.columns());
  state.hashes.resize(data::kVectorRows);
  for (std::size_t k = 0; k < state.values.size(); ++k)
    state.values[k] = layout.keys.gather(k, rows.data(), n, nullptr, n, any_null_value_[index][k], state.arena);
  if (keys == 0) std::fill_n(state.hashes.begin(), n, std::uint64_t{0});
  else functions::hash_rows(std::span<const Vector>(state.values.data(), keys), {nullptr, n}, state.hashes.data());
}

/// Adds at most kVectorRows values, each told apart before, to the groups of state.directory.
void AggregateSource::count_values(State& state, std::size_t index, std::span<const std::byte* const> rows) const {
  if (rows.empty()) return;
  const Accumulators::Separate& apart = sink_.accumulators_.separate()[index];
  const GroupLayout& groups = sink_.layout_;
  const std::size_t keys = groups.keys.columns();
  group_hashes(state, index, rows);
  state.targets.resize(data::kVectorRows);
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    std::uint64_t slot = state.directory.slot(state.hashes[i]);
    for (;; slot = state.directory.next(slot)) {
      const std::uint64_t entry = state.directory.at(slot);
      TAJO_ASSERT(entry != 0);
      std::byte* row = GroupDirectory::row(entry);
      if (!GroupDirectory::same_tag(entry, state.hashes[i]) || GroupLayout::hash(row) != state.hashes[i]) continue;
      bool equal = true;
      for (std::size_t k = 0; k < keys && equal; ++k) equal = groups.keys.equal(k, state.values[k], i, row);
      if (!equal) continue;
      state.targets[i] = row + groups.tail_offset + apart.offset;
      break;
    }
  }
  functions::AggregateInput input;
  std::copy(state.values.begin() + static_cast<std::ptrdiff_t>(keys), state.values.end(), input.args);
  apart.set.update({&input, 1}, {nullptr, static_cast<std::uint32_t>(rows.size())}, state.targets.data(), state.strings);
}

void AggregateSource::emit(State& state, Batch& out) const {
  const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(state.groups.size() - state.next, data::kVectorRows));
  std::byte* const* rows = state.groups.data() + state.next;
  state.arena.reset();
  out.arena = &state.arena;
  out.rows = n;
  out.selection = {nullptr, n};
  const std::size_t keys = sink_.layout_.keys.columns();
  out.columns.resize(keys + sink_.accumulators_.size());
  for (std::size_t k = 0; k < keys; ++k)
    out.columns[k] = sink_.layout_.keys.gather(k, rows, n, nullptr, n, any_null_[k], state.arena);
  auto* tails = state.arena.array<const std::byte*>(n);
  for (std::uint32_t i = 0; i < n; ++i) tails[i] = rows[i] + sink_.layout_.tail_offset;
  for (std::size_t c = 0; c < sink_.accumulators_.size(); ++c)
    out.columns[keys + c] = sink_.accumulators_.finish(c, tails, n, state.arena, state.scratch);
  state.next += n;
}

}  // namespace tajo::exec
