#include "select_binder.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using functions::Expression;

BoundQuery SelectBinder::run() {
  bind_from_where();
  list_targets();
  grouped_ = stmt_->n_group_clause > 0 || stmt_->having_clause != nullptr;
  for (const Target& t : targets_) grouped_ = grouped_ || b_.contains_aggregate(t.node);
  for (const Node* node : TAJO_NODES(stmt_, sort_clause)) grouped_ = grouped_ || b_.contains_aggregate(node);
  bind_groups();
  bind_targets();
  if (stmt_->having_clause != nullptr) {
    Clause clause = clause_above("HAVING");
    clause.subqueries = &in_having_;
    clause.windows = nullptr;
    clause.series = nullptr;
    having_ = b_.bind_condition(stmt_->having_clause, clause);
  }
  bind_orders();
  if (grouped_) rewrite_over_groups();
  build();
  BoundQuery query;
  for (const Target& t : targets_) {
    query.outputs.push_back(t.id);
    query.names.push_back(t.name);
  }
  query.root = std::move(root_);
  return query;
}

void SelectBinder::bind_from_where() {
  BoundFrom from = b_.bind_from_list(TAJO_NODES(stmt_, from_clause), scope_);
  root_ = from.root ? std::move(from.root) : b_.one_row();
  scope_.visible = std::move(from.visible);
  scope_.relations = std::move(from.relations);
  for (const ScopeColumn& c : scope_.visible) inputs_.insert(c.id);
  for (const Relation& r : scope_.relations)
    for (const ScopeColumn& c : r.columns) inputs_.insert(c.id);
  if (stmt_->where_clause == nullptr) return;
  std::vector<Attachment> attachments;
  Clause clause;
  clause.scope = &scope_;
  clause.name = "WHERE";
  clause.subqueries = &attachments;
  ExpressionPtr condition = b_.bind_condition(stmt_->where_clause, clause);
  root_ = b_.attach(std::move(root_), attachments);
  root_ = b_.filter(std::move(root_), std::move(condition));
}

std::string SelectBinder::output_name(const Node* node) {
  switch (node->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF: {
      const std::string_view name = string_in(node->column_ref->fields[node->column_ref->n_fields - 1]);
      return std::string(name);
    }
    case PG_QUERY__NODE__NODE_FUNC_CALL:
      return std::string(string_in(node->func_call->funcname[node->func_call->n_funcname - 1]));
    case PG_QUERY__NODE__NODE_A_EXPR:
      return node->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF ? "nullif" : "?column?";
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
      return "coalesce";
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
      return node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least";
    case PG_QUERY__NODE__NODE_CASE_EXPR: {
      const std::string name = node->case_expr->defresult != nullptr ? output_name(node->case_expr->defresult) : "?column?";
      return name == "?column?" ? "case" : name;
    }
    case PG_QUERY__NODE__NODE_TYPE_CAST: {
      const std::string name = output_name(node->type_cast->arg);
      const PgQuery__TypeName* type = node->type_cast->type_name;
      return name == "?column?" ? std::string(string_in(type->names[type->n_names - 1])) : name;
    }
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
      return "array";
    case PG_QUERY__NODE__NODE_A_INDIRECTION: {
      const Node* last = TAJO_NODES(node->a_indirection, indirection).back();
      return string_in(last).empty() ? output_name(node->a_indirection->arg) : std::string(string_in(last));
    }
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
      return output_name(node->collate_clause->arg);
    case PG_QUERY__NODE__NODE_SUB_LINK: {
      if (node->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK) return "exists";
      if (node->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK) return "array";
      if (node->sub_link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK) return "?column?";
      const PgQuery__SelectStmt* select = node->sub_link->subselect->select_stmt;
      while (select->larg != nullptr) select = select->larg;
      if (select->n_target_list == 0) return "?column?";
      const PgQuery__ResTarget* target = select->target_list[0]->res_target;
      return target->name[0] != '\0' ? std::string(target->name) : output_name(target->val);
    }
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
      switch (node->sqlvalue_function->op) {
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
          return "current_date";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME:
          return "current_time";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
          return "current_timestamp";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME:
          return "localtime";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
          return "localtimestamp";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
          return "current_role";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
          return "user";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
          return "session_user";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
          return "current_catalog";
        case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
          return "current_schema";
        default:
          return "current_user";
      }
    default:
      return "?column?";
  }
}

