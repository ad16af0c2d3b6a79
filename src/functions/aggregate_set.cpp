// All accumulators of a group's row in one pass, while no argument has a NULL.
#include <algorithm>
#include <array>
#include <limits>

#include "aggregate_layout.hpp"
#include "tajo/data/isa.hpp"

namespace tajo::functions {

using Form = Vector::Form;

namespace {

constexpr std::size_t kMaxFused = 8;             // accumulators of one kind in one pass
constexpr std::uint32_t kFewGroups = 32;         // groups whose partial sums fit the first-level cache
constexpr std::uint32_t kFewGroupsRows = 128;    // rows below which the detour is not worth it
constexpr std::int64_t kSafePart = std::int64_t{1} << 51;  // 2,048 of these add up within 64 bits

Physical argument_of(const AggregateCall& call) {
  return call.args.empty() ? Physical::kI64 : call.args[0]->physical;
}

Cell cell_of(const AggregateCall& call) {
  switch (call.kind) {
    case AggregateKind::kCountStar:
    case AggregateKind::kCount:
    case AggregateKind::kSumCounts: return Cell::kCount;
    case AggregateKind::kSum:
      if (call.type.id == TypeId::kInterval) return Cell::kSumInterval;
      if (call.type.is_float()) return Cell::kSumFloat;
      return call.physical == Physical::kI64 ? Cell::kSum64 : Cell::kSum128;
    case AggregateKind::kSumSquares: return Cell::kSumFloat;
    case AggregateKind::kMin:
    case AggregateKind::kMax:
    case AggregateKind::kAnyValue: return Cell::kBest;
    case AggregateKind::kBoolAnd:
    case AggregateKind::kBoolOr: return Cell::kFlag;
    case AggregateKind::kStringAgg: return Cell::kText;
  }
  TAJO_ASSERT(!"aggregate outside its enumeration");
}

std::uint32_t cell_size(const Slot& s) {
  switch (s.cell) {
    case Cell::kCount:
    case Cell::kSum64:
    case Cell::kSumFloat:
    case Cell::kFlag: return 8;
    case Cell::kSum128:
    case Cell::kSumInterval:
    case Cell::kText: return 16;
    case Cell::kBest: return data::physical_width(s.physical) > 8 ? 16 : 8;
  }
  return 16;
}

/// 64-bit values of an argument at the rows' own positions; constants and 32-bit ones are brought to it.
const std::int64_t* as_i64(const Vector& v, const Selection& selection, data::Arena& arena) {
  if (v.type == Physical::kI64 && v.form == Form::kFlat) return v.as<std::int64_t>();
  std::uint32_t rows = selection.count;
  if (selection.rows != nullptr && selection.count > 0) rows = selection.rows[selection.count - 1] + 1U;
  auto* out = arena.array<std::int64_t>(rows);
  if (v.form == Form::kConstant) {
    std::fill_n(out, rows, v.type == Physical::kI64 ? v.as<std::int64_t>()[0] : v.as<std::int32_t>()[0]);
  } else {
    const auto* in = v.as<std::int32_t>();
    for_rows(selection, [&](std::uint32_t row) { out[row] = in[row]; });
  }
  return out;
}

struct Columns {
  std::array<const std::int64_t*, kMaxFused> values{};
  std::size_t count = 0;
};

template <std::size_t N, class T>
void add_rows(const Columns& columns, std::uint32_t offset, const Selection& selection, std::byte* const* groups, bool count) {
  std::array<const std::int64_t*, N> in{};
  std::copy_n(columns.values.begin(), N, in.begin());
  const auto loop = [&](auto&& row_of) {
    for (std::uint32_t i = 0; i < selection.count; ++i) {
      const std::uint32_t row = row_of(i);
      std::byte* group = groups[i];
      if (count) ++at<std::uint64_t>(group, 0);
      [[maybe_unused]] T* sums = reinterpret_cast<T*>(group + offset);
      if constexpr (N > 0)
        for (std::size_t k = 0; k < N; ++k) sums[k] += in[k][row];
    }
  };
  if (selection.rows == nullptr) loop([](std::uint32_t i) { return i; });
  else loop([&](std::uint32_t i) { return static_cast<std::uint32_t>(selection.rows[i]); });
}

template <class T>
void add_columns(const Columns& c, std::uint32_t offset, const Selection& selection, std::byte* const* groups, bool count) {
  switch (c.count) {
    case 0: return add_rows<0, T>(c, offset, selection, groups, count);
    case 1: return add_rows<1, T>(c, offset, selection, groups, count);
    case 2: return add_rows<2, T>(c, offset, selection, groups, count);
    case 3: return add_rows<3, T>(c, offset, selection, groups, count);
    case 4: return add_rows<4, T>(c, offset, selection, groups, count);
    case 5: return add_rows<5, T>(c, offset, selection, groups, count);
    case 6: return add_rows<6, T>(c, offset, selection, groups, count);
    case 7: return add_rows<7, T>(c, offset, selection, groups, count);
    default: return add_rows<8, T>(c, offset, selection, groups, count);
  }
}

/// Largest magnitude's bits of the selected values, cheaply: the OR of v ^ (v >> 63).
struct Magnitude {
  [[gnu::always_inline]] static inline std::uint64_t run(const std::int64_t* in, std::uint32_t n) {
    std::uint64_t bits = 0;
    for (std::uint32_t i = 0; i < n; ++i) bits |= static_cast<std::uint64_t>(in[i] ^ (in[i] >> 63));
    return bits;
  }
};
bool small_values(const std::int64_t* values, const Selection& selection) {
  std::uint64_t bits = 0;
  const std::uint32_t span = selection.rows == nullptr ? selection.count : selection.rows[selection.count - 1] + 1U;
  // Rows that are not selected may hold anything: that can only send the batch the slower way.
  if (selection.count * 2 >= span) bits = data::run_kernel<Magnitude>(values, span);
  else
    for (std::uint32_t i = 0; i < selection.count; ++i) {
      const std::int64_t v = values[selection.rows[i]];
      bits |= static_cast<std::uint64_t>(v ^ (v >> 63));
    }
  return bits < static_cast<std::uint64_t>(kSafePart);
}

/// Partial sums of few groups in 64 bits: two tables, used in turn, so that rows of one group do not wait for each
/// other's stores.
template <std::size_t N>
void partial_sums(const Columns& columns, const Selection& selection, const std::uint32_t* numbers, std::int64_t* sums) {
  std::array<const std::int64_t*, N> in{};
  std::copy_n(columns.values.begin(), N, in.begin());
  constexpr std::size_t kWidth = N + 1;  // and the rows
  std::int64_t* const other = sums + kFewGroups * (2 * kMaxFused + 1);
  const auto add = [&](std::int64_t* table, std::uint32_t i, std::uint32_t row) {
    std::int64_t* group = table + numbers[i] * kWidth;
    if constexpr (N > 0)
      for (std::size_t k = 0; k < N; ++k) group[k] += in[k][row];
    ++group[N];
  };
  const auto loop = [&](auto&& row_of) {
    std::uint32_t i = 0;
    for (; i + 2 <= selection.count; i += 2) {
      add(sums, i, row_of(i));
      add(other, i + 1, row_of(i + 1));
    }
    if (i < selection.count) add(sums, i, row_of(i));
  };
  if (selection.rows == nullptr) loop([](std::uint32_t i) { return i; });
  else loop([rows = selection.rows](std::uint32_t i) { return static_cast<std::uint32_t>(rows[i]); });
}

using PartialSums = void (*)(const Columns&, const Selection&, const std::uint32_t*, std::int64_t*);
constexpr PartialSums kPartialSums[] = {partial_sums<0>, partial_sums<1>, partial_sums<2>, partial_sums<3>, partial_sums<4>,
                                        partial_sums<5>, partial_sums<6>, partial_sums<7>, partial_sums<8>};

/// Sum of 64-bit values in 128 bits, with 64-bit lanes: low and high halves apart.
struct WideSum {
  [[gnu::always_inline]] static inline void run(const std::int64_t* in, std::uint32_t n, std::uint64_t* low_out, std::int64_t* high_out) {
    std::uint64_t low = 0;
    std::int64_t high = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
      low += static_cast<std::uint32_t>(in[i]);
      high += in[i] >> 32;
    }
    *low_out = low;
    *high_out = high;
  }
};
__int128 wide_sum(const std::int64_t* values, const Selection& selection) {
  std::uint64_t low = 0;
  std::int64_t high = 0;
  if (selection.rows == nullptr) {
    data::run_kernel<WideSum>(values, selection.count, &low, &high);
  } else {
    for (std::uint32_t i = 0; i < selection.count; ++i) {
      const std::int64_t v = values[selection.rows[i]];
      low += static_cast<std::uint32_t>(v);
      high += v >> 32;
    }
  }
  return (static_cast<__int128>(high) << 32) + static_cast<__int128>(low);
}

}  // namespace

