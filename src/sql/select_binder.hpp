#pragma once
#include "binder.hpp"

namespace tajo::sql {

/// Binds one SELECT: FROM and WHERE, then grouping, then everything that stands above the groups.
class SelectBinder {
 public:
  SelectBinder(Binder& binder, const PgQuery__SelectStmt* stmt, Scope& scope) : b_(binder), stmt_(stmt), scope_(scope) {}
  BoundQuery run();

 private:
  struct Target {
    const Node* node = nullptr;  ///< null for a column of `*`
    std::string name;
    ExpressionPtr expression;  ///< over the input until rewritten over the groups
    ColumnId id = 0;
    int location = -1;
  };
  struct Order {
    plan::SortKey key;
    int target = -1;  ///< index of the output it sorts by
  };

  void bind_from_where();
  void list_targets();
  void bind_groups();
  void add_group(const Node* item);
  void add_group_key(ExpressionPtr e);
  int target_by_ordinal(const PgQuery__AConst* c, const char* clause);
  int target_by_name(const Node* node, bool ambiguous_is_error);
  void bind_targets();
  void bind_orders();
  Order bind_order(const PgQuery__SortBy* by, const Node* node);
  void rewrite_over_groups();
  ExpressionPtr over_groups(const ExpressionPtr& e);
  void rewrite(std::vector<Attachment>& attachments);
  void build();
  void add_windows();
  void add_series();
  void project();
  void distinct();
  void distinct_on();
  Clause clause_above(const char* name);
  static std::string output_name(const Node* node);

  Binder& b_;
  const PgQuery__SelectStmt* stmt_;
  Scope& scope_;
  NodePtr root_;
  std::vector<Target> targets_;
  std::vector<Order> orders_;
  std::vector<ExpressionPtr> on_;  ///< DISTINCT ON
  bool distinct_ = false;
  ExpressionPtr having_;
  // Subqueries: in group keys and aggregates' arguments, in HAVING, in the select list and ORDER BY.
  std::vector<Attachment> below_, in_having_, above_;
  AggregateSink aggregates_;
  WindowSink windows_;
  SeriesSink series_;
  bool grouped_ = false;
  std::vector<ExpressionPtr> keys_;
  std::vector<ColumnId> key_ids_;
  std::map<ColumnId, ColumnId> key_columns_;  ///< keys that are plain columns → their ids above the grouping
  std::map<int, ExpressionPtr> target_keys_;  ///< targets named by GROUP BY
  std::set<ColumnId> inputs_;                 ///< columns of FROM
};

}  // namespace tajo::sql
