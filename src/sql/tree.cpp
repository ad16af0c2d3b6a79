#include "tree.hpp"

#include <pg_query.h>

#include "tajo/common/error.hpp"
#include "text_positions.hpp"

namespace tajo::sql {

namespace {

std::string_view sqlstate_of(std::string_view message) {
  if (message.find("not implemented") != std::string_view::npos || message.find("not supported") != std::string_view::npos)
    return sqlstate::kFeatureNotSupported;
  if (message.find("memory exhausted") != std::string_view::npos) return sqlstate::kStatementTooComplex;
  return sqlstate::kSyntaxError;
}

}  // namespace

void* ParseTree::allocate(void* self, std::size_t size) {
  return static_cast<ParseTree*>(self)->memory_.allocate(size == 0 ? 1 : size, alignof(std::max_align_t));
}

std::unique_ptr<ParseTree> ParseTree::parse(const std::string& text) {
  struct Result {
    PgQueryProtobufParseResult value;
    ~Result() { pg_query_free_protobuf_parse_result(value); }
  } result{pg_query_parse_protobuf(text.c_str())};
  if (const PgQueryError* e = result.value.error; e != nullptr) {
    const std::string message = e->message;
    Error error(sqlstate_of(message), message);
    if (e->cursorpos > 0) error.at(TextPositions(text, 0).byte_of(e->cursorpos - 1) + 1);
    throw error;
  }
  auto tree = std::make_unique<ParseTree>();
  ProtobufCAllocator allocator{&ParseTree::allocate, &ParseTree::release, tree.get()};
  const PgQuery__ParseResult* parsed = pg_query__parse_result__unpack(&allocator, result.value.parse_tree.len,
                                                                      reinterpret_cast<const std::uint8_t*>(result.value.parse_tree.data));
  if (parsed == nullptr) throw Error(sqlstate::kInternalError, "the parser's tree cannot be read");
  if (parsed->n_stmts > 1)
    throw Error(sqlstate::kSyntaxError, "cannot take several commands as one statement").at(parsed->stmts[1]->stmt_location + 1);
  if (parsed->n_stmts == 1) tree->statement_ = parsed->stmts[0]->stmt;
  return tree;
}

int location_of(const Node* node) {
  if (node == nullptr) return -1;
  switch (node->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
      return node->a_const->location;
    case PG_QUERY__NODE__NODE_COLUMN_REF:
      return node->column_ref->location;
    case PG_QUERY__NODE__NODE_PARAM_REF:
      return node->param_ref->location;
    case PG_QUERY__NODE__NODE_FUNC_CALL:
      return node->func_call->location;
    case PG_QUERY__NODE__NODE_SUB_LINK:
      return node->sub_link->location;
    case PG_QUERY__NODE__NODE_CASE_EXPR:
      return node->case_expr->location;
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
      return node->coalesce_expr->location;
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
      return node->min_max_expr->location;
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
      return node->sqlvalue_function->location;
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
      return node->a_array_expr->location;
    case PG_QUERY__NODE__NODE_ROW_EXPR:
      return node->row_expr->location;
    case PG_QUERY__NODE__NODE_RES_TARGET:
      return node->res_target->location;
    case PG_QUERY__NODE__NODE_RANGE_VAR:
      return node->range_var->location;
    case PG_QUERY__NODE__NODE_TYPE_NAME:
      return node->type_name->location;
    case PG_QUERY__NODE__NODE_DEF_ELEM:
      return node->def_elem->location;
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
      return node->set_to_default->location;
    case PG_QUERY__NODE__NODE_BOOL_EXPR: {
      const int first = location_of(node->bool_expr->args[0]);
      const int own = node->bool_expr->location;
      return first >= 0 && (own < 0 || first < own) ? first : own;
    }
    case PG_QUERY__NODE__NODE_TYPE_CAST: {
      const int arg = location_of(node->type_cast->arg);
      const int own = node->type_cast->location;
      return arg >= 0 && (own < 0 || arg < own) ? arg : own;
    }
    case PG_QUERY__NODE__NODE_A_EXPR: {
      const int left = location_of(node->a_expr->lexpr);
      const int own = node->a_expr->location;
      return left >= 0 && (own < 0 || left < own) ? left : own;
    }
    case PG_QUERY__NODE__NODE_NULL_TEST:
      return location_of(node->null_test->arg);
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
      return location_of(node->boolean_test->arg);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
      return location_of(node->collate_clause->arg);
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
      return location_of(node->a_indirection->arg);
    default:
      return -1;
  }
}

}  // namespace tajo::sql
