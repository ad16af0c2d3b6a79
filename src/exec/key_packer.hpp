#pragma once
#include <optional>
#include <span>
#include <vector>

#include "tajo/data/vector.hpp"
#include "tajo/functions/expression.hpp"

namespace tajo::exec {

/// Brings grouping keys of integers into one 64-bit number where their bounds allow it: equal numbers mean equal keys,
/// NULL included. Immutable.
class KeyPacker {
 public:
  static std::optional<KeyPacker> make(const std::vector<functions::ExpressionPtr>& keys);
  /// Numbers are below it; 0: up to 2^64.
  std::uint64_t range() const { return range_; }
  /// `keys` flat or constant; packed[i] belongs to the i-th selected row.
  void pack(std::span<const data::Vector> keys, const data::Selection& selection, std::uint64_t* packed) const;

  /// A bijection whose bits are spread.
  static std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 32)) * 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9ULL;
    return x ^ (x >> 32);
  }

 private:
  struct Key {
    std::int64_t lo;
    std::uint64_t radix;
  };
  std::vector<Key> keys_;
  std::uint64_t range_ = 0;
};

}  // namespace tajo::exec
