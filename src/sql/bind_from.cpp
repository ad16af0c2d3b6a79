// FROM: tables, subqueries, functions, joins.
#include <algorithm>

#include "binder.hpp"

namespace tajo::sql {

using plan::JoinType;

BoundFrom Binder::bind_from_list(NodeSpan items, const Scope& scope) {
  BoundFrom all;
  for (const Node* item : items) {
    BoundFrom next = bind_from_item(item, scope, &all);
    if (!all.root) {
      all = std::move(next);
      continue;
    }
    for (const Relation& r : next.relations) check_alias_once(all.relations, r, location_of(item));
    const bool dependent = is_dependent(*all.root, *next.root);
    all.root = make_node(LogicalNode::Kind::kJoin, std::move(all.root), std::move(next.root));
    all.root->join_type = JoinType::kInner;
    all.root->dependent = dependent;
    all.visible.insert(all.visible.end(), next.visible.begin(), next.visible.end());
    std::move(next.relations.begin(), next.relations.end(), std::back_inserter(all.relations));
  }
  return all;
}

void Binder::check_alias_once(const std::vector<Relation>& relations, const Relation& added, int location) {
  for (const Relation& r : relations)
    if (r.alias == added.alias && (r.database == added.database || r.database.empty() || added.database.empty()))
      fail("42712", "table name \"" + added.alias + "\" specified more than once", location);
}

BoundFrom Binder::bind_from_item(const Node* item, const Scope& scope, const BoundFrom* left) {
  switch (item->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
      return bind_range_var(item->range_var, scope);
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
      return bind_range_subselect(item->range_subselect, scope, left);
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
      return bind_range_function(item->range_function, scope, left);
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
      return bind_join(item->join_expr, scope, left);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
      unsupported("TABLESAMPLE", item->range_table_sample->location);
    default:
      unsupported("this kind of FROM item", location_of(item));
  }
}

BoundFrom Binder::as_relation(NodePtr root, Relation relation, const PgQuery__Alias* alias) {
  if (alias != nullptr) {
    relation.alias = alias->aliasname;
    relation.database.clear();
    const NodeSpan names = TAJO_NODES(alias, colnames);
    if (names.size() > relation.columns.size())
      fail("42P10",
           "table \"" + relation.alias + "\" has " + std::to_string(relation.columns.size()) + " columns available but " +
               std::to_string(names.size()) + " columns specified",
           -1);
    for (std::size_t i = 0; i < names.size(); ++i) relation.columns[i].name = string_in(names[i]);
  }
  BoundFrom from;
  from.root = std::move(root);
  from.visible = relation.columns;
  from.relations.push_back(std::move(relation));
  return from;
}

BoundFrom Binder::bind_range_var(const PgQuery__RangeVar* range, const Scope& scope) {
  if (range->schemaname[0] == '\0')
    for (const Scope* s = &scope; s != nullptr; s = s->outer)
      for (std::size_t i = s->ctes.size(); i-- > 0;)
        if (s->ctes[i].name == range->relname) {
          if (s->ctes[i].definition == nullptr) unsupported("WITH RECURSIVE", range->location);
          BoundQuery query = bind_cte(s->ctes[i]);
          Relation relation{"", range->relname, {}};
          for (std::size_t k = 0; k < query.outputs.size(); ++k) relation.columns.push_back({query.names[k], query.outputs[k]});
          return as_relation(std::move(query.root), std::move(relation), range->alias);
        }
  const auto [database, name] = table_name(range);
  if (const catalog::TablePtr table = context_.catalog->find(database, name)) return scan(table, range);
  if (context_.system_tables != nullptr) {
    if (is_system_schema(database)) {
      if (const auto columns = context_.system_tables->schema(database, name)) return system_scan(database, name, *columns, range);
    } else if (range->schemaname[0] == '\0') {
      if (const auto columns = context_.system_tables->schema("pg_catalog", name)) return system_scan("pg_catalog", name, *columns, range);
    }
  }
  const std::string shown = range->schemaname[0] != '\0' ? std::string(range->schemaname) + "." + name : name;
  fail(sqlstate::kUndefinedTable, "relation \"" + shown + "\" does not exist", range->location);
}

BoundFrom Binder::scan(const catalog::TablePtr& table, const PgQuery__RangeVar* range) {
  NodePtr node = make_node(LogicalNode::Kind::kScan);
  const std::string alias = range->alias != nullptr ? range->alias->aliasname : range->relname;
  Relation relation{table->database, range->relname, {}};
  const auto& columns = table->source.schema.columns;
  for (std::uint32_t i = 0; i < columns.size(); ++i) {
    const ColumnId id = add_id(columns[i].name, alias, columns[i].type, columns[i].not_null);
    node->ids.push_back(id);
    node->scan_columns.push_back(i);
    relation.columns.push_back({columns[i].name, id});
  }
  node->table = table;
  node->alias = alias;
  return as_relation(std::move(node), std::move(relation), range->alias);
}

BoundFrom Binder::system_scan(const std::string& schema, const std::string& name, const data::Schema& columns,
                              const PgQuery__RangeVar* range) {
  NodePtr node = make_node(LogicalNode::Kind::kValues);
  Relation relation{schema, name, {}};
  for (const data::Column& c : columns.columns) {
    const ColumnId id = add_id(c.name, name, c.type);
    node->ids.push_back(id);
    relation.columns.push_back({c.name, id});
  }
  // Most columns of a catalog hold one value again and again: such rows share the constant.
  std::vector<ExpressionPtr> last(columns.columns.size());
  for (std::vector<data::Value>& row : context_.system_tables->rows(schema, name)) {
    TAJO_ASSERT(row.size() == columns.columns.size());
    std::vector<ExpressionPtr> values;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (!last[i] || last[i]->constant != row[i]) last[i] = functions::make_constant(std::move(row[i]), columns.columns[i].type);
      values.push_back(last[i]);
    }
    node->rows.push_back(std::move(values));
  }
  return as_relation(std::move(node), std::move(relation), range->alias);
}

