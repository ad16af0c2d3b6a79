#include "tajo_words.hpp"

#include <algorithm>

#include "tajo/common/error.hpp"

namespace tajo::sql {

namespace {

/// Statements whose Tajo words lie anywhere are read whole; INSERT's stand at its head, and its VALUES may be long.
constexpr std::size_t kHeadTokens = 16;

class Taker {
 public:
  explicit Taker(std::string_view text) : text_(text) { skeleton_.text = std::string(text); }

  Skeleton run() {
    read_tokens();
    statement();
    return std::move(skeleton_);
  }

 private:
  std::string_view view(std::size_t i) const {
    return i < tokens_.size() ? text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin) : std::string_view();
  }
  bool word(std::size_t i, std::string_view keyword) const {
    return i < tokens_.size() && tokens_[i].kind == TokenKind::kWord && is_word(view(i), keyword);
  }
  bool kind(std::size_t i, TokenKind k) const { return i < tokens_.size() && tokens_[i].kind == k; }
  bool mark(std::size_t i, char c) const { return kind(i, TokenKind::kPunctuation) && view(i)[0] == c; }
  bool name(std::size_t i) const { return kind(i, TokenKind::kWord) || kind(i, TokenKind::kQuotedName); }
  int begin(std::size_t i) const { return i < tokens_.size() ? static_cast<int>(tokens_[i].begin) : static_cast<int>(text_.size()); }

  void blank(std::size_t first, std::size_t last) {  // tokens first..last-1
    if (first >= last) return;
    std::fill(skeleton_.text.begin() + tokens_[first].begin, skeleton_.text.begin() + tokens_[last - 1].end, ' ');
  }

  [[noreturn]] void syntax_error(std::size_t i) const {
    const std::string near = i < tokens_.size() ? "at or near \"" + std::string(view(i)) + "\"" : "at end of input";
    throw Error(sqlstate::kSyntaxError, "syntax error " + near).at(begin(i) + 1);
  }

  void read_tokens() {
    Lexer lexer(text_);
    bool head_only = true;
    Token before{};
    Token before_that{};
    for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next()) {
      if (tokens_.empty())
        head_only = !(is_word(lexer.view(t), "CREATE") || is_word(lexer.view(t), "DROP") || is_word(lexer.view(t), "EXPLAIN"));
      if (!head_only || tokens_.size() < kHeadTokens) tokens_.push_back(t);
      if (t.kind == TokenKind::kWord && (is_word(lexer.view(t), "RLIKE") || is_word(lexer.view(t), "REGEXP"))) {
        Lexer ahead(text_.substr(t.end));
        const Token after = ahead.next();
        regular_expression(before_that, before, t, after.kind, ahead.view(after));
      }
      before_that = before;
      before = t;
    }
  }

  std::string_view view(const Token& t) const { return text_.substr(t.begin, t.end - t.begin); }

