#pragma once
#include "compiled.hpp"

namespace tajo::functions {

// Comparisons on values as they are stored: the one place besides loads that sees narrow widths.

/// lo <= value <= hi (or not so) on a kStored integer or text-code vector, or a flat kI32/kI64 one. NULL rows fail.
struct RangeTest {
  __int128 lo = 0;
  __int128 hi = 0;
  bool negated = false;
};
/// false: the vector's form is not handled here.
bool range_mask(const Vector& in, const RangeTest& test, std::uint8_t* mask, std::uint32_t rows);
/// The same through a selection: survivors go to `out` (may be the selection's own rows); returns how many; -1: form.
std::int64_t range_select(const Vector& in, const RangeTest& test, const Selection& selection, std::uint16_t* out);

/// a op b for two vectors stored in one width without NULLs; op: '<', 'l' (<=), '=', '!' (<>).
bool pair_mask(const Vector& a, const Vector& b, char op, std::uint8_t* mask, std::uint32_t rows);

/// mask[i] &= table[code[i]]; codes of invalid rows use table[entries].
void table_mask(const Vector& in, const std::uint8_t* table, std::uint32_t entries, std::uint8_t* mask, std::uint32_t rows);
std::uint32_t table_select(const Vector& in, const std::uint8_t* table, std::uint32_t entries, const Selection& selection,
                           std::uint16_t* out);

}  // namespace tajo::functions