namespace {

/// What a LATERAL item sees of its own FROM list, in front of the enclosing queries.
Scope lateral_scope(const Scope& scope, const BoundFrom* left) {
  Scope inner;
  inner.outer = &scope;
  if (left != nullptr) {
    inner.visible = left->visible;
    inner.relations = left->relations;
  }
  return inner;
}

}  // namespace

BoundFrom Binder::bind_range_subselect(const PgQuery__RangeSubselect* range, const Scope& scope, const BoundFrom* left) {
  const Scope inner = lateral_scope(scope, range->lateral ? left : nullptr);
  BoundQuery query = bind_query(range->subquery->select_stmt, &inner, nullptr);
  settle_unknown(query);
  Relation relation;
  for (std::size_t i = 0; i < query.outputs.size(); ++i) relation.columns.push_back({query.names[i], query.outputs[i]});
  return as_relation(std::move(query.root), std::move(relation), range->alias);
}

BoundFrom Binder::bind_range_function(const PgQuery__RangeFunction* range, const Scope& scope, const BoundFrom* left) {
  const NodeSpan functions = TAJO_NODES(range, functions);
  const Node* only = functions.size() == 1 ? functions[0]->list->items[0] : nullptr;
  const int location = location_of(functions[0]->list->items[0]);
  if (range->ordinality) unsupported("WITH ORDINALITY", location);
  if (only == nullptr || range->n_coldeflist > 0) unsupported("ROWS FROM", location);
  if (!is(only, PG_QUERY__NODE__NODE_FUNC_CALL)) unsupported("this kind of function in FROM", location);
  const PgQuery__FuncCall* f = only->func_call;
  const std::string name(string_in(f->funcname[f->n_funcname - 1]));
  if (name == "query_result") unsupported("query_result in anything but SELECT * FROM query_result('q_…')", location);
  if (f->n_args == 0 && context_.system_tables != nullptr)  // functions that are tables: pg_get_keywords()
    if (const auto columns = context_.system_tables->schema("pg_catalog", name)) {
      PgQuery__RangeVar plain = PG_QUERY__RANGE_VAR__INIT;
      plain.alias = range->alias;
      return system_scan("pg_catalog", name, *columns, &plain);
    }
  if (name != "generate_series" && name != "unnest") unsupported("function " + name + " in FROM", location);
  const Scope inner = lateral_scope(scope, left);
  Clause clause;
  clause.scope = &inner;
  clause.name = "functions in FROM";
  std::vector<ExpressionPtr> args = bind_all(TAJO_NODES(f, args), clause);
  if (name == "unnest") {
    if (args.size() != 1) unsupported("unnest of several arrays", f->location);
    return bind_unnest(range, args[0], f->location);
  }
  data::Type type = data::Type::of(data::TypeId::kInt4);
  bool integers = args.size() == 2 || args.size() == 3;
  for (ExpressionPtr& arg : args) {
    if (arg->type.id == data::TypeId::kUnknown) arg = coerce(arg, data::Type::of(data::TypeId::kInt4), f->location);
    integers = integers && arg->type.is_integer();
    if (arg->type.id == data::TypeId::kInt8) type = arg->type;
  }
  if (!integers) {
    std::string types;
    for (const ExpressionPtr& arg : args) types += (types.empty() ? "" : ", ") + data::postgres_type_name(arg->type);
    fail(sqlstate::kFeatureNotSupported, "generate_series(" + types + ") is not supported: its arguments must be integers", f->location);
  }
  for (ExpressionPtr& arg : args) arg = coerce(arg, type);
  for (const ExpressionPtr& arg : args)
    if (!functions::is_constant(*arg)) return bind_lateral_series(range, std::move(args), type, f->location);
  NodePtr node = make_node(LogicalNode::Kind::kSeries);
  node->expressions = std::move(args);
  const std::string alias = range->alias != nullptr ? range->alias->aliasname : name;
  node->ids = {add_id(alias, alias, type, true)};
  Relation relation{"", alias, {{alias, node->ids[0]}}};  // a function of one column names it like itself
  return as_relation(std::move(node), std::move(relation), range->alias);
}

