#include "sketch.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cmath>

namespace tajo::storage {

std::uint64_t Sketch::hash(std::string_view value) { return XXH3_64bits(value.data(), value.size()); }

std::uint64_t Sketch::estimate() const {
  double sum = 0;
  int empty = 0;
  for (std::uint8_t r : registers_) {
    sum += std::ldexp(1.0, -static_cast<int>(r));
    empty += r == 0 ? 1 : 0;
  }
  constexpr double kCount = kRegisters;
  constexpr double kAlpha = 0.7213 / (1 + 1.079 / kCount);
  double estimate = kAlpha * kCount * kCount / sum;
  if (estimate <= 2.5 * kCount && empty > 0) estimate = kCount * std::log(kCount / empty);
  return static_cast<std::uint64_t>(estimate + 0.5);
}

std::vector<std::byte> Sketch::bytes() const {
  const auto* p = reinterpret_cast<const std::byte*>(registers_.data());
  return {p, p + registers_.size()};
}

}  // namespace tajo::storage
