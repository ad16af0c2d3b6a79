#pragma once
#include <cstdint>

#include "tajo/data/type.hpp"

// The bytes of a block (docs/formats.md, Batch), shared by its writer and its reader.
namespace tajo::data::block {

inline constexpr std::uint32_t kMagic = 0x314B4254;  // "TBK1"
inline constexpr std::size_t kAlign = 16;            // of every payload, counted from the start of the block
inline constexpr std::uint32_t kMaxColumns = 4096;

enum class Encoding : std::uint8_t {
  kValues,      // [values of `stored` width]
  kConstant,    // no values: all non-NULL rows hold `constant`
  kText,        // [u32 offsets, rows + 1][bytes]
  kDictionary,  // [codes of `stored` width, padded to 4][u32 offsets, entries + 1][bytes]
};

struct Header {
  std::uint32_t magic;
  std::uint32_t columns;
  std::uint32_t rows;
  std::uint32_t reserved;
};
static_assert(sizeof(Header) == 16);

struct ColumnHeader {
  Physical physical;
  Encoding encoding;
  Stored stored;
  std::uint8_t has_nulls;  // 1: the payload starts with a validity bitmap of whole 64-bit words
  std::uint32_t entries;   // of the dictionary
  std::uint64_t offset;    // of the payload in the block
  std::uint64_t bytes;     // of the payload
  std::uint64_t reserved;
  __int128 constant;
};
static_assert(sizeof(ColumnHeader) == 48);

inline std::size_t align_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }
/// Whole 128-bit units: the values behind it stay 16-aligned.
inline std::size_t bitmap_bytes(std::size_t rows) { return (rows + 127) / 128 * 16; }

}  // namespace tajo::data::block
