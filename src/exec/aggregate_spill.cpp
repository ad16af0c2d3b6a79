// What an aggregation does beyond its memory: lanes write their groups to the partitions' spill files; the source reads
// a partition back, joins its rows, and divides it by further bits of the hash when its groups do not fit.
#include <algorithm>

#include "aggregate_source_state.hpp"

namespace tajo::exec {

namespace {

constexpr std::uint64_t kFirstGroups = 512;

std::uint8_t division_of(std::uint64_t hash, std::uint32_t bits_before) {
  return static_cast<std::uint8_t>(hash >> (64 - kSpillBits - bits_before) & (kSpillPartitions - 1));
}

}  // namespace

/// After a batch: the lane's tables stay, or go to the spill files when there is no memory for them.
void AggregateSink::keep_within_memory(Context& context, State& state) {
  Tables& tables = *state.tables;
  bool fits = tables.groups.account();
  for (const auto& values : tables.distinct)
    if (values && !values->account()) fits = false;
  const std::uint32_t pressure = pressure_.load(std::memory_order_relaxed);
  if (fits && pressure == state.pressure) return;
  if (fits) {
    std::size_t bytes = tables.groups.memory();
    for (const auto& values : tables.distinct) bytes += values ? values->memory() : 0;
    if (bytes <= context.memory.limits().floor) return;
  }
  if (files_.possible()) {
    fold_few(state);
    state.numbered.clear();
    std::fill(state.compact.begin(), state.compact.end(), 0U);
    spill(tables, !aggregate_.keys.empty());
    if (!fits) pressure_.fetch_add(1, std::memory_order_relaxed);
    state.pressure = pressure_.load(std::memory_order_relaxed);
  }
  tables.groups.account_all();
  for (const auto& values : tables.distinct)
    if (values) values->account_all();
}

/// Writes a lane's rows to the partitions. Without keys the one group stays while the lane works: `groups` is false.
void AggregateSink::spill(Tables& tables, bool groups) {
  spilling_.store(true, std::memory_order_relaxed);
  std::vector<const std::byte*> rows;
  const auto write = [&rows](GroupTable& table, std::uint32_t row_bytes, SpillPartitions& to) {
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      for (const RowStore::Chunk& chunk : table.partition(p).chunks()) {
        rows.resize(chunk.rows);
        for (std::uint32_t r = 0; r < chunk.rows; ++r) rows[r] = chunk.data + std::size_t{r} * row_bytes;
        to.append(p, rows);
      }
    }
    table.reset();
  };
  if (groups) write(tables.groups, layout_.row_bytes, spilled_);
  for (std::size_t s = 0; s < separate_.size(); ++s)
    if (tables.distinct[s]) write(*tables.distinct[s], separate_[s].distinct->row_bytes, *separate_[s].spilled);
}

/// What lanes still hold goes to the files, too: from here on a partition is what its files hold.
void AggregateSource::spill_finished() {
  for (const auto& t : sink_.finished_) sink_.spill(*t, true);
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    SpilledGroups item;
    item.groups = sink_.spilled_.take(p);
    for (AggregateSink::Separate& separate : sink_.separate_)
      item.distinct.push_back(separate.spilled ? separate.spilled->take(p) : SpilledRows{});
    if (item.groups.rows == 0) continue;
    partitions_.push_back(p);
    spilled_.push_back(std::move(item));
  }
}

void AggregateSource::merge_spilled(Context& context, State& state, SpilledGroups&& item) {
  state.clear();
  if (!collect(context, state, item.groups)) return divide(context, state, std::move(item));
  for (std::size_t s = 0; s < sink_.separate_.size(); ++s)
    if (sink_.separate_[s].distinct) count_spilled(context, state, s, item.distinct[s], 0);
}

/// Joins the rows of a partition into state.groups. False: they do not fit.
bool AggregateSource::collect(Context& context, State& state, const SpilledRows& spilled) const {
  data::Arena block_memory;
  state.rows = RowStore(sink_.layout_.row_bytes);
  state.row_memory.release();
  state.strings.release();
  state.directory = GroupDirectory(kFirstGroups);
  for (const SpilledRows::Block& block : spilled.blocks) {
    if (context.stop.load(std::memory_order_relaxed)) return true;
    block_memory.reset();
    std::byte* rows = load_block(sink_.format_, block, block_memory);
    if (const std::uint64_t n = state.groups.size() + block.rows; state.directory.full(n)) state.directory.grow(n * 2);
    for (std::uint32_t r = 0; r < block.rows; ++r) add_row(state, rows + std::size_t{r} * sink_.layout_.row_bytes, true);
    const std::size_t bytes = block_memory.bytes() + state.row_memory.bytes() + state.strings.bytes() + state.directory.bytes() +
                              state.groups.capacity() * sizeof(std::byte*);
    if (!state.reservation.try_set(bytes)) return false;
  }
  return true;
}

