#pragma once
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tajo/data/vector.hpp"
#include "tajo/functions/expression.hpp"

namespace tajo::exec {

/// Numbers grouping keys of small domains without hashing rows: dictionary codes, booleans, integers with proved
/// narrow bounds. The number of a row is an index into a small array of group rows. One lane.
class KeyCoder {
 public:
  /// nullopt: some key's domain is not small by its type and bounds.
  static std::optional<KeyCoder> make(const std::vector<functions::ExpressionPtr>& keys);

  /// Numbers of the selected rows, below domain(). False: this batch's keys cannot be numbered (text without
  /// dictionary, or too many values). `changed`: numbers given before mean something else now.
  bool encode(std::span<const data::Vector> keys, std::uint32_t rows, const data::Selection& selection, data::Arena& arena,
              std::uint32_t* numbers, bool& changed);
  std::uint32_t domain() const { return domain_; }
  /// The same for keys that lie as single bytes (dictionary codes, narrow integers), when all their values were met
  /// before; else false, and encode() has to be asked.
  bool encode_bytes(std::span<const data::Vector> keys, const data::Selection& selection, std::uint32_t* numbers);

 private:
  struct Remap {
    std::uint64_t dictionary = 0;
    bool any = false;
    std::vector<std::uint16_t> codes;   ///< dictionary code → key code + 1, 0 = not met yet
  };
  struct Key {
    bool text = false;
    std::int64_t lo = 0;
    std::uint32_t domain = 0;           ///< codes below it, NULL's included
    std::uint32_t stride = 0;
    Remap remap;
    std::vector<std::uint32_t> bytes;   ///< code × stride by stored byte, kUnknownByte for others; empty: to be made
    std::uint64_t bytes_of = 0;         ///< dictionary (text) or form of storage (numbers) that `bytes` was made for
    std::unordered_map<std::string_view, std::uint16_t> values;   ///< text → key code
  };
  bool encode_text(Key& key, const data::Vector& v, std::uint32_t rows, const data::Selection& selection, data::Arena& arena,
                   std::uint32_t* numbers, bool& grown);
  bool layout();
  static constexpr std::size_t kMaxByteKeys = 3;
  static constexpr std::uint32_t kUnknownByte = 1U << 30;
  static void make_bytes(Key& key, const data::Vector& v, std::uint64_t of);

  std::vector<Key> keys_;
  std::uint32_t domain_ = 0;
  std::unique_ptr<data::Arena> strings_ = std::make_unique<data::Arena>();
};

}  // namespace tajo::exec
