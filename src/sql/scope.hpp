#pragma once
#include <map>
#include <string>
#include <vector>

#include "tajo/plan/logical.hpp"
#include "tree.hpp"

namespace tajo::sql {

using plan::ColumnId;
using plan::ExpressionPtr;
using plan::LogicalNode;
using NodePtr = std::unique_ptr<LogicalNode>;

struct ScopeColumn {
  std::string name;
  ColumnId id = 0;
};

/// One entry of a FROM list, as qualified names see it.
struct Relation {
  std::string database;  ///< empty for aliases, subqueries and functions
  std::string alias;
  std::vector<ScopeColumn> columns;
};

struct Scope;

/// WITH name AS (query): bound anew at each use, in the scope it was written in.
struct Cte {
  std::string name;
  const PgQuery__CommonTableExpr* definition = nullptr;
  const Scope* home = nullptr;  ///< scope of the WITH clause
  std::size_t visible = 0;      ///< how many CTEs of `home` its query may see
  bool recursive = false;
};

/// Names one query level can see. Enclosing levels are reached through `outer`.
struct Scope {
  const Scope* outer = nullptr;
  /// This level stands in a clause above the grouping of `outer`: it sees group keys only.
  const std::map<ColumnId, ColumnId>* outer_groups = nullptr;
  std::vector<ScopeColumn> visible;  ///< what `*` gives and unqualified names find: joined columns once
  std::vector<Relation> relations;
  std::vector<Cte> ctes;
};

/// A join that brings a subquery's result into the rows of the clause it stands in.
struct Attachment {
  plan::JoinType type = plan::JoinType::kSingle;
  NodePtr right;
  ExpressionPtr predicate;
  std::vector<ColumnId> mark;  ///< kMark: the one column it makes
};

struct AggregateSink {
  std::vector<plan::AggregateExpression> aggregates;
  std::vector<ColumnId> ids;
  std::vector<Attachment>* below = nullptr;  ///< where subqueries in arguments go
};

struct WindowSink {
  std::vector<plan::WindowExpression> windows;
  std::vector<ColumnId> ids;
  NodeSpan named;  ///< the WINDOW clause
};

/// Set-returning functions of a select list: they run side by side, the shorter ones padded with NULLs.
struct SeriesSink {
  ColumnId row = 0;                    ///< number of the row within one input row, from 0
  std::vector<ExpressionPtr> counts;   ///< rows of each function
  std::vector<ExpressionPtr> values;   ///< its value, by `row`
  std::vector<ColumnId> ids;
};

/// What an expression may do where it stands.
struct Clause {
  const Scope* scope = nullptr;
  const char* name = "SELECT";                           ///< for messages
  std::vector<Attachment>* subqueries = nullptr;         ///< null: not allowed here
  AggregateSink* aggregates = nullptr;                   ///< null: not allowed here
  WindowSink* windows = nullptr;                         ///< null: not allowed here
  SeriesSink* series = nullptr;                          ///< null: not allowed here
  const std::map<ColumnId, ColumnId>* groups = nullptr;  ///< set above a grouping
  bool in_aggregate = false;
  bool in_window = false;
};

/// A bound query expression: `outputs` are among the columns of `root`.
struct BoundQuery {
  NodePtr root;
  std::vector<ColumnId> outputs;
  std::vector<std::string> names;
};

struct BoundFrom {
  NodePtr root;
  std::vector<ScopeColumn> visible;
  std::vector<Relation> relations;
};

}  // namespace tajo::sql
