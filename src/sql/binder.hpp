#pragma once
#include <optional>
#include <set>

#include "parsed_statement.hpp"
#include "scope.hpp"

namespace tajo::sql {

/// Binds one statement; used once, by one thread.
class Binder {
 public:
  Binder(const ParsedStatement& statement, const BindContext& context);
  plan::Statement run();

 private:
  // bind.cpp: statements
  plan::StatementBody bind_statement(const Node* root);
  plan::LogicalPlan finish(BoundQuery query);
  // bind_table.cpp
  plan::StatementBody bind_create_table(const PgQuery__CreateStmt* stmt);
  plan::StatementBody bind_create_table_as(const PgQuery__CreateTableAsStmt* stmt);
  plan::CreateTableStatement table_head(const PgQuery__RangeVar* name, bool if_not_exists);
  void check_option(const std::string& key, const std::string& format, int location) const;
  void table_storage(plan::CreateTableStatement& table);
  void add_column(data::Schema& schema, const PgQuery__ColumnDef* def);
  void add_columns_like(data::Schema& schema, const catalog::TablePtr& table);
  void table_query(plan::CreateTableStatement& table, const PgQuery__SelectStmt* query, NodeSpan names);
  plan::StatementBody bind_drop(const PgQuery__DropStmt* stmt);
  plan::StatementBody bind_truncate(const PgQuery__TruncateStmt* stmt);
  // bind_insert.cpp
  plan::StatementBody bind_insert(const PgQuery__InsertStmt* stmt);
  BoundQuery insert_values(const PgQuery__SelectStmt* values, const catalog::TablePtr& table, const std::vector<std::uint32_t>& targets,
                           bool named);
  BoundQuery insert_query(BoundQuery source, const catalog::TablePtr& table, const std::vector<std::uint32_t>& targets);
  std::vector<std::uint32_t> target_columns(const catalog::TablePtr& table, NodeSpan names);
  ExpressionPtr assign(ExpressionPtr e, const data::Column& column, int location);
  plan::StatementBody bind_copy(const PgQuery__CopyStmt* stmt);
  // bind_session.cpp
  plan::StatementBody bind_set(const PgQuery__VariableSetStmt* stmt);
  std::optional<std::string> recorded_query(const PgQuery__SelectStmt* stmt) const;
  plan::StatementBody bind_transaction(const PgQuery__TransactionStmt* stmt);
  plan::StatementBody bind_create_role(const PgQuery__CreateRoleStmt* stmt);
  plan::StatementBody bind_alter_role(const PgQuery__AlterRoleStmt* stmt);
  plan::StatementBody bind_drop_role(const PgQuery__DropRoleStmt* stmt);
  void role_options(plan::UserStatement& user, NodeSpan options);
  std::string role_name(const PgQuery__RoleSpec* role);
  plan::StatementBody bind_create_database(const PgQuery__CreatedbStmt* stmt);
  plan::StatementBody bind_drop_database(const PgQuery__DropdbStmt* stmt);
  plan::StatementBody bind_explain(const PgQuery__ExplainStmt* stmt);

  // bind_query.cpp: query expressions. Literals without a type stay so in the outputs until somebody settles them.
  BoundQuery bind_query(const PgQuery__SelectStmt* stmt, const Scope* outer, const std::map<ColumnId, ColumnId>* outer_groups);
  BoundQuery bind_body(const PgQuery__SelectStmt* stmt, Scope& scope);
  BoundQuery bind_values(const PgQuery__SelectStmt* stmt, const Scope& scope);
  BoundQuery bind_set_operation(const PgQuery__SelectStmt* stmt, const Scope& scope);
  BoundQuery combine(const PgQuery__SelectStmt* stmt, BoundQuery left, BoundQuery right, bool chained);
  void add_ctes(Scope& scope, const PgQuery__WithClause* with);
  BoundQuery bind_cte(const Cte& cte);
  void check_unused_ctes(const Scope& scope);
  void sort_outputs(BoundQuery& query, NodeSpan sort_clause, const Scope& scope);
  void limit(NodePtr& root, const PgQuery__SelectStmt* stmt, const Scope& scope);
  std::int64_t limit_value(const Node* node, const Scope& scope, const char* what, const char* negative_state);
  /// Casts the outputs to `types` where they differ; `assignment`: as INSERT does.
  void cast_outputs(BoundQuery& query, const std::vector<data::Type>& types, bool assignment = false);
  void settle_unknown(BoundQuery& query);
  bool retype_literal(LogicalNode& root, ColumnId id, const data::Type& type);
  // bind_select.cpp: one SELECT … FROM … with its own clauses
  friend class SelectBinder;
  // bind_from.cpp
  BoundFrom bind_from_list(NodeSpan items, const Scope& scope);
  BoundFrom bind_from_item(const Node* item, const Scope& scope, const BoundFrom* left);
  BoundFrom bind_range_var(const PgQuery__RangeVar* range, const Scope& scope);
  BoundFrom bind_range_subselect(const PgQuery__RangeSubselect* range, const Scope& scope, const BoundFrom* left);
  BoundFrom bind_range_function(const PgQuery__RangeFunction* range, const Scope& scope, const BoundFrom* left);
  BoundFrom bind_join(const PgQuery__JoinExpr* join, const Scope& scope, const BoundFrom* left);
  BoundFrom scan(const catalog::TablePtr& table, const PgQuery__RangeVar* range);
  BoundFrom system_scan(const std::string& schema, const std::string& name, const data::Schema& columns, const PgQuery__RangeVar* range);
  BoundFrom as_relation(NodePtr root, Relation relation, const PgQuery__Alias* alias);
  void merge_columns(BoundFrom& out, const BoundFrom& left, const BoundFrom& right, const std::vector<std::string>& names,
                     std::vector<ExpressionPtr>& conditions, plan::JoinType type);
  void join_condition(const Node* quals, const BoundFrom& both, const Scope& scope, NodePtr& left, NodePtr& right, plan::JoinType type,
                      std::vector<ExpressionPtr>& conditions, std::vector<Attachment>& above);
  void check_alias_once(const std::vector<Relation>& relations, const Relation& added, int location);