void SelectBinder::list_targets() {
  for (const Node* node : TAJO_NODES(stmt_, target_list)) {
    const PgQuery__ResTarget* target = node->res_target;
    if (is(target->val, PG_QUERY__NODE__NODE_COLUMN_REF)) {
      const PgQuery__ColumnRef* ref = target->val->column_ref;
      if (is(ref->fields[ref->n_fields - 1], PG_QUERY__NODE__NODE_A_STAR)) {
        for (const ScopeColumn& c : b_.expand_star(ref, scope_)) {
          Target column;
          column.name = c.name;
          column.expression = b_.column(c.id, ref->location);
          column.location = ref->location;
          targets_.push_back(std::move(column));
        }
        continue;
      }
    }
    Target t;
    t.node = target->val;
    t.name = target->name[0] != '\0' ? std::string(target->name) : output_name(target->val);
    t.location = target->location;
    targets_.push_back(std::move(t));
  }
}

int SelectBinder::target_by_ordinal(const PgQuery__AConst* c, const char* clause) {
  if (c->val_case != PG_QUERY__A__CONST__VAL_IVAL || c->isnull)
    b_.fail(sqlstate::kSyntaxError, std::string("non-integer constant in ") + clause, c->location);
  const int n = c->ival->ival;
  if (n < 1 || static_cast<std::size_t>(n) > targets_.size())
    b_.fail("42P10", std::string(clause) + " position " + std::to_string(n) + " is not in select list", c->location);
  return n - 1;
}

int SelectBinder::target_by_name(const Node* node, bool ambiguous_is_error) {
  if (!is(node, PG_QUERY__NODE__NODE_COLUMN_REF) || node->column_ref->n_fields != 1) return -1;
  const std::string_view name = string_in(node->column_ref->fields[0]);
  int found = -1;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (targets_[i].name != name) continue;
    if (found >= 0) {
      const ExpressionPtr& a = targets_[static_cast<std::size_t>(found)].expression;
      const ExpressionPtr& b = targets_[i].expression;
      if (a && b && functions::equal(*a, *b)) continue;
      if (ambiguous_is_error) b_.fail("42702", "ORDER BY \"" + std::string(name) + "\" is ambiguous", node->column_ref->location);
      return found;
    }
    found = static_cast<int>(i);
  }
  return found;
}

void SelectBinder::add_group_key(ExpressionPtr e) {
  if (e->type.id == TypeId::kUnknown) e = b_.coerce(std::move(e), Type::of(TypeId::kText));
  for (const ExpressionPtr& key : keys_)
    if (functions::equal(*key, *e)) return;
  const bool plain = e->kind == Expression::Kind::kColumn;
  const plan::ColumnInfo from = plain ? b_.columns_[e->column] : plan::ColumnInfo{"?column?", "", e->type};
  const ColumnId id = b_.add_id(from.name, from.relation, e->type, b_.not_null(*e));
  if (plain) key_columns_[e->column] = id;
  key_ids_.push_back(id);
  keys_.push_back(std::move(e));
}

