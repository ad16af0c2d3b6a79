#include "statement_splitter.hpp"

#include <cctype>

namespace tajo::client {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0; }

}  // namespace

std::string trimmed(std::string_view text) {
  std::size_t first = text.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n\f\v") - first + 1));
}

void StatementSplitter::feed(std::string_view line) {
  std::string input(line);
  input.push_back('\n');
  std::size_t i = 0;
  while (i < input.size()) i = step(input, i);
}

/// Takes one token (or character) at `i`, returns where the next one begins.
std::size_t StatementSplitter::step(std::string_view input, std::size_t i) {
  char c = input[i];
  auto at = [&](std::size_t k) { return k < input.size() ? input[k] : '\0'; };
  auto take = [&](std::size_t n) {
    current_.append(input.substr(i, n));
    return i + n;
  };
  switch (within_) {
    case Within::kNothing: break;
    case Within::kLineComment:
      if (c == '\n') within_ = Within::kNothing;
      return take(1);
    case Within::kBlockComment:
      if (c == '/' && at(i + 1) == '*') {
        ++comment_depth_;
        return take(2);
      }
      if (c == '*' && at(i + 1) == '/') {
        if (--comment_depth_ == 0) within_ = Within::kNothing;
        return take(2);
      }
      return take(1);
    case Within::kEscapeText:
      if (c == '\\' && at(i + 1) != '\0') return take(2);
      [[fallthrough]];
    case Within::kText:
      if (c == '\'') within_ = Within::kNothing;  // a doubled one opens again at once
      return take(1);
    case Within::kName:
      if (c == '"') within_ = Within::kNothing;
      return take(1);
    case Within::kDollar:
      if (c == '$' && input.substr(i).starts_with(dollar_tag_)) {
        within_ = Within::kNothing;
        return take(dollar_tag_.size());
      }
      return take(1);
  }
  if (c == '-' && at(i + 1) == '-') {
    within_ = Within::kLineComment;
    return take(2);
  }
  if (c == '/' && at(i + 1) == '*') {
    within_ = Within::kBlockComment;
    comment_depth_ = 1;
    return take(2);
  }
  if (c == ';') {
    finish_statement();
    return i + 1;
  }
  if (std::isspace(static_cast<unsigned char>(c)) != 0) return take(1);
  has_words_ = true;
  char before = current_.empty() ? ' ' : current_.back();
  if (c == '\'') {
    bool escapes = (before == 'e' || before == 'E') && (current_.size() < 2 || !is_word(current_[current_.size() - 2]));
    within_ = escapes ? Within::kEscapeText : Within::kText;
  } else if (c == '"') {
    within_ = Within::kName;
  } else if (c == '$' && !is_word(before)) {
    std::size_t end = i + 1;
    while (is_word(at(end))) ++end;
    if (at(end) == '$' && std::isdigit(static_cast<unsigned char>(at(i + 1))) == 0) {
      dollar_tag_ = input.substr(i, end - i + 1);
      within_ = Within::kDollar;
      return take(dollar_tag_.size());
    }
  }
  return take(1);
}

void StatementSplitter::finish_statement() {
  if (has_words_) ready_.push_back(trimmed(current_));
  current_.clear();
  has_words_ = false;
}

std::optional<std::string> StatementSplitter::next() {
  if (ready_.empty()) return std::nullopt;
  std::string statement = std::move(ready_.front());
  ready_.pop_front();
  return statement;
}

std::string StatementSplitter::take_rest() {
  std::string rest = has_words_ ? trimmed(current_) : std::string();
  clear();
  return rest;
}

StatementSplitter::State StatementSplitter::state() const {
  if (within_ != Within::kNothing && within_ != Within::kLineComment) return State::kQuote;
  return has_words_ ? State::kStatement : State::kStart;
}

void StatementSplitter::clear() {
  within_ = Within::kNothing;
  current_.clear();
  has_words_ = false;
  ready_.clear();
}

}  // namespace tajo::client