  static bool is_clause_word(std::string_view w) {
    static constexpr std::string_view kWords[] = {"SELECT", "DISTINCT",  "ALL",    "FROM",  "WHERE", "AND",    "OR",     "NOT",
                                                  "ON",     "USING",     "GROUP",  "ORDER", "BY",    "HAVING", "LIMIT",  "OFFSET",
                                                  "UNION",  "INTERSECT", "EXCEPT", "JOIN",  "LEFT",  "RIGHT",  "FULL",   "INNER",
                                                  "CROSS",  "NATURAL",   "AS",     "WHEN",  "THEN",  "ELSE",   "CASE",   "IN",
                                                  "IS",     "BETWEEN",   "LIKE",   "SET",   "ASC",   "DESC",   "WINDOW", "FETCH"};
    return std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view k) { return is_word(w, k); });
  }

  bool ends_operand(const Token& t) const {
    switch (t.kind) {
      case TokenKind::kWord:
        return !is_clause_word(view(t));
      case TokenKind::kQuotedName:
      case TokenKind::kString:
      case TokenKind::kNumber:
      case TokenKind::kParameter:
        return true;
      case TokenKind::kPunctuation:
        return view(t) == ")" || view(t) == "]";
      default:
        return false;
    }
  }

  /// `a [NOT] RLIKE b` → `a [!]~ b`, when operands stand on both sides; else it is somebody's name.
  void regular_expression(const Token& before_that, const Token& before, const Token& t, TokenKind after, std::string_view after_text) {
    const bool negated = before.kind == TokenKind::kWord && is_word(view(before), "NOT") && ends_operand(before_that);
    if (!negated && !ends_operand(before)) return;
    const bool operand = after == TokenKind::kString || after == TokenKind::kNumber || after == TokenKind::kParameter ||
                         after == TokenKind::kQuotedName || (after == TokenKind::kPunctuation && after_text == "(") ||
                         (after == TokenKind::kWord && !is_clause_word(after_text));
    if (!operand) return;
    std::string& out = skeleton_.text;
    std::fill(out.begin() + t.begin, out.begin() + t.end, ' ');
    if (negated) {
      std::fill(out.begin() + before.begin, out.begin() + before.end, ' ');
      out[t.begin] = '!';
      out[t.begin + 1] = '~';
    } else {
      out[t.begin] = '~';
    }
  }

  /// `)` that closes the `(` at i; the number of tokens when it is missing.
  std::size_t closing(std::size_t i) const {
    int depth = 0;
    for (; i < tokens_.size(); ++i) {
      if (mark(i, '(')) ++depth;
      if (mark(i, ')') && --depth == 0) return i;
    }
    return tokens_.size();
  }

  std::size_t after_name(std::size_t i) const {
    if (!name(i)) return i;
    ++i;
    while (mark(i, '.') && name(i + 1)) i += 2;
    return i;
  }

  void unsupported(std::string feature, std::size_t at) {
    skeleton_.words.unsupported = std::move(feature);
    skeleton_.words.unsupported_begin = begin(at);
  }

  void statement() {
    std::size_t i = 0;
    if (word(0, "EXPLAIN")) {
      i = 1;
      if (word(i, "GLOBAL")) {
        skeleton_.words.explain_global = true;
        blank(i, i + 1);
        ++i;
      }
      if (mark(i, '(')) i = closing(i) + 1;
      while (word(i, "ANALYZE") || word(i, "ANALYSE") || word(i, "VERBOSE")) ++i;
    }
    if (word(i, "CREATE"))
      create(i);
    else if (word(i, "INSERT"))
      insert(i);
    else if (word(i, "DROP"))
      drop(i);
    else if (word(i, "ALTER"))
      alter(i);
    else if (word(i, "SET"))
      set(i);
  }

  void create(std::size_t i) {
    if (word(i + 1, "DATABASE")) {
      if (word(i + 2, "IF") && word(i + 3, "NOT") && word(i + 4, "EXISTS")) {
        skeleton_.words.database_if_not_exists = true;
        blank(i + 2, i + 5);
      }
      return;
    }
    std::size_t at = i + 1;
    if (word(at, "EXTERNAL") && word(at + 1, "TABLE")) {
      skeleton_.words.external = true;
      blank(at, at + 1);
      ++at;
    }
    while (word(at, "TEMP") || word(at, "TEMPORARY") || word(at, "UNLOGGED")) ++at;
    if (!word(at, "TABLE")) return;
    ++at;
    if (word(at, "IF") && word(at + 1, "NOT") && word(at + 2, "EXISTS")) at += 3;
    skeleton_.words.create_begin = begin(at);
    at = after_name(at);
    std::size_t open = 0;
    if (mark(at, '(')) {
      open = at;
      if (kind(at + 1, TokenKind::kOperator) && view(at + 1) == "*" && mark(at + 2, ')')) {
        skeleton_.words.without_columns = true;
        blank(at + 1, at + 2);
      }
      at = closing(at);
      if (at >= tokens_.size()) return;
      ++at;
    }
    const std::size_t clauses = at;
    at = table_clauses(at);
    if (word(at, "AS")) {
      if (open != 0 && has_types(open)) {
        skeleton_.words.typed_query_begin = begin(at + 1);
        blank(at, at + 1);
      }
    } else if (open == 0 && at > clauses) {
      // A table without a column list has no PostgreSQL form: an empty list stands where its first clause began.
      skeleton_.words.without_columns = true;
      skeleton_.text[tokens_[clauses].begin] = '(';
      skeleton_.text[tokens_[clauses].begin + 1] = ')';
    }
  }

  /// Whether an element of the list says more than a name.
  bool has_types(std::size_t open) const {
    const std::size_t close = closing(open);
    for (std::size_t i = open + 1; i + 1 < close; ++i)
      if (name(i) && !mark(i + 1, ',')) return true;
    return false;
  }

  std::size_t table_clauses(std::size_t i) {
    TajoWords& words = skeleton_.words;
    for (;;) {
      const std::size_t first = i;
      if (word(i, "USING") && (name(i + 1) || kind(i + 1, TokenKind::kString))) {
        words.format_begin = begin(i + 1);
        words.format = kind(i + 1, TokenKind::kString) ? string_of(view(i + 1)) : name_of(view(i + 1));
        i += 2;
      } else if (word(i, "WITH") && mark(i + 1, '(')) {
        i = options(i + 1);
      } else if (word(i, "LOCATION") && kind(i + 1, TokenKind::kString)) {
        words.location_begin = begin(i + 1);
        words.location = string_of(view(i + 1));
        i += 2;
      } else if (word(i, "TABLESPACE") && name(i + 1)) {
        words.tablespace_begin = begin(i + 1);
        words.tablespace = name_of(view(i + 1));
        i += 2;
      } else if (word(i, "PARTITION") && word(i + 1, "BY") && word(i + 2, "COLUMN") && mark(i + 3, '(')) {
        words.partition_begin = begin(i);
        const std::size_t close = closing(i + 3);
        if (close >= tokens_.size()) syntax_error(close);
        i = close + 1;
      } else if (word(i, "LIKE") && name(i + 1)) {
        const std::size_t end = after_name(i + 1);
        for (std::size_t k = i + 1; k < end; k += 2) words.like.push_back(name_of(view(k)));
        i = end;
      } else {
        return i;
      }
      blank(first, i);
    }
  }

  /// ('key' = 'value', …); keys may be plain or dotted names, values strings, names or numbers.
  std::size_t options(std::size_t open) {
    std::size_t i = open + 1;
    for (;;) {
      std::string key;
      if (kind(i, TokenKind::kString)) {
        key = string_of(view(i++));
      } else if (name(i)) {
        const std::size_t end = after_name(i);
        for (; i < end; ++i) key += mark(i, '.') ? "." : name_of(view(i));
      } else {
        syntax_error(i);
      }
      if (!(kind(i, TokenKind::kOperator) && view(i) == "=")) syntax_error(i);
      ++i;
      if (kind(i, TokenKind::kString))
        skeleton_.words.options.emplace_back(key, string_of(view(i)));
      else if (name(i))
        skeleton_.words.options.emplace_back(key, name_of(view(i)));
      else if (kind(i, TokenKind::kNumber))
        skeleton_.words.options.emplace_back(key, std::string(view(i)));
      else
        syntax_error(i);
      ++i;
      if (mark(i, ')')) return i + 1;
      if (!mark(i, ',')) syntax_error(i);
      ++i;
    }
  }

  void insert(std::size_t i) {
    std::size_t at = i + 1;
    if (word(at, "OVERWRITE") && word(at + 1, "INTO")) {
      skeleton_.words.overwrite = true;
      blank(at, at + 1);
      ++at;
    }
    if (word(at, "INTO") && word(at + 1, "LOCATION") && kind(at + 2, TokenKind::kString)) unsupported("INSERT INTO LOCATION", at + 1);
  }

  void drop(std::size_t i) {
    const std::size_t last = tokens_.size() - 1;
    if (last < i + 3) return;
    const bool after_object = name(last - 1) && !word(last - 1, "TABLE") && !word(last - 1, "EXISTS") && !word(last - 1, "DATABASE");
    if (word(i + 1, "TABLE") && word(last, "PURGE") && after_object) {
      skeleton_.words.purge = true;
      blank(last, last + 1);
    } else if (word(i + 1, "DATABASE") && word(last, "CASCADE") && after_object) {
      skeleton_.words.database_cascade = true;
      blank(last, last + 1);
    }
  }

  void alter(std::size_t i) {
    if (word(i + 1, "TABLESPACE") && name(i + 2) && word(i + 3, "LOCATION")) return unsupported("ALTER TABLESPACE … LOCATION", i);
    if (!word(i + 1, "TABLE")) return;
    const std::size_t at = after_name(i + 2);
    if (word(at, "SET") && word(at + 1, "PROPERTY"))
      unsupported("ALTER TABLE … SET PROPERTY", at);
    else if (word(at, "UNSET") && word(at + 1, "PROPERTY"))
      unsupported("ALTER TABLE … UNSET PROPERTY", at);
    else if (word(at, "REPAIR"))
      unsupported("ALTER TABLE … REPAIR PARTITION", at);
    else if (word(at, "ADD") && (word(at + 1, "PARTITION") || word(at + 4, "PARTITION")))
      unsupported("ALTER TABLE … ADD PARTITION", at);
    else if (word(at, "DROP") && (word(at + 1, "PARTITION") || word(at + 3, "PARTITION")))
      unsupported("ALTER TABLE … DROP PARTITION", at);
  }

  void set(std::size_t i) {
    if (word(i + 1, "CATALOG") && i + 3 == tokens_.size() && (name(i + 2) || kind(i + 2, TokenKind::kString))) {
      skeleton_.words.use_database = name(i + 2) ? name_of(view(i + 2)) : string_of(view(i + 2));
      return;
    }
    // SET TIME ZONE [TO | =] zone
    const std::size_t at = word(i + 1, "SESSION") ? i + 2 : i + 1;
    if (word(at, "TIME") && word(at + 1, "ZONE") && (word(at + 2, "TO") || view(at + 2) == "=")) blank(at + 2, at + 3);
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  Skeleton skeleton_;
};

}  // namespace

Skeleton take_tajo_words(std::string_view text) { return Taker(text).run(); }

}  // namespace tajo::sql
