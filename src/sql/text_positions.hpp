#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace tajo::sql {

/// Turns byte offsets of a UTF-8 text into 1-based character positions. Immutable; the text must outlive it.
class TextPositions {
 public:
  /// `before`: characters of the script in front of the text.
  TextPositions(std::string_view text, int before);
  /// Position of the character at a byte offset; 0 for a negative (unknown) offset.
  int of(int byte) const;
  /// Byte offset of the `character`-th (0-based) character of the text.
  int byte_of(int character) const;

 private:
  static constexpr std::size_t kStride = 256;
  std::string_view text_;
  int before_;
  std::vector<std::int32_t> marks_;  ///< characters in front of each stride; empty for plain ASCII
};

/// False for text that is not UTF-8 or holds a zero byte.
bool is_valid_utf8(std::string_view text);

}  // namespace tajo::sql
