#include "rows.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tajo::exec {

using data::Physical;
using data::Selection;
using data::Str;
using data::Vector;

namespace {

constexpr std::uint32_t kFirstChunkRows = 16;
constexpr std::uint32_t kChunkBytes = 64 << 10;

struct Wide {
  std::uint64_t lo, hi;
};

template <class F>
decltype(auto) with_width(Physical type, F&& f) {
  switch (data::physical_width(type)) {
    case 1: return f(std::uint8_t{});
    case 4: return f(std::uint32_t{});
    case 8: return f(std::uint64_t{});
    default: return f(Wide{});
  }
}

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
bool same_float(T a, T b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

bool same_value(Physical type, const std::byte* a, const std::byte* b) {
  switch (type) {
    case Physical::kBool: return load<std::uint8_t>(a) == load<std::uint8_t>(b);
    case Physical::kI32: return load<std::uint32_t>(a) == load<std::uint32_t>(b);
    case Physical::kI64: return load<std::uint64_t>(a) == load<std::uint64_t>(b);
    case Physical::kI128: return std::memcmp(a, b, 16) == 0;
    case Physical::kF32: return same_float(load<float>(a), load<float>(b));
    case Physical::kF64: return same_float(load<double>(a), load<double>(b));
    case Physical::kStr: return load<Str>(a) == load<Str>(b);
  }
  return false;
}

}  // namespace

RowLayout::RowLayout(std::uint32_t header_bytes, std::vector<Physical> columns, std::uint32_t row_alignment)
    : types_(std::move(columns)), offsets_(types_.size()) {
  std::vector<std::size_t> order(types_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return data::physical_width(types_[a]) > data::physical_width(types_[b]);
  });
  std::uint32_t at = header_bytes;
  for (const std::size_t column : order) {
    offsets_[column] = at;
    at += static_cast<std::uint32_t>(data::physical_width(types_[column]));
  }
  null_offset_ = at;
  null_bytes_ = static_cast<std::uint32_t>((types_.size() + 7) / 8);
  size_ = (at + null_bytes_ + row_alignment - 1) / row_alignment * row_alignment;
  if (size_ == 0) size_ = row_alignment;  // rows without columns (a cross join of which only the number counts) are rows
}

bool RowLayout::scatter(std::size_t column, const Vector& values, const Selection& selection, std::byte* const* rows,
                        data::Arena& strings) const {
  const std::uint32_t offset = offsets_[column];
  const bool constant = values.form == Vector::Form::kConstant;
  if (types_[column] == Physical::kStr) {
    const Str* from = values.as<Str>();
    for (std::uint32_t i = 0; i < selection.count; ++i) {
      Str s = from[constant ? 0 : selection[i]];
      if (s.size > 12) s = strings.copy(s.view());
      std::memcpy(rows[i] + offset, &s, sizeof s);
    }
  } else {
    with_width(types_[column], [&](auto tag) {
      using T = decltype(tag);
      const T* from = values.as<T>();
      if (constant) {
        for (std::uint32_t i = 0; i < selection.count; ++i) std::memcpy(rows[i] + offset, from, sizeof(T));
      } else if (selection.rows == nullptr) {
        for (std::uint32_t i = 0; i < selection.count; ++i) std::memcpy(rows[i] + offset, from + i, sizeof(T));
      } else {
        for (std::uint32_t i = 0; i < selection.count; ++i) std::memcpy(rows[i] + offset, from + selection.rows[i], sizeof(T));
      }
    });
  }
  if (values.valid == nullptr) return false;
  bool any = false;
  const std::uint32_t byte = null_offset_ + static_cast<std::uint32_t>(column / 8);
  const auto bit = static_cast<std::byte>(1U << (column % 8));
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    if (data::row_valid(values.valid, constant ? 0 : selection[i])) continue;
    rows[i][byte] |= bit;
    any = true;
  }
  return any;
}

