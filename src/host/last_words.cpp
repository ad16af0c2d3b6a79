#include "tajo/host/last_words.hpp"

namespace tajo::host {

Bytes encode(const LastWords& words) {
  ByteWriter out;
  out.text(words.launch);
  out.put(static_cast<std::uint8_t>(words.everybody));
  return out.take();
}

LastWords decode_last_words(ByteView bytes) {
  ByteReader in(bytes);
  LastWords words;
  words.launch = in.text();
  words.everybody = in.get<std::uint8_t>() != 0;
  return words;
}

void LastWordsListener::apply(const journal::Record& record) {
  const LastWords words = decode_last_words(record.payload);
  if (words.launch == launch_) on_end_(words.everybody);
}

}  // namespace tajo::host