void SelectBinder::add_group(const Node* item) {
  if (is(item, PG_QUERY__NODE__NODE_GROUPING_SET)) {
    if (item->grouping_set->kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY && stmt_->n_group_clause == 1) return;
    b_.unsupported("GROUPING SETS, ROLLUP or CUBE", item->grouping_set->location);
  }
  if (is(item, PG_QUERY__NODE__NODE_ROW_EXPR)) {
    for (const Node* part : TAJO_NODES(item->row_expr, args)) add_group(part);
    return;
  }
  Clause clause;
  clause.scope = &scope_;
  clause.name = "GROUP BY";
  clause.subqueries = &below_;
  int target = -1;
  if (is(item, PG_QUERY__NODE__NODE_A_CONST)) {
    target = target_by_ordinal(item->a_const, "GROUP BY");
  } else if (is(item, PG_QUERY__NODE__NODE_COLUMN_REF) && item->column_ref->n_fields == 1) {
    // A column of FROM comes before an alias of the select list.
    const std::string name(string_in(item->column_ref->fields[0]));
    if (!b_.find_here(scope_, name, item->column_ref->location)) target = target_by_name(item, false);
  }
  if (target < 0) return add_group_key(b_.bind(item, clause));
  Target& t = targets_[static_cast<std::size_t>(target)];
  ExpressionPtr e = t.expression ? t.expression : b_.bind(t.node, clause);
  if (e->type.id == TypeId::kUnknown) e = b_.coerce(std::move(e), Type::of(TypeId::kText));
  target_keys_[target] = e;
  add_group_key(std::move(e));
}

void SelectBinder::bind_groups() {
  for (const Node* item : TAJO_NODES(stmt_, group_clause)) add_group(item);
}

Clause SelectBinder::clause_above(const char* name) {
  Clause clause;
  clause.scope = &scope_;
  clause.name = name;
  clause.subqueries = &above_;
  clause.aggregates = &aggregates_;
  clause.windows = &windows_;
  clause.series = &series_;
  clause.groups = grouped_ ? &key_columns_ : nullptr;
  return clause;
}

void SelectBinder::bind_targets() {
  aggregates_.below = &below_;
  windows_.named = TAJO_NODES(stmt_, window_clause);
  const Clause clause = clause_above("SELECT");
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    Target& t = targets_[i];
    const auto key = target_keys_.find(static_cast<int>(i));
    if (key != target_keys_.end()) t.expression = key->second;
    if (!t.expression) t.expression = b_.bind(t.node, clause);
  }
}

SelectBinder::Order SelectBinder::bind_order(const PgQuery__SortBy* by, const Node* node) {
  Order order;
  if (by != nullptr) {
    if (by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING) b_.unsupported("ORDER BY … USING", by->location);
    Binder::set_direction(order.key, by);
  }
  if (is(node, PG_QUERY__NODE__NODE_A_CONST))
    order.target = target_by_ordinal(node->a_const, by != nullptr ? "ORDER BY" : "DISTINCT ON");
  else
    order.target = target_by_name(node, true);
  if (order.target >= 0) {
    order.key.expression = targets_[static_cast<std::size_t>(order.target)].expression;
    return order;
  }
  order.key.expression = b_.bind(node, clause_above("ORDER BY"));
  if (order.key.expression->type.id == TypeId::kUnknown) order.key.expression = b_.coerce(order.key.expression, Type::of(TypeId::kText));
  for (std::size_t i = 0; i < targets_.size() && order.target < 0; ++i)
    if (functions::equal(*targets_[i].expression, *order.key.expression) && !functions::is_volatile(*order.key.expression))
      order.target = static_cast<int>(i);
  return order;
}

