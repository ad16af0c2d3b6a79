#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tajo/catalog/types.hpp"
#include "tajo/data/vector.hpp"
#include "tajo/functions/aggregate.hpp"
#include "tajo/functions/expression.hpp"

namespace tajo::plan {

using functions::ExpressionPtr;

/// Query-wide number of a column: what Expression::column means in a logical plan. Index into LogicalPlan::columns.
using ColumnId = std::uint32_t;

struct ColumnInfo {
  std::string name;
  std::string relation;  ///< alias of the table or subquery it came from, for EXPLAIN
  data::Type type;
};

enum class JoinType : std::uint8_t {
  kInner, kLeft, kRight, kFull, kSemi, kAnti,
  kMark,    ///< left rows + a boolean: TRUE a match, NULL only NULL comparisons, else FALSE (IN/EXISTS in expressions)
  kSingle,  ///< left outer, Error 21000 when a left row has two matches (scalar subqueries)
  kRightSemi,  ///< physical hash joins only: build rows with a match, each once (a semi join built on its left side)
  kRightAnti,  ///< physical hash joins only: build rows without a match
};

struct SortKey {
  ExpressionPtr expression;
  bool descending = false;
  bool nulls_first = false;  ///< PostgreSQL's default: NULLs last ascending, first descending
};

/// An SQL aggregate as bound (avg, stddev, … still whole); the planner rewrites it into AggregateCalls.
struct AggregateExpression {
  std::string name;
  std::vector<ExpressionPtr> args;  ///< empty: count(*)
  bool distinct = false;
  ExpressionPtr filter;
  std::vector<SortKey> order_by;    ///< string_agg(… ORDER BY …)
  data::Type type;
};

/// Which rows around its own a window function sees; the default is PostgreSQL's: to the last peer of the row.
struct WindowFrame {
  enum class Mode : std::uint8_t { kRange, kRows, kGroups };
  enum class Bound : std::uint8_t { kUnboundedPreceding, kPreceding, kCurrentRow, kFollowing, kUnboundedFollowing };
  Mode mode = Mode::kRange;
  Bound start = Bound::kUnboundedPreceding, end = Bound::kCurrentRow;
  std::int64_t start_offset = 0, end_offset = 0;  ///< kRows, kGroups
  bool is_default() const { return mode == Mode::kRange && start == Bound::kUnboundedPreceding && end == Bound::kCurrentRow; }
  bool has_offset(Bound b) const { return b == Bound::kPreceding || b == Bound::kFollowing; }
  /// kRange with offsets: each such bound adds two arguments behind the function's own, the order key and the value
  /// the frame goes to, both of one type.
  std::size_t extra_arguments() const {
    return mode != Mode::kRange ? 0 : 2 * (static_cast<std::size_t>(has_offset(start)) + static_cast<std::size_t>(has_offset(end)));
  }
};

struct WindowExpression {
  std::string name;                 ///< row_number, rank, …, or an aggregate
  std::vector<ExpressionPtr> args;
  std::vector<ExpressionPtr> partition_by;
  std::vector<SortKey> order_by;
  data::Type type;
  WindowFrame frame;
};

/// One relational operator. A tree (a DAG after common subplans are shared); each node owns its children.
/// Output columns are ids: a node passes on its children's columns unless its kind says otherwise.
struct LogicalNode {
  enum class Kind : std::uint8_t {
    kScan,       ///< table, scan_columns
    kValues,     ///< rows; makes `ids`
    kSeries,     ///< generate_series(args[0], args[1][, args[2]]); makes ids[0]
    kFilter,     ///< predicate
    kProject,    ///< computes ids[i] = expressions[i]; children's columns stay visible
    kJoin,       ///< join_type, predicate; dependent: the right side uses columns of the left (Apply); mark → ids[0]
    kAggregate,  ///< ids[i] = keys (expressions[i]), then aggregates → ids[expressions.size()+j]; passes nothing else on
    kWindow,     ///< ids[i] = windows[i]
    kSort,       ///< sort_keys
    kLimit,      ///< limit (-1: none), offset
    kSetOperation,  ///< set_operation, all; ids[i] from child c's set_columns[c][i]
  };
  enum class SetOperation : std::uint8_t { kUnion, kIntersect, kExcept };

  Kind kind = Kind::kScan;
  std::vector<std::unique_ptr<LogicalNode>> children;
  std::vector<ColumnId> ids;                       ///< columns this node makes
  catalog::TablePtr table;                         ///< kScan
  std::string alias;                               ///< kScan
  std::vector<std::uint32_t> scan_columns;         ///< kScan: table column of ids[i]
  std::vector<ExpressionPtr> expressions;          ///< kProject, kAggregate keys, kSeries arguments
  std::vector<std::vector<ExpressionPtr>> rows;    ///< kValues
  ExpressionPtr predicate;                         ///< kFilter, kJoin (may be null = TRUE)
  ExpressionPtr correlation;                       ///< kJoin mark, set by unnesting: a right row for which this is not TRUE is no candidate
  bool null_aware = false;                         ///< kAnti, set by the optimiser (NOT IN): a predicate that is NULL counts as a match
  bool two_valued = false;                         ///< kMark, set by the optimiser: nobody tells a NULL mark from FALSE
  JoinType join_type = JoinType::kInner;
  bool dependent = false;
  std::vector<AggregateExpression> aggregates;
  std::vector<WindowExpression> windows;
  std::vector<SortKey> sort_keys;
  std::int64_t limit = -1;
  std::int64_t offset = 0;
  SetOperation set_operation = SetOperation::kUnion;
  bool all = false;
  std::vector<std::vector<ColumnId>> set_columns;
  double estimated_rows = -1;                      ///< of joins, set by the join order; negative: not known yet
};

/// A bound query: what the binder gives the optimiser. Subqueries in expressions are already dependent joins (mark,
/// single, semi, anti) below the operator that uses them; the optimiser unnests all of them.
struct LogicalPlan {
  std::unique_ptr<LogicalNode> root;
  std::vector<ColumnInfo> columns;   ///< by ColumnId
  std::vector<ColumnId> outputs;     ///< the select list, in order
  std::vector<std::string> names;    ///< result column names
};

}  // namespace tajo::plan