Vector RowLayout::gather(std::size_t column, const std::byte* const* rows, std::uint32_t count, const std::uint16_t* positions,
                         std::uint32_t total, bool may_be_null, data::Arena& arena) const {
  Vector out;
  out.type = types_[column];
  const std::uint32_t offset = offsets_[column];
  with_width(out.type, [&](auto tag) {
    using T = decltype(tag);
    T* to = arena.array<T>(total);
    if (may_be_null) {
      const T zero{};
      for (std::uint32_t i = 0; i < count; ++i)
        to[positions == nullptr ? i : positions[i]] = rows[i] == nullptr ? zero : load<T>(rows[i] + offset);
    } else if (positions == nullptr) {
      for (std::uint32_t i = 0; i < count; ++i) to[i] = load<T>(rows[i] + offset);
    } else {
      for (std::uint32_t i = 0; i < count; ++i) to[positions[i]] = load<T>(rows[i] + offset);
    }
    out.data = to;
  });
  if (!may_be_null) return out;
  const std::size_t words = (total + 63) / 64;
  auto* valid = arena.array<std::uint64_t>(words);
  std::memset(valid, 0, words * sizeof(std::uint64_t));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t p = positions == nullptr ? i : positions[i];
    const bool present = rows[i] != nullptr && !is_null(rows[i], column);
    valid[p >> 6] |= static_cast<std::uint64_t>(present) << (p & 63);
  }
  out.valid = valid;
  return out;
}

bool RowLayout::equal(std::size_t column, const Vector& values, std::uint32_t position, const std::byte* row) const {
  const std::uint32_t at = values.form == Vector::Form::kConstant ? 0 : position;
  const bool value_null = !data::row_valid(values.valid, at);
  if (value_null || is_null(row, column)) return value_null && is_null(row, column);
  const auto* from = values.as<std::byte>() + at * data::physical_width(types_[column]);
  return same_value(types_[column], from, row + offsets_[column]);
}

bool RowLayout::equal(std::size_t column, const std::byte* a, const std::byte* b) const {
  if (is_null(a, column) || is_null(b, column)) return is_null(a, column) && is_null(b, column);
  return same_value(types_[column], a + offsets_[column], b + offsets_[column]);
}

void RowStore::grow(data::Arena& arena) {
  if (!chunks_.empty()) chunks_.back().rows = chunks_.back().capacity;
  const std::uint32_t most = std::max(kChunkBytes / row_bytes_, kFirstChunkRows);
  const std::uint32_t capacity = chunks_.empty() ? kFirstChunkRows : std::min(chunks_.back().capacity * 4, most);
  at_ = static_cast<std::byte*>(arena.allocate(std::size_t{capacity} * row_bytes_, 64));
  end_ = at_ + std::size_t{capacity} * row_bytes_;
  chunks_.push_back(Chunk{at_, 0, capacity});
}

void RowStore::adopt(std::byte* rows, std::uint32_t count) {
  chunks();
  chunks_.push_back(Chunk{rows, count, count});
  at_ = end_ = rows + std::size_t{count} * row_bytes_;
}

std::vector<RowStore::Chunk>& RowStore::chunks() {
  if (!chunks_.empty()) chunks_.back().rows = static_cast<std::uint32_t>((at_ - chunks_.back().data) / row_bytes_);
  return chunks_;
}

std::uint64_t RowStore::rows() const {
  if (chunks_.empty()) return 0;
  std::uint64_t rows = 0;
  for (std::size_t i = 0; i + 1 < chunks_.size(); ++i) rows += chunks_[i].rows;
  return rows + static_cast<std::uint64_t>(at_ - chunks_.back().data) / row_bytes_;
}

Vector gather_vector(const Vector& values, const std::uint16_t* positions, std::uint32_t count, data::Arena& arena) {
  if (values.form == Vector::Form::kConstant) return values;
  Vector out;
  out.type = values.type;
  with_width(values.type, [&](auto tag) {
    using T = decltype(tag);
    T* to = arena.array<T>(count);
    const T* from = values.as<T>();
    for (std::uint32_t i = 0; i < count; ++i) to[i] = from[positions[i]];
    out.data = to;
  });
  if (values.valid != nullptr) {
    const std::size_t words = (count + 63) / 64;
    auto* valid = arena.array<std::uint64_t>(words);
    std::memset(valid, 0, words * sizeof(std::uint64_t));
    for (std::uint32_t i = 0; i < count; ++i)
      valid[i >> 6] |= static_cast<std::uint64_t>(data::row_valid(values.valid, positions[i])) << (i & 63);
    out.valid = valid;
  }
  return out;
}

Vector null_vector(Physical type) {
  static constexpr std::uint64_t kNoBits = 0;
  static const Wide kZero{0, 0};
  Vector out;
  out.form = Vector::Form::kConstant;
  out.type = type;
  out.data = &kZero;
  out.valid = &kNoBits;
  return out;
}

}  // namespace tajo::exec
