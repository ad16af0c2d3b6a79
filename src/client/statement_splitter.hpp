#pragma once
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace tajo::client {

/// Cuts what is typed into statements at the semicolons outside of quotes and comments.
class StatementSplitter {
 public:
  enum class State {
    kStart,      ///< between statements
    kStatement,  ///< within one
    kQuote,      ///< within a quoted text, name or comment
  };

  /// A line without its line end.
  void feed(std::string_view line);
  /// The next whole statement, without its semicolon and the blanks around it.
  std::optional<std::string> next();
  /// What stands after the last semicolon; empty when that is blanks and comments only. Starts afresh.
  std::string take_rest();
  State state() const;
  void clear();

 private:
  enum class Within { kNothing, kLineComment, kBlockComment, kText, kEscapeText, kName, kDollar };
  std::size_t step(std::string_view input, std::size_t i);
  void finish_statement();

  Within within_ = Within::kNothing;
  int comment_depth_ = 0;
  std::string dollar_tag_;  ///< `$tag$`
  std::string current_;
  bool has_words_ = false;  ///< more than blanks and comments
  std::deque<std::string> ready_;
};

std::string trimmed(std::string_view text);

}  // namespace tajo::client
