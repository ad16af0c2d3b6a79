// LIKE and regular expressions. A constant pattern is taken apart once: LIKE becomes a row of segments to search for.
#include <re2/re2.h>

#include <mutex>
#include <unordered_map>
#include <vector>

#include "registry.hpp"

namespace tajo::functions {

namespace {

using Bool = std::uint8_t;

/// A LIKE pattern between its % signs. `wild[i]`: the i-th character of a segment is `_`.
struct Segment {
  std::string text;
  std::vector<bool> wild;  // empty: no `_`
};
struct LikePattern {
  std::vector<Segment> segments;
  bool open_start = false;
  bool open_end = false;
  bool fold_case = false;
};

char fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

LikePattern parse_like(std::string_view pattern, bool fold_case) {
  LikePattern out;
  out.fold_case = fold_case;
  Segment segment;
  bool any_wild = false;
  bool after_percent = false;
  const auto close = [&] {
    if (segment.text.empty()) return;
    if (!any_wild) segment.wild.clear();
    out.segments.push_back(std::move(segment));
    segment = Segment{};
    any_wild = false;
  };
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    if (c == '%') {
      if (out.segments.empty() && segment.text.empty()) out.open_start = true;
      close();
      after_percent = true;
      continue;
    }
    after_percent = false;
    bool wild = c == '_';
    if (c == '\\') {
      if (++i == pattern.size()) throw Error("22025", "LIKE pattern must not end with escape character");
      c = pattern[i];
      wild = false;
    }
    any_wild = any_wild || wild;
    segment.text += fold_case ? fold(c) : c;
    segment.wild.push_back(wild);
  }
  close();
  out.open_end = after_percent;
  return out;
}

std::size_t character_bytes(std::string_view s, std::size_t at) {
  std::size_t n = 1;
  while (at + n < s.size() && (static_cast<unsigned char>(s[at + n]) & 0xC0) == 0x80) ++n;
  return n;
}

/// End of `segment` when it lies at `at` in `text`; npos otherwise. `_` takes a whole character.
std::size_t segment_end(const Segment& segment, std::string_view text, std::size_t at) {
  for (std::size_t i = 0; i < segment.text.size(); ++i) {
    if (at >= text.size()) return std::string_view::npos;
    if (segment.wild[i]) {
      at += character_bytes(text, at);
    } else if (text[at++] != segment.text[i]) {
      return std::string_view::npos;
    }
  }
  return at;
}

struct Found {
  std::size_t begin = std::string_view::npos;
  std::size_t end = 0;
};

Found find_segment(const Segment& segment, std::string_view text, std::size_t from) {
  if (segment.wild.empty()) {
    const std::size_t rest = text.size() - from;
    if (segment.text.size() > rest) return {};
    const void* at = memmem(text.data() + from, rest, segment.text.data(), segment.text.size());
    if (at == nullptr) return {};
    const auto begin = static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
    return {begin, begin + segment.text.size()};
  }
  for (std::size_t at = from; at < text.size(); at += character_bytes(text, at)) {
    const std::size_t end = segment_end(segment, text, at);
    if (end != std::string_view::npos) return {at, end};
  }
  return {};
}

std::size_t match_at(const Segment& segment, std::string_view text, std::size_t at) {
  if (!segment.wild.empty()) return segment_end(segment, text, at);
  return text.substr(at).starts_with(segment.text) ? at + segment.text.size() : std::string_view::npos;
}

bool matches_end(const Segment& segment, std::string_view text, std::size_t from) {
  if (segment.wild.empty())
    return text.size() - from >= segment.text.size() && text.ends_with(segment.text);
  for (std::size_t at = from; at <= text.size(); at += at < text.size() ? character_bytes(text, at) : 1)
    if (segment_end(segment, text, at) == text.size()) return true;
  return false;
}

bool like_matches(const LikePattern& p, std::string_view text) {
  if (p.segments.empty()) return p.open_start || text.empty();
  std::size_t first = 0;
  std::size_t last = p.segments.size();
  std::size_t at = 0;
  if (!p.open_start) {
    at = match_at(p.segments[0], text, 0);
    if (at == std::string_view::npos) return false;
    first = 1;
    if (first == last) return p.open_end || at == text.size();
  }
  if (!p.open_end) --last;
  for (; first < last; ++first) {
    const Found found = find_segment(p.segments[first], text, at);
    if (found.begin == std::string_view::npos) return false;
    at = found.end;
  }
  return p.open_end || matches_end(p.segments.back(), text, at);
}

std::string folded(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = fold(c);
  return out;
}

const std::string* constant_text(const Expression& call, std::size_t i) {
  return call.args[i]->kind == Expression::Kind::kConstant ? std::get_if<std::string>(&call.args[i]->constant) : nullptr;
}

template <bool kFold>
std::shared_ptr<const void> prepare_like(const Expression& call) {
  const std::string* pattern = constant_text(call, 1);
  if (pattern == nullptr) return nullptr;
  try {
    return std::make_shared<LikePattern>(parse_like(*pattern, kFold));
  } catch (const Error&) {
    return nullptr;  // raised by the first row that uses it
  }
}
template <bool kFold>
Bool like(KernelCall& c, Str s, Str pattern) {
  const auto test = [&](const LikePattern& p) { return kFold ? like_matches(p, folded(s.view())) : like_matches(p, s.view()); };
  if (c.prepared != nullptr) return test(*static_cast<const LikePattern*>(c.prepared));
  return test(parse_like(pattern.view(), kFold));
}
/// LIKE … ESCAPE 'x': the pattern with backslash as its escape.
Str like_escape(KernelCall& c, Str pattern, Str escape) {
  const std::string_view e = escape.view();
  if (data::utf8_length(e) > 1) throw Error("22019", "invalid escape string").hint("Escape string must be empty or one character.");
  std::string out;
  const std::string_view in = pattern.view();
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!e.empty() && in.substr(i).starts_with(e)) {
      i += e.size();
      if (i >= in.size()) throw Error("22025", "LIKE pattern must not end with escape character");
      out += '\\';
      out += in[i];
    } else if (in[i] == '\\') {
      out += "\\\\";
    } else {
      out += in[i];
    }
  }
  return c.arena.copy(out);
}