namespace {

JoinType join_type_of(PgQuery__JoinType type) {
  switch (type) {
    case PG_QUERY__JOIN_TYPE__JOIN_LEFT:
      return JoinType::kLeft;
    case PG_QUERY__JOIN_TYPE__JOIN_RIGHT:
      return JoinType::kRight;
    case PG_QUERY__JOIN_TYPE__JOIN_FULL:
      return JoinType::kFull;
    default:
      return JoinType::kInner;
  }
}

std::vector<std::string> common_names(const BoundFrom& left, const BoundFrom& right) {
  std::vector<std::string> names;
  for (const ScopeColumn& l : left.visible)
    if (std::any_of(right.visible.begin(), right.visible.end(), [&](const ScopeColumn& r) { return r.name == l.name; }) &&
        std::find(names.begin(), names.end(), l.name) == names.end())
      names.push_back(l.name);
  return names;
}

}  // namespace

BoundFrom Binder::bind_join(const PgQuery__JoinExpr* join, const Scope& scope, const BoundFrom* siblings) {
  const JoinType type = join_type_of(join->jointype);
  BoundFrom left = bind_from_item(join->larg, scope, siblings);
  // LATERAL on the right sees the left side of this join and what stands before it; an outer join that keeps
  // unmatched right rows has no left row to show them.
  BoundFrom seen;
  if (siblings != nullptr) {
    seen.visible = siblings->visible;
    seen.relations = siblings->relations;
  }
  if (type == JoinType::kInner || type == JoinType::kLeft) {
    seen.visible.insert(seen.visible.end(), left.visible.begin(), left.visible.end());
    seen.relations.insert(seen.relations.end(), left.relations.begin(), left.relations.end());
  }
  BoundFrom right = bind_from_item(join->rarg, scope, &seen);
  for (const Relation& r : right.relations) check_alias_once(left.relations, r, location_of(join->rarg));

  std::vector<std::string> names;
  if (join->is_natural) names = common_names(left, right);
  for (const Node* name : TAJO_NODES(join, using_clause)) names.emplace_back(string_in(name));
  BoundFrom out;
  std::vector<ExpressionPtr> conditions;
  std::vector<Attachment> above;
  merge_columns(out, left, right, names, conditions, type);
  if (join->quals != nullptr) {
    BoundFrom both;
    both.visible = left.visible;
    both.visible.insert(both.visible.end(), right.visible.begin(), right.visible.end());
    both.relations = left.relations;
    both.relations.insert(both.relations.end(), right.relations.begin(), right.relations.end());
    join_condition(join->quals, both, scope, left.root, right.root, type, conditions, above);
  }
  if (type == JoinType::kLeft || type == JoinType::kFull) mark_nullable(*right.root);
  if (type == JoinType::kRight || type == JoinType::kFull) mark_nullable(*left.root);
  const bool dependent = is_dependent(*left.root, *right.root);
  NodePtr merged = std::move(out.root);  // the projection of FULL JOIN USING, waiting for its child
  out.root = make_node(LogicalNode::Kind::kJoin, std::move(left.root), std::move(right.root));
  out.root->join_type = type;
  out.root->dependent = dependent;
  if (above.empty()) {
    if (!conditions.empty()) out.root->predicate = functions::make_and(std::move(conditions));
  } else {
    out.root = attach(std::move(out.root), above);
    if (!conditions.empty()) out.root = filter(std::move(out.root), functions::make_and(std::move(conditions)));
  }
  if (merged) {
    merged->children.push_back(std::move(out.root));
    out.root = std::move(merged);
  }
  if (join->alias == nullptr) {
    out.relations = std::move(left.relations);
    std::move(right.relations.begin(), right.relations.end(), std::back_inserter(out.relations));
    if (join->join_using_alias != nullptr) unsupported("an alias of USING columns", -1);
    return out;
  }
  Relation whole{"", join->alias->aliasname, out.visible};
  return as_relation(std::move(out.root), std::move(whole), join->alias);
}

