// Query expressions: WITH, VALUES, set operations, ORDER BY and LIMIT above them.
#include "binder.hpp"
#include "select_binder.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using functions::Expression;

BoundQuery Binder::bind_query(const PgQuery__SelectStmt* stmt, const Scope* outer, const std::map<ColumnId, ColumnId>* outer_groups) {
  if (depth_ >= kMaxQueryDepth) throw Error(sqlstate::kStatementTooComplex, "queries are nested too deeply");
  struct Depth {
    int& depth;
    explicit Depth(int& d) : depth(d) { ++depth; }
    ~Depth() { --depth; }
  } guard(depth_);
  Scope with;
  with.outer = outer;
  with.outer_groups = outer_groups;
  if (stmt->with_clause == nullptr) return bind_body(stmt, with);
  add_ctes(with, stmt->with_clause);
  Scope body;
  body.outer = &with;
  BoundQuery query = bind_body(stmt, body);
  check_unused_ctes(with);
  return query;
}

BoundQuery Binder::bind_body(const PgQuery__SelectStmt* stmt, Scope& scope) {
  if (stmt->into_clause != nullptr) unsupported("SELECT INTO", location_of(nullptr));
  if (stmt->n_locking_clause > 0) unsupported("FOR UPDATE/SHARE", -1);
  const bool set_operation = stmt->op != PG_QUERY__SET_OPERATION__SETOP_NONE;
  if (!set_operation && stmt->n_values_lists == 0) return SelectBinder(*this, stmt, scope).run();
  BoundQuery query = set_operation ? bind_set_operation(stmt, scope) : bind_values(stmt, scope);
  if (stmt->n_sort_clause > 0) sort_outputs(query, TAJO_NODES(stmt, sort_clause), scope);
  limit(query.root, stmt, scope);
  return query;
}

void Binder::add_ctes(Scope& scope, const PgQuery__WithClause* with) {
  for (const Node* node : TAJO_NODES(with, ctes)) {
    const PgQuery__CommonTableExpr* definition = node->common_table_expr;
    if (!is(definition->ctequery, PG_QUERY__NODE__NODE_SELECT_STMT))
      unsupported("a data-modifying statement in WITH", definition->location);
    if (definition->search_clause != nullptr || definition->cycle_clause != nullptr) unsupported("SEARCH and CYCLE", definition->location);
    for (const Cte& other : scope.ctes)
      if (other.name == definition->ctename)
        fail("42712", "WITH query name \"" + other.name + "\" specified more than once", definition->location);
    Cte cte;
    cte.name = definition->ctename;
    cte.definition = definition;
    cte.home = &scope;
    cte.visible = scope.ctes.size();
    cte.recursive = with->recursive;
    scope.ctes.push_back(std::move(cte));
  }
}

BoundQuery Binder::bind_cte(const Cte& cte) {
  used_ctes_.insert(cte.definition);
  Scope home;
  home.outer = cte.home->outer;
  home.outer_groups = cte.home->outer_groups;
  home.ctes.assign(cte.home->ctes.begin(), cte.home->ctes.begin() + static_cast<std::ptrdiff_t>(cte.visible));
  if (cte.recursive) {
    home.ctes.push_back(cte);
    home.ctes.back().definition = nullptr;  // a use of itself is refused
  }
  BoundQuery query = bind_query(cte.definition->ctequery->select_stmt, &home, nullptr);
  settle_unknown(query);
  const NodeSpan names = TAJO_NODES(cte.definition, aliascolnames);
  if (names.size() > query.names.size())
    fail("42P10",
         "WITH query \"" + cte.name + "\" has " + std::to_string(query.names.size()) + " columns available but " +
             std::to_string(names.size()) + " columns specified",
         cte.definition->location);
  for (std::size_t i = 0; i < names.size(); ++i) query.names[i] = string_in(names[i]);
  return query;
}

void Binder::check_unused_ctes(const Scope& scope) {
  for (const Cte& cte : scope.ctes)
    if (!used_ctes_.contains(cte.definition)) bind_cte(cte);  // for its errors alone
}

BoundQuery Binder::bind_values(const PgQuery__SelectStmt* stmt, const Scope& scope) {
  const NodeSpan lists = TAJO_NODES(stmt, values_lists);
  const std::size_t width = lists[0]->list->n_items;
  Clause clause;
  clause.scope = &scope;
  clause.name = "VALUES";
  std::vector<std::vector<ExpressionPtr>> columns(width);
  for (const Node* node : lists) {
    const NodeSpan items = TAJO_NODES(node->list, items);
    if (items.size() != width)
      fail(sqlstate::kSyntaxError, "VALUES lists must all be the same length", items.empty() ? -1 : location_of(items[0]));
    for (std::size_t i = 0; i < width; ++i) columns[i].push_back(bind(items[i], clause));
  }
  BoundQuery query;
  query.root = make_node(LogicalNode::Kind::kValues);
  query.root->rows.resize(lists.size());
  for (std::size_t i = 0; i < width; ++i) {
    unify_unknown(columns[i], 1, 0);
    Type type = columns[i][0]->type;
    for (const ExpressionPtr& e : columns[i]) {
      try {
        if (!(e->type == type)) type = functions::common_type(type, e->type);
      } catch (Error&) {
        throw Error("42804",
                    "VALUES types " + data::postgres_type_name(type) + " and " + data::postgres_type_name(e->type) + " cannot be matched")
            .at(e->position);
      }
    }
    for (std::size_t r = 0; r < columns[i].size(); ++r) query.root->rows[r].push_back(coerce(std::move(columns[i][r]), type));
    query.names.push_back("column" + std::to_string(i + 1));
    query.outputs.push_back(add_id(query.names.back(), "*VALUES*", type));
  }
  query.root->ids = query.outputs;
  return query;
}

