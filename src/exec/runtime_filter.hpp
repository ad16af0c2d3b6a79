#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "memory.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::exec {

/// What a hash join's build side knows of the keys that can match: bounds, and an exact bitmap or a Bloom filter.
/// Filled by the build's finishing phase (several threads), read by scans afterwards.
class RuntimeFilter {
 public:
  enum class Kind : std::uint8_t { kPass, kNothing, kBitmap, kBloom };
  /// Before filling: `rows` keys between lo and hi. No rows: nothing passes.
  void prepare(std::uint64_t rows, std::int64_t lo, std::int64_t hi, MemoryAccount& memory);
  void pass_all() { kind_ = Kind::kPass; }
  void add(std::int64_t key) {
    if (kind_ == Kind::kBitmap) {
      const std::uint64_t bit = static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(lo_);
      set(bit >> 6, std::uint64_t{1} << (bit & 63));
    } else if (kind_ == Kind::kBloom) {
      const std::uint64_t h = mix(key);
      set(h >> shift_, bloom_bits(h));
    }
  }
  Kind kind() const { return kind_; }
  bool has_bounds() const { return kind_ == Kind::kBitmap || kind_ == Kind::kBloom; }
  std::int64_t lo() const { return lo_; }
  std::int64_t hi() const { return hi_; }

  /// The selected rows whose value can match. `values`: flat or constant, kI32 or kI64.
  data::Selection apply(const data::Vector& values, const data::Selection& selection, data::Arena& arena) const;

 private:
  bool take_words(std::uint64_t words, MemoryAccount& memory);
  static std::uint64_t mix(std::int64_t key) {
    std::uint64_t h = static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15ULL;
    return (h ^ (h >> 32)) * 0xD6E8FEB86659FD93ULL;
  }
  static std::uint64_t bloom_bits(std::uint64_t h) {
    return (std::uint64_t{1} << (h & 63)) | (std::uint64_t{1} << ((h >> 6) & 63)) | (std::uint64_t{1} << ((h >> 12) & 63));
  }
  void set(std::uint64_t word, std::uint64_t bits) {
    std::atomic_ref<std::uint64_t> at(words_[word]);
    if ((at.load(std::memory_order_relaxed) & bits) != bits) at.fetch_or(bits, std::memory_order_relaxed);
  }
  bool may_match(std::int64_t key) const {
    if (key < lo_ || key > hi_) return false;
    if (kind_ == Kind::kBitmap) {
      const std::uint64_t bit = static_cast<std::uint64_t>(key) - static_cast<std::uint64_t>(lo_);
      return (words_[bit >> 6] >> (bit & 63) & 1) != 0;
    }
    const std::uint64_t h = mix(key);
    const std::uint64_t bits = bloom_bits(h);
    return (words_[h >> shift_] & bits) == bits;
  }
  template <class T>
  data::Selection apply_typed(const data::Vector& values, const data::Selection& selection, data::Arena& arena) const;

  Kind kind_ = Kind::kPass;
  int shift_ = 0;
  std::int64_t lo_ = 0, hi_ = 0;
  ZeroedArray<std::uint64_t> words_;
};

}  // namespace tajo::exec
