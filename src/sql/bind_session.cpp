// Settings, transactions, users, databases, EXPLAIN.
#include "binder.hpp"

namespace tajo::sql {

namespace {

std::string constant_text(const Node* node) {
  if (is(node, PG_QUERY__NODE__NODE_TYPE_CAST)) return constant_text(node->type_cast->arg);  // SET TIME ZONE INTERVAL '…'
  if (!is(node, PG_QUERY__NODE__NODE_A_CONST)) return "";
  const PgQuery__AConst* c = node->a_const;
  switch (c->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
      return std::to_string(c->ival->ival);
    case PG_QUERY__A__CONST__VAL_FVAL:
      return c->fval->fval;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
      return c->boolval->boolval ? "on" : "off";
    case PG_QUERY__A__CONST__VAL_SVAL:
      return c->sval->sval;
    default:
      return "";
  }
}

}  // namespace

plan::StatementBody Binder::bind_set(const PgQuery__VariableSetStmt* stmt) {
  if (stmt->is_local) unsupported("SET LOCAL", -1);
  plan::SetStatement set;
  set.name = stmt->name;
  if (set.name == "role") unsupported("SET ROLE", -1);
  if (set.name == "session_authorization") unsupported("SET SESSION AUTHORIZATION", -1);
  switch (stmt->kind) {
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL:
      set.name = "all";
      return set;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET:
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT:
      return set;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT:
      unsupported("SET FROM CURRENT", -1);
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI: {
      // SET TRANSACTION …, SET SESSION CHARACTERISTICS AS TRANSACTION …
      if (set.name == "TRANSACTION SNAPSHOT") unsupported("SET TRANSACTION SNAPSHOT", -1);
      if (stmt->n_args != 1) unsupported("several transaction modes in one SET", -1);
      const PgQuery__DefElem* mode = stmt->args[0]->def_elem;
      set.name = (set.name == "TRANSACTION" ? "" : "default_") + std::string(mode->defname);
      std::string value = constant_text(mode->arg);
      if (value == "1" || value == "0") value = value == "1" ? "on" : "off";
      set.value = std::move(value);
      return set;
    }
    default:
      break;
  }
  std::string value;
  for (const Node* arg : TAJO_NODES(stmt, args)) value += (value.empty() ? "" : ", ") + constant_text(arg);
  set.value = std::move(value);
  return set;
}

plan::StatementBody Binder::bind_transaction(const PgQuery__TransactionStmt* stmt) {
  plan::TransactionStatement transaction;
  switch (stmt->kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
      transaction.kind = plan::TransactionStatement::Kind::kBegin;
      break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
      transaction.kind = plan::TransactionStatement::Kind::kCommit;
      break;
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK:
      transaction.kind = plan::TransactionStatement::Kind::kRollback;
      break;
    default:
      unsupported(command_tag(statement_), -1);
  }
  if (stmt->chain) unsupported("AND CHAIN", -1);
  // A query sees one snapshot whatever the isolation level asked for; a read-only transaction would have to refuse writes.
  for (const Node* node : TAJO_NODES(stmt, options)) {
    const PgQuery__DefElem* option = node->def_elem;
    const bool on = constant_text(option->arg) == "1";
    if (std::string_view(option->defname) == "transaction_read_only" && on) unsupported("READ ONLY", option->location);
    if (std::string_view(option->defname) == "transaction_deferrable" && on) unsupported("DEFERRABLE", option->location);
  }
  return transaction;
}

std::string Binder::role_name(const PgQuery__RoleSpec* role) {
  switch (role->roletype) {
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING:
      return role->rolename;
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC:
      fail("42939", "role name \"public\" is reserved", role->location);
    default:
      return context_.user;
  }
}

void Binder::role_options(plan::UserStatement& user, NodeSpan options) {
  for (const Node* node : options) {
    const PgQuery__DefElem* option = node->def_elem;
    const std::string_view name = option->defname;
    if (name == "password") {
      // PASSWORD NULL takes the password, and with it the login over TCP, away.
      user.password = option->arg != nullptr ? std::string(string_in(option->arg)) : std::string();
    } else if (!(name == "canlogin" && is(option->arg, PG_QUERY__NODE__NODE_BOOLEAN) && option->arg->boolean->boolval)) {
      unsupported("user option " + std::string(name), option->location);
    }
  }
}

plan::StatementBody Binder::bind_create_role(const PgQuery__CreateRoleStmt* stmt) {
  if (stmt->stmt_type == PG_QUERY__ROLE_STMT_TYPE__ROLESTMT_GROUP) unsupported("CREATE GROUP", -1);
  plan::UserStatement user;
  user.kind = plan::UserStatement::Kind::kCreate;
  user.name = stmt->role;
  if (context_.catalog->users.contains(user.name)) throw Error("42710", "role \"" + user.name + "\" already exists");
  role_options(user, TAJO_NODES(stmt, options));
  return user;
}

plan::StatementBody Binder::bind_alter_role(const PgQuery__AlterRoleStmt* stmt) {
  plan::UserStatement user;
  user.kind = plan::UserStatement::Kind::kAlter;
  user.name = role_name(stmt->role);
  if (stmt->action < 0) unsupported("ALTER GROUP", stmt->role->location);
  // The cluster's owner is a user without an entry until it has a password.
  if (!context_.catalog->users.contains(user.name) && user.name != context_.user) throw Error("42704", "role \"" + user.name + "\" does not exist");
  role_options(user, TAJO_NODES(stmt, options));
  return user;
}

plan::StatementBody Binder::bind_drop_role(const PgQuery__DropRoleStmt* stmt) {
  if (stmt->n_roles != 1) unsupported("DROP USER of several users", -1);
  plan::UserStatement user;
  user.kind = plan::UserStatement::Kind::kDrop;
  user.name = role_name(stmt->roles[0]->role_spec);
  user.if_exists = stmt->missing_ok;
  if (user.name == context_.user) throw Error("55006", "current user cannot be dropped");
  if (!user.if_exists && !context_.catalog->users.contains(user.name)) throw Error("42704", "role \"" + user.name + "\" does not exist");
  return user;
}

plan::StatementBody Binder::bind_create_database(const PgQuery__CreatedbStmt* stmt) {
  if (stmt->n_options > 0)
    unsupported("option " + std::string(stmt->options[0]->def_elem->defname) + " of CREATE DATABASE", stmt->options[0]->def_elem->location);
  plan::CreateDatabaseStatement create{stmt->dbname, statement_.words.database_if_not_exists};
  if (is_system_schema(create.name)) throw Error("42939", "unacceptable database name \"" + create.name + "\"");
  if (!create.if_not_exists && context_.catalog->databases.contains(create.name))
    throw Error("42P04", "database \"" + create.name + "\" already exists");
  return create;
}

plan::StatementBody Binder::bind_drop_database(const PgQuery__DropdbStmt* stmt) {
  if (stmt->n_options > 0) unsupported("option of DROP DATABASE", -1);
  plan::DropDatabaseStatement drop{stmt->dbname, stmt->missing_ok != 0, statement_.words.database_cascade};
  if (drop.name == context_.database) throw Error("55006", "cannot drop the currently open database");
  if (drop.name == "default") throw Error("55006", "cannot drop the database \"default\"");
  if (!drop.if_exists && !context_.catalog->databases.contains(drop.name))
    throw Error("3D000", "database \"" + drop.name + "\" does not exist");
  return drop;
}

plan::StatementBody Binder::bind_explain(const PgQuery__ExplainStmt* stmt) {
  auto explain = std::make_unique<plan::ExplainStatement>();
  explain->global = statement_.words.explain_global;
  for (const Node* node : TAJO_NODES(stmt, options)) {
    const PgQuery__DefElem* option = node->def_elem;
    const std::string name = option->defname;
    std::string value = option->arg == nullptr                         ? "true"
                        : is(option->arg, PG_QUERY__NODE__NODE_STRING) ? std::string(string_in(option->arg))
                                                                       : constant_text(option->arg);
    if (is(option->arg, PG_QUERY__NODE__NODE_INTEGER)) value = option->arg->integer->ival != 0 ? "true" : "false";
    const bool on = value == "true" || value == "on" || value == "1";
    if (name == "analyze")
      explain->analyze = on;
    else if (name == "format" && value == "json")
      explain->json = true;
    else if (name == "format" && value != "text")
      unsupported("EXPLAIN (FORMAT " + value + ")", option->location);
    else if ((name == "buffers" || name == "wal" || name == "settings") && on)
      unsupported("EXPLAIN (" + name + ")", option->location);
    else if (name != "format" && name != "buffers" && name != "wal" && name != "settings" && name != "verbose" && name != "costs" &&
             name != "timing" && name != "summary")
      fail(sqlstate::kSyntaxError, "unrecognized EXPLAIN option \"" + name + "\"", option->location);
  }
  explain->statement.body = bind_statement(stmt->query);
  return explain;
}

/// `SELECT * FROM query_result('q_…')` and nothing else is the recorded result itself: it streams from where it is kept.
std::optional<std::string> Binder::recorded_query(const PgQuery__SelectStmt* stmt) const {
  if (stmt->n_from_clause != 1 || stmt->n_target_list != 1 || stmt->where_clause != nullptr || stmt->n_group_clause != 0 ||
      stmt->having_clause != nullptr || stmt->n_sort_clause != 0 || stmt->limit_count != nullptr || stmt->limit_offset != nullptr ||
      stmt->n_distinct_clause != 0 || stmt->with_clause != nullptr || stmt->n_locking_clause != 0)
    return std::nullopt;
  const Node* target = stmt->target_list[0];
  const Node* from = stmt->from_clause[0];
  if (!is(target, PG_QUERY__NODE__NODE_RES_TARGET) || !is(target->res_target->val, PG_QUERY__NODE__NODE_COLUMN_REF) ||
      !is(from, PG_QUERY__NODE__NODE_RANGE_FUNCTION))
    return std::nullopt;
  const NodeSpan fields = TAJO_NODES(target->res_target->val->column_ref, fields);
  const NodeSpan functions = TAJO_NODES(from->range_function, functions);
  if (fields.size() != 1 || !is(fields[0], PG_QUERY__NODE__NODE_A_STAR) || functions.size() != 1) return std::nullopt;
  const Node* call = functions[0]->list->items[0];
  if (!is(call, PG_QUERY__NODE__NODE_FUNC_CALL) || string_in(call->func_call->funcname[call->func_call->n_funcname - 1]) != "query_result")
    return std::nullopt;
  const NodeSpan args = TAJO_NODES(call->func_call, args);
  if (args.size() != 1 || !is(args[0], PG_QUERY__NODE__NODE_A_CONST) || args[0]->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
    fail(sqlstate::kSyntaxError, "query_result takes one query id as a string", call->func_call->location);
  return args[0]->a_const->sval->sval;
}

}  // namespace tajo::sql
