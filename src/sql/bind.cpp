#include "binder.hpp"

namespace tajo::sql {

plan::Statement bind(const ParsedStatement& statement, const BindContext& context) { return Binder(statement, context).run(); }

plan::Statement Binder::run() {
  const TajoWords& words = statement_.words;
  if (!words.unsupported.empty()) unsupported(words.unsupported, words.unsupported_begin);
  plan::Statement out;
  if (words.use_database) {
    if (!context_.catalog->databases.contains(*words.use_database))
      throw Error("3D000", "database \"" + *words.use_database + "\" does not exist");
    out.body = plan::UseDatabaseStatement{*words.use_database};
  } else if (statement_.root() == nullptr) {
    out.body = plan::EmptyStatement{};
  } else {
    out.body = bind_statement(statement_.root());
  }
  for (data::Type& type : parameters_)
    if (type.id == data::TypeId::kUnknown) type = data::Type::of(data::TypeId::kText);
  out.parameters = std::move(parameters_);
  return out;
}

plan::LogicalPlan Binder::finish(BoundQuery query) {
  settle_unknown(query);
  plan::LogicalPlan plan;
  plan.root = std::move(query.root);
  plan.outputs = std::move(query.outputs);
  plan.names = std::move(query.names);
  plan.columns = std::move(columns_);
  columns_.clear();
  return plan;
}

plan::StatementBody Binder::bind_statement(const Node* root) {
  switch (root->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
      if (auto query = recorded_query(root->select_stmt)) return plan::FetchResultStatement{*query};
      return plan::SelectStatement{finish(bind_query(root->select_stmt, nullptr, nullptr))};
    case PG_QUERY__NODE__NODE_INSERT_STMT:
      return bind_insert(root->insert_stmt);
    case PG_QUERY__NODE__NODE_CREATE_STMT:
      return bind_create_table(root->create_stmt);
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
      return bind_create_table_as(root->create_table_as_stmt);
    case PG_QUERY__NODE__NODE_DROP_STMT:
      return bind_drop(root->drop_stmt);
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
      return bind_truncate(root->truncate_stmt);
    case PG_QUERY__NODE__NODE_COPY_STMT:
      return bind_copy(root->copy_stmt);
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
      return bind_explain(root->explain_stmt);
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
      return bind_set(root->variable_set_stmt);
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
      return plan::ShowStatement{root->variable_show_stmt->name};
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
      return bind_transaction(root->transaction_stmt);
    case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
      return bind_create_role(root->create_role_stmt);
    case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
      return bind_alter_role(root->alter_role_stmt);
    case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
      return bind_drop_role(root->drop_role_stmt);
    case PG_QUERY__NODE__NODE_CREATEDB_STMT:
      return bind_create_database(root->createdb_stmt);
    case PG_QUERY__NODE__NODE_DROPDB_STMT:
      return bind_drop_database(root->dropdb_stmt);
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT:
      return plan::DeallocateStatement{root->deallocate_stmt->name};
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
      if (root->discard_stmt->target != PG_QUERY__DISCARD_MODE__DISCARD_ALL) unsupported("DISCARD of anything but ALL", -1);
      return plan::DiscardStatement{};
    default:
      unsupported(command_tag(statement_), -1);
  }
}

}  // namespace tajo::sql
