#pragma once
#include <span>
#include <vector>

#include "evaluator.hpp"
#include "rows.hpp"

namespace tajo::exec {

/// Rows with a normalised key in front: bytes that compare as the ORDER BY does, NULL placement and direction
/// included. Text takes part with its first bytes; ties of those are broken by the whole text. Immutable.
class SortLayout {
 public:
  SortLayout(const std::vector<plan::SortKey>& keys, const std::vector<plan::PhysicalColumn>& input,
             const functions::EvaluationSettings& settings);

  const RowLayout& rows() const { return rows_; }
  const Evaluator& keys() const { return keys_; }
  std::uint32_t key_bytes() const { return key_bytes_; }
  std::size_t columns() const { return columns_; }   ///< stored columns 0..columns()-1 are the input's

  /// Normalised keys of the selected rows, at out + i * stride. `keys`: flat or constant.
  void encode(std::span<const data::Vector> keys, const data::Selection& selection, std::byte* out, std::size_t stride) const;
  /// <0, 0, >0 over whole rows (key, then whole texts).
  int compare(const std::byte* a, const std::byte* b) const;
  /// Whether the first `keys` sort keys are equal.
  bool same_prefix(const std::byte* a, const std::byte* b, std::size_t keys) const { return compare_prefix(a, b, keys) == 0; }
  /// The same over encoded keys with the texts still in vectors: a = (keys_a, row_a) …
  int compare(const std::byte* a, std::span<const data::Vector> keys_a, std::uint32_t row_a, const std::byte* b,
              std::span<const data::Vector> keys_b, std::uint32_t row_b) const;
  /// Surely after the row `limit` by encoded bytes alone (a tie in text says no).
  bool surely_after(const std::byte* key, const std::byte* limit) const;
  bool bytes_decide() const { return !has_text_; }

  /// Appends the selected rows: `encoded` keys as made by encode() with stride key_bytes().
  void write(const data::Batch& in, std::span<const data::Vector> keys, const data::Selection& selection, const std::byte* const* encoded,
             RowStore& store, data::Arena& rows_arena, data::Arena& strings, std::vector<bool>& any_null,
             std::vector<std::byte*>& targets) const;
  std::size_t stored() const { return rows_.columns(); }

 private:
  struct Segment {
    std::uint32_t offset, bytes;   ///< of the key, its NULL byte first
    data::Physical type;
    bool descending, nulls_first, interval;
    std::size_t stored;            ///< text: stored column with the whole value
  };
  int compare_prefix(const std::byte* a, const std::byte* b, std::size_t keys) const;
  Evaluator keys_;
  std::vector<Segment> segments_;
  std::uint32_t key_bytes_ = 0;
  std::size_t columns_ = 0;
  std::vector<std::size_t> extra_keys_;  ///< text keys that are no input column: stored behind the columns
  bool has_text_ = false;
  RowLayout rows_;
};

/// Sorts by pointer: the first eight key bytes beside it decide most comparisons.
struct SortEntry {
  std::uint64_t head;
  std::byte* row;
};
SortEntry sort_entry(std::byte* row, std::uint32_t key_bytes);
bool sorts_before(const SortLayout& layout, const SortEntry& a, const SortEntry& b);
void sort_entries(const SortLayout& layout, std::span<SortEntry> entries);

}  // namespace tajo::exec
