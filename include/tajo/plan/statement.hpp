#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tajo/catalog/catalog.hpp"
#include "tajo/plan/logical.hpp"

namespace tajo::plan {

// A bound statement: what the QueryCoordinator runs.
struct SelectStatement { LogicalPlan query; };
struct CreateDatabaseStatement { std::string name; bool if_not_exists = false; };
struct DropDatabaseStatement { std::string name; bool if_exists = false; bool cascade = false; };
/// CREATE [EXTERNAL] TABLE [AS]. `infer_schema`: external without a column list. `query`: CTAS (schema is set).
struct CreateTableStatement {
  std::string database, name;
  bool if_not_exists = false;
  bool external = false;
  bool infer_schema = false;
  data::TableSource source;
  std::optional<LogicalPlan> query;
};
struct DropTableStatement { std::vector<std::pair<std::string, std::string>> tables; bool if_exists = false; bool purge = false; };
struct TruncateStatement { std::vector<std::pair<std::string, std::string>> tables; };
/// Columns of `query` are in table column order and of the table's types (missing ones NULL).
struct InsertStatement { catalog::TablePtr table; bool overwrite = false; LogicalPlan query; };
/// COPY t [(columns)] FROM STDIN | 'file'. `columns`: table columns in file order.
struct CopyStatement {
  catalog::TablePtr table;
  std::vector<std::uint32_t> columns;
  std::string path;  ///< empty: STDIN
  bool csv = false, header = false;
  char delimiter = '\t', quote = '"', escape = '"';
  std::string null_text = "\\N";
};
struct ExplainStatement;  ///< below
struct SetStatement { std::string name; std::optional<std::string> value; };   ///< nullopt: RESET / DEFAULT; name "all" = RESET ALL
struct ShowStatement { std::string name; };                                    ///< "all" = SHOW ALL
struct TransactionStatement { enum class Kind { kBegin, kCommit, kRollback } kind = Kind::kBegin; };
struct UserStatement {
  enum class Kind { kCreate, kAlter, kDrop } kind = Kind::kCreate;
  std::string name;
  std::optional<std::string> password;
  bool if_exists = false;
};
struct UseDatabaseStatement { std::string name; };  ///< SET CATALOG / \c
struct DeallocateStatement { std::string name; };
struct EmptyStatement {};                            ///< only blanks or comments
struct DiscardStatement {};
/// SELECT * FROM query_result('q_…'): the recorded result of a query that ran before.
struct FetchResultStatement { std::string query; };

using StatementBody = std::variant<EmptyStatement, SelectStatement, CreateDatabaseStatement, DropDatabaseStatement,
                                   CreateTableStatement, DropTableStatement, TruncateStatement, InsertStatement, CopyStatement,
                                   std::unique_ptr<ExplainStatement>, SetStatement, ShowStatement, TransactionStatement,
                                   UserStatement, UseDatabaseStatement, DeallocateStatement, DiscardStatement, FetchResultStatement>;

struct Statement {
  StatementBody body;
  std::vector<data::Type> parameters;   ///< types of $1.. as inferred
};
struct ExplainStatement { Statement statement; bool analyze = false; bool global = false; bool json = false; };

}  // namespace tajo::plan
