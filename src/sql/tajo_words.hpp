#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lexer.hpp"

namespace tajo::sql {

/// Words of Tajo that PostgreSQL's grammar does not know, taken out of a statement. Offsets are bytes; -1: absent.
struct TajoWords {
  bool external = false;
  bool overwrite = false;
  bool purge = false;
  bool explain_global = false;
  bool database_if_not_exists = false;
  bool database_cascade = false;
  bool without_columns = false;  ///< CREATE TABLE without a list, or `(*)`: "()" stands in its place
  std::optional<std::string> format;
  std::optional<std::string> location;
  std::optional<std::string> tablespace;
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<std::string> like;  ///< CREATE TABLE t LIKE [db.]t2
  int create_begin = -1;          ///< offset of CREATE [EXTERNAL] TABLE's name, for errors about the table
  int partition_begin = -1;       ///< PARTITION BY COLUMN
  int tablespace_begin = -1;
  int format_begin = -1;
  int location_begin = -1;
  int typed_query_begin = -1;  ///< CREATE TABLE t (c type, …) … AS: where the query begins
  // Statements of which no PostgreSQL skeleton is left.
  std::optional<std::string> use_database;
  std::string unsupported;  ///< name of a Tajo statement that is recognised but not supported
  int unsupported_begin = 0;
};

struct Skeleton {
  std::string text;  ///< as long as the statement: Tajo's words are blanks, so that every offset stays right
  TajoWords words;
};

/// Takes Tajo's words out. Errors 42601 (position: byte + 1) inside Tajo's own clauses only; whatever is not
/// understood stays for PostgreSQL's parser to judge.
Skeleton take_tajo_words(std::string_view text);

}  // namespace tajo::sql
