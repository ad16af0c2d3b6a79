#include <algorithm>

#include "aggregate_state.hpp"
#include "tajo/functions/program.hpp"

namespace tajo::exec {

using data::Vector;

namespace {
constexpr std::uint64_t kRowsPerLane = 16384;  ///< fewer groups are joined by one thread
}

struct AggregateSource::State final : Local {
  explicit State(MemoryAccount& memory) : reservation(memory, "hash aggregation") {}
  std::vector<std::byte*> groups;       ///< of the partition under way
  std::size_t next = 0;
  GroupDirectory directory;
  bool have_directory = false;
  std::vector<const std::byte*> scratch;
  data::Arena strings;                  ///< of joined accumulators
  data::Arena arena;
  Reservation reservation;
};

int AggregateSource::open(Context& context, int threads) {
  auto& tables = sink_.finished_;
  if (sink_.aggregate_.keys.empty()) {
    // One row in any case: the first table gets it when no lane saw a row.
    const bool any = std::any_of(tables.begin(), tables.end(), [](const auto& t) { return t->groups.rows() != 0; });
    if (!any) {
      if (tables.empty()) tables.push_back(std::make_unique<AggregateSink::Tables>(sink_, context.memory));
      tables.front()->groups.single();
    }
  }
  std::uint64_t rows = 0;
  any_null_.assign(sink_.layout_.keys.columns(), false);
  for (const auto& t : tables) {
    rows += t->groups.rows();
    for (std::size_t k = 0; k < any_null_.size(); ++k) any_null_[k] = any_null_[k] || t->groups.any_null(k);
  }
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    const bool any = std::any_of(tables.begin(), tables.end(), [&](const auto& t) { return t->groups.partition(p).rows() != 0; });
    if (any) partitions_.push_back(p);
  }
  return static_cast<int>(std::clamp<std::uint64_t>(rows / kRowsPerLane, 1, static_cast<std::uint64_t>(threads)));
}

std::unique_ptr<Local> AggregateSource::local(Context& context) { return std::make_unique<State>(context.memory); }

Flow AggregateSource::next(Context& context, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  while (state.next == state.groups.size()) {
    const std::uint32_t claimed = next_.fetch_add(1, std::memory_order_relaxed);
    if (claimed >= partitions_.size()) return Flow::kDone;
    merge(context, state, partitions_[claimed]);
  }
  emit(state, out);
  return Flow::kMore;
}

/// Joins the lanes' rows of one partition: state.groups holds each group once, with its accumulators complete.
void AggregateSource::merge(Context& context, State& state, std::uint32_t partition) {
  const GroupLayout& layout = sink_.layout_;
  state.groups.clear();
  state.next = 0;
  state.directory = GroupDirectory();
  state.have_directory = false;
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
  state.reservation.set(rows * sizeof(std::byte*));
  if (sources <= 1 && !repeated && !distinct) {
    for (const auto& t : sink_.finished_)
      for (const RowStore::Chunk& chunk : t->groups.partition(partition).chunks())
        for (std::uint32_t r = 0; r < chunk.rows; ++r) state.groups.push_back(chunk.data + std::size_t{r} * layout.row_bytes);
    return;
  }
  state.directory = GroupDirectory(rows);
  state.have_directory = true;
  state.reservation.set(rows * sizeof(std::byte*) + state.directory.bytes());
  const auto same = [&](const std::byte* a, const std::byte* b) {
    if (sink_.packer_) return true;  // equal hashes
    for (std::size_t k = 0; k < layout.keys.columns(); ++k)
      if (!layout.keys.equal(k, a, b)) return false;
    return true;
  };
  for (const auto& t : sink_.finished_) {
    for (const RowStore::Chunk& chunk : t->groups.partition(partition).chunks()) {
      if (context.stop.load(std::memory_order_relaxed)) return;
      for (std::uint32_t r = 0; r < chunk.rows; ++r) {
        std::byte* row = chunk.data + std::size_t{r} * layout.row_bytes;
        const std::uint64_t hash = GroupLayout::hash(row);
        std::uint64_t slot = state.directory.slot(hash);
        for (;;) {
          std::uint64_t& entry = state.directory.at(slot);
          if (entry == 0) {
            entry = GroupDirectory::entry(hash, row);
            state.groups.push_back(row);
            break;
          }
          std::byte* other = GroupDirectory::row(entry);
          if (GroupDirectory::same_tag(entry, hash) && GroupLayout::hash(other) == hash && same(other, row)) {
            sink_.accumulators_.combine(other + layout.tail_offset, row + layout.tail_offset, state.strings);
            break;
          }
          slot = state.directory.next(slot);
        }
      }
    }
  }
  for (std::size_t s = 0; s < sink_.separate_.size(); ++s)
    if (sink_.separate_[s].distinct) add_distinct(state, partition, s);
}

