// Text functions. Positions and lengths count UTF-8 characters, 1-based, as PostgreSQL's do.
#include <openssl/evp.h>

#include <algorithm>
#include <clocale>
#include <cstring>
#include <cwctype>

#include "registry.hpp"

namespace tajo::functions {

namespace {

using data::utf8_length;
using data::utf8_offset;
using std::int32_t;
using std::int64_t;
using Bool = std::uint8_t;

constexpr std::size_t kMaxTextBytes = std::size_t{256} << 20;  // of one result: repeat and pads must not eat the memory

bool is_ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Room for a result of known size.
struct Result {
  char* bytes;
  Str str;
  Result(KernelCall& c, std::size_t size) : bytes(nullptr) {
    if (size > kMaxTextBytes) throw Error("54000", "requested length too large");
    str.size = static_cast<std::uint32_t>(size);
    bytes = size <= 12 ? str.prefix : static_cast<char*>(c.arena.allocate(size, 1));
  }
  Str done() {
    if (str.size > 12) {
      std::memcpy(str.prefix, bytes, 4);
      str.data = bytes;
    }
    return str;
  }
};

/// A part of an argument: shares its bytes when they lie outside of the Str itself.
Str part(KernelCall&, const Str&, std::string_view piece) { return Str(piece); }

template <char (*F)(char)>
Str map_ascii(KernelCall& c, Str s) {
  Result out(c, s.size);
  const std::string_view in = s.view();
  for (std::size_t i = 0; i < in.size(); ++i) out.bytes[i] = F(in[i]);
  return out.done();
}
void put_utf8(std::string& out, std::uint32_t letter) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((letter >> shift) & 0x3F)); };
  if (letter < 0x80) {
    out += static_cast<char>(letter);
  } else if (letter < 0x800) {
    out += static_cast<char>(0xC0 | letter >> 6);
    tail(0);
  } else if (letter < 0x10000) {
    out += static_cast<char>(0xE0 | letter >> 12);
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0 | letter >> 18);
    tail(12), tail(6), tail(0);
  }
}

