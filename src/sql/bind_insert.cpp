// INSERT and COPY FROM.
#include <algorithm>

#include "binder.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;

namespace {

/// Whether a value of one type may be stored in a column of another without an explicit cast, as in PostgreSQL.
bool assignable(const Type& from, const Type& to) {
  if (from.id == to.id || from.id == TypeId::kUnknown) return true;
  if (from.is_numeric() && to.is_numeric()) return true;
  if (to.is_text()) return from.id != TypeId::kBlob;
  const auto dated = [](const Type& t) { return t.id == TypeId::kDate || t.id == TypeId::kTimestamp || t.id == TypeId::kTimestampTz; };
  if (dated(from) && (dated(to) || (to.id == TypeId::kTime && from.id != TypeId::kDate))) return true;
  return from.id == TypeId::kInterval && to.id == TypeId::kTime;
}

}  // namespace

ExpressionPtr Binder::assign(ExpressionPtr e, const data::Column& column, int location) {
  if (!assignable(e->type, column.type))
    throw Error("42804", "column \"" + column.name + "\" is of type " + data::postgres_type_name(column.type) +
                             " but expression is of type " + data::postgres_type_name(e->type))
        .at(location >= 0 ? position(location) : e->position)
        .hint("You will need to rewrite or cast the expression.");
  // A parameter learns its type here; text is checked against CHAR(n) and VARCHAR(n), not cut.
  if (e->type.id == TypeId::kUnknown && e->column != 0) return coerce(std::move(e), column.type, location);
  const int where = e->position;
  return functions::make_assignment_cast(std::move(e), column.type, where);
}

std::vector<std::uint32_t> Binder::target_columns(const catalog::TablePtr& table, NodeSpan names) {
  std::vector<std::uint32_t> columns;
  for (const Node* node : names) {
    const bool target = is(node, PG_QUERY__NODE__NODE_RES_TARGET);
    const std::string name = target ? std::string(node->res_target->name) : std::string(string_in(node));
    const int location = target ? node->res_target->location : -1;
    if (target && node->res_target->n_indirection > 0) unsupported("a subscript or field of a target column", location);
    const int index = table->source.schema.find(name);
    if (index < 0) fail(sqlstate::kUndefinedColumn, "column \"" + name + "\" of relation \"" + table->name + "\" does not exist", location);
    const auto column = static_cast<std::uint32_t>(index);
    if (std::find(columns.begin(), columns.end(), column) != columns.end())
      fail("42701", "column \"" + name + "\" specified more than once", location);
    columns.push_back(column);
  }
  if (columns.empty())
    for (std::uint32_t i = 0; i < table->source.schema.columns.size(); ++i) columns.push_back(i);
  return columns;
}

plan::StatementBody Binder::bind_insert(const PgQuery__InsertStmt* stmt) {
  if (stmt->on_conflict_clause != nullptr) unsupported("ON CONFLICT", stmt->on_conflict_clause->location);
  if (stmt->n_returning_list > 0) unsupported("RETURNING", location_of(stmt->returning_list[0]));
  if (stmt->override > 1) unsupported("OVERRIDING", stmt->relation->location);
  const catalog::TablePtr table = table_named(stmt->relation);
  if (table->external) unsupported("INSERT into external table \"" + table->name + "\"", stmt->relation->location);
  plan::InsertStatement insert;
  insert.table = table;
  insert.overwrite = statement_.words.overwrite;
  const std::vector<std::uint32_t> targets = target_columns(table, TAJO_NODES(stmt, cols));
  const bool named = stmt->n_cols > 0;
  BoundQuery query;
  if (stmt->select_stmt == nullptr) {
    query.root = one_row();  // DEFAULT VALUES: a row of NULLs
    query = insert_query(std::move(query), table, {});
  } else {
    const PgQuery__SelectStmt* select = stmt->select_stmt->select_stmt;
    const bool plain_values = select->n_values_lists > 0 && select->n_sort_clause == 0 && select->limit_count == nullptr &&
                              select->limit_offset == nullptr && select->with_clause == nullptr && stmt->with_clause == nullptr;
    if (plain_values) {
      query = insert_values(select, table, targets, named);
    } else {
      Scope with;
      if (stmt->with_clause != nullptr) add_ctes(with, stmt->with_clause);
      query = bind_query(select, &with, nullptr);
      if (query.outputs.size() > targets.size())
        fail(sqlstate::kSyntaxError, "INSERT has more expressions than target columns", location_of(stmt->select_stmt));
      if (named && query.outputs.size() < targets.size())
        fail(sqlstate::kSyntaxError, "INSERT has more target columns than expressions", location_of(stmt->cols[query.outputs.size()]));
      query = insert_query(std::move(query), table, targets);
      check_unused_ctes(with);
    }
  }
  insert.query = finish(std::move(query));
  return insert;
}

