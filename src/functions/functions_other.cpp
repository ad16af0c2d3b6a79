// Encodings and what fits no other family.
#include <openssl/evp.h>

#include "registry.hpp"

namespace tajo::functions {

namespace {

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}
[[noreturn]] void no_encoding(std::string_view name) {
  throw Error(sqlstate::kInvalidParameter, "unrecognized encoding: \"" + std::string(name) + "\"");
}

Str encode(KernelCall& c, Str bytes, Str encoding) {
  const std::string name = lower(encoding.view());
  const std::string_view in = bytes.view();
  std::string out;
  if (name == "hex") {
    data::append_blob(out, in);
    out.erase(0, 2);
  } else if (name == "base64") {
    out.resize((in.size() + 2) / 3 * 4 + 1);
    const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                  reinterpret_cast<const unsigned char*>(in.data()), static_cast<int>(in.size()));
    out.resize(static_cast<std::size_t>(n));
  } else if (name == "escape") {
    for (const char b : in) {
      const auto u = static_cast<unsigned char>(b);
      if (b == '\\') out += "\\\\";
      else if (u == 0 || u >= 0x80) out += {'\\', static_cast<char>('0' + (u >> 6)), static_cast<char>('0' + ((u >> 3) & 7)), static_cast<char>('0' + (u & 7))};
      else out += b;
    }
  } else {
    no_encoding(encoding.view());
  }
  return c.arena.copy(out);
}

Str decode(KernelCall& c, Str text, Str encoding) {
  const std::string name = lower(encoding.view());
  if (name == "hex") return c.arena.copy(data::parse_blob("\\x" + std::string(text.view())));
  if (name == "escape") return c.arena.copy(data::parse_blob(text.view()));
  if (name != "base64") no_encoding(encoding.view());
  std::string in;
  for (const char ch : text.view())
    if (ch != '\n' && ch != ' ' && ch != '\r') in += ch;
  std::string out(in.size() / 4 * 3 + 3, '\0');
  const int n = in.size() % 4 == 0 ? EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                     reinterpret_cast<const unsigned char*>(in.data()), static_cast<int>(in.size()))
                                   : -1;
  if (n < 0) throw Error(sqlstate::kInvalidParameter, "invalid base64 end sequence");
  auto size = static_cast<std::size_t>(n);
  for (std::size_t i = in.size(); i > 0 && in[i - 1] == '='; --i) --size;
  return c.arena.copy({out.data(), size});
}

const Entry kEntries[] = {
    {"encode(blob, text) -> text", scalar<encode>, kCanFail},
    {"decode(text, text) -> blob", scalar<decode>, kCanFail},
};

}  // namespace

std::span<const Entry> other_functions() { return kEntries; }

}  // namespace tajo::functions