/// Letters beyond ASCII, by the C library's tables of UTF-8; false: there are none.
bool map_letters(std::string_view in, bool upper, std::string& out) {
  static const locale_t kLetters = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (kLetters == nullptr) return false;
  for (std::size_t i = 0; i < in.size();) {
    const auto lead = static_cast<unsigned char>(in[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    wchar_t letter = length == 1 ? static_cast<wchar_t>(lead) : static_cast<wchar_t>(lead & (0xFF >> (length + 1)));
    for (std::size_t k = 1; k < length && i + k < in.size(); ++k) letter = letter << 6 | (in[i + k] & 0x3F);
    i += length;
    const auto mapped = static_cast<std::uint32_t>(upper ? towupper_l(static_cast<wint_t>(letter), kLetters) : towlower_l(static_cast<wint_t>(letter), kLetters));
    put_utf8(out, mapped);
  }
  return true;
}
template <char (*F)(char), bool kUpper>
Str map_case(KernelCall& c, Str s) {
  std::string out;
  if (is_ascii(s.view()) || !map_letters(s.view(), kUpper, out)) return map_ascii<F>(c, s);
  return c.arena.copy(out);
}
char up(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
char down(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
Str initcap(KernelCall& c, Str s) {
  Result out(c, s.size);
  const std::string_view in = s.view();
  bool inside = false;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const char ch = in[i];
    out.bytes[i] = inside ? down(ch) : up(ch);
    inside = (ch >= '0' && ch <= '9') || (up(ch) >= 'A' && up(ch) <= 'Z') || static_cast<unsigned char>(ch) >= 0x80;
  }
  return out.done();
}

int32_t length(KernelCall&, Str s) { return static_cast<int32_t>(utf8_length(s.view())); }
int32_t octets(KernelCall&, Str s) { return static_cast<int32_t>(s.size); }
int32_t bits(KernelCall&, Str s) { return static_cast<int32_t>(s.size) * 8; }

/// Characters [first, first + count) of a text, 0-based.
std::string_view characters(std::string_view s, std::int64_t first, std::int64_t count) {
  if (count <= 0) return {};
  if (is_ascii(s)) {
    if (first >= static_cast<int64_t>(s.size())) return {};
    return s.substr(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  }
  const std::size_t begin = utf8_offset(s, static_cast<std::size_t>(first));
  const std::string_view rest = s.substr(begin);
  return rest.substr(0, utf8_offset(rest, static_cast<std::size_t>(count)));
}

// Results that are parts of an inline argument must not point into the caller's copy: Str keeps up to 12 bytes itself,
// and a part of a longer text points at bytes that live with the batch.
Str substr_from(KernelCall& c, Str s, int32_t start) {
  return part(c, s, characters(s.view(), std::max(start, 1) - 1, int64_t{1} << 40));
}
Str substr_count(KernelCall& c, Str s, int32_t start, int32_t count) {
  if (count < 0) throw Error("22011", "negative substring length not allowed");
  const int64_t end = int64_t{start} + count;  // exclusive, 1-based
  const int64_t first = std::max<int64_t>(start, 1);
  return part(c, s, characters(s.view(), first - 1, end - first));
}
Str left(KernelCall& c, Str s, int32_t n) {
  const std::string_view v = s.view();
  const int64_t count = n >= 0 ? n : static_cast<int64_t>(utf8_length(v)) + n;
  return part(c, s, characters(v, 0, count));
}
Str right(KernelCall& c, Str s, int32_t n) {
  const std::string_view v = s.view();
  const auto total = static_cast<int64_t>(utf8_length(v));
  const int64_t skip = std::max<int64_t>(n >= 0 ? total - n : -int64_t{n}, 0);
  return part(c, s, characters(v, skip, total - skip));
}

enum class Side { kLeft, kRight, kBoth };
/// Whether the UTF-8 character at the front of `s` occurs in `set`; `n` is its length.
bool trim_character(std::string_view character, std::string_view set) { return set.find(character) != std::string_view::npos; }
std::string_view trim_set(std::string_view s, std::string_view set, Side side) {
  if (side != Side::kRight)
    while (!s.empty()) {
      const std::size_t n = utf8_offset(s, 1);
      if (!trim_character(s.substr(0, n), set)) break;
      s.remove_prefix(n);
    }
  if (side != Side::kLeft)
    while (!s.empty()) {
      std::size_t begin = s.size() - 1;
      while (begin > 0 && (static_cast<unsigned char>(s[begin]) & 0xC0) == 0x80) --begin;
      if (!trim_character(s.substr(begin), set)) break;
      s = s.substr(0, begin);
    }
  return s;
}
template <Side kSide>
Str trim(KernelCall& c, Str s) { return part(c, s, trim_set(s.view(), " ", kSide)); }
template <Side kSide>
Str trim_of(KernelCall& c, Str s, Str set) { return part(c, s, trim_set(s.view(), set.view(), kSide)); }

Str concatenate(KernelCall& c, Str a, Str b) {
  Result out(c, std::size_t{a.size} + b.size);
  std::memcpy(out.bytes, a.view().data(), a.size);
  std::memcpy(out.bytes + a.size, b.view().data(), b.size);
  return out.done();
}

/// concat skips NULLs; concat_ws puts the first argument between the others, NULL only when that is NULL.
template <bool kSeparated>
void concat_all(KernelCall& c) {
  std::string text;
  auto* out = static_cast<Str*>(c.out);
  const auto argument = [&](std::size_t i, std::uint32_t row) -> const Str* {
    const Vector& v = c.in[i];
    const std::uint32_t at = v.form == Vector::Form::kConstant ? 0 : row;
    return data::row_valid(v.valid, at) ? &v.as<Str>()[at] : nullptr;
  };
  for_rows(c.selection, [&](std::uint32_t row) {
    text.clear();
    const Str* separator = kSeparated ? argument(0, row) : nullptr;
    if (kSeparated && separator == nullptr) {
      c.set_null(row);
      out[row] = Str();
      return;
    }
    bool first = true;
    for (std::size_t i = kSeparated ? 1 : 0; i < c.in.size(); ++i) {
      const Str* s = argument(i, row);
      if (s == nullptr) continue;
      if (separator != nullptr && !first) text += separator->view();
      text += s->view();
      first = false;
    }
    out[row] = c.arena.copy(text);
  });
}

Str replace(KernelCall& c, Str s, Str from, Str to) {
  const std::string_view in = s.view();
  const std::string_view what = from.view();
  if (what.empty()) return s;
  std::string text;
  std::size_t at = 0;
  for (;;) {
    const std::size_t next = in.find(what, at);
    if (next == std::string_view::npos) break;
    text.append(in, at, next - at);
    text += to.view();
    at = next + what.size();
    if (text.size() > kMaxTextBytes) throw Error("54000", "requested length too large");
  }
  if (at == 0) return s;
  text.append(in, at, std::string_view::npos);
  return c.arena.copy(text);
}
Str translate(KernelCall& c, Str s, Str from, Str to) {
  const std::string_view in = s.view();
  const std::string_view keys = from.view();
  const std::string_view values = to.view();
  std::string text;
  for (std::size_t i = 0; i < in.size();) {
    const std::size_t n = utf8_offset(in.substr(i), 1);
    const std::string_view ch = in.substr(i, n);
    i += n;
    std::size_t index = 0;
    bool found = false;
    for (std::size_t k = 0; k < keys.size(); ++index) {
      const std::size_t m = utf8_offset(keys.substr(k), 1);
      if (keys.substr(k, m) == ch) {
        found = true;
        break;
      }
      k += m;
    }
    if (!found) text += ch;
    else text += characters(values, static_cast<int64_t>(index), 1);
  }
  return c.arena.copy(text);
}
int32_t byte_position(std::string_view in, std::string_view what) {
  const std::size_t at = in.find(what);
  return at == std::string_view::npos ? 0 : static_cast<int32_t>(at) + 1;
}
int32_t position(KernelCall&, Str s, Str what) {
  const int32_t at = byte_position(s.view(), what.view());
  return at == 0 ? 0 : static_cast<int32_t>(utf8_length(s.view().substr(0, static_cast<std::size_t>(at) - 1))) + 1;
}
int32_t position_bytes(KernelCall&, Str s, Str what) { return byte_position(s.view(), what.view()); }
int32_t position_after(KernelCall& c, Str s, Str what, int32_t start) {
  const int32_t skip = std::max(start, 1) - 1;
  const std::size_t begin = utf8_offset(s.view(), static_cast<std::size_t>(skip));
  const std::string_view rest = s.view().substr(begin);
  const int32_t at = position(c, Str(rest), what);
  return at == 0 ? 0 : at + skip;
}
Bool starts_with(KernelCall&, Str s, Str prefix) { return s.view().starts_with(prefix.view()); }
Bool ends_with(KernelCall&, Str s, Str suffix) { return s.view().ends_with(suffix.view()); }

Str repeat(KernelCall& c, Str s, int32_t n) {
  Result out(c, n <= 0 ? 0 : std::size_t{s.size} * static_cast<std::size_t>(n));
  for (int32_t i = 0; i < n; ++i) std::memcpy(out.bytes + static_cast<std::size_t>(i) * s.size, s.view().data(), s.size);
  return out.done();
}
Str pad(KernelCall& c, const Str& s, int32_t width, std::string_view fill, bool before) {
  const std::string_view in = s.view();
  const auto have = static_cast<int64_t>(utf8_length(in));
  if (width <= have || fill.empty()) return part(c, s, characters(in, 0, width));
  std::string padding;
  for (int64_t left_over = width - have; left_over > 0;) {
    const auto n = static_cast<int64_t>(utf8_length(fill));
    padding += n <= left_over ? fill : characters(fill, 0, left_over);
    left_over -= n;
    if (padding.size() > kMaxTextBytes) throw Error("54000", "requested length too large");
  }
  return c.arena.copy(before ? padding + std::string(in) : std::string(in) + padding);
}
Str left_pad(KernelCall& c, Str s, int32_t n) { return pad(c, s, n, " ", true); }
Str left_pad_with(KernelCall& c, Str s, int32_t n, Str fill) { return pad(c, s, n, fill.view(), true); }
Str right_pad(KernelCall& c, Str s, int32_t n) { return pad(c, s, n, " ", false); }
Str right_pad_with(KernelCall& c, Str s, int32_t n, Str fill) { return pad(c, s, n, fill.view(), false); }
Str reversed(KernelCall& c, Str s) {
  const std::string_view in = s.view();
  Result out(c, in.size());
  std::size_t end = in.size();
  for (std::size_t i = 0; i < in.size();) {
    const std::size_t n = utf8_offset(in.substr(i), 1);
    end -= n;
    std::memcpy(out.bytes + end, in.data() + i, n);
    i += n;
  }
  return out.done();
}
Str split_part(KernelCall& c, Str s, Str delimiter, int32_t field) {
  if (field == 0) throw Error(sqlstate::kInvalidParameter, "field position must not be zero");
  std::string_view rest = s.view();
  const std::string_view by = delimiter.view();
  if (by.empty()) return field == 1 || field == -1 ? s : Str();
  if (field < 0) {
    int32_t parts = 1;
    for (std::size_t at = rest.find(by); at != std::string_view::npos; at = rest.find(by, at + by.size())) ++parts;
    field += parts + 1;
    if (field <= 0) return Str();
  }
  for (;; --field) {
    const std::size_t at = rest.find(by);
    if (field == 1) return part(c, s, rest.substr(0, at));
    if (at == std::string_view::npos) return Str();
    rest.remove_prefix(at + by.size());
  }
}
int32_t ascii(KernelCall&, Str s) {
  const std::string_view in = s.view();
  if (in.empty()) return 0;
  const auto byte = [&](std::size_t i) { return i < in.size() ? static_cast<unsigned char>(in[i]) & 0x3F : 0; };
  const auto first = static_cast<unsigned char>(in[0]);
  if (first < 0x80) return first;
  if (first < 0xE0) return ((first & 0x1F) << 6) | byte(1);
  if (first < 0xF0) return ((first & 0x0F) << 12) | (byte(1) << 6) | byte(2);
  return ((first & 0x07) << 18) | (byte(1) << 12) | (byte(2) << 6) | byte(3);
}
Str chr(KernelCall& c, int32_t code) {
  if (code == 0) throw Error("54000", "null character not permitted");
  if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
    throw Error("54000", "requested character not valid for encoding: " + std::to_string(code));
  std::string out;
  if (code < 0x80) out += static_cast<char>(code);
  else if (code < 0x800) out += {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 63))};
  else if (code < 0x10000)
    out += {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 63)), static_cast<char>(0x80 | (code & 63))};
  else
    out += {static_cast<char>(0xF0 | (code >> 18)), static_cast<char>(0x80 | ((code >> 12) & 63)),
            static_cast<char>(0x80 | ((code >> 6) & 63)), static_cast<char>(0x80 | (code & 63))};
  return c.arena.copy(out);
}