/// Counts each remembered (keys, arguments) once: repeated rows of several lanes are told apart by a directory of their own.
void AggregateSource::add_distinct(State& state, std::uint32_t partition, std::size_t index) {
  const AggregateSink::Separate& separate = sink_.separate_[index];
  const Accumulators::Separate& apart = sink_.accumulators_.separate()[index];
  const GroupLayout& layout = *separate.distinct;
  const GroupLayout& groups = sink_.layout_;
  const std::size_t keys = groups.keys.columns();
  std::uint64_t rows = 0;
  std::vector<bool> any_null(layout.keys.columns(), false);
  for (const auto& t : sink_.finished_) {
    rows += t->distinct[index]->partition(partition).rows();
    for (std::size_t k = 0; k < any_null.size(); ++k) any_null[k] = any_null[k] || t->distinct[index]->any_null(k);
  }
  if (rows == 0) return;
  GroupDirectory seen(rows);
  state.reservation.set(state.reservation.held() + seen.bytes());
  std::vector<const std::byte*> unique;
  unique.reserve(data::kVectorRows);
  std::vector<Vector> values(layout.keys.columns());
  std::vector<std::uint64_t> hashes(data::kVectorRows);
  std::vector<std::byte*> targets(data::kVectorRows);
  const auto flush = [&] {
    const auto n = static_cast<std::uint32_t>(unique.size());
    if (n == 0) return;
    state.arena.reset();
    for (std::size_t k = 0; k < values.size(); ++k)
      values[k] = layout.keys.gather(k, unique.data(), n, nullptr, n, any_null[k], state.arena);
    const data::Selection all{nullptr, n};
    const std::span<const Vector> key_values(values.data(), keys);
    if (keys == 0) std::fill_n(hashes.begin(), n, std::uint64_t{0});
    else functions::hash_rows(key_values, all, hashes.data());
    for (std::uint32_t i = 0; i < n; ++i) {
      std::uint64_t slot = state.directory.slot(hashes[i]);
      for (;; slot = state.directory.next(slot)) {
        const std::uint64_t entry = state.directory.at(slot);
        TAJO_ASSERT(entry != 0);
        std::byte* row = GroupDirectory::row(entry);
        if (!GroupDirectory::same_tag(entry, hashes[i]) || GroupLayout::hash(row) != hashes[i]) continue;
        bool equal = true;
        for (std::size_t k = 0; k < keys && equal; ++k) equal = groups.keys.equal(k, values[k], i, row);
        if (!equal) continue;
        targets[i] = row + groups.tail_offset + apart.offset;
        break;
      }
    }
    functions::AggregateInput input;
    std::copy(values.begin() + static_cast<std::ptrdiff_t>(keys), values.end(), input.args);
    apart.set.update({&input, 1}, all, targets.data(), state.strings);
    unique.clear();
  };
  for (const auto& t : sink_.finished_) {
    for (const RowStore::Chunk& chunk : t->distinct[index]->partition(partition).chunks()) {
      for (std::uint32_t r = 0; r < chunk.rows; ++r) {
        std::byte* row = chunk.data + std::size_t{r} * layout.row_bytes;
        const std::uint64_t hash = GroupLayout::hash(row);
        std::uint64_t slot = seen.slot(hash);
        bool repeated = false;
        for (; seen.at(slot) != 0 && !repeated; slot = repeated ? slot : seen.next(slot)) {
          const std::byte* other = GroupDirectory::row(seen.at(slot));
          repeated = GroupDirectory::same_tag(seen.at(slot), hash) && GroupLayout::hash(other) == hash;
          for (std::size_t k = 0; k < layout.keys.columns() && repeated; ++k) repeated = layout.keys.equal(k, other, row);
        }
        if (repeated) continue;
        seen.at(slot) = GroupDirectory::entry(hash, row);
        unique.push_back(row);
        if (unique.size() == data::kVectorRows) flush();
      }
    }
  }
  flush();
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
