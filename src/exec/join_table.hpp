#pragma once
#include <atomic>
#include <mutex>
#include <span>
#include <vector>

#include "rows.hpp"
#include "runtime_filter.hpp"

namespace tajo::exec {

/// The build side of a hash join. Rows stay where a lane wrote them and are chained by a directory: an array indexed
/// by key where integer keys are dense, else tagged pointers by the hash's top bits (Leis et al., Morsel-Driven
/// Parallelism, SIGMOD'14; Birler et al., Simple, Efficient, and Robust Hash Tables for Join Processing, DaMoN'24).
/// Joins that only ask whether a key exists use a bitmap instead when keys are dense.
/// Filled by the lanes of the build pipeline, then linked in parallel, then read only (but for the match flags).
/// Rows that do not fit into memory are divided by spill_hash() and joined a partition at a time, each in a table of
/// its own (hash_join_spill.hpp).
class JoinTable {
 public:
  struct Shape {
    std::vector<data::Physical> stored;    ///< columns of a row
    std::vector<std::size_t> keys;         ///< which of them are the keys
    bool flags = false;                    ///< rows remember whether they were matched
    bool existence = false;                ///< only whether a key is there
    bool keep_null_keys = false;           ///< rows that can match nothing are emitted in the end
  };
  JoinTable(Shape shape, MemoryAccount& memory);

  // Row header: next row of the chain, hash (unless the key is one integer), match flag.
  static std::byte* next(const std::byte* row) {
    std::byte* at;
    std::memcpy(&at, row, sizeof at);
    return at;
  }
  void set_matched(std::byte* row) const {
    std::atomic_ref<std::uint8_t> flag(*reinterpret_cast<std::uint8_t*>(row + flag_offset_));
    if (flag.load(std::memory_order_relaxed) == 0) flag.store(1, std::memory_order_relaxed);
  }
  bool matched(const std::byte* row) const { return row[flag_offset_] != std::byte{0}; }

  /// What one lane of the build writes.
  struct Part {
    Part(const JoinTable& table, MemoryAccount& memory);
    RowStore rows, null_rows;              ///< null_rows: a key is NULL
    struct Bounds {
      std::int64_t lo, hi;
    };
    std::vector<Bounds> bounds;            ///< by key, of integers
    bool null_key = false;
    std::vector<bool> any_null;            ///< by stored column
    data::Arena arena, strings;
    std::size_t bytes() const { return arena.bytes() + strings.bytes(); }
    Reservation reservation;
    std::vector<std::byte*> targets;
  };
  /// `values`: one vector a stored column, flat or constant; `selection`: rows to take.
  void append(Part& part, std::span<const data::Vector> values, const data::Selection& selection) const;
  /// Rows of this table's layout, not linked, that somebody else keeps.
  void adopt(Part& part, std::byte* rows, std::uint32_t count) const;
  void add(std::unique_ptr<Part> part);
  /// Gives rows and memory of a part back; what is known of all its rows stays.
  void clear(Part& part) const;

  /// All parts are there: chooses the directory. False: there is no memory for one. May be called again after parts
  /// were cleared or added.
  bool prepare();
  /// Pieces of work of link().
  std::uint32_t pieces() const { return static_cast<std::uint32_t>(pieces_.size()); }
  /// `filters`: one a key that has a runtime filter, else null.
  void link(std::uint32_t piece, std::span<RuntimeFilter* const> filters);

  std::uint64_t rows() const { return rows_; }
  std::size_t memory() const;   ///< after prepare()
  bool empty() const { return rows_ == 0 && !null_key_ && !more_elsewhere_; }
  /// The join has other build rows, in spill files.
  void set_more_elsewhere() { more_elsewhere_ = true; }
  bool has_null_key() const { return null_key_; }
  bool integer_key(std::size_t key) const;
  std::int64_t lo(std::size_t key) const { return bounds_[key].lo; }
  std::int64_t hi(std::size_t key) const { return bounds_[key].hi; }
  bool unique() const { return dense_ && !repeated_.load(std::memory_order_relaxed); }
  const RowLayout& layout() const { return layout_; }
  bool any_null(std::size_t column) const { return any_null_[column]; }
  const std::vector<std::unique_ptr<Part>>& parts() const { return parts_; }

  /// First match of each selected row; rows without one get nullptr. `keys` flat or constant, in selection order
  /// results. With existence_only(): any non-null pointer means a match.
  void find(std::span<const data::Vector> keys, const data::Selection& selection, data::Arena& arena, std::byte** out) const;
  /// What divides rows and probe rows alike; bits 8 and up are to be used (the directory uses the top ones).
  std::uint64_t spill_hash(const std::byte* row) const;
  void spill_hashes(std::span<const data::Vector> keys, const data::Selection& selection, std::uint64_t* hashes) const;

  /// The next match after `row` of the probe row at `position`.
  std::byte* find_next(std::span<const data::Vector> keys, std::uint32_t position, const std::byte* row) const;

 private:
  static std::uint64_t tag(std::uint64_t hash) { return std::uint64_t{1} << (48 + (hash & 15)); }
  static std::byte* row_of(std::uint64_t entry) { return reinterpret_cast<std::byte*>(entry & 0xFFFFFFFFFFFFULL); }
  std::int64_t key_of(const std::byte* row, std::size_t key) const;
  std::uint64_t number_of(const std::byte* row) const;
  bool choose_numbers();
  bool make_directory();
  std::uint64_t span(std::size_t key) const {
    return static_cast<std::uint64_t>(bounds_[key].hi) - static_cast<std::uint64_t>(bounds_[key].lo);
  }
  void number_rows(std::span<const data::Vector> keys, const data::Selection& selection, std::uint64_t* numbers) const;
  bool keys_equal(std::span<const data::Vector> keys, std::uint32_t position, const std::byte* row) const;
  template <class T>
  void find_dense(const data::Vector& key, const data::Selection& selection, std::byte** out) const;
  void find_numbered(std::span<const data::Vector> keys, const data::Selection& selection, data::Arena& arena, std::byte** out) const;
  void find_hashed(std::span<const data::Vector> keys, const data::Selection& selection, data::Arena& arena, std::byte** out) const;

  const Shape shape_;
  MemoryAccount& memory_;
  bool single_integer_ = false;    ///< rows keep no hash
  RowLayout layout_;
  std::uint32_t flag_offset_ = 0;

  std::mutex mutex_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<RowStore::Chunk> pieces_;
  std::uint64_t rows_ = 0;
  std::vector<Part::Bounds> bounds_;   ///< by key
  bool null_key_ = false;
  bool more_elsewhere_ = false;
  std::vector<bool> any_null_;
  /// Integer keys become one number within range_ where their bounds allow it: the first key's distance from its
  /// least value, times the next key's extent, and so on. Rows of several keys keep it in place of the hash.
  bool numbered_ = false;
  bool dense_ = false;             ///< the number is an index
  bool bitmap_ = false;
  std::uint64_t range_ = 0;
  int shift_ = 0;
  ZeroedArray<std::uint64_t> directory_;
  std::atomic<bool> repeated_{false};
};

}  // namespace tajo::exec
