#pragma once
#include "tajo/data/vector.hpp"

namespace tajo::functions {

// Byte masks (one 0/1 byte a row), bitmaps and selections, converted into each other. All in 64-row steps; masks and
// selections have room for kVectorRows entries plus kSlackRows that may be written.

inline constexpr std::uint32_t kSlackRows = 64;

/// Rows whose byte is not 0, ascending; returns how many.
std::uint32_t mask_to_selection(const std::uint8_t* mask, std::uint32_t rows, std::uint16_t* out);
std::uint32_t count_mask(const std::uint8_t* mask, std::uint32_t rows);
/// mask[i] &= bit i.
void and_bits(std::uint8_t* mask, const std::uint64_t* bits, std::uint32_t rows);
void selection_to_mask(const data::Selection& selection, std::uint8_t* mask, std::uint32_t rows);
/// a[i] &= b[i]
void and_masks(std::uint8_t* a, const std::uint8_t* b, std::uint32_t rows);
/// Bitmap of the bytes that are not 0; `bits` has (rows + 63) / 64 words.
void mask_to_bits(const std::uint8_t* mask, std::uint32_t rows, std::uint64_t* bits);

}  // namespace tajo::functions