AggregateSet::~AggregateSet() = default;
AggregateSet::AggregateSet(AggregateSet&&) noexcept = default;
AggregateSet& AggregateSet::operator=(AggregateSet&&) noexcept = default;

AggregateSet::AggregateSet(std::span<const AggregateCall> calls) {
  auto layout = std::make_unique<Layout>();
  auto& slots = layout->slots;
  for (const AggregateCall& call : calls) {
    Slot s;
    s.kind = call.kind;
    s.type = call.type;
    s.cell = cell_of(call);
    s.argument = argument_of(call);
    s.physical = s.cell == Cell::kBest ? s.argument : call.physical;
    s.result = call.physical;
    if (s.cell == Cell::kCount) s.physical = Physical::kI64;
    if (s.cell == Cell::kFlag) s.physical = Physical::kBool;
    if (s.cell == Cell::kText) s.physical = Physical::kStr;
    if (s.cell == Cell::kSumFloat) s.physical = call.type.id == TypeId::kFloat4 ? Physical::kF32 : Physical::kF64;
    const bool narrow_argument = s.argument == Physical::kI64 || s.argument == Physical::kI32;
    const bool sum = s.kind == AggregateKind::kSum && (s.cell == Cell::kSum64 || s.cell == Cell::kSum128) && narrow_argument;
    const bool real = s.kind == AggregateKind::kSum && s.cell == Cell::kSumFloat && s.argument == Physical::kF64;
    const bool rows = s.kind == AggregateKind::kCountStar || s.kind == AggregateKind::kCount;
    s.counts_rows = rows && call.filter == nullptr;
    // A 64-bit sum joins the unchecked pass only where it cannot overflow: 32-bit values, or a width that was proved.
    const bool safe = s.cell != Cell::kSum64 || s.argument == Physical::kI32 || call.type.id == TypeId::kDecimal;
    s.simple = call.filter == nullptr && ((sum && safe) || real || rows);
    slots.push_back(s);
  }
  const auto words = static_cast<std::uint32_t>((slots.size() + 63) / 64);
  std::uint32_t end = 8 + words * 8;
  for (std::size_t c = 0; c < slots.size(); ++c) {
    slots[c].seen_word = 8 + static_cast<std::uint32_t>(c / 64) * 8;
    slots[c].seen_bit = std::uint64_t{1} << (c % 64);
  }
  const auto place = [&](std::vector<std::uint32_t>& list, std::uint32_t& first, auto&& belongs) {
    first = end;
    for (std::size_t c = 0; c < slots.size(); ++c) {
      Slot& s = slots[c];
      if (!belongs(s) || s.offset != 0 || list.size() == kMaxFused) continue;
      s.offset = end;
      end += cell_size(s);
      list.push_back(static_cast<std::uint32_t>(c));
    }
  };
  place(layout->narrow, layout->narrow_offset, [](const Slot& s) { return s.simple && s.cell == Cell::kSum64; });
  place(layout->real, layout->real_offset, [](const Slot& s) { return s.simple && s.cell == Cell::kSumFloat; });
  for (Slot& s : slots) {  // other small cells
    if (s.offset != 0 || cell_size(s) != 8) continue;
    if (s.cell != Cell::kCount) s.simple = false;  // beyond kMaxFused
    s.offset = end;
    end += 8;
  }
  end = (end + 15) & ~15U;
  place(layout->wide, layout->wide_offset, [](const Slot& s) { return s.simple && s.cell == Cell::kSum128; });
  for (Slot& s : slots) {
    if (s.offset != 0) continue;
    s.simple = false;
    s.offset = end;
    end += 16;
  }
  layout->row_size = (end + 15) & ~15U;
  layout_ = std::move(layout);
}

