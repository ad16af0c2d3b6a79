#include "sort_keys.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tajo/data/load.hpp"

namespace tajo::exec {

using data::Physical;
using data::Selection;
using data::Vector;

namespace {

constexpr std::uint32_t kTextPrefix = 8;

std::uint32_t encoded_width(Physical type) {
  return type == Physical::kStr ? kTextPrefix : static_cast<std::uint32_t>(data::physical_width(type));
}

void put_big_endian(std::byte* to, std::uint64_t value, std::uint32_t bytes) {
  const std::uint64_t swapped = __builtin_bswap64(value << (64 - 8 * bytes));
  std::memcpy(to, &swapped, bytes);
}

struct OrderedBool {
  using Value = std::uint8_t;
  static void put(std::byte* to, Value v) { put_big_endian(to, v, 1); }
};
struct OrderedI32 {
  using Value = std::int32_t;
  static void put(std::byte* to, Value v) { put_big_endian(to, static_cast<std::uint32_t>(v) ^ 0x80000000U, 4); }
};
struct OrderedI64 {
  using Value = std::int64_t;
  static void put(std::byte* to, Value v) { put_big_endian(to, static_cast<std::uint64_t>(v) ^ (std::uint64_t{1} << 63), 8); }
};
struct OrderedI128 {
  using Value = __int128;
  static void put(std::byte* to, Value v) {
    const auto u = static_cast<unsigned __int128>(v);
    put_big_endian(to, static_cast<std::uint64_t>(u >> 64) ^ (std::uint64_t{1} << 63), 8);
    put_big_endian(to + 8, static_cast<std::uint64_t>(u), 8);
  }
};
/// As PostgreSQL compares intervals: months of 30 days of 24 hours.
struct OrderedInterval {
  using Value = __int128;
  static void put(std::byte* to, Value v) {
    const data::Interval i = data::unpack_interval(v);
    OrderedI128::put(to, static_cast<__int128>(i.micros) +
                             (static_cast<__int128>(i.days) + static_cast<__int128>(i.months) * 30) * data::kMicrosPerDay);
  }
};
template <class F, class U>
struct OrderedFloat {
  using Value = F;
  static void put(std::byte* to, Value v) {
    constexpr U kSign = U{1} << (sizeof(U) * 8 - 1);
    U bits = std::bit_cast<U>(v == 0 ? F{0} : v);
    if (std::isnan(v)) bits = ~kSign;  // after all numbers
    bits = (bits & kSign) != 0 ? static_cast<U>(~bits) : static_cast<U>(bits | kSign);
    put_big_endian(to, bits, sizeof(U));
  }
};
struct OrderedText {
  using Value = data::Str;
  static void put(std::byte* to, const Value& v) {
    const std::string_view text = v.view();
    std::memset(to, 0, kTextPrefix);
    std::memcpy(to, text.data(), std::min<std::size_t>(text.size(), kTextPrefix));
  }
};

template <class Order>
void encode_column(const Vector& v, const Selection& selection, bool descending, bool nulls_first, std::uint32_t width, std::byte* out,
                   std::size_t stride) {
  const auto* values = v.as<typename Order::Value>();
  const bool constant = v.form == Vector::Form::kConstant;
  const auto present = static_cast<std::byte>(nulls_first ? 1 : 0);
  const auto absent = static_cast<std::byte>(nulls_first ? 0 : 1);
  for (std::uint32_t i = 0; i < selection.count; ++i, out += stride) {
    const std::uint32_t row = constant ? 0 : selection[i];
    if (!data::row_valid(v.valid, row)) {
      out[0] = absent;
      std::memset(out + 1, 0, width);
      continue;
    }
    out[0] = present;
    Order::put(out + 1, values[row]);
    if (descending)
      for (std::uint32_t b = 1; b <= width; ++b) out[b] = ~out[b];
  }
}

}  // namespace

SortLayout::SortLayout(const std::vector<plan::SortKey>& keys, const std::vector<plan::PhysicalColumn>& input,
                       const functions::EvaluationSettings& settings)
    : columns_(input.size()) {
  std::vector<data::Physical> stored = physical_types(input);
  std::vector<functions::ExpressionPtr> expressions;
  for (const plan::SortKey& key : keys) {
    const functions::Expression& e = *key.expression;
    const bool column = e.kind == functions::Expression::Kind::kColumn;
    const Physical type = column ? input.at(e.column).physical : e.physical;
    Segment segment{key_bytes_, encoded_width(type), type, key.descending, key.nulls_first, e.type.id == data::TypeId::kInterval, 0};
    if (type == Physical::kStr) {
      has_text_ = true;
      segment.stored = column ? e.column : stored.size();
      if (!column) {
        extra_keys_.push_back(expressions.size());
        stored.push_back(type);
      }
    }
    key_bytes_ += segment.bytes + 1;
    segments_.push_back(segment);
    expressions.push_back(key.expression);
  }
  keys_ = Evaluator(std::move(expressions), physical_types(input), settings);
  rows_ = RowLayout(std::max((key_bytes_ + 7) / 8 * 8, 8U), std::move(stored));
}

void SortLayout::encode(std::span<const Vector> keys, const Selection& selection, std::byte* out, std::size_t stride) const {
  for (std::size_t k = 0; k < keys.size(); ++k) {
    const Segment& s = segments_[k];
    const auto run = [&](auto order) {
      encode_column<decltype(order)>(keys[k], selection, s.descending, s.nulls_first, s.bytes, out + s.offset, stride);
    };
    switch (s.type) {
      case Physical::kBool: run(OrderedBool{}); break;
      case Physical::kI32: run(OrderedI32{}); break;
      case Physical::kI64: run(OrderedI64{}); break;
      case Physical::kI128:
        if (s.interval) run(OrderedInterval{});
        else run(OrderedI128{});
        break;
      case Physical::kF32: run(OrderedFloat<float, std::uint32_t>{}); break;
      case Physical::kF64: run(OrderedFloat<double, std::uint64_t>{}); break;
      case Physical::kStr: run(OrderedText{}); break;
    }
  }
}

int SortLayout::compare(const std::byte* a, const std::byte* b) const {
  return has_text_ ? compare_prefix(a, b, segments_.size()) : std::memcmp(a, b, key_bytes_);
}

int SortLayout::compare_prefix(const std::byte* a, const std::byte* b, std::size_t keys) const {
  for (std::size_t k = 0; k < keys; ++k) {
    const Segment& s = segments_[k];
    if (const int order = std::memcmp(a + s.offset, b + s.offset, s.bytes + 1); order != 0) return order;
    if (s.type != Physical::kStr || rows_.is_null(a, s.stored)) continue;
    data::Str left, right;
    std::memcpy(&left, a + rows_.offset(s.stored), sizeof left);
    std::memcpy(&right, b + rows_.offset(s.stored), sizeof right);
    if (const int order = data::compare(left, right); order != 0) return s.descending ? -order : order;
  }
  return 0;
}

int SortLayout::compare(const std::byte* a, std::span<const Vector> keys_a, std::uint32_t row_a, const std::byte* b,
                        std::span<const Vector> keys_b, std::uint32_t row_b) const {
  if (!has_text_) return std::memcmp(a, b, key_bytes_);
  const auto text = [](const Vector& v, std::uint32_t row) { return v.as<data::Str>()[v.form == Vector::Form::kConstant ? 0 : row]; };
  for (std::size_t k = 0; k < segments_.size(); ++k) {
    const Segment& s = segments_[k];
    if (const int order = std::memcmp(a + s.offset, b + s.offset, s.bytes + 1); order != 0) return order;
    if (s.type != Physical::kStr || !data::row_valid(keys_a[k].valid, keys_a[k].form == Vector::Form::kConstant ? 0 : row_a)) continue;
    if (const int order = data::compare(text(keys_a[k], row_a), text(keys_b[k], row_b)); order != 0) return s.descending ? -order : order;
  }
  return 0;
}

bool SortLayout::surely_after(const std::byte* key, const std::byte* limit) const {
  if (!has_text_) return std::memcmp(key, limit, key_bytes_) > 0;
  for (const Segment& s : segments_) {
    if (const int order = std::memcmp(key + s.offset, limit + s.offset, s.bytes + 1); order != 0) return order > 0;
    if (s.type == Physical::kStr) return false;
  }
  return false;
}

void SortLayout::write(const data::Batch& in, std::span<const Vector> keys, const Selection& selection, const std::byte* const* encoded,
                       RowStore& store, data::Arena& rows_arena, data::Arena& strings, std::vector<bool>& any_null,
                       std::vector<std::byte*>& targets) const {
  targets.resize(selection.count);
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    std::byte* row = store.append(rows_arena);
    std::memset(row, 0, 8);
    std::memcpy(row, encoded[i], key_bytes_);
    rows_.clear_nulls(row);
    targets[i] = row;
  }
  for (std::size_t c = 0; c < rows_.columns(); ++c) {
    const Vector v = c < columns_ ? data::load(in.columns[c], in.rows, selection, *in.arena) : keys[extra_keys_[c - columns_]];
    if (rows_.scatter(c, v, selection, targets.data(), strings)) any_null[c] = true;
  }
}

SortEntry sort_entry(std::byte* row, std::uint32_t key_bytes) {
  std::uint64_t head = 0;
  std::memcpy(&head, row, std::min(key_bytes, 8U));
  return {__builtin_bswap64(head), row};
}

bool sorts_before(const SortLayout& layout, const SortEntry& a, const SortEntry& b) {
  if (a.head != b.head) return a.head < b.head;
  if (layout.bytes_decide() && layout.key_bytes() <= 8) return false;
  return layout.compare(a.row, b.row) < 0;
}

void sort_entries(const SortLayout& layout, std::span<SortEntry> entries) {
  std::sort(entries.begin(), entries.end(), [&](const SortEntry& a, const SortEntry& b) { return sorts_before(layout, a, b); });
}

}  // namespace tajo::exec
