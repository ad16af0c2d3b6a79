#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace tajo::storage {

/// HyperLogLog (Flajolet et al., AOFA'07; small range by linear counting): 2^10 registers, standard error 3.3 %.
/// Mergeable by the maximum of registers. One thread.
class Sketch {
 public:
  static constexpr int kIndexBits = 10;
  static constexpr std::size_t kRegisters = std::size_t{1} << kIndexBits;

  /// The same value has the same hash whatever width it is stored in.
  static std::uint64_t hash(std::int64_t value) {
    std::uint64_t z = static_cast<std::uint64_t>(value) * 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 32)) * 0xD6E8FEB86659FD93ULL;
    return z ^ (z >> 32);
  }
  static std::uint64_t hash(std::string_view value);

  void add(std::uint64_t hash) {
    std::size_t index = hash >> (64 - kIndexBits);
    std::uint64_t rest = (hash << kIndexBits) | (std::uint64_t{1} << (kIndexBits - 1));
    std::uint8_t rank = static_cast<std::uint8_t>(__builtin_clzll(rest) + 1);
    if (rank > registers_[index]) registers_[index] = rank;
  }
  std::uint64_t estimate() const;
  std::vector<std::byte> bytes() const;

 private:
  std::array<std::uint8_t, kRegisters> registers_{};
};

}  // namespace tajo::storage