/// Divides a partition that does not fit: group rows by further bits of their hash, values as their groups.
void AggregateSource::divide(Context& context, State& state, SpilledGroups&& item) {
  const std::uint32_t bits = kPartitionBits + item.divisions * kSpillBits;
  if (item.divisions >= kMostDivisions) state.reservation.refuse(state.reservation.held() * 2);
  state.clear();
  state.rows = RowStore();
  state.row_memory.release();
  state.strings.release();
  state.reservation.set(0);
  std::vector<const std::byte*> rows;
  std::vector<std::uint8_t> numbers;
  data::Arena block_memory;
  const auto divide_rows = [&](const SpilledRows& spilled, const RowFormat& format, auto&& number_all) {
    SpillPartitions parts(sink_.files_, format, kSpillPartitions);
    for (const SpilledRows::Block& block : spilled.blocks) {
      if (context.stop.load(std::memory_order_relaxed)) break;
      block_memory.reset();
      const std::byte* at = load_block(format, block, block_memory);
      rows.resize(block.rows);
      numbers.resize(block.rows);
      for (std::uint32_t r = 0; r < block.rows; ++r) rows[r] = at + std::size_t{r} * format.row_bytes;
      number_all();
      parts.append(numbers, rows);
    }
    std::vector<SpilledRows> out;
    for (std::uint32_t p = 0; p < kSpillPartitions; ++p) out.push_back(parts.take(p));
    return out;
  };
  std::vector<SpilledGroups> items(kSpillPartitions);
  auto groups = divide_rows(item.groups, sink_.format_, [&] {
    for (std::size_t i = 0; i < rows.size(); ++i) numbers[i] = division_of(GroupLayout::hash(rows[i]), bits);
  });
  for (std::uint32_t p = 0; p < kSpillPartitions; ++p) {
    items[p].groups = std::move(groups[p]);
    items[p].divisions = item.divisions + 1;
    items[p].distinct.resize(sink_.separate_.size());
  }
  for (std::size_t s = 0; s < sink_.separate_.size(); ++s) {
    if (!sink_.separate_[s].distinct) continue;
    auto values = divide_rows(item.distinct[s], sink_.separate_[s].format, [&] {
      for (std::size_t first = 0; first < rows.size(); first += data::kVectorRows) {
        const std::size_t n = std::min<std::size_t>(rows.size() - first, data::kVectorRows);
        group_hashes(state, s, std::span(rows).subspan(first, n));
        for (std::size_t i = 0; i < n; ++i) numbers[first + i] = division_of(state.hashes[i], bits);
      }
    });
    for (std::uint32_t p = 0; p < kSpillPartitions; ++p) items[p].distinct[s] = std::move(values[p]);
  }
  for (SpilledGroups& i : items)
    if (i.groups.rows != 0) state.todo.push_back(std::move(i));
}

/// Counts each value of a partition once; when they do not fit, division by division of their own hash.
void AggregateSource::count_spilled(Context& context, State& state, std::size_t index, const SpilledRows& spilled, std::uint32_t divisions) {
  const GroupLayout& layout = *sink_.separate_[index].distinct;
  const RowFormat& format = sink_.separate_[index].format;
  Reservation reservation(context.memory, "distinct aggregation");
  std::vector<const std::byte*> unique;
  bool fits = true;
  {
    RowStore store(layout.row_bytes);
    data::Arena block_memory, row_memory, strings;
    GroupDirectory seen(kFirstGroups);
    for (std::size_t b = 0; b < spilled.blocks.size() && fits; ++b) {
      if (context.stop.load(std::memory_order_relaxed)) return;
      const SpilledRows::Block& block = spilled.blocks[b];
      block_memory.reset();
      const std::byte* rows = load_block(format, block, block_memory);
      if (const std::uint64_t n = unique.size() + block.rows; seen.full(n)) seen.grow(n * 2);
      for (std::uint32_t r = 0; r < block.rows; ++r) {
        const std::byte* row = rows + std::size_t{r} * layout.row_bytes;
        if (seen.find(layout.keys, row)) continue;
        std::byte* own = store.append(row_memory);
        std::memcpy(own, row, layout.row_bytes);
        format.own_texts(own, strings);
        seen.add(layout.keys, own);
        unique.push_back(own);
      }
      fits = reservation.try_set(block_memory.bytes() + row_memory.bytes() + strings.bytes() + seen.bytes() + unique.capacity() * sizeof(std::byte*));
    }
    if (fits) {
      for (std::size_t first = 0; first < unique.size(); first += data::kVectorRows)
        count_values(state, index, std::span(unique).subspan(first, std::min<std::size_t>(unique.size() - first, data::kVectorRows)));
      return;
    }
  }
  if (divisions >= kMostDivisions) reservation.refuse(reservation.held() * 2);
  reservation.set(0);
  unique = {};
  SpillPartitions parts(sink_.files_, format, kSpillPartitions);
  std::vector<std::uint8_t> numbers;
  data::Arena block_memory;
  for (const SpilledRows::Block& block : spilled.blocks) {
    if (context.stop.load(std::memory_order_relaxed)) return;
    block_memory.reset();
    const std::byte* rows = load_block(format, block, block_memory);
    unique.resize(block.rows);
    numbers.resize(block.rows);
    for (std::uint32_t r = 0; r < block.rows; ++r) {
      unique[r] = rows + std::size_t{r} * layout.row_bytes;
      numbers[r] = division_of(GroupLayout::hash(unique[r]), divisions * kSpillBits);
    }
    parts.append(numbers, unique);
  }
  for (std::uint32_t p = 0; p < kSpillPartitions; ++p) count_spilled(context, state, index, parts.take(p), divisions + 1);
}

}  // namespace tajo::exec
