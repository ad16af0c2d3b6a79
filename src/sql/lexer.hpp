#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tajo::sql {

enum class TokenKind : std::uint8_t {
  kEnd,
  kWord,
  kQuotedName,
  kString,
  kNumber,
  kParameter,
  kOperator,
  kPunctuation,  ///< one of ( ) [ ] , ; . :
};

/// Bytes begin..end of the text.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// PostgreSQL's lexical rules (quotes, dollar quotes, nested comments, operators), as far as finding where tokens
/// begin and end needs them; what is inside a number or a string is libpg_query's business.
class Lexer {
 public:
  /// Positions in errors are bytes + 1, to be translated by the caller. The text must outlive the lexer.
  explicit Lexer(std::string_view text) : text_(text) {}
  /// Error 42601 for an unterminated quote or comment, with PostgreSQL's text.
  Token next();
  std::string_view view(const Token& t) const { return text_.substr(t.begin, t.end - t.begin); }

 private:
  void skip_blanks();
  std::size_t quoted_end(std::size_t open, bool backslashes, const char* what) const;
  std::size_t dollar_tag_end(std::size_t at) const;
  std::size_t operator_end(std::size_t at) const;
  [[noreturn]] void unterminated(const char* what, std::size_t begin) const;

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Case-insensitive comparison with an upper-case keyword.
bool is_word(std::string_view text, std::string_view keyword);
/// What a name token stands for: lower case unless quoted.
std::string name_of(std::string_view token);
/// The value of a string token: doubled quotes, E'' escapes.
std::string string_of(std::string_view token);

}  // namespace tajo::sql