// --- regular expressions (RE2: linear time, no back references)
constexpr std::size_t kCachedExpressions = 64;  // of patterns that are not constant, a thread

std::shared_ptr<const RE2> compile(std::string_view pattern, bool fold_case) {
  RE2::Options options;
  options.set_case_sensitive(!fold_case);
  options.set_log_errors(false);
  options.set_dot_nl(true);  // as PostgreSQL's ARE: newline is an ordinary character
  auto re = std::make_shared<RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!re->ok()) throw Error("2201B", "invalid regular expression: " + re->error());
  return re;
}
const RE2& cached(std::string_view pattern, bool fold_case) {
  thread_local std::unordered_map<std::string, std::shared_ptr<const RE2>> cache;
  const std::string key = (fold_case ? "i" : "c") + std::string(pattern);
  const auto at = cache.find(key);
  if (at != cache.end()) return *at->second;
  if (cache.size() >= kCachedExpressions) cache.clear();
  return *(cache[key] = compile(pattern, fold_case));
}
template <bool kFold>
std::shared_ptr<const void> prepare_regexp(const Expression& call) {
  const std::string* pattern = constant_text(call, 1);
  if (pattern == nullptr) return nullptr;
  try {
    return compile(*pattern, kFold);
  } catch (const Error&) {
    return nullptr;
  }
}
re2::StringPiece piece(std::string_view s) { return {s.data(), s.size()}; }

