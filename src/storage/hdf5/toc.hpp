#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/data/fragment.hpp"
#include "tajo/data/schema.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::storage::hdf5 {

/// How a column's rows lie in a managed file (docs/formats.md, HDF5 table).
enum class Encoding : std::uint8_t {
  kFixed,       ///< values of width `stored` at `values`
  kDictionary,  ///< codes of width `stored` at `values`, words at `dictionary_*`
  kText,        ///< rows + 1 offsets at `offsets` (uint32, or uint64 where `wide_offsets`), bytes at `text`
};

struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct TocBlock {
  std::uint32_t values_crc = 0;  ///< of the values, codes or offsets (with the one after the block's last row)
  std::uint32_t valid_crc = 0;
  std::uint32_t text_crc = 0;
  std::uint64_t nulls = 0;
  data::Value min;  ///< bounds, for text shortened to kBoundBytes: min rounded down, max rounded up (NULL: unbounded)
  data::Value max;
  bool has_values = false;  ///< false: min and max say nothing because all rows are NULL
};

struct TocColumn {
  std::string name;
  data::Type type;
  bool not_null = false;
  Encoding encoding = Encoding::kFixed;
  data::Stored stored = data::Stored::kI8;
  bool has_null_value = false;
  bool wide_offsets = false;
  std::int64_t null_value = 0;
  Extent values;
  Extent valid;  ///< one bit a row, set when not NULL; bytes == 0: no such dataset
  Extent dictionary_offsets;  ///< uint32, words + 1
  Extent dictionary_bytes;
  std::uint32_t words = 0;
  std::uint32_t dictionary_crc = 0;  ///< of the offsets, then the bytes
  Extent offsets;
  Extent text;
  data::ColumnStatistics statistics;
  std::vector<TocBlock> blocks;
};

/// Table of contents of a managed file: the dataset /_tajo/toc.
struct Toc {
  std::uint64_t rows = 0;
  std::vector<TocColumn> columns;
};

inline constexpr std::size_t kBoundBytes = 32;

/// Fixed-size end of a managed file, after the end of the HDF5 address space: where the table of contents lies.
struct Trailer {
  std::uint64_t toc_offset = 0;
  std::uint64_t toc_bytes = 0;
  std::uint64_t toc_digest = 0;  ///< XXH3 of the table of contents
  std::uint64_t file_bytes = 0;  ///< with this trailer
};
inline constexpr std::size_t kTrailerBytes = 48;

Bytes encode_toc(const Toc& toc);
/// Throws Error XX001 when the bytes are not a table of contents.
Toc decode_toc(ByteView bytes);
std::uint64_t digest(ByteView bytes);
Bytes encode_trailer(const Trailer& trailer);
/// false: these are not the last bytes of a managed file.
bool decode_trailer(ByteView bytes, Trailer& out);

/// Bounds of a text that are at most kBoundBytes long.
std::string lower_bound_text(std::string_view text);
data::Value upper_bound_text(std::string_view text);  ///< NULL when none exists

}  // namespace tajo::storage::hdf5
