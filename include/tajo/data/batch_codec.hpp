#pragma once
#include <cstdint>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/data/schema.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::data {

/// Row-set in column blocks as it travels between ranks, lies in a spill file, a staged result or an inline fragment
/// (docs/formats.md, Batch). Narrow integers per block, dictionary for repeating text, CRC32C at the end.
/// Appends the selected rows of batches (vectors in any form); take() gives one self-contained block. One thread.
/// At most kMaxBlockRows rows and 4 GiB of text a column (Error 54000 beyond): callers cut blocks far smaller.
inline constexpr std::uint32_t kMaxBlockRows = std::uint32_t{1} << 30;

class BlockBuilder {
 public:
  explicit BlockBuilder(std::vector<Physical> columns);
  ~BlockBuilder();
  BlockBuilder(BlockBuilder&&) noexcept;
  BlockBuilder& operator=(BlockBuilder&&) noexcept;
  void append(const Batch& batch);
  /// Only the given rows (indices into the batch, not into its selection).
  void append(const Batch& batch, const Selection& rows);
  std::uint64_t rows() const { return rows_; }
  std::size_t bytes() const;  ///< estimate of the encoded size
  Bytes take();               ///< encodes and starts afresh

 private:
  struct ColumnBuffer;
  std::vector<ColumnBuffer> columns_;
  std::uint64_t rows_ = 0;
};

/// Reads one block; batches of at most kVectorRows flat rows, views into `block` and the batch's arena, valid until
/// next() is called again. Throws Error XX001 on a damaged block (checksum first, then every length). `out.arena` may
/// be null: the reader then lends one of its own, reset by the next call.
class BlockReader {
 public:
  explicit BlockReader(ByteView block);
  ~BlockReader();
  BlockReader(BlockReader&&) noexcept;
  BlockReader& operator=(BlockReader&&) noexcept;
  std::uint64_t rows() const;
  const std::vector<Physical>& columns() const;
  bool next(Batch& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tajo::data
