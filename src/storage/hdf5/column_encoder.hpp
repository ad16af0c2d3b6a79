#pragma once
#include <memory>
#include <string>
#include <vector>

#include "file_sink.hpp"
#include "gather.hpp"
#include "hdf5/toc.hpp"
#include "tajo/data/schema.hpp"

namespace tajo::storage::hdf5 {

/// One column of a fragment that is being written: takes rows, keeps whole blocks in the narrowest width of each, and
/// knows the fragment's width, statistics and dictionary once all rows are there. One thread.
class ColumnEncoder {
 public:
  virtual ~ColumnEncoder() = default;
  static std::unique_ptr<ColumnEncoder> make(const data::Type& type);

  /// The rows never cross a block.
  virtual void append(const data::Vector& v, const RowRange& rows) = 0;
  virtual void end_block() = 0;
  virtual std::size_t bytes() const = 0;
  /// After the last end_block(): chooses encoding and width; fills `c` except for offsets and checksums.
  virtual void describe(TocColumn& c) = 0;
  /// Words when the column's codes may be an HDF5 enum, else empty. After describe().
  virtual std::vector<std::string> enum_names() const { return {}; }
  /// Writes at the offsets in `c` and fills its checksums.
  virtual void write(TocColumn& c, FileSink& out) = 0;
};

/// Bytes of the validity dataset: whole 64-bit words.
inline std::uint64_t validity_bytes(std::uint64_t rows) { return (rows + 63) / 64 * 8; }

}  // namespace tajo::storage::hdf5
