#include "lexer.hpp"

#include "tajo/common/error.hpp"

namespace tajo::sql {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c) || c == '$'; }
bool is_operator(char c) { return std::string_view("~!@#^&|`?+-*/%<>=").find(c) != std::string_view::npos; }

}  // namespace

void Lexer::unterminated(const char* what, std::size_t begin) const {
  throw Error(sqlstate::kSyntaxError, "unterminated " + std::string(what) + " at or near \"" + std::string(text_.substr(begin)) + "\"")
      .at(static_cast<int>(begin) + 1);
}

void Lexer::skip_blanks() {
  while (at_ < text_.size()) {
    if (is_space(text_[at_])) {
      ++at_;
    } else if (text_.compare(at_, 2, "--") == 0) {
      at_ = text_.find('\n', at_);
      if (at_ == std::string_view::npos) at_ = text_.size();
    } else if (text_.compare(at_, 2, "/*") == 0) {
      const std::size_t begin = at_;
      int depth = 0;
      do {
        if (at_ + 1 >= text_.size()) unterminated("/* comment", begin);
        if (text_.compare(at_, 2, "/*") == 0) {
          ++depth;
          at_ += 2;
        } else if (text_.compare(at_, 2, "*/") == 0) {
          --depth;
          at_ += 2;
        } else {
          ++at_;
        }
      } while (depth > 0);
    } else {
      return;
    }
  }
}

std::size_t Lexer::quoted_end(std::size_t open, bool backslashes, const char* what) const {
  const char quote = text_[open];
  for (std::size_t i = open + 1; i < text_.size(); ++i) {
    if (backslashes && text_[i] == '\\') {
      ++i;
    } else if (text_[i] == quote) {
      if (i + 1 < text_.size() && text_[i + 1] == quote) {
        ++i;
      } else {
        return i + 1;
      }
    }
  }
  unterminated(what, at_);
}

/// End of `$tag$`, or 0 when there is none here.
std::size_t Lexer::dollar_tag_end(std::size_t at) const {
  std::size_t i = at + 1;
  if (i < text_.size() && is_name_start(text_[i]))
    while (i < text_.size() && is_name_part(text_[i]) && text_[i] != '$') ++i;
  return i < text_.size() && text_[i] == '$' ? i + 1 : 0;
}

std::size_t Lexer::operator_end(std::size_t at) const {
  std::size_t end = at;
  while (end < text_.size() && is_operator(text_[end]) && text_.compare(end, 2, "--") != 0 && text_.compare(end, 2, "/*") != 0) ++end;
  // An operator of several characters ends in + or - only when it holds one that SQL's own operators do not.
  if (text_.substr(at, end - at).find_first_of("~!@#^&|`?%") == std::string_view::npos)
    while (end > at + 1 && (text_[end - 1] == '+' || text_[end - 1] == '-')) --end;
  return end;
}

Token Lexer::next() {
  skip_blanks();
  Token token{TokenKind::kEnd, static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_)};
  if (at_ >= text_.size()) return token;
  const char c = text_[at_];
  const char after = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
  std::size_t end = at_ + 1;
  if (c == '\'') {
    token.kind = TokenKind::kString;
    end = quoted_end(at_, false, "quoted string");
  } else if (c == '"') {
    token.kind = TokenKind::kQuotedName;
    end = quoted_end(at_, false, "quoted identifier");
  } else if (after == '\'' && std::string_view("eEbBxXnN").find(c) != std::string_view::npos) {
    token.kind = TokenKind::kString;
    const char* what = c == 'b' || c == 'B' ? "bit string literal" : c == 'x' || c == 'X' ? "hexadecimal string literal" : "quoted string";
    end = quoted_end(at_ + 1, c == 'e' || c == 'E', what);
  } else if ((c == 'u' || c == 'U') && after == '&' && at_ + 2 < text_.size() && (text_[at_ + 2] == '\'' || text_[at_ + 2] == '"')) {
    token.kind = text_[at_ + 2] == '"' ? TokenKind::kQuotedName : TokenKind::kString;
    end = quoted_end(at_ + 2, false, text_[at_ + 2] == '"' ? "quoted identifier" : "quoted string");
  } else if (is_name_start(c)) {
    token.kind = TokenKind::kWord;
    while (end < text_.size() && is_name_part(text_[end])) ++end;
  } else if (is_digit(c) || (c == '.' && is_digit(after))) {
    token.kind = TokenKind::kNumber;
    while (end < text_.size() && (is_digit(text_[end]) || (text_[end] == '.' && text_.compare(end, 2, "..") != 0))) ++end;
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      std::size_t digits = end + 1;
      if (digits < text_.size() && (text_[digits] == '+' || text_[digits] == '-')) ++digits;
      if (digits < text_.size() && is_digit(text_[digits])) {
        end = digits;
        while (end < text_.size() && is_digit(text_[end])) ++end;
      }
    }
  } else if (c == '$' && is_digit(after)) {
    token.kind = TokenKind::kParameter;
    while (end < text_.size() && is_digit(text_[end])) ++end;
  } else if (const std::size_t tag_end = c == '$' ? dollar_tag_end(at_) : 0; tag_end != 0) {
    token.kind = TokenKind::kString;
    const std::string_view tag = text_.substr(at_, tag_end - at_);
    const std::size_t close = text_.find(tag, tag_end);
    if (close == std::string_view::npos) unterminated("dollar-quoted string", at_);
    end = close + tag.size();
  } else if (c == ':' && after == ':') {
    token.kind = TokenKind::kOperator;
    end = at_ + 2;
  } else if (is_operator(c)) {
    token.kind = TokenKind::kOperator;
    end = operator_end(at_);
  } else {
    token.kind = TokenKind::kPunctuation;
  }
  at_ = end;
  token.end = static_cast<std::uint32_t>(end);
  return token;
}

bool is_word(std::string_view text, std::string_view keyword) {
  if (text.size() != keyword.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 'a' + 'A') : text[i];
    if (c != keyword[i]) return false;
  }
  return true;
}

std::string name_of(std::string_view token) {
  std::string name;
  if (!token.empty() && token.front() == '"') {
    for (std::size_t i = 1; i + 1 < token.size(); ++i) {
      name += token[i];
      if (token[i] == '"') ++i;
    }
    return name;
  }
  for (const char c : token) name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

std::string string_of(std::string_view token) {
  if (!token.empty() && token.front() == '$') {
    const std::size_t tag = token.find('$', 1) + 1;
    return std::string(token.substr(tag, token.size() - 2 * tag));
  }
  const std::size_t open = token.find('\'');
  const bool escapes = open == 1 && (token.front() == 'e' || token.front() == 'E');
  std::string value;
  for (std::size_t i = open + 1; i + 1 < token.size(); ++i) {
    if (token[i] == '\'') {
      ++i;
    } else if (escapes && token[i] == '\\' && i + 2 < token.size()) {
      ++i;
      const std::size_t known = std::string_view("nrtbf").find(token[i]);
      value += known == std::string_view::npos ? token[i] : "\n\r\t\b\f"[known];
      continue;
    }
    value += token[i];
  }
  return value;
}

}  // namespace tajo::sql
