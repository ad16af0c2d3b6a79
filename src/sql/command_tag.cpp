#include "parsed_statement.hpp"

namespace tajo::sql {

namespace {

std::string upper_words(std::string_view camel) {
  // "CreateSchemaStmt" → "CREATE SCHEMA": the name of a kind that has no line below.
  std::string text;
  if (camel.ends_with("Stmt")) camel.remove_suffix(4);
  for (const char c : camel) {
    if (c >= 'A' && c <= 'Z' && !text.empty()) text += ' ';
    text += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return text;
}

std::string object_tag(const char* verb, PgQuery__ObjectType type) {
  switch (type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
      return std::string(verb) + " TABLE";
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
      return std::string(verb) + " VIEW";
    case PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW:
      return std::string(verb) + " MATERIALIZED VIEW";
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
      return std::string(verb) + " INDEX";
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
      return std::string(verb) + " SCHEMA";
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
      return std::string(verb) + " SEQUENCE";
    case PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE:
      return std::string(verb) + " DATABASE";
    case PG_QUERY__OBJECT_TYPE__OBJECT_ROLE:
      return std::string(verb) + " ROLE";
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
      return std::string(verb) + " TYPE";
    case PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION:
      return std::string(verb) + " FUNCTION";
    default:
      return verb;
  }
}

std::string transaction_tag(PgQuery__TransactionStmtKind kind) {
  switch (kind) {
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
      return "BEGIN";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
      return "START TRANSACTION";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT:
      return "COMMIT";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
      return "SAVEPOINT";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
      return "RELEASE";
    case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_PREPARE:
      return "PREPARE TRANSACTION";
    default:
      return "ROLLBACK";
  }
}

}  // namespace

std::string command_tag(const ParsedStatement& statement) {
  if (statement.words.use_database) return "SET";
  if (!statement.words.unsupported.empty()) return statement.words.unsupported;
  const Node* root = statement.root();
  if (root == nullptr) return "";
  switch (root->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
      return root->select_stmt->into_clause ? "SELECT INTO" : "SELECT";
    case PG_QUERY__NODE__NODE_INSERT_STMT:
      return "INSERT";
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
      return "UPDATE";
    case PG_QUERY__NODE__NODE_DELETE_STMT:
      return "DELETE";
    case PG_QUERY__NODE__NODE_MERGE_STMT:
      return "MERGE";
    case PG_QUERY__NODE__NODE_CREATE_STMT:
      return statement.query ? "CREATE TABLE AS" : "CREATE TABLE";
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
      return "CREATE TABLE AS";
    case PG_QUERY__NODE__NODE_DROP_STMT:
      return object_tag("DROP", root->drop_stmt->remove_type);
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
      return "TRUNCATE TABLE";
    case PG_QUERY__NODE__NODE_COPY_STMT:
      return "COPY";
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
      return "EXPLAIN";
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
      return root->variable_set_stmt->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET ||
                     root->variable_set_stmt->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL
                 ? "RESET"
                 : "SET";
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
      return "SHOW";
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
      return transaction_tag(root->transaction_stmt->kind);
    case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
      return "CREATE ROLE";
    case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
    case PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT:
      return "ALTER ROLE";
    case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
      return "DROP ROLE";
    case PG_QUERY__NODE__NODE_CREATEDB_STMT:
      return "CREATE DATABASE";
    case PG_QUERY__NODE__NODE_DROPDB_STMT:
      return "DROP DATABASE";
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT:
      return "DEALLOCATE";
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
      return "DISCARD ALL";
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
      return object_tag("ALTER", root->alter_table_stmt->objtype);
    case PG_QUERY__NODE__NODE_RENAME_STMT:
      return object_tag("ALTER", root->rename_stmt->rename_type);
    case PG_QUERY__NODE__NODE_INDEX_STMT:
      return "CREATE INDEX";
    case PG_QUERY__NODE__NODE_VIEW_STMT:
      return "CREATE VIEW";
    case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT:
      return "CREATE FUNCTION";
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
      return "CREATE SCHEMA";
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
      return "CREATE SEQUENCE";
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
      return root->vacuum_stmt->is_vacuumcmd ? "VACUUM" : "ANALYZE";
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
      return "DECLARE CURSOR";
    case PG_QUERY__NODE__NODE_FETCH_STMT:
      return "FETCH";
    case PG_QUERY__NODE__NODE_PREPARE_STMT:
      return "PREPARE";
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
      return "EXECUTE";
    case PG_QUERY__NODE__NODE_GRANT_STMT:
      return root->grant_stmt->is_grant ? "GRANT" : "REVOKE";
    default: {
      // Every member of the union is a message: its descriptor knows what the grammar calls the statement.
      const auto* message = reinterpret_cast<const ProtobufCMessage*>(root->select_stmt);
      return upper_words(message->descriptor->short_name);
    }
  }
}

}  // namespace tajo::sql