/// Columns of USING and NATURAL come first and once.
void Binder::merge_columns(BoundFrom& out, const BoundFrom& left, const BoundFrom& right, const std::vector<std::string>& names,
                           std::vector<ExpressionPtr>& conditions, JoinType type) {
  const auto one = [&](const BoundFrom& side, const std::string& name, const char* which) {
    std::optional<ColumnId> id;
    for (const ScopeColumn& c : side.visible) {
      if (c.name != name) continue;
      if (id) fail("42702", "common column name \"" + name + "\" appears more than once in " + which + " table", -1);
      id = c.id;
    }
    if (!id)
      fail(sqlstate::kUndefinedColumn, "column \"" + name + "\" specified in USING clause does not exist in " + which + " table", -1);
    return *id;
  };
  std::set<std::string> merged(names.begin(), names.end());
  for (const std::string& name : names) {
    const ColumnId l = one(left, name, "left");
    const ColumnId r = one(right, name, "right");
    conditions.push_back(compare("=", column(l), column(r), -1));
    ColumnId id = type == JoinType::kRight ? r : l;
    if (type == JoinType::kFull) {
      if (!out.root) out.root = make_node(LogicalNode::Kind::kProject);
      ExpressionPtr value = functions::make_coalesce({column(l), column(r)});
      id = add_id(name, "", value->type);
      out.root->ids.push_back(id);
      out.root->expressions.push_back(std::move(value));
    }
    out.visible.push_back({name, id});
  }
  for (const BoundFrom* side : {&left, &right})
    for (const ScopeColumn& c : side->visible)
      if (!merged.contains(c.name)) out.visible.push_back(c);
}

/// Subqueries of an inner join's condition are joined above it; those of an outer join go to the one side they use.
void Binder::join_condition(const Node* quals, const BoundFrom& both, const Scope& scope, NodePtr& left, NodePtr& right, JoinType type,
                            std::vector<ExpressionPtr>& conditions, std::vector<Attachment>& above) {
  Scope inner;
  inner.outer = &scope;
  inner.visible = both.visible;
  inner.relations = both.relations;
  std::vector<Attachment> attachments;
  Clause clause;
  clause.scope = &inner;
  clause.name = "JOIN conditions";
  clause.subqueries = &attachments;
  ExpressionPtr condition;
  if (type == JoinType::kInner) {
    condition = bind_condition(quals, clause);
    above = std::move(attachments);
  } else {
    condition = boolean(bind(quals, clause), "JOIN/ON", location_of(quals));
    for (Attachment& a : attachments) {
      LogicalNode probe;
      probe.predicate = a.predicate;
      const bool uses_left = is_dependent(*left, *a.right) || is_dependent(*left, probe);
      const bool uses_right = is_dependent(*right, *a.right) || is_dependent(*right, probe);
      if (uses_left && uses_right) unsupported("a subquery that uses both sides of an outer join in its condition", location_of(quals));
      std::vector<Attachment> one;
      one.push_back(std::move(a));
      NodePtr& side = uses_left ? left : right;
      side = attach(std::move(side), one);
    }
  }
  if (condition) conditions.push_back(std::move(condition));
}

}  // namespace tajo::sql
