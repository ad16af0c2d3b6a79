#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tajo/catalog/types.hpp"
#include "tajo/data/type.hpp"
#include "tajo/functions/program.hpp"
#include "tajo/plan/statement.hpp"

namespace tajo::sql {

inline constexpr std::size_t kMaxStatementBytes = std::size_t{16} << 20;
inline constexpr int kMaxNesting = 500;            ///< parentheses, subqueries, CASE
inline constexpr int kMaxOperatorChain = 5'000;    ///< operators in one expression chain

/// One statement of a script, parsed but not bound. Keeps PostgreSQL's tree and Tajo's own words beside it.
class ParsedStatement;

struct StatementText {
  std::string text;
  int offset = 0;  ///< characters of the script in front of it: positions in errors count within the script
};

/// Splits a script at top-level semicolons, Tajo's statements included; empty statements are left out, but a script
/// without any statement gives one empty text. Errors 42601 (unterminated quote …), 54001.
std::vector<StatementText> split_script(std::string_view script);

/// Parses one statement: limits by the scanner first (54001), Tajo's words blanked out in place, libpg_query, and
/// own productions where no PostgreSQL skeleton is left. Needs a stack of 64 MiB. Error 42601 with position.
std::shared_ptr<const ParsedStatement> parse(const StatementText& statement);

/// How a statement begins, found by the scanner alone: for those that must not parse it (docs/recovery.md, Queries).
struct Beginning {
  std::string word;    ///< its first word in upper case; empty: it begins with something else
  bool alone = false;  ///< nothing else follows but semicolons
};
Beginning beginning_of(std::string_view statement);

/// Short upper-case name of its kind for marks, history and command tags (`SELECT`, `CREATE TABLE`, …).
std::string command_tag(const ParsedStatement& statement);

/// Virtual tables (information_schema.*, pg_catalog.*): given by the master as rows at bind time.
class SystemTables {
 public:
  virtual ~SystemTables() = default;
  /// Schema of `information_schema.cluster` and the like; nullopt: no such table.
  virtual std::optional<data::Schema> schema(const std::string& schema, const std::string& table) const = 0;
  /// All rows, in schema order.
  virtual std::vector<std::vector<data::Value>> rows(const std::string& schema, const std::string& table) const = 0;
};

struct BindContext {
  catalog::SnapshotPtr catalog;
  std::string database;                             ///< current database
  std::string user;
  std::string session_id;
  std::vector<data::Type> parameter_types;          ///< $n: kUnknown = infer
  const std::vector<data::Value>* parameters = nullptr;  ///< nullptr: Describe only (parameters stay NULL constants)
  const SystemTables* system_tables = nullptr;
  functions::EvaluationSettings settings;
  bool tajo_compatibility = false;                  ///< SET tajo.compatibility = on
  /// Functions with an effect or that ask the master (current_setting, pg_cancel_backend, tajo_hand_over, …):
  /// called for constant arguments at bind time; nullopt: not one of mine.
  std::function<std::optional<std::pair<data::Type, data::Value>>(const std::string& name, const std::vector<data::Value>& args)> session_function;
  /// Makes the column list of an external table that is named without one.
  std::function<data::Schema(const data::TableSource&)> infer_schema;
};

/// Names, types, subqueries → dependent joins. Any thread; 64 MiB stack. Errors with PostgreSQL's SQLSTATE, text and position.
plan::Statement bind(const ParsedStatement& statement, const BindContext& context);

}  // namespace tajo::sql