namespace {

LogicalNode::SetOperation operation_of(const PgQuery__SelectStmt* stmt) {
  switch (stmt->op) {
    case PG_QUERY__SET_OPERATION__SETOP_UNION:
      return LogicalNode::SetOperation::kUnion;
    case PG_QUERY__SET_OPERATION__SETOP_INTERSECT:
      return LogicalNode::SetOperation::kIntersect;
    default:
      return LogicalNode::SetOperation::kExcept;
  }
}

const char* name_of(LogicalNode::SetOperation operation) {
  return operation == LogicalNode::SetOperation::kUnion       ? "UNION"
         : operation == LogicalNode::SetOperation::kIntersect ? "INTERSECT"
                                                              : "EXCEPT";
}

/// Whether a side of a set operation is one itself, with nothing of its own around it.
bool is_bare_set_operation(const PgQuery__SelectStmt* stmt) {
  return stmt->op != PG_QUERY__SET_OPERATION__SETOP_NONE && stmt->with_clause == nullptr && stmt->n_sort_clause == 0 &&
         stmt->limit_count == nullptr && stmt->limit_offset == nullptr && stmt->n_locking_clause == 0;
}

}  // namespace

/// A chain `a UNION b UNION c …` leans to the left: it is walked, not descended, and becomes one node.
BoundQuery Binder::bind_set_operation(const PgQuery__SelectStmt* stmt, const Scope& scope) {
  std::vector<const PgQuery__SelectStmt*> chain{stmt};
  while (is_bare_set_operation(chain.back()->larg)) chain.push_back(chain.back()->larg);
  BoundQuery query = bind_query(chain.back()->larg, &scope, nullptr);
  for (std::size_t i = chain.size(); i-- > 0;) {
    const bool chained = i + 1 < chain.size();
    query = combine(chain[i], std::move(query), bind_query(chain[i]->rarg, &scope, nullptr), chained);
  }
  return query;
}

BoundQuery Binder::combine(const PgQuery__SelectStmt* stmt, BoundQuery left, BoundQuery right, bool chained) {
  const LogicalNode::SetOperation operation = operation_of(stmt);
  if (left.outputs.size() != right.outputs.size())
    fail(sqlstate::kSyntaxError, std::string("each ") + name_of(operation) + " query must have the same number of columns", -1);
  std::vector<Type> types;
  bool same_types = true;
  for (std::size_t i = 0; i < left.outputs.size(); ++i) {
    const Type& a = columns_[left.outputs[i]].type;
    const Type& b = columns_[right.outputs[i]].type;
    try {
      types.push_back(functions::common_type(a, b));
    } catch (Error&) {
      fail("42804",
           std::string(name_of(operation)) + " types " + data::postgres_type_name(a) + " and " + data::postgres_type_name(b) +
               " cannot be matched",
           -1);
    }
    same_types = same_types && types.back() == a;
  }
  cast_outputs(right, types);
  if (chained && same_types && operation == LogicalNode::SetOperation::kUnion && left.root->set_operation == operation &&
      left.root->all == (stmt->all != 0)) {
    for (std::size_t i = 0; i < types.size(); ++i) not_null_[left.outputs[i]] = not_null_[left.outputs[i]] && not_null_[right.outputs[i]];
    left.root->set_columns.push_back(std::move(right.outputs));
    left.root->children.push_back(std::move(right.root));
    return left;
  }
  cast_outputs(left, types);
  BoundQuery query;
  for (std::size_t i = 0; i < types.size(); ++i)
    query.outputs.push_back(add_id(left.names[i], "", types[i], not_null_[left.outputs[i]] && not_null_[right.outputs[i]]));
  query.names = std::move(left.names);
  query.root = make_node(LogicalNode::Kind::kSetOperation, std::move(left.root), std::move(right.root));
  query.root->set_operation = operation;
  query.root->all = stmt->all != 0;
  query.root->ids = query.outputs;
  query.root->set_columns = {std::move(left.outputs), std::move(right.outputs)};
  return query;
}