BoundQuery Binder::insert_values(const PgQuery__SelectStmt* values, const catalog::TablePtr& table,
                                 const std::vector<std::uint32_t>& targets, bool named) {
  const auto& columns = table->source.schema.columns;
  const NodeSpan lists = TAJO_NODES(values, values_lists);
  const std::size_t width = lists[0]->list->n_items;
  const Scope scope;
  Clause clause;
  clause.scope = &scope;
  clause.name = "VALUES";
  std::vector<ExpressionPtr> nulls;
  for (const data::Column& c : columns) nulls.push_back(functions::make_constant({}, c.type));
  BoundQuery query;
  query.root = make_node(LogicalNode::Kind::kValues);
  query.root->rows.reserve(lists.size());
  for (const Node* node : lists) {
    const NodeSpan items = TAJO_NODES(node->list, items);
    if (items.size() != width) fail(sqlstate::kSyntaxError, "VALUES lists must all be the same length", location_of(items[0]));
    if (items.size() > targets.size())
      fail(sqlstate::kSyntaxError, "INSERT has more expressions than target columns", location_of(items[targets.size()]));
    if (named && items.size() < targets.size())
      fail(sqlstate::kSyntaxError, "INSERT has more target columns than expressions", location_of(node));
    std::vector<ExpressionPtr> row = nulls;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (is(items[i], PG_QUERY__NODE__NODE_SET_TO_DEFAULT)) continue;
      row[targets[i]] = assign(bind(items[i], clause), columns[targets[i]], -1);
    }
    query.root->rows.push_back(std::move(row));
  }
  for (const data::Column& c : columns) {
    query.outputs.push_back(add_id(c.name, "*VALUES*", c.type));
    query.names.push_back(c.name);
  }
  query.root->ids = query.outputs;
  return query;
}

/// The source's outputs as the table's columns: assigned to their types, NULL where the source has none.
BoundQuery Binder::insert_query(BoundQuery source, const catalog::TablePtr& table, const std::vector<std::uint32_t>& targets) {
  const auto& columns = table->source.schema.columns;
  std::vector<ColumnId> by_column(columns.size());
  std::vector<bool> given(columns.size(), false);
  std::vector<Type> types;
  for (std::size_t i = 0; i < source.outputs.size(); ++i) {
    const data::Column& c = columns[targets[i]];
    assign(column(source.outputs[i]), c, -1);  // for its error
    types.push_back(c.type);
  }
  cast_outputs(source, types, true);
  for (std::size_t i = 0; i < source.outputs.size(); ++i) {
    by_column[targets[i]] = source.outputs[i];
    given[targets[i]] = true;
  }
  BoundQuery query;
  NodePtr missing;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!given[i]) {
      if (!missing) missing = make_node(LogicalNode::Kind::kProject);
      by_column[i] = add_id(columns[i].name, "", columns[i].type);
      missing->ids.push_back(by_column[i]);
      missing->expressions.push_back(functions::make_constant({}, columns[i].type));
    }
    query.outputs.push_back(by_column[i]);
    query.names.push_back(columns[i].name);
  }
  query.root = std::move(source.root);
  if (missing) {
    missing->children.push_back(std::move(query.root));
    query.root = std::move(missing);
  }
  return query;
}

