#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "tajo/plan/logical.hpp"

namespace tajo::plan {

/// A set of query-wide column ids, as bits.
class ColumnSet {
 public:
  ColumnSet() = default;

  void add(ColumnId c) {
    if (c / 64 >= words_.size()) words_.resize(c / 64 + 1, 0);
    words_[c / 64] |= std::uint64_t{1} << (c % 64);
  }
  void remove(ColumnId c) {
    if (c / 64 < words_.size()) words_[c / 64] &= ~(std::uint64_t{1} << (c % 64));
  }
  bool contains(ColumnId c) const { return c / 64 < words_.size() && ((words_[c / 64] >> (c % 64)) & 1) != 0; }
  void add(const ColumnSet& o) {
    if (o.words_.size() > words_.size()) words_.resize(o.words_.size(), 0);
    for (std::size_t i = 0; i < o.words_.size(); ++i) words_[i] |= o.words_[i];
  }
  void remove(const ColumnSet& o) {
    for (std::size_t i = 0; i < std::min(words_.size(), o.words_.size()); ++i) words_[i] &= ~o.words_[i];
  }
  void keep(const ColumnSet& o) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= i < o.words_.size() ? o.words_[i] : 0;
  }
  bool intersects(const ColumnSet& o) const {
    for (std::size_t i = 0; i < std::min(words_.size(), o.words_.size()); ++i)
      if ((words_[i] & o.words_[i]) != 0) return true;
    return false;
  }
  bool subset_of(const ColumnSet& o) const {
    for (std::size_t i = 0; i < words_.size(); ++i)
      if ((words_[i] & ~(i < o.words_.size() ? o.words_[i] : 0)) != 0) return false;
    return true;
  }
  bool empty() const {
    return std::all_of(words_.begin(), words_.end(), [](std::uint64_t w) { return w == 0; });
  }
  std::size_t size() const {
    std::size_t n = 0;
    for (std::uint64_t w : words_) n += static_cast<std::size_t>(std::popcount(w));
    return n;
  }
  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = 0; i < words_.size(); ++i)
      for (std::uint64_t w = words_[i]; w != 0; w &= w - 1)
        f(static_cast<ColumnId>(i * 64 + static_cast<std::size_t>(std::countr_zero(w))));
  }

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace tajo::plan
