#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "tajo/data/vector.hpp"

namespace tajo::storage::hdf5 {

/// Distinct texts in order of arrival; open addressing. One thread.
class WordTable {
 public:
  WordTable() : slots_(1024, kEmpty) {}

  std::uint32_t add(std::string_view word, std::uint64_t hash) {
    std::size_t mask = slots_.size() - 1;
    for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
      std::uint32_t code = slots_[i];
      if (code == kEmpty) {
        code = static_cast<std::uint32_t>(words_.size());
        slots_[i] = code;
        words_.push_back(arena_.copy(word));
        hashes_.push_back(hash);
        bytes_ += word.size();
        if (words_.size() * 2 > slots_.size()) grow();
        return code;
      }
      if (hashes_[code] == hash && words_[code].view() == word) return code;
    }
  }

  std::size_t size() const { return words_.size(); }
  std::size_t bytes() const { return bytes_; }
  const std::vector<data::Str>& words() const { return words_; }
  std::uint64_t hash(std::uint32_t code) const { return hashes_[code]; }

 private:
  static constexpr std::uint32_t kEmpty = ~std::uint32_t{0};

  void grow() {
    slots_.assign(slots_.size() * 2, kEmpty);
    std::size_t mask = slots_.size() - 1;
    for (std::uint32_t code = 0; code < words_.size(); ++code) {
      std::size_t i = hashes_[code] & mask;
      while (slots_[i] != kEmpty) i = (i + 1) & mask;
      slots_[i] = code;
    }
  }

  std::vector<std::uint32_t> slots_;
  std::vector<data::Str> words_;
  std::vector<std::uint64_t> hashes_;
  data::Arena arena_;
  std::size_t bytes_ = 0;
};

}  // namespace tajo::storage::hdf5