void SelectBinder::bind_orders() {
  for (const Node* node : TAJO_NODES(stmt_, distinct_clause)) {
    distinct_ = true;
    if (node != nullptr && node->node_case != PG_QUERY__NODE__NODE__NOT_SET) on_.push_back(bind_order(nullptr, node).key.expression);
  }
  // Literals among the outputs get their type before anything sorts or compares them.
  if (distinct_ || stmt_->n_sort_clause > 0)
    for (Target& t : targets_)
      if (t.expression->type.id == TypeId::kUnknown) t.expression = b_.coerce(t.expression, Type::of(TypeId::kText));
  for (const Node* node : TAJO_NODES(stmt_, sort_clause)) orders_.push_back(bind_order(node->sort_by, node->sort_by->node));
  if (distinct_ && on_.empty())
    for (std::size_t i = 0; i < orders_.size(); ++i)
      if (orders_[i].target < 0)
        b_.fail("42P10", "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                location_of(stmt_->sort_clause[i]->sort_by->node));
  for (std::size_t i = 0; i < orders_.size() && i < on_.size(); ++i) {
    bool matches = false;
    for (const ExpressionPtr& e : on_) matches = matches || functions::equal(*e, *orders_[i].key.expression);
    if (!matches)
      b_.fail("42P10", "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
              location_of(stmt_->sort_clause[i]->sort_by->node));
  }
}

ExpressionPtr SelectBinder::over_groups(const ExpressionPtr& e) {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (!functions::equal(*keys_[i], *e)) continue;
    auto key = std::make_shared<Expression>(*b_.column(key_ids_[i]));
    key->position = e->position;
    return key;
  }
  if (e->kind == Expression::Kind::kColumn && inputs_.contains(e->column)) {
    const plan::ColumnInfo& info = b_.columns_[e->column];
    const std::string name = info.relation.empty() ? info.name : info.relation + "." + info.name;
    throw Error("42803", "column \"" + name + "\" must appear in the GROUP BY clause or be used in an aggregate function").at(e->position);
  }
  std::shared_ptr<Expression> copy;
  for (std::size_t i = 0; i < e->args.size(); ++i) {
    ExpressionPtr arg = over_groups(e->args[i]);
    if (arg == e->args[i]) continue;
    if (!copy) copy = std::make_shared<Expression>(*e);
    copy->args[i] = std::move(arg);
  }
  return copy ? copy : e;
}

void SelectBinder::rewrite(std::vector<Attachment>& attachments) {
  for (Attachment& a : attachments)
    if (a.predicate) a.predicate = over_groups(a.predicate);
}

void SelectBinder::rewrite_over_groups() {
  for (Target& t : targets_) t.expression = over_groups(t.expression);
  for (Order& o : orders_) o.key.expression = over_groups(o.key.expression);
  for (ExpressionPtr& e : on_) e = over_groups(e);
  if (having_) having_ = over_groups(having_);
  for (ExpressionPtr& e : series_.counts) e = over_groups(e);
  for (ExpressionPtr& e : series_.values) e = over_groups(e);
  rewrite(in_having_);
  rewrite(above_);
  for (plan::WindowExpression& w : windows_.windows) {
    for (ExpressionPtr& e : w.args) e = over_groups(e);
    for (ExpressionPtr& e : w.partition_by) e = over_groups(e);
    for (plan::SortKey& key : w.order_by) key.expression = over_groups(key.expression);
  }
}

void SelectBinder::build() {
  root_ = b_.attach(std::move(root_), below_);
  if (grouped_) {
    NodePtr group = b_.make_node(LogicalNode::Kind::kAggregate, std::move(root_));
    group->ids = key_ids_;
    group->ids.insert(group->ids.end(), aggregates_.ids.begin(), aggregates_.ids.end());
    group->expressions = keys_;
    group->aggregates = std::move(aggregates_.aggregates);
    root_ = std::move(group);
  }
  root_ = b_.attach(std::move(root_), in_having_);
  root_ = b_.filter(std::move(root_), std::move(having_));
  add_windows();
  add_series();
  project();
  if (!on_.empty())
    distinct_on();
  else if (distinct_)
    distinct();
  if (!orders_.empty()) {
    NodePtr sort = b_.make_node(LogicalNode::Kind::kSort, std::move(root_));
    for (Order& o : orders_) {
      if (o.target >= 0) o.key.expression = b_.column(targets_[static_cast<std::size_t>(o.target)].id);
      sort->sort_keys.push_back(std::move(o.key));
    }
    root_ = std::move(sort);
  }
  b_.limit(root_, stmt_, scope_);
}

