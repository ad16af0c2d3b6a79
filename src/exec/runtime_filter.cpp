#include "runtime_filter.hpp"

#include <algorithm>
#include <bit>

namespace tajo::exec {

namespace {
constexpr std::uint64_t kMaxBitmapBits = std::uint64_t{1} << 27;   // 16 MiB
constexpr std::uint64_t kMaxBloomWords = std::uint64_t{1} << 22;   // 32 MiB
constexpr std::uint64_t kBitsPerKey = 16;
constexpr std::uint64_t kBitmapPerKey = 256;  ///< a bitmap may spend as many bits on a key before a Bloom filter is better
}  // namespace

void RuntimeFilter::prepare(std::uint64_t rows, std::int64_t lo, std::int64_t hi, MemoryAccount& memory) {
  lo_ = lo;
  hi_ = hi;
  if (rows == 0) {
    kind_ = Kind::kNothing;
    return;
  }
  const std::uint64_t range = static_cast<std::uint64_t>(hi) - static_cast<std::uint64_t>(lo);
  if (range < kMaxBitmapBits && range / kBitmapPerKey <= rows) {
    kind_ = take_words(range / 64 + 1, memory) ? Kind::kBitmap : Kind::kPass;
    return;
  }
  const std::uint64_t words = std::clamp<std::uint64_t>(std::bit_ceil(rows * kBitsPerKey / 64 + 1), 2, kMaxBloomWords);
  shift_ = 64 - std::countr_zero(words);
  kind_ = take_words(words, memory) ? Kind::kBloom : Kind::kPass;
}

/// A filter is not worth a query's end: without memory it lets everything pass.
bool RuntimeFilter::take_words(std::uint64_t words, MemoryAccount& memory) {
  Reservation reservation(memory, "runtime filter");
  if (!reservation.try_set(words * sizeof(std::uint64_t))) return false;
  words_ = ZeroedArray<std::uint64_t>(words, std::move(reservation));
  return true;
}

template <class T>
data::Selection RuntimeFilter::apply_typed(const data::Vector& values, const data::Selection& selection,
                                           data::Arena& arena) const {
  const T* from = values.as<T>();
  auto* rows = arena.array<std::uint16_t>(selection.count);
  std::uint32_t n = 0;
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint32_t row = selection[i];
    rows[n] = static_cast<std::uint16_t>(row);
    n += static_cast<std::uint32_t>(may_match(from[row]));
  }
  if (values.valid != nullptr) {
    const std::uint32_t candidates = n;
    n = 0;
    for (std::uint32_t i = 0; i < candidates; ++i) {
      const std::uint16_t row = rows[i];
      rows[n] = row;
      n += static_cast<std::uint32_t>(data::row_valid(values.valid, row));
    }
  }
  return {rows, n};
}

data::Selection RuntimeFilter::apply(const data::Vector& values, const data::Selection& selection, data::Arena& arena) const {
  if (kind_ == Kind::kPass) return selection;
  if (kind_ == Kind::kNothing) return {nullptr, 0};
  if (values.form == data::Vector::Form::kConstant) {
    const std::int64_t key = values.type == data::Physical::kI32 ? *values.as<std::int32_t>() : *values.as<std::int64_t>();
    return data::row_valid(values.valid, 0) && may_match(key) ? selection : data::Selection{nullptr, 0};
  }
  return values.type == data::Physical::kI32 ? apply_typed<std::int32_t>(values, selection, arena)
                                             : apply_typed<std::int64_t>(values, selection, arena);
}

}  // namespace tajo::exec