// --- digests and encodings
std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char b : bytes) {
    out += kDigits[static_cast<unsigned char>(b) >> 4];
    out += kDigits[static_cast<unsigned char>(b) & 15];
  }
  return out;
}
std::string digest_bytes(std::string_view in, const char* algorithm) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  const EVP_MD* kind = EVP_get_digestbyname(algorithm);
  if (kind == nullptr || EVP_Digest(in.data(), in.size(), out, &n, kind, nullptr) != 1)
    throw Error(sqlstate::kInvalidParameter, std::string("cannot use \"") + algorithm + "\": no such hash algorithm");
  return {reinterpret_cast<const char*>(out), n};
}
Str md5(KernelCall& c, Str s) { return c.arena.copy(hex(digest_bytes(s.view(), "md5"))); }
Str digest(KernelCall& c, Str s, Str algorithm) {
  return c.arena.copy(hex(digest_bytes(s.view(), std::string(algorithm.view()).c_str())));
}
template <class I, int kBits>
Str to_base(KernelCall& c, I value) {
  auto bits_left = static_cast<std::make_unsigned_t<I>>(value);
  std::string out;
  do {
    out += "0123456789abcdef"[bits_left & ((1U << kBits) - 1)];
    bits_left = static_cast<std::make_unsigned_t<I>>(bits_left >> kBits);
  } while (bits_left != 0);
  std::reverse(out.begin(), out.end());
  return c.arena.copy(out);
}
int32_t find_in_set(KernelCall&, Str what, Str list) {
  std::string_view rest = list.view();
  for (int32_t i = 1;; ++i) {
    const std::size_t at = rest.find(',');
    if (rest.substr(0, at) == what.view()) return i;
    if (at == std::string_view::npos) return 0;
    rest.remove_prefix(at + 1);
  }
}
Str quote_identifier(KernelCall& c, Str s) {
  const std::string_view in = s.view();
  const bool plain = !in.empty() && !(in[0] >= '0' && in[0] <= '9') &&
                     std::all_of(in.begin(), in.end(), [](char ch) { return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_'; });
  if (plain) return s;
  std::string out = "\"";
  for (const char ch : in) {
    if (ch == '"') out += '"';
    out += ch;
  }
  return c.arena.copy(out + '"');
}
Str check_length(KernelCall& c, Str s) {
  const std::string_view kept = data::fit_text(s.view(), c.call.type, false);
  return kept.size() == s.size ? s : Str(kept);
}

/// substr with a constant count that is not negative; split_part with a constant field that is not 0.
bool sound_count(const Expression& call) {
  const Value& n = call.args[2]->constant;
  return call.args[2]->kind == Expression::Kind::kConstant && !data::is_null(n) && data::integer_value(n) >= 0;
}
bool sound_field(const Expression& call) {
  return sound_count(call) && data::integer_value(call.args[2]->constant) > 0;
}

const Entry kEntries[] = {
    {"upper(text) -> text", scalar<map_case<up, true>>},
    {"lower(text) -> text", scalar<map_case<down, false>>},
    {"initcap(text) -> text", scalar<initcap>},
    {"length(text) -> int4", scalar<length>},
    {"length(blob) -> int4", scalar<octets>},
    {"octet_length(text) -> int4", scalar<octets>},
    {"octet_length(blob) -> int4", scalar<octets>},
    {"bit_length(text) -> int4", scalar<bits>},
    {"substr(text, int4) -> text", scalar<substr_from>},
    {"substr(text, int4, int4) -> text", scalar<substr_count>, kCanFail, nullptr, nullptr, sound_count},
    {"left(text, int4) -> text", scalar<left>},
    {"right(text, int4) -> text", scalar<right>},
    {"btrim(text) -> text", scalar<trim<Side::kBoth>>},
    {"ltrim(text) -> text", scalar<trim<Side::kLeft>>},
    {"rtrim(text) -> text", scalar<trim<Side::kRight>>},
    {"btrim(text, text) -> text", scalar<trim_of<Side::kBoth>>},
    {"ltrim(text, text) -> text", scalar<trim_of<Side::kLeft>>},
    {"rtrim(text, text) -> text", scalar<trim_of<Side::kRight>>},
    {"||(text, text) -> text", scalar<concatenate>},
    {"||(blob, blob) -> blob", scalar<concatenate>},
    {"concat(text...) -> text", concat_all<false>, kNotStrict},
    {"concat_ws(text, text...) -> text", concat_all<true>, kNotStrict},
    {"replace(text, text, text) -> text", scalar<replace>, kCanFail},
    {"translate(text, text, text) -> text", scalar<translate>},
    {"strpos(text, text) -> int4", scalar<position>},
    {"strpos(text, text, int4) -> int4", scalar<position_after>},
    {"strposb(text, text) -> int4", scalar<position_bytes>},
    {"starts_with(text, text) -> bool", scalar<starts_with>},
    {"ends_with(text, text) -> bool", scalar<ends_with>},
    {"repeat(text, int4) -> text", scalar<repeat>, kCanFail},
    {"lpad(text, int4) -> text", scalar<left_pad>, kCanFail},
    {"lpad(text, int4, text) -> text", scalar<left_pad_with>, kCanFail},
    {"rpad(text, int4) -> text", scalar<right_pad>, kCanFail},
    {"rpad(text, int4, text) -> text", scalar<right_pad_with>, kCanFail},
    {"reverse(text) -> text", scalar<reversed>},
    {"split_part(text, text, int4) -> text", scalar<split_part>, kCanFail, nullptr, nullptr, sound_field},
    {"ascii(text) -> int4", scalar<ascii>},
    {"chr(int4) -> text", scalar<chr>, kCanFail},
    {"md5(text) -> text", scalar<md5>},
    {"digest(text, text) -> text", scalar<digest>, kCanFail},
    {"to_hex(int4) -> text", scalar<to_base<int32_t, 4>>},
    {"to_hex(int8) -> text", scalar<to_base<int64_t, 4>>},
    {"to_bin(int8) -> text", scalar<to_base<int64_t, 1>>},
    {"find_in_set(text, text) -> int4", scalar<find_in_set>},
    {"quote_ident(text) -> text", scalar<quote_identifier>},
    {"check_length(text) -> text", scalar<check_length>, kCanFail},
};

}  // namespace

std::span<const Entry> text_functions() { return kEntries; }

}  // namespace tajo::functions