std::size_t AggregateSet::calls() const { return layout_->slots.size(); }
std::uint32_t AggregateSet::row_size() const { return layout_->row_size; }

namespace {

/// Whether a batch may take the one pass: no simple call's argument has a NULL.
bool no_nulls(std::span<const Slot> slots, std::span<const AggregateInput> inputs) {
  for (std::size_t c = 0; c < slots.size(); ++c)
    if (slots[c].simple && slots[c].kind != AggregateKind::kCountStar && inputs[c].args[0].valid != nullptr) return false;
  return true;
}

Columns columns_of(std::span<const std::uint32_t> calls, std::span<const AggregateInput> inputs, const Selection& selection,
                   data::Arena& scratch) {
  Columns out;
  for (const std::uint32_t c : calls) out.values[out.count++] = as_i64(inputs[c].args[0], selection, scratch);
  return out;
}

void add_reals(std::span<const std::uint32_t> calls, std::span<const Slot> slots, std::span<const AggregateInput> inputs,
               const Selection& selection, std::byte* const* groups) {
  for (const std::uint32_t c : calls) {
    const Vector& v = inputs[c].args[0];
    const auto* values = v.as<double>();
    const std::uint32_t stride = v.form == Form::kConstant ? 0 : 1;
    const std::uint32_t offset = slots[c].offset;
    for (std::uint32_t i = 0; i < selection.count; ++i) at<double>(groups[i], offset) += values[selection[i] * stride];
  }
}

}  // namespace

