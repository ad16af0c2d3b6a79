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
  FixedEncoder() : values_(data::kBlockRows) {}

  void append(const data::Vector& v, const RowRange& rows) override {
    gather<T>(v, rows, values_.data() + count_, count_, valid_);
    count_ += rows.to - rows.from;
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
