#pragma once
#include <memory>
#include <string>

#include "tajo/sql/parser.hpp"
#include "tajo_words.hpp"
#include "text_positions.hpp"
#include "tree.hpp"

namespace tajo::sql {

/// Immutable once parse() has returned; any thread.
class ParsedStatement {
 public:
  explicit ParsedStatement(const StatementText& source) : text(source.text), positions(text, source.offset) {}
  ParsedStatement(const ParsedStatement&) = delete;
  ParsedStatement& operator=(const ParsedStatement&) = delete;

  const std::string text;
  const TextPositions positions;
  TajoWords words;
  std::unique_ptr<ParseTree> tree;   ///< null for statements of Tajo's own
  std::unique_ptr<ParseTree> query;  ///< the query of CREATE TABLE t (c type, …) AS

  const Node* root() const { return tree ? tree->statement() : nullptr; }
};

}  // namespace tajo::sql