void Binder::sort_outputs(BoundQuery& query, NodeSpan sort_clause, const Scope& scope) {
  settle_unknown(query);
  Scope outputs;
  outputs.outer = &scope;
  for (std::size_t i = 0; i < query.outputs.size(); ++i) outputs.visible.push_back({query.names[i], query.outputs[i]});
  Clause clause;
  clause.scope = &outputs;
  clause.name = "ORDER BY of a set operation";
  NodePtr sort = make_node(LogicalNode::Kind::kSort, std::move(query.root));
  for (const Node* node : sort_clause) {
    const PgQuery__SortBy* by = node->sort_by;
    plan::SortKey key;
    if (is(by->node, PG_QUERY__NODE__NODE_A_CONST) && by->node->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL) {
      const int n = by->node->a_const->ival->ival;
      if (n < 1 || static_cast<std::size_t>(n) > query.outputs.size())
        fail("42P10", "ORDER BY position " + std::to_string(n) + " is not in select list", by->node->a_const->location);
      key.expression = column(query.outputs[static_cast<std::size_t>(n) - 1]);
      set_direction(key, by);
    } else {
      Node* one[] = {const_cast<Node*>(node)};
      key = bind_sort_keys(NodeSpan(one), clause)[0];
    }
    sort->sort_keys.push_back(std::move(key));
  }
  query.root = std::move(sort);
}

std::int64_t Binder::limit_value(const Node* node, const Scope& scope, const char* what, const char* negative_state) {
  Clause clause;
  clause.scope = &scope;
  clause.name = what;
  const int location = location_of(node);
  ExpressionPtr e = bind(node, clause);
  std::vector<ColumnId> used;
  functions::collect_columns(*e, used);
  if (!used.empty()) fail("42P10", std::string("argument of ") + what + " must not contain variables", location);
  if (e->type.id != TypeId::kUnknown && !e->type.is_numeric())
    fail("42804", std::string("argument of ") + what + " must be type bigint, not type " + data::postgres_type_name(e->type), location);
  const data::Value value = functions::evaluate_constant(*coerce(std::move(e), Type::of(TypeId::kInt8), location));
  if (data::is_null(value)) return -1;
  const auto number = static_cast<std::int64_t>(data::integer_value(value));
  if (number < 0) throw Error(negative_state, std::string(what) + " must not be negative");
  return number;
}

void Binder::limit(NodePtr& root, const PgQuery__SelectStmt* stmt, const Scope& scope) {
  if (stmt->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES) unsupported("WITH TIES", location_of(stmt->limit_count));
  if (stmt->limit_count == nullptr && stmt->limit_offset == nullptr) return;
  const std::int64_t count = stmt->limit_count != nullptr ? limit_value(stmt->limit_count, scope, "LIMIT", "2201W") : -1;
  const std::int64_t skipped = stmt->limit_offset != nullptr ? limit_value(stmt->limit_offset, scope, "OFFSET", "2201X") : -1;
  if (count < 0 && skipped <= 0) return;
  root = make_node(LogicalNode::Kind::kLimit, std::move(root));
  root->limit = count;
  root->offset = skipped < 0 ? 0 : skipped;
}

/// Gives a literal that an output consists of another type, where it stands.
bool Binder::retype_literal(LogicalNode& root, ColumnId id, const Type& type) {
  for (LogicalNode* node = &root; node != nullptr; node = node->children.empty() ? nullptr : node->children[0].get()) {
    for (std::size_t i = 0; i < node->ids.size(); ++i) {
      if (node->ids[i] != id) continue;
      if (node->kind == LogicalNode::Kind::kProject) {
        if (node->expressions[i]->kind != Expression::Kind::kConstant) return false;
        node->expressions[i] = coerce(node->expressions[i], type);
      } else if (node->kind == LogicalNode::Kind::kValues) {
        for (const auto& row : node->rows)
          if (row[i]->kind != Expression::Kind::kConstant) return false;
        for (auto& row : node->rows) row[i] = coerce(row[i], type);
      } else {
        return false;
      }
      columns_[id].type = type;
      return true;
    }
  }
  return false;
}

void Binder::cast_outputs(BoundQuery& query, const std::vector<Type>& types, bool assignment) {
  TAJO_ASSERT(types.size() == query.outputs.size());
  NodePtr project;
  for (std::size_t i = 0; i < types.size(); ++i) {
    ColumnId& output = query.outputs[i];
    const Type from = columns_[output].type;
    if (from == types[i]) continue;
    const bool limited = assignment && (types[i].id == TypeId::kChar || types[i].id == TypeId::kVarchar) && types[i].length > 0;
    if (from.id == TypeId::kUnknown && !limited && retype_literal(*query.root, output, types[i])) continue;
    if (!project) project = make_node(LogicalNode::Kind::kProject);
    project->expressions.push_back(assignment ? functions::make_assignment_cast(column(output), types[i])
                                              : functions::make_cast(column(output), types[i]));
    output = add_id(query.names[i], columns_[output].relation, types[i], not_null_[output]);
    project->ids.push_back(output);
  }
  if (!project) return;
  project->children.push_back(std::move(query.root));
  query.root = std::move(project);
}

void Binder::settle_unknown(BoundQuery& query) {
  std::vector<Type> types;
  for (const ColumnId id : query.outputs)
    types.push_back(columns_[id].type.id == TypeId::kUnknown ? Type::of(TypeId::kText) : columns_[id].type);
  cast_outputs(query, types);
}

}  // namespace tajo::sql
