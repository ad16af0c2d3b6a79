#pragma once
#include <unordered_map>
#include <vector>

#include "node.hpp"
#include "statistics.hpp"

namespace tajo::plan {

/// Rows and column statistics of logical trees; remembers what it computed, by node: make a new one after rewriting.
class Estimator {
 public:
  explicit Estimator(const Context& context) : context_(context) {}

  double rows(const LogicalNode& node);
  /// Of a column made in a tree that rows() has seen. Valid until the next call.
  const ColumnStatistic& column(ColumnId id);
  /// Distinct values of the column among `rows` rows.
  double distinct(ColumnId id, double rows);
  /// Fraction of rows that pass all conjuncts; ranges on one column are taken together.
  double selectivity(const std::vector<ExpressionPtr>& conjuncts);
  double selectivity(const ExpressionPtr& conjunct);
  /// Of an equality between columns of two sides.
  double equality_selectivity(const ExpressionPtr& a, double rows_a, const ExpressionPtr& b, double rows_b);
  double expression_distinct(const ExpressionPtr& e, double rows);
  double groups(const std::vector<ExpressionPtr>& keys, double rows);
  /// Sets of columns proved to identify a row of the node's output.
  std::vector<ColumnSet> keys(const LogicalNode& node);
  /// True when the columns contain a proved key of the node.
  bool unique_on(const LogicalNode& node, const ColumnSet& columns);
  double join_rows(JoinType type, double left, double right, double selectivity, const LogicalNode& left_node);

 private:
  double compute(const LogicalNode& node);
  double scan(const LogicalNode& node);
  double join(const LogicalNode& node);
  double aggregate(const LogicalNode& node);
  void set(ColumnId id, ColumnStatistic s);
  ColumnStatistic of_expression(const ExpressionPtr& e, double rows);
  double compare(const Expression& e);

  const Context& context_;
  std::unordered_map<const LogicalNode*, double> rows_;
  struct Entry {
    const LogicalNode* scan = nullptr;  ///< not read from the manifest yet
    std::uint32_t table_column = 0;
    bool known = false;
    ColumnStatistic statistic;
  };
  std::vector<Entry> columns_;
};

}  // namespace tajo::plan
