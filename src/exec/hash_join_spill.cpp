#include "hash_join_spill.hpp"

#include <algorithm>

namespace tajo::exec {

namespace {
constexpr std::size_t kKeptArena = 256 << 10;       ///< of a part that writes batch by batch
constexpr std::size_t kDirectoryPerRow = 20;        ///< most bytes of a hashed directory
}  // namespace

void JoinSpill::activate(const JoinTable& table, const std::vector<data::Physical>& probe) {
  const std::lock_guard lock(mutex_);
  if (build_) return;
  build_format_ = RowFormat::of(table.layout(), table.layout().size());
  build_.emplace(files_, build_format_, kSpillPartitions + 1);
  probe_layout_ = RowLayout(sizeof(std::uint64_t), probe);
  probe_format_ = RowFormat::of(probe_layout_, probe_layout_.size());
  probe_.emplace(files_, probe_format_, kSpillPartitions);
  active_.store(true, std::memory_order_release);
}

void JoinSpill::flush(const JoinTable& table, JoinTable::Part& part) {
  std::vector<const std::byte*> rows;
  std::vector<std::uint8_t> partitions;
  for (const RowStore::Chunk& chunk : part.rows.chunks()) {
    rows.resize(chunk.rows);
    partitions.resize(chunk.rows);
    for (std::uint32_t r = 0; r < chunk.rows; ++r) {
      rows[r] = chunk.data + std::size_t{r} * table.layout().size();
      partitions[r] = partition(table.spill_hash(rows[r]), 0);
    }
    build_->append(partitions, rows);
  }
  for (const RowStore::Chunk& chunk : part.null_rows.chunks()) {
    rows.resize(chunk.rows);
    for (std::uint32_t r = 0; r < chunk.rows; ++r) rows[r] = chunk.data + std::size_t{r} * table.layout().size();
    build_->append(kNullKeys, rows);
  }
  if (part.bytes() > kKeptArena) return table.clear(part);
  part.rows = RowStore(table.layout().size());
  part.null_rows = RowStore(table.layout().size());
  part.arena.reset();
  part.strings.reset();
}

void JoinSpill::settle(JoinTable& table, MemoryAccount& memory) {
  for (const auto& part : table.parts()) table.clear(*part);
  std::uint64_t rows = 0;
  for (std::uint32_t p = 0; p < kSpillPartitions; ++p) {
    built_.push_back(build_->take(p));
    rows += built_.back().rows;
  }
  if (rows != 0) table.set_more_elsewhere();
  load_resident(table, memory);
  if (!table.prepare()) {  // others have taken the memory meanwhile
    resident_ = 0;
    for (const auto& part : table.parts()) table.clear(*part);
    TAJO_ASSERT(table.prepare());
  }
  for (std::uint32_t p = 0; p < kSpillPartitions; ++p)
    if (resident(p)) built_[p] = {};
}

/// Half of what is left may be filled: what comes later in the query needs memory, too.
void JoinSpill::load_resident(JoinTable& table, MemoryAccount& memory) {
  const std::size_t most = std::min(memory.left() / 2, memory.limits().share);
  auto part = std::make_unique<JoinTable::Part>(table, memory);
  std::size_t wanted = 0;
  for (std::uint32_t p = 0; p < kSpillPartitions; ++p) {
    wanted += built_[p].bytes + built_[p].rows * kDirectoryPerRow;
    if (wanted > most || !part->reservation.try_set(wanted)) break;
    for (const SpilledRows::Block& block : built_[p].blocks) table.adopt(*part, load_block(build_format_, block, part->arena), block.rows);
    resident_ |= 1U << p;
  }
  part->reservation.set(part->bytes());
  table.add(std::move(part));
}

std::vector<SpilledJoin> JoinSpill::take_items() {
  std::vector<SpilledJoin> items;
  for (std::uint32_t p = 0; p < kSpillPartitions; ++p)
    if (!resident(p)) items.push_back({std::move(built_[p]), probe_->take(p), 0});
  return items;
}

}  // namespace tajo::exec
