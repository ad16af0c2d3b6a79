#pragma once
#include <vector>

#include "kernel.hpp"
#include "tajo/functions/aggregate.hpp"

namespace tajo::functions {

/// What an accumulator holds.
enum class Cell : std::uint8_t {
  kCount,      // u64 in 8 bytes
  kSum64,      // i64
  kSum128,     // i128
  kSumFloat,   // double
  kSumInterval,
  kBest,       // min, max, any: the value itself, in 8 or 16 bytes
  kFlag,       // bool_and, bool_or
  kText,       // string_agg
};

/// string_agg's growing text, in the strings' arena.
struct TextCell {
  char* bytes;
  std::uint32_t size;
  std::uint32_t room;
};
static_assert(sizeof(TextCell) == 16);

struct Slot {
  AggregateKind kind = AggregateKind::kCountStar;
  Cell cell = Cell::kCount;
  Type type;
  Physical physical = Physical::kI64;  // of the result as the cell gives it
  Physical result = Physical::kI64;    // kBest: integers are brought to this width
  Physical argument = Physical::kI64;  // of args[0]
  std::uint32_t offset = 0;            // of the accumulator
  std::uint32_t seen_word = 0;         // offset of the word with its seen bit
  std::uint64_t seen_bit = 0;
  bool simple = false;                 // takes part in the one pass of a batch without NULLs
  bool counts_rows = false;            // count(*) and count(x): `rows` of the group belongs to it
  bool check = true;                   // kSum64 of an unproved 64-bit sum
};

struct AggregateSet::Layout {
  std::vector<Slot> slots;
  std::uint32_t row_size = 0;
  // Calls by kind of cell, for the one pass: their cells lie next to each other.
  std::vector<std::uint32_t> narrow, wide, real;
  std::uint32_t narrow_offset = 0, wide_offset = 0, real_offset = 0;
  bool all_simple = false;
};

// The cells' operations (aggregate_cells.cpp): one call over selected rows, NULLs and FILTER respected.
void update_cell(const Slot& slot, const AggregateInput& in, const Selection& selection, std::byte* const* groups,
                 data::Arena& strings);
void combine_cell(const Slot& slot, std::byte* into, const std::byte* other, data::Arena& strings);
Vector finish_cell(const Slot& slot, const std::byte* const* groups, std::uint32_t count, data::Arena& arena);

template <class T>
T& at(std::byte* group, std::uint32_t offset) { return *reinterpret_cast<T*>(group + offset); }
template <class T>
const T& at(const std::byte* group, std::uint32_t offset) { return *reinterpret_cast<const T*>(group + offset); }
inline bool seen(const Slot& s, const std::byte* group) { return (at<std::uint64_t>(group, s.seen_word) & s.seen_bit) != 0; }
inline void see(const Slot& s, std::byte* group) { at<std::uint64_t>(group, s.seen_word) |= s.seen_bit; }

}  // namespace tajo::functions