void AggregateSet::update(std::span<const AggregateInput> inputs, const Selection& selection, std::byte* const* groups,
                          data::Arena& strings) const {
  const Layout& layout = *layout_;
  TAJO_ASSERT(inputs.size() == layout.slots.size());
  if (selection.count == 0) return;
  const bool fused = no_nulls(layout.slots, inputs);
  if (fused) {
    data::Arena scratch;
    // The rows are counted by the first pass, even when there is nothing else to add: they stand for all simple calls.
    const bool narrow = !layout.narrow.empty() || layout.wide.empty();
    if (narrow)
      add_columns<std::int64_t>(columns_of(layout.narrow, inputs, selection, scratch), layout.narrow_offset, selection, groups, true);
    if (!layout.wide.empty())
      add_columns<__int128>(columns_of(layout.wide, inputs, selection, scratch), layout.wide_offset, selection, groups, !narrow);
    add_reals(layout.real, layout.slots, inputs, selection, groups);
  }
  for (std::size_t c = 0; c < layout.slots.size(); ++c)
    if (!fused || !layout.slots[c].simple) update_cell(layout.slots[c], inputs[c], selection, groups, strings);
}

void AggregateSet::update_dense(std::span<const AggregateInput> inputs, const Selection& selection,
                                const std::uint32_t* numbers, std::byte* table, std::uint32_t group_count,
                                data::Arena& strings) const {
  const Layout& layout = *layout_;
  TAJO_ASSERT(inputs.size() == layout.slots.size());
  const std::size_t sums = layout.narrow.size() + layout.wide.size();
  data::Arena scratch;
  bool few = group_count <= kFewGroups && selection.count >= kFewGroupsRows && layout.real.empty() && sums <= kMaxFused &&
             no_nulls(layout.slots, inputs);
  Columns columns;
  if (few) {
    columns = columns_of(layout.narrow, inputs, selection, scratch);
    const Columns wide = columns_of(layout.wide, inputs, selection, scratch);
    for (std::size_t k = 0; k < wide.count; ++k) columns.values[columns.count++] = wide.values[k];
    for (std::size_t k = 0; k < columns.count && few; ++k) few = small_values(columns.values[k], selection);
  }
  std::byte** groups = nullptr;
  const auto pointers = [&] {
    if (groups != nullptr) return groups;
    groups = scratch.array<std::byte*>(selection.count);
    for (std::uint32_t i = 0; i < selection.count; ++i) groups[i] = table + std::size_t{numbers[i]} * layout.row_size;
    return groups;
  };
  if (!few) return update(inputs, selection, pointers(), strings);

  constexpr std::size_t kTable = kFewGroups * (2 * kMaxFused + 1);
  std::int64_t partial[2 * kTable];
  const std::size_t width = columns.count + 1;
  std::memset(partial, 0, group_count * width * sizeof *partial);
  std::memset(partial + kTable, 0, group_count * width * sizeof *partial);
  kPartialSums[columns.count](columns, selection, numbers, partial);
  for (std::uint32_t g = 0; g < group_count; ++g) {
    const std::int64_t* a = partial + g * width;
    const std::int64_t* b = a + kTable;
    std::byte* group = table + std::size_t{g} * layout.row_size;
    at<std::uint64_t>(group, 0) += static_cast<std::uint64_t>(a[columns.count] + b[columns.count]);
    std::size_t k = 0;
    for (const std::uint32_t c : layout.narrow) at<std::int64_t>(group, layout.slots[c].offset) += a[k] + b[k], ++k;
    for (const std::uint32_t c : layout.wide) at<__int128>(group, layout.slots[c].offset) += static_cast<__int128>(a[k]) + b[k], ++k;
  }
  for (std::size_t c = 0; c < layout.slots.size(); ++c)
    if (!layout.slots[c].simple) update_cell(layout.slots[c], inputs[c], selection, pointers(), strings);
}