template <bool kFold>
Bool regexp_match(KernelCall& c, Str s, Str pattern) {
  const RE2& re = c.prepared != nullptr ? *static_cast<const RE2*>(c.prepared) : cached(pattern.view(), kFold);
  return RE2::PartialMatch(piece(s.view()), re);
}
/// Replacement text of PostgreSQL in RE2's terms: \1…\9 are groups, \& the whole match, \\ a backslash.
std::string rewrite_of(std::string_view replacement) {
  std::string out;
  for (std::size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] == '\\' && i + 1 < replacement.size()) {
      const char next = replacement[++i];
      if (next == '&') out += "\\0";
      else if (next >= '1' && next <= '9') out += {'\\', next};
      else if (next == '\\') out += "\\\\";
      else out += {'\\', '\\', next};
    } else if (replacement[i] == '\\') {
      out += "\\\\";
    } else {
      out += replacement[i];
    }
  }
  return out;
}
Str replaced(KernelCall& c, const Str& s, const RE2& re, std::string_view replacement, bool all) {
  std::string text(s.view());
  const std::string rewrite = rewrite_of(replacement);
  std::string problem;
  if (!re.CheckRewriteString(rewrite, &problem)) throw Error("2201B", "invalid regular expression: invalid backreference number");
  if (all) RE2::GlobalReplace(&text, re, rewrite);
  else RE2::Replace(&text, re, rewrite);
  return c.arena.copy(text);
}
Str regexp_replace(KernelCall& c, Str s, Str pattern, Str replacement) {
  const RE2& re = c.prepared != nullptr ? *static_cast<const RE2*>(c.prepared) : cached(pattern.view(), false);
  return replaced(c, s, re, replacement.view(), false);
}
Str regexp_replace_flags(KernelCall& c, Str s, Str pattern, Str replacement, Str flags) {
  bool all = false;
  bool fold_case = false;
  for (const char f : flags.view()) {
    if (f == 'g') all = true;
    else if (f == 'i') fold_case = true;
    else if (f != 'c') throw Error(sqlstate::kInvalidParameter, std::string("invalid regular expression option: \"") + f + "\"");
  }
  return replaced(c, s, cached(pattern.view(), fold_case), replacement.view(), all);
}
std::optional<Str> regexp_substr(KernelCall& c, Str s, Str pattern) {
  const RE2& re = c.prepared != nullptr ? *static_cast<const RE2*>(c.prepared) : cached(pattern.view(), false);
  re2::StringPiece found;
  const std::string text(s.view());
  if (!re.Match(text, 0, text.size(), RE2::UNANCHORED, &found, 1)) return std::nullopt;
  return c.arena.copy({found.data(), found.size()});
}

/// A pattern that is constant and sound cannot fail.
template <auto kPrepare>
bool sound(const Expression& call) {
  return kPrepare(call) != nullptr;
}

const Entry kEntries[] = {
    {"like(text, text) -> bool", scalar<like<false>>, kCanFail, nullptr, prepare_like<false>, sound<prepare_like<false>>},
    {"ilike(text, text) -> bool", scalar<like<true>>, kCanFail, nullptr, prepare_like<true>, sound<prepare_like<true>>},
    {"like_escape(text, text) -> text", scalar<like_escape>, kCanFail},
    {"~(text, text) -> bool", scalar<regexp_match<false>>, kCanFail, nullptr, prepare_regexp<false>, sound<prepare_regexp<false>>},
    {"~*(text, text) -> bool", scalar<regexp_match<true>>, kCanFail, nullptr, prepare_regexp<true>, sound<prepare_regexp<true>>},
    {"regexp_like(text, text) -> bool", scalar<regexp_match<false>>, kCanFail, nullptr, prepare_regexp<false>, sound<prepare_regexp<false>>},
    {"regexp_replace(text, text, text) -> text", scalar<regexp_replace>, kCanFail, nullptr, prepare_regexp<false>},
    {"regexp_replace(text, text, text, text) -> text", scalar<regexp_replace_flags>, kCanFail},
    {"regexp_substr(text, text) -> text", scalar<regexp_substr>, kCanFail | kMayBeNull, nullptr, prepare_regexp<false>},
};

}  // namespace

std::span<const Entry> pattern_functions() { return kEntries; }

}  // namespace tajo::functions