/// Subqueries of the select list come below the windows whose arguments may use them, except those that compare with
/// a window's result.
void SelectBinder::add_windows() {
  std::vector<Attachment> before;
  std::vector<Attachment> after;
  const std::set<ColumnId> made(windows_.ids.begin(), windows_.ids.end());
  for (Attachment& a : above_) {
    std::vector<ColumnId> used;
    if (a.predicate) functions::collect_columns(*a.predicate, used);
    bool uses_window = false;
    for (const ColumnId id : used) uses_window = uses_window || made.contains(id);
    (uses_window ? after : before).push_back(std::move(a));
  }
  root_ = b_.attach(std::move(root_), before);
  if (!windows_.windows.empty()) {
    NodePtr window = b_.make_node(LogicalNode::Kind::kWindow, std::move(root_));
    window->ids = windows_.ids;
    window->windows = std::move(windows_.windows);
    root_ = std::move(window);
  }
  root_ = b_.attach(std::move(root_), after);
}

void SelectBinder::add_series() {
  if (series_.ids.empty()) return;
  ExpressionPtr most = series_.counts.size() == 1 ? series_.counts[0] : b_.call("greatest", series_.counts, -1);
  NodePtr rows = b_.counted_rows(std::move(most), series_.row, -1);
  const bool dependent = b_.is_dependent(*root_, *rows);
  root_ = b_.make_node(LogicalNode::Kind::kJoin, std::move(root_), std::move(rows));
  root_->join_type = plan::JoinType::kInner;
  root_->dependent = dependent;
  NodePtr node = b_.make_node(LogicalNode::Kind::kProject, std::move(root_));
  node->ids = series_.ids;
  node->expressions = std::move(series_.values);
  root_ = std::move(node);
}

void SelectBinder::project() {
  NodePtr node;
  for (Target& t : targets_) {
    const bool plain = t.expression->kind == Expression::Kind::kColumn;
    if (plain) {
      t.id = t.expression->column;
      continue;
    }
    if (!node) node = b_.make_node(LogicalNode::Kind::kProject);
    t.id = b_.add_id(t.name, "", t.expression->type, b_.not_null(*t.expression));
    node->ids.push_back(t.id);
    node->expressions.push_back(t.expression);
  }
  if (!node) return;
  node->children.push_back(std::move(root_));
  root_ = std::move(node);
}

void SelectBinder::distinct() {
  NodePtr group = b_.make_node(LogicalNode::Kind::kAggregate, std::move(root_));
  for (Target& t : targets_) {
    group->expressions.push_back(b_.column(t.id));
    t.id = b_.add_id(t.name, b_.columns_[t.id].relation, b_.columns_[t.id].type, b_.not_null_[t.id]);
    group->ids.push_back(t.id);
  }
  root_ = std::move(group);
}

/// The first row of each group in the query's order: row_number() = 1.
void SelectBinder::distinct_on() {
  plan::WindowExpression number;
  number.name = "row_number";
  number.type = Type::of(TypeId::kInt8);
  number.partition_by = on_;
  for (const Order& o : orders_) {
    plan::SortKey key = o.key;
    if (o.target >= 0) key.expression = b_.column(targets_[static_cast<std::size_t>(o.target)].id);
    number.order_by.push_back(std::move(key));
  }
  NodePtr window = b_.make_node(LogicalNode::Kind::kWindow, std::move(root_));
  const ColumnId id = b_.add_id("row_number", "", number.type, true);
  window->ids = {id};
  window->windows.push_back(std::move(number));
  root_ = b_.filter(std::move(window),
                    functions::make_call("=", {b_.column(id), functions::make_constant(std::int64_t{1}, Type::of(TypeId::kInt8))}));
}

}  // namespace tajo::sql
