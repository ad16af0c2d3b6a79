#pragma once
#include <algorithm>
#include <limits>

#include "tajo/data/crc32c.hpp"
#include "hdf5/column_encoder.hpp"
#include "sketch.hpp"

namespace tajo::storage::hdf5 {

/// What fixed-width columns have in common: a staging area of one block, its NULLs, and the validity dataset.
template <class T>
class FixedEncoder : public ColumnEncoder {
 public:
  /// The staging area grows with what comes: an INSERT of one row must not clear a whole block for each column.
  void append(const data::Vector& v, const RowRange& rows) override {
    const std::size_t end = count_ + (rows.to - rows.from);
    if (end > values_.size()) values_.resize(std::max(end, std::min<std::size_t>(data::kBlockRows, 4 * values_.size())));
    gather<T>(v, rows, values_.data() + count_, count_, valid_);
    count_ += rows.to - rows.from;
  }

  std::size_t bytes() const override { return bytes_ + count_ * sizeof(T); }

  void describe(TocColumn& c) override {
    bool any = false;
    T min{};
    T max{};
    for (const Block& b : blocks_) {
      TocBlock t;
      t.nulls = b.nulls;
      t.has_values = b.has_values;
      if (b.has_values) {
        t.min = value(b.min);
        t.max = value(b.max);
        if (!any || less(b.min, min)) min = b.min;
        if (!any || less(max, b.max)) max = b.max;
        any = true;
      }
      c.blocks.push_back(std::move(t));
    }
    choose_storage(c, min, max);
    c.values.bytes = rows_ * data::stored_width(c.stored);
    if (nulls_ > 0 && !c.has_null_value) c.valid.bytes = validity_bytes(rows_);
    if (any) {
      c.statistics.min = value(min);
      c.statistics.max = value(max);
    }
    c.statistics.nulls = nulls_;
    c.statistics.distinct = std::min(sketch_.estimate(), rows_ - nulls_);
    c.statistics.strictly_increasing = increasing_ && nulls_ == 0 && rows_ > 0 && ordered_as_stored();
    if (c.statistics.strictly_increasing) c.statistics.distinct = rows_;
    c.statistics.sketch = sketch_.bytes();
  }

 protected:
  struct Block {
    std::uint32_t rows = 0;
    std::uint8_t width = 0;
    Bytes data;
    std::vector<std::uint64_t> valid;  ///< empty: no NULL
    std::uint64_t nulls = 0;
    bool has_values = false;
    T min{};
    T max{};
  };

  virtual data::Value value(T v) const = 0;
  virtual bool less(T a, T b) const = 0;
  /// Whether the order of the values is the one `increasing_` was measured in.
  virtual bool ordered_as_stored() const { return true; }
  /// Width, and the spare value for NULL where there is one, from the fragment's range.
  virtual void choose_storage(TocColumn& c, T min, T max) = 0;

  /// A block with the staged rows' count and NULLs, and without values yet.
  Block begin_block() const {
    Block b;
    b.rows = count_;
    b.nulls = valid_.nulls();
    b.valid = take_validity();
    return b;
  }
  void keep(Block b) {
    bytes_ += b.data.size() + b.valid.size() * 8;
    rows_ += b.rows;
    nulls_ += b.nulls;
    blocks_.push_back(std::move(b));
    valid_.reset();
    count_ = 0;
  }

  std::vector<std::uint64_t> take_validity() const {
    if (valid_.nulls() == 0) return {};
    return {valid_.words(), valid_.words() + (count_ + 63) / 64};
  }

  static void write_validity(const Block& b, std::size_t index, TocColumn& c, FileSink& out) {
    if (c.valid.bytes == 0) return;
    std::size_t words = (b.rows + 63) / 64;
    std::vector<std::uint64_t> all;
    if (b.valid.empty()) all.assign(words, ~std::uint64_t{0});
    const auto& bits = b.valid.empty() ? all : b.valid;
    ByteView view = std::as_bytes(std::span(bits));
    c.blocks[index].valid_crc = data::crc32c(view);
    out.write(c.valid.offset + index * (data::kBlockRows / 8), view);
  }

  std::vector<T> values_;
  BlockValidity valid_;
  std::uint32_t count_ = 0;
  std::vector<Block> blocks_;
  std::size_t bytes_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t nulls_ = 0;
  bool increasing_ = true;
  T last_{};
  Sketch sketch_;
};

}  // namespace tajo::storage::hdf5
