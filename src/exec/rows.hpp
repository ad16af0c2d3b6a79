#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::exec {

/// Rows as they lie in hash tables, sort runs and partitions: a header of the owner, one bit a column for NULL, then
/// the values, widest first, unaligned access by memcpy. Text is a data::Str whose bytes lie in an arena of the owner.
class RowLayout {
 public:
  RowLayout() = default;
  RowLayout(std::uint32_t header_bytes, std::vector<data::Physical> columns, std::uint32_t row_alignment = 8);

  std::uint32_t size() const { return size_; }
  std::size_t columns() const { return types_.size(); }
  data::Physical type(std::size_t column) const { return types_[column]; }
  std::uint32_t offset(std::size_t column) const { return offsets_[column]; }
  bool is_null(const std::byte* row, std::size_t column) const {
    return (static_cast<unsigned>(row[null_offset_ + column / 8]) >> (column % 8) & 1) != 0;
  }
  void clear_nulls(std::byte* row) const { std::memset(row + null_offset_, 0, null_bytes_); }

  /// Writes the selected values of a flat or constant vector into rows[i]; text is copied into `strings`.
  /// Returns whether a NULL was among them. The rows' NULL bits must have been cleared.
  bool scatter(std::size_t column, const data::Vector& values, const data::Selection& selection, std::byte* const* rows,
               data::Arena& strings) const;

  /// Values of rows[i] at positions `positions[i]` (i when null) of a flat vector of `total` places. A null pointer
  /// in `rows` gives NULL. `may_be_null`: NULL bits have to be looked at. Text points at the rows' bytes.
  data::Vector gather(std::size_t column, const std::byte* const* rows, std::uint32_t count, const std::uint16_t* positions,
                      std::uint32_t total, bool may_be_null, data::Arena& arena) const;

  /// Whether the value of a flat or constant vector at `position` equals the row's; NULL equals NULL, NaN equals NaN.
  bool equal(std::size_t column, const data::Vector& values, std::uint32_t position, const std::byte* row) const;
  bool equal(std::size_t column, const std::byte* a, const std::byte* b) const;

 private:
  std::vector<data::Physical> types_;
  std::vector<std::uint32_t> offsets_;
  std::uint32_t null_offset_ = 0;
  std::uint32_t null_bytes_ = 0;
  std::uint32_t size_ = 0;
};

/// Rows of one thread in chunks, never moved; memory goes to the query's account. One thread writes.
class RowStore {
 public:
  struct Chunk {
    std::byte* data;
    std::uint32_t rows;
    std::uint32_t capacity;
  };
  RowStore() = default;
  explicit RowStore(std::uint32_t row_bytes) : row_bytes_(row_bytes) {}

  std::byte* append(data::Arena& arena) {
    if (at_ == end_) grow(arena);
    std::byte* row = at_;
    at_ += row_bytes_;
    return row;
  }
  /// Takes over rows that lie elsewhere; they stay there.
  void adopt(std::byte* rows, std::uint32_t count);
  /// Closes the open chunk; call before chunks().
  std::vector<Chunk>& chunks();
  std::uint64_t rows() const;
  std::uint32_t row_bytes() const { return row_bytes_; }

 private:
  void grow(data::Arena& arena);
  std::uint32_t row_bytes_ = 0;
  std::byte* at_ = nullptr;
  std::byte* end_ = nullptr;
  std::vector<Chunk> chunks_;
};

/// Dense copy of places of a flat or constant vector: out[i] = values[positions[i]].
data::Vector gather_vector(const data::Vector& values, const std::uint16_t* positions, std::uint32_t count, data::Arena& arena);
/// A constant NULL of a type.
data::Vector null_vector(data::Physical type);

}  // namespace tajo::exec