void AggregateSet::update_single(std::span<const AggregateInput> inputs, const Selection& selection, std::byte* group,
                                 data::Arena& strings) const {
  const Layout& layout = *layout_;
  TAJO_ASSERT(inputs.size() == layout.slots.size());
  if (selection.count == 0) return;
  data::Arena scratch;
  const bool fused = no_nulls(layout.slots, inputs);
  std::byte** groups = nullptr;
  if (fused) at<std::uint64_t>(group, 0) += selection.count;
  for (std::size_t c = 0; c < layout.slots.size(); ++c) {
    const Slot& s = layout.slots[c];
    if (fused && s.simple) {
      if (s.cell == Cell::kSum64) at<std::int64_t>(group, s.offset) += static_cast<std::int64_t>(wide_sum(as_i64(inputs[c].args[0], selection, scratch), selection));
      if (s.cell == Cell::kSum128) at<__int128>(group, s.offset) += wide_sum(as_i64(inputs[c].args[0], selection, scratch), selection);
      if (s.cell == Cell::kSumFloat) {
        const Vector& v = inputs[c].args[0];
        const std::uint32_t stride = v.form == Form::kConstant ? 0 : 1;
        double sum = at<double>(group, s.offset);
        for_rows(selection, [&](std::uint32_t row) { sum += v.as<double>()[row * stride]; });
        at<double>(group, s.offset) = sum;
      }
      continue;
    }
    if (groups == nullptr) {
      groups = scratch.array<std::byte*>(selection.count);
      std::fill_n(groups, selection.count, group);
    }
    update_cell(s, inputs[c], selection, groups, strings);
  }
}

void AggregateSet::combine(std::byte* into, const std::byte* other, data::Arena& strings) const {
  at<std::uint64_t>(into, 0) += at<std::uint64_t>(other, 0);
  for (const Slot& s : layout_->slots) combine_cell(s, into, other, strings);
}

Vector AggregateSet::finish(std::size_t call, const std::byte* const* groups, std::uint32_t count, data::Arena& arena) const {
  return finish_cell(layout_->slots[call], groups, count, arena);
}

std::vector<TextPlace> AggregateSet::texts() const {
  std::vector<TextPlace> out;
  for (const Slot& s : layout_->slots) {
    if (s.cell == Cell::kText) out.push_back({s.offset, true});
    if (s.cell == Cell::kBest && s.physical == Physical::kStr) out.push_back({s.offset, false});
  }
  return out;
}

std::string_view text_of(const std::byte* row, TextPlace place) {
  if (place.growing) {
    TextCell cell;
    std::memcpy(&cell, row + place.offset, sizeof cell);
    return {cell.bytes, cell.size};
  }
  data::Str text;
  std::memcpy(&text, row + place.offset, sizeof text);
  return text.size <= 12 ? std::string_view() : std::string_view(text.data, text.size);
}

void move_text(std::byte* row, TextPlace place, const char* bytes) {
  if (place.growing) {
    TextCell cell;
    std::memcpy(&cell, row + place.offset, sizeof cell);
    cell.bytes = const_cast<char*>(bytes);
    cell.room = cell.size;  // what is appended next moves it
    std::memcpy(row + place.offset, &cell, sizeof cell);
    return;
  }
  data::Str text;
  std::memcpy(&text, row + place.offset, sizeof text);
  text.data = bytes;
  std::memcpy(row + place.offset, &text, sizeof text);
}

namespace {

/// A set of one call. FILTER is the caller's business here: its selection holds the rows that passed.
AggregateSet set_of(AggregateCall call) {
  call.filter = nullptr;
  return AggregateSet({&call, 1});
}

}  // namespace

std::uint32_t accumulator_size(const AggregateCall& call) { return set_of(call).row_size(); }

void update_accumulators(const AggregateCall& call, std::span<const Vector> args, const Selection& selection,
                         std::byte* const* groups, data::Arena& strings) {
  AggregateInput input;
  for (std::size_t i = 0; i < args.size() && i < 2; ++i) input.args[i] = args[i];
  set_of(call).update({&input, 1}, selection, groups, strings);
}

void combine_accumulator(const AggregateCall& call, std::byte* into, const std::byte* other, data::Arena& strings) {
  set_of(call).combine(into, other, strings);
}

Vector finish_accumulators(const AggregateCall& call, const std::byte* const* groups, std::uint32_t count, data::Arena& arena) {
  return set_of(call).finish(0, groups, count, arena);
}

}  // namespace tajo::functions