namespace {

std::string text_of(const PgQuery__DefElem* option) {
  const Node* arg = option->arg;
  if (arg == nullptr) return "";
  switch (arg->node_case) {
    case PG_QUERY__NODE__NODE_STRING:
      return arg->string->sval;
    case PG_QUERY__NODE__NODE_BOOLEAN:
      return arg->boolean->boolval ? "true" : "false";
    case PG_QUERY__NODE__NODE_INTEGER:
      return std::to_string(arg->integer->ival);
    case PG_QUERY__NODE__NODE_A_CONST:
      if (arg->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL) return arg->a_const->sval->sval;
      if (arg->a_const->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL) return arg->a_const->boolval->boolval ? "true" : "false";
      if (arg->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL) return std::to_string(arg->a_const->ival->ival);
      return "?";
    default:
      return "?";
  }
}

bool is_true(const std::string& text) { return text.empty() || text == "true" || text == "on" || text == "1"; }

}  // namespace

plan::StatementBody Binder::bind_copy(const PgQuery__CopyStmt* stmt) {
  if (!stmt->is_from) unsupported("COPY TO", stmt->relation != nullptr ? stmt->relation->location : -1);
  if (stmt->is_program) unsupported("COPY FROM PROGRAM", stmt->relation->location);
  if (stmt->where_clause != nullptr) unsupported("WHERE in COPY FROM", location_of(stmt->where_clause));
  plan::CopyStatement copy;
  copy.table = table_named(stmt->relation);
  if (copy.table->external) unsupported("COPY into external table \"" + copy.table->name + "\"", stmt->relation->location);
  copy.columns = target_columns(copy.table, TAJO_NODES(stmt, attlist));
  copy.path = stmt->filename;
  if (!copy.path.empty() && copy.path[0] != '/') fail("42602", "relative path not allowed for COPY from file", -1);

  std::optional<std::string> delimiter, quote, escape, null;
  std::set<std::string> seen;
  for (const Node* node : TAJO_NODES(stmt, options)) {
    const PgQuery__DefElem* option = node->def_elem;
    const std::string name = option->defname;
    const std::string value = text_of(option);
    if (!seen.insert(name).second) fail(sqlstate::kSyntaxError, "conflicting or redundant options", option->location);
    if (name == "format") {
      if (value != "csv" && value != "text") {
        if (value == "binary") unsupported("COPY in binary format", option->location);
        fail("22023", "COPY format \"" + value + "\" not recognized", option->location);
      }
      copy.csv = value == "csv";
    } else if (name == "header") {
      if (value == "match") unsupported("HEADER MATCH", option->location);
      copy.header = is_true(value);
    } else if (name == "delimiter") {
      delimiter = value;
    } else if (name == "quote") {
      quote = value;
    } else if (name == "escape") {
      escape = value;
    } else if (name == "null") {
      null = value;
    } else if (name == "encoding") {
      std::string plain;
      for (const char c : value)
        if (c != '-' && c != '_') plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (plain != "utf8") unsupported("COPY in encoding \"" + value + "\"", option->location);
    } else {
      unsupported("COPY option \"" + name + "\"", option->location);
    }
  }
  const auto one_byte = [&](const std::optional<std::string>& text, const char* what, char& out) {
    if (!text) return;
    if (text->size() != 1) fail(sqlstate::kFeatureNotSupported, std::string("COPY ") + what + " must be a single one-byte character", -1);
    out = (*text)[0];
  };
  copy.delimiter = copy.csv ? ',' : '\t';
  copy.null_text = copy.csv ? "" : "\\N";
  one_byte(delimiter, "delimiter", copy.delimiter);
  if (quote && !copy.csv) fail(sqlstate::kFeatureNotSupported, "COPY quote available only in CSV mode", -1);
  if (escape && !copy.csv) fail(sqlstate::kFeatureNotSupported, "COPY escape available only in CSV mode", -1);
  one_byte(quote, "quote", copy.quote);
  copy.escape = copy.quote;
  one_byte(escape, "escape", copy.escape);
  if (null) copy.null_text = *null;
  if (copy.delimiter == '\n' || copy.delimiter == '\r') fail("22023", "COPY delimiter cannot be newline or carriage return", -1);
  if (copy.csv && copy.delimiter == copy.quote) fail("22023", "COPY delimiter and quote must be different", -1);
  if (copy.null_text.find_first_of("\r\n") != std::string::npos)
    fail("22023", "COPY null representation cannot use newline or carriage return", -1);
  if (copy.null_text.find(copy.delimiter) != std::string::npos)
    fail(sqlstate::kFeatureNotSupported, "COPY delimiter must not appear in the NULL specification", -1);
  return copy;
}

}  // namespace tajo::sql
