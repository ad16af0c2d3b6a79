// Splitting scripts, and the limits that keep a statement from overflowing the parser's stack.
#include "script.hpp"

#include "lexer.hpp"
#include "text_positions.hpp"

namespace tajo::sql {

namespace {

bool any_word(std::string_view text, std::initializer_list<std::string_view> keywords) {
  for (const std::string_view keyword : keywords)
    if (is_word(text, keyword)) return true;
  return false;
}

}  // namespace

void check_limits(std::string_view text) {
  if (text.size() > kMaxStatementBytes)
    throw Error(sqlstate::kStatementTooComplex, "statement is longer than " + std::to_string(kMaxStatementBytes) + " bytes");
  // PostgreSQL's grammar makes left-deep trees of operators, joins and set operations, and a level of tree of each
  // parenthesis and CASE; everything that walks these trees needs stack for their depth.
  struct Level {
    bool is_case = false;
    int operators = 0;
    int joins = 0;
  };
  std::vector<Level> levels(1);
  const auto too_complex = [](const char* what, const Token& t) {
    throw Error(sqlstate::kStatementTooComplex, what).at(static_cast<int>(t.begin) + 1);
  };
  const auto open = [&](bool is_case, const Token& t) {
    if (levels.size() > kMaxNesting) too_complex("statement is nested too deeply", t);
    levels.push_back({is_case, 0, 0});
  };
  const auto count = [&](int& counter, const Token& t) {
    if (++counter > kMaxOperatorChain) too_complex("expression has too many operators", t);
  };
  Lexer lexer(text);
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) {
    const std::string_view word = lexer.view(t);
    Level& level = levels.back();
    switch (t.kind) {
      case TokenKind::kOperator:
        count(level.operators, t);
        break;
      case TokenKind::kPunctuation:
        if (word == "(" || word == "[") {
          count(level.operators, t);
          open(false, t);
        } else if ((word == ")" || word == "]") && levels.size() > 1) {
          while (levels.size() > 2 && levels.back().is_case) levels.pop_back();
          levels.pop_back();
        } else if (word == ",") {
          level.operators = 0;
        } else if (word == ";") {
          level = {};
        }
        break;
      case TokenKind::kWord:
        if (is_word(word, "CASE")) {
          open(true, t);
        } else if (is_word(word, "END")) {
          if (level.is_case && levels.size() > 1) levels.pop_back();
        } else if (any_word(word, {"JOIN", "UNION", "INTERSECT", "EXCEPT"})) {
          level.operators = 0;
          count(level.joins, t);
        } else if (any_word(word, {"AND", "OR", "SELECT", "FROM", "WHERE", "HAVING", "ON", "WHEN", "THEN", "ELSE", "VALUES", "BY"})) {
          level.operators = 0;  // AND and OR become flat lists; the others start a new expression
        } else if (any_word(word,
                            {"NOT", "IS", "ISNULL", "NOTNULL", "COLLATE", "AT", "OPERATOR", "LIKE", "ILIKE", "SIMILAR", "BETWEEN", "IN"})) {
          count(level.operators, t);
        }
        break;
      default:
        break;
    }
  }
}

Beginning beginning_of(std::string_view statement) {
  Beginning out;
  try {
    Lexer lexer(statement);
    const Token first = lexer.next();
    if (first.kind != TokenKind::kWord) return out;
    for (char c : lexer.view(first)) out.word += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    Token rest = lexer.next();
    while (rest.kind == TokenKind::kPunctuation && lexer.view(rest) == ";") rest = lexer.next();
    out.alone = rest.kind == TokenKind::kEnd;
  } catch (const Error&) {
    // An unterminated quote or comment: whoever parses it says so, with its place.
  }
  return out;
}

std::vector<StatementText> split_script(std::string_view script) {
  std::vector<StatementText> statements;
  const TextPositions positions(script, 0);
  try {
    Lexer lexer(script);
    int depth = 0;
    bool open = false;
    std::size_t begin = 0;
    const auto close = [&](std::size_t end) {
      if (open) {
        StatementText statement;
        statement.text = std::string(script.substr(begin, end - begin));
        statement.offset = positions.of(static_cast<int>(begin)) - 1;
        if (statement.text.size() > kMaxStatementBytes) check_limits(statement.text);
        statements.push_back(std::move(statement));
      }
      open = false;
      depth = 0;
    };
    for (Token t = lexer.next();; t = lexer.next()) {
      const std::string_view word = lexer.view(t);
      if (t.kind == TokenKind::kEnd) {
        close(t.begin);
        break;
      }
      if (t.kind == TokenKind::kPunctuation && word == ";" && depth == 0) {
        close(t.begin);
        continue;
      }
      if (!open) begin = t.begin;
      open = true;
      if (t.kind == TokenKind::kPunctuation && word == "(") ++depth;
      if (t.kind == TokenKind::kPunctuation && word == ")" && depth > 0) --depth;
    }
  } catch (Error& e) {
    throw e.at(e.position() == 0 ? 0 : positions.of(e.position() - 1));
  }
  if (statements.empty()) statements.push_back({});
  return statements;
}

}  // namespace tajo::sql
