#include "text_positions.hpp"

#include <algorithm>

namespace tajo::sql {

namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

}  // namespace

TextPositions::TextPositions(std::string_view text, int before) : text_(text), before_(before) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return;
  std::int32_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % kStride == 0) marks_.push_back(characters);
    if (starts_character(text[i])) ++characters;
  }
  marks_.push_back(characters);
}

int TextPositions::of(int byte) const {
  if (byte < 0) return 0;
  if (marks_.empty()) return before_ + byte + 1;
  const std::size_t end = std::min(static_cast<std::size_t>(byte), text_.size());
  const std::size_t stride = end / kStride;
  int characters = marks_[stride];
  for (std::size_t i = stride * kStride; i < end; ++i)
    if (starts_character(text_[i])) ++characters;
  return before_ + characters + 1;
}

int TextPositions::byte_of(int character) const {
  if (marks_.empty()) return character;
  int seen = -1;
  for (std::size_t i = 0; i < text_.size(); ++i)
    if (starts_character(text_[i]) && ++seen == character) return static_cast<int>(i);
  return static_cast<int>(text_.size());
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == 0) return false;
    std::size_t more = 0;
    if (c >= 0x80) {
      if (c >= 0xC2 && c <= 0xDF)
        more = 1;
      else if (c >= 0xE0 && c <= 0xEF)
        more = 2;
      else if (c >= 0xF0 && c <= 0xF4)
        more = 3;
      else
        return false;
    }
    if (i + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      if (k == 1 && ((c == 0xE0 && next < 0xA0) || (c == 0xED && next > 0x9F) || (c == 0xF0 && next < 0x90) || (c == 0xF4 && next > 0x8F)))
        return false;
    }
    i += more + 1;
  }
  return true;
}

}  // namespace tajo::sql