  // bind_name.cpp
  ExpressionPtr bind_column_ref(const PgQuery__ColumnRef* ref, const Clause& clause);
  /// Unqualified name of this level only; nullopt: none. Error 42702 when ambiguous.
  std::optional<ColumnId> find_here(const Scope& scope, const std::string& name, int location);
  const Relation* find_relation(const Scope& scope, const std::string& database, const std::string& alias, int location);
  std::vector<ScopeColumn> expand_star(const PgQuery__ColumnRef* ref, const Scope& scope);
  ExpressionPtr column(ColumnId id, int location = -1);
  catalog::TablePtr table_named(const PgQuery__RangeVar* name);
  /// (database, table) a name means.
  std::pair<std::string, std::string> table_name(const PgQuery__RangeVar* name);
  bool is_system_schema(const std::string& name) const;

  // bind_expression.cpp
  ExpressionPtr bind(const Node* node, const Clause& clause);
  ExpressionPtr bind_constant(const PgQuery__AConst* c);
  ExpressionPtr bind_parameter(const PgQuery__ParamRef* p);
  ExpressionPtr bind_operator(const PgQuery__AExpr* e, const Clause& clause);
  ExpressionPtr bind_between(const PgQuery__AExpr* e, const Clause& clause);
  ExpressionPtr bind_in_list(const PgQuery__AExpr* e, const Clause& clause);
  ExpressionPtr bind_pattern(const PgQuery__AExpr* e, const Clause& clause);
  ExpressionPtr bind_similar(ExpressionPtr text, const Node* pattern, const Clause& clause, int location);
  ExpressionPtr bind_row_comparison(const std::string& op, NodeSpan left, NodeSpan right, const Clause& clause, int location);
  ExpressionPtr bind_bool(const PgQuery__BoolExpr* e, const Clause& clause);
  ExpressionPtr bind_boolean_test(const PgQuery__BooleanTest* e, const Clause& clause);
  ExpressionPtr bind_case(const PgQuery__CaseExpr* e, const Clause& clause);
  ExpressionPtr bind_cast(const PgQuery__TypeCast* e, const Clause& clause);
  ExpressionPtr bind_value_function(const PgQuery__SQLValueFunction* e);
  ExpressionPtr distinct_from(ExpressionPtr a, ExpressionPtr b, int location);
  ExpressionPtr compare(const std::string& op, ExpressionPtr a, ExpressionPtr b, int location);
  ExpressionPtr call(const std::string& function, std::vector<ExpressionPtr> args, int location);
  /// Converts an untyped literal or parameter to `type` now, anything else by a cast.
  ExpressionPtr coerce(ExpressionPtr e, const data::Type& type, int location = -1);
  ExpressionPtr boolean(ExpressionPtr e, const char* where, int location);
  bool is_array_element(const functions::Expression& e) const;
  std::vector<ExpressionPtr> bind_all(NodeSpan nodes, const Clause& clause);
  void unify_unknown(std::vector<ExpressionPtr>& args, std::size_t step, std::size_t first);

