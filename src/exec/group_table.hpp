#pragma once
#include <array>
#include <span>
#include <vector>

#include "rows.hpp"

namespace tajo::exec {

inline constexpr std::uint32_t kPartitionBits = 5;
inline constexpr std::uint32_t kPartitions = 1U << kPartitionBits;  ///< of group rows, by the top bits of their hash

/// How rows of groups lie: hash, keys, then `tail` bytes (accumulators, 16-byte aligned, zeroed).
struct GroupLayout {
  GroupLayout(std::vector<data::Physical> keys, std::uint32_t tail);
  RowLayout keys;
  std::uint32_t tail_offset = 0;
  std::uint32_t row_bytes = 0;

  static std::uint64_t hash(const std::byte* row) {
    std::uint64_t h;
    std::memcpy(&h, row, sizeof h);
    return h;
  }
};

/// Open addressing over rows: 16 tag bits and a 48-bit pointer an entry.
class GroupDirectory {
 public:
  GroupDirectory() = default;
  explicit GroupDirectory(std::uint64_t rows);
  std::size_t capacity() const { return entries_.size(); }
  std::size_t bytes() const { return entries_.size() * sizeof(std::uint64_t); }
  bool full(std::uint64_t rows) const { return rows * 3 > entries_.size() * 2; }
  void clear() { std::fill(entries_.begin(), entries_.end(), 0); }
  /// Whether a row with these keys is there already; add(): else enters it.
  bool find(const RowLayout& keys, const std::byte* row) const;
  bool add(const RowLayout& keys, const std::byte* row);
  /// Room for `rows`, the entries kept.
  void grow(std::uint64_t rows);

  static std::uint64_t entry(std::uint64_t hash, const std::byte* row) {
    return (hash & 0xFFFF0000) << 32 | static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(row));
  }
  static bool same_tag(std::uint64_t entry, std::uint64_t hash) { return (entry >> 48) == (hash >> 16 & 0xFFFF); }
  static std::byte* row(std::uint64_t entry) { return reinterpret_cast<std::byte*>(entry & 0xFFFFFFFFFFFFULL); }
  std::uint64_t slot(std::uint64_t hash) const { return (hash ^ hash >> 35) & mask_; }
  std::uint64_t next(std::uint64_t slot) const { return (slot + 1) & mask_; }
  std::uint64_t& at(std::uint64_t slot) { return entries_[slot]; }
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&entries_[slot(hash)]); }

 private:
  /// Of the row with the same keys, or of the free place.
  std::uint64_t place(const RowLayout& keys, const std::byte* row) const;
  std::vector<std::uint64_t> entries_;
  std::uint64_t mask_ = 0;
};

/// Groups of one lane: rows by partition, and a directory to find them. When the input hardly repeats, the directory
/// is emptied instead of grown and a group may get several rows; whoever merges the partitions joins them again.
class GroupTable {
 public:
  GroupTable(const GroupLayout& layout, MemoryAccount& memory, const char* owner);

  /// rows_out[i]: the row of the i-th selected row's group. `keys` flat or constant. `partition_hashes`: what chooses
  /// the partition, if not `hashes`.
  void find_or_insert(std::span<const data::Vector> keys, const data::Selection& selection, const std::uint64_t* hashes,
                      const std::uint64_t* partition_hashes, std::byte** rows_out);
  /// The same for keys packed into one number (KeyPacker): the hash of a row stands for its keys.
  void find_or_insert_packed(const std::uint64_t* packed, std::span<const data::Vector> keys, const data::Selection& selection,
                             std::byte** rows_out);
  /// Packed numbers are below `range`: partitions are ranges of them, and an array finds them while there is memory.
  void index_by_number(std::uint64_t range, MemoryAccount& memory);
  /// A row for a group without keys.
  std::byte* single();

  RowStore& partition(std::uint32_t p) { return partitions_[p]; }
  std::uint64_t rows() const { return rows_; }
  bool complete() const { return !emptied_; }   ///< no group has two rows
  bool any_null(std::size_t key) const { return any_null_[key]; }
  data::Arena& strings() { return strings_; }
  std::size_t memory() const { return reservation_.held() + by_number_.size() * sizeof(std::uint64_t); }
  bool account();  ///< brings the reservation up to date; false: more than the lane may keep
  void account_all();  ///< the same beyond the lane's share; Error 53200
  /// Forgets all groups; their rows have been taken elsewhere.
  void reset();

 private:
  void make_room(std::uint32_t rows);
  std::uint64_t hash_of(std::uint64_t packed) const;
  std::size_t bytes() const { return arena_.bytes() + strings_.bytes() + directory_.bytes(); }
  void write_keys(std::span<const data::Vector> keys, const data::Selection& selection, std::byte* const* rows);
  std::byte* insert(std::uint64_t hash, std::uint64_t partition_hash);

  const GroupLayout& layout_;
  std::array<RowStore, kPartitions> partitions_;
  GroupDirectory directory_;
  std::uint64_t in_directory_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t rows_seen_ = 0;      ///< input rows since the directory was emptied last
  bool emptied_ = false;
  ZeroedArray<std::uint64_t> by_number_;
  int number_shift_ = 0;
  std::vector<bool> any_null_;
  data::Arena arena_;
  data::Arena strings_;
  Reservation reservation_;
  std::vector<std::uint16_t> pending_, candidates_, fresh_;  ///< indices into the selection
  std::vector<std::uint64_t> slots_;
  std::vector<std::uint8_t> ok_;
  std::vector<std::byte*> fresh_rows_;
  std::vector<std::uint16_t> fresh_positions_;
};

/// Positions whose key values equal those of rows[i]: ok[i] is cleared where they differ. `at[i]`: index into the selection.
void match_keys(const RowLayout& layout, std::span<const data::Vector> keys, const data::Selection& selection,
                std::span<const std::uint16_t> at, const std::byte* const* rows, std::uint8_t* ok);

}  // namespace tajo::exec