  // bind_array.cpp
  ExpressionPtr bind_array(const PgQuery__AArrayExpr* array, const Clause& clause);
  ExpressionPtr array_piece(ExpressionPtr e, int location);
  ExpressionPtr array_around(ExpressionPtr pieces, bool empty_is_null, int location);
  ExpressionPtr bind_array_sublink(const PgQuery__SubLink* link, const Clause& clause);
  ExpressionPtr bind_any_array(const PgQuery__AExpr* e, const Clause& clause);
  ExpressionPtr bind_indirection(const PgQuery__AIndirection* e, const Clause& clause);
  NodePtr counted_rows(ExpressionPtr count, ColumnId id, int location);
  ExpressionPtr series_count(const std::vector<ExpressionPtr>& args, int location);
  ExpressionPtr bind_series(const std::string& name, std::vector<ExpressionPtr> args, const Clause& clause, int location);
  ExpressionPtr json_object(const std::vector<ExpressionPtr>& args, int location);
  BoundFrom bind_unnest(const PgQuery__RangeFunction* range, ExpressionPtr array, int location);
  BoundFrom bind_lateral_series(const PgQuery__RangeFunction* range, std::vector<ExpressionPtr> args, const data::Type& type, int location);

  // bind_function.cpp
  ExpressionPtr bind_function(const PgQuery__FuncCall* f, const Clause& clause);
  /// Null: not one of PostgreSQL's functions over its catalog (bind_catalog_function.cpp).
  ExpressionPtr bind_catalog_function(const std::string& name, const std::vector<ExpressionPtr>& args, const Clause& clause, int location);
  ExpressionPtr catalog_lookup(const char* table, const char* key, const char* value, ExpressionPtr arg, const Clause& clause, int location);
  ExpressionPtr named_oid(const std::string& type, const std::string& name, int location);
  ExpressionPtr bind_named_cast(const PgQuery__TypeCast* e, const Clause& clause);
  ExpressionPtr oid_name(const std::string& type, ExpressionPtr oid, const Clause& clause, int location);
  ExpressionPtr bind_aggregate(const std::string& name, const PgQuery__FuncCall* f, const Clause& clause);
  void bind_frame(plan::WindowExpression& window, const PgQuery__WindowDef* def, const Clause& clause);
  ExpressionPtr bind_window(const std::string& name, const PgQuery__FuncCall* f, const Clause& clause);
  std::vector<plan::SortKey> bind_sort_keys(NodeSpan sort_clause, const Clause& clause);
  static void set_direction(plan::SortKey& key, const PgQuery__SortBy* by);
  bool contains_aggregate(const Node* node) const;

  // bind_subquery.cpp
  ExpressionPtr bind_sublink(const PgQuery__SubLink* link, const Clause& clause);
  BoundQuery bind_subquery(const PgQuery__SubLink* link, const Clause& clause);
  ExpressionPtr comparison_with(const PgQuery__SubLink* link, const BoundQuery& query, const Clause& clause, bool negated);
  /// Binds a condition: conjuncts that are IN or EXISTS become semi and anti joins in `attachments`, the rest is returned
  /// (null: nothing is left).
  ExpressionPtr bind_condition(const Node* node, const Clause& clause);
  bool attach_conjunct(const Node* node, const Clause& clause, ExpressionPtr& rest);
  NodePtr attach(NodePtr input, std::vector<Attachment>& attachments);
  bool not_null(const functions::Expression& e) const;

  // bind_type.cpp
  data::Type bind_type(const PgQuery__TypeName* name);
  data::Type column_type(const PgQuery__TypeName* name, const char* column);

  // binder.cpp: columns, nodes, errors
  ColumnId add_id(std::string name, std::string relation, const data::Type& type, bool not_null = false);
  NodePtr make_node(LogicalNode::Kind kind, NodePtr child = nullptr, NodePtr second = nullptr);
  NodePtr filter(NodePtr child, ExpressionPtr predicate);
  NodePtr one_row();
  bool is_dependent(const LogicalNode& left, const LogicalNode& right) const;
  void mark_nullable(const LogicalNode& node);
  int position(int location) const { return statement_.positions.of(location); }
  [[noreturn]] void fail(std::string_view state, const std::string& message, int location) const;
  [[noreturn]] void unsupported(const std::string& feature, int location) const;

  const ParsedStatement& statement_;
  const BindContext& context_;
  std::vector<plan::ColumnInfo> columns_;
  std::vector<bool> not_null_;          ///< by column id: proved
  std::vector<data::Type> parameters_;  ///< as given or inferred so far
  std::set<const PgQuery__CommonTableExpr*> used_ctes_;
  std::set<ColumnId> elements_;         ///< text columns that hold elements of arrays: they take the type they are used with
  std::size_t nodes_ = 0;
  int depth_ = 0;
};

/// Most operators of one bound statement: CTEs are bound anew at each use, so their number could explode.
inline constexpr std::size_t kMaxPlanNodes = 100'000;
/// Enclosing queries and uses of CTEs inside each other.
inline constexpr int kMaxQueryDepth = 1'000;

}  // namespace tajo::sql
