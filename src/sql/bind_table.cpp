// CREATE TABLE in all its forms, DROP TABLE, TRUNCATE.
#include <algorithm>

#include "binder.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;

namespace {

const std::set<std::string>& external_formats() {
  static const std::set<std::string> kFormats = {"text", "csv", "parquet", "hdf5", "json", "orc"};
  return kFormats;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// The path of a `file:` URI or a plain absolute path; nullopt for other schemes and relative paths.
std::optional<std::string> path_of(const std::string& location) {
  std::string path = location;
  if (path.starts_with("file://"))
    path = path.substr(7);
  else if (path.starts_with("file:"))
    path = path.substr(5);
  if (path.starts_with("localhost/")) path = path.substr(9);
  if (!path.starts_with("/")) return std::nullopt;
  return path;
}

}  // namespace

plan::CreateTableStatement Binder::table_head(const PgQuery__RangeVar* name, bool if_not_exists) {
  if (name->relpersistence[0] != 'p') unsupported(name->relpersistence[0] == 't' ? "TEMPORARY" : "UNLOGGED", name->location);
  plan::CreateTableStatement table;
  std::tie(table.database, table.name) = table_name(name);
  table.if_not_exists = if_not_exists;
  if (is_system_schema(table.database))
    fail("42501", "permission denied to create \"" + table.database + "." + table.name + "\"", name->location);
  if (!context_.catalog->databases.contains(table.database))
    fail("3D000", "database \"" + table.database + "\" does not exist", name->location);
  if (!if_not_exists && context_.catalog->find(table.database, table.name))
    fail("42P07", "relation \"" + table.name + "\" already exists", name->location);
  return table;
}

namespace {

/// Changes of one letter that turn `a` into `b`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t corner = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      corner = above;
    }
  }
  return row[b.size()];
}

std::vector<std::string_view> known_options(const std::string& format) {
  if (format == "text" || format == "csv")
    return {"text.delimiter",       "csvfile.delimiter",        "text.null",  "csvfile.null", "quote_char", "text.quote_char", "escape_char", "text.escape_char",
            "text.skip.headerlines", "text.error-tolerance.max-num", "csv.header", "header"};
  if (format == "hdf5") return {"hdf5.group", "hdf5.dataset"};
  if (format.empty()) return {"compression"};
  return {};
}

}  // namespace

/// An option nobody reads would be a silent mistake. `format`: empty for managed tables.
void Binder::check_option(const std::string& key, const std::string& format, int location) const {
  const std::vector<std::string_view> known = known_options(format);
  if (std::find(known.begin(), known.end(), key) != known.end()) return;
  const std::string what = "unknown option '" + key + "' of " + (format.empty() ? "a managed table" : "format " + format);
  if (known.empty()) fail("22023", what + ": it has none", location);
  const auto nearest = *std::min_element(known.begin(), known.end(), [&](auto a, auto b) { return distance(key, a) < distance(key, b); });
  fail("22023", what + "; did you mean '" + std::string(nearest) + "'?", location);
}

void Binder::table_storage(plan::CreateTableStatement& table) {
  const TajoWords& words = statement_.words;
  if (words.partition_begin >= 0) unsupported("PARTITION BY COLUMN", words.partition_begin);
  if (words.tablespace && *words.tablespace != "default" && *words.tablespace != "pg_default")
    fail("42704", "tablespace \"" + *words.tablespace + "\" does not exist", words.tablespace_begin);
  for (const auto& [key, value] : words.options) {
    const std::string format = !words.external ? "" : words.format ? lower(*words.format) : "";
    check_option(lower(key), format, words.create_begin);
    table.source.options[lower(key)] = value;
  }
  table.external = words.external;
  table.source.managed = !words.external;
  if (!words.external) {
    if (words.format && lower(*words.format) != "hdf5")
      unsupported(
          "a managed table in format \"" + lower(*words.format) + "\" (managed tables are HDF5; CREATE EXTERNAL TABLE reads others)",
          words.format_begin);
    if (words.location) unsupported("LOCATION of a managed table (CREATE EXTERNAL TABLE has one)", words.location_begin);
    return;
  }
  if (!words.format) fail(sqlstate::kSyntaxError, "CREATE EXTERNAL TABLE needs USING and a format", words.create_begin);
  if (!words.location) fail(sqlstate::kSyntaxError, "CREATE EXTERNAL TABLE needs LOCATION 'uri'", words.create_begin);
  table.source.format = lower(*words.format);
  if (!external_formats().contains(table.source.format)) unsupported("format \"" + *words.format + "\"", words.format_begin);
  const std::optional<std::string> path = path_of(*words.location);
  if (!path && words.location->find("://") != std::string::npos)
    unsupported("LOCATION '" + *words.location + "' (only file:// URIs and absolute paths)", words.location_begin);
  if (!path) fail("22023", "LOCATION '" + *words.location + "' is not an absolute path", words.location_begin);
  table.source.location = *path;
}

void Binder::add_column(data::Schema& schema, const PgQuery__ColumnDef* def) {
  data::Column column;
  column.name = def->colname;
  if (schema.find(column.name) >= 0) fail("42701", "column \"" + column.name + "\" specified more than once", def->location);
  if (def->type_name == nullptr) fail(sqlstate::kSyntaxError, "column \"" + column.name + "\" needs a type", def->location);
  column.type = column_type(def->type_name, def->colname);
  if (def->coll_clause != nullptr) {
    const NodeSpan names = TAJO_NODES(def->coll_clause, collname);
    if (string_in(names.back()) != "C") unsupported("a collation other than \"C\"", def->coll_clause->location);
  }
  for (const Node* node : TAJO_NODES(def, constraints)) {
    const PgQuery__Constraint* c = node->constraint;
    switch (c->contype) {
      case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
        break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
        column.not_null = true;
        break;
      case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
        unsupported("DEFAULT of a column", c->location);
      case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
        unsupported("PRIMARY KEY", c->location);
      case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
        unsupported("UNIQUE", c->location);
      case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
        unsupported("CHECK", c->location);
      case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
        unsupported("REFERENCES", c->location);
      case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
      case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
        unsupported("GENERATED", c->location);
      default:
        unsupported("this kind of constraint", c->location);
    }
  }
  schema.columns.push_back(std::move(column));
}

void Binder::add_columns_like(data::Schema& schema, const catalog::TablePtr& table) {
  for (const data::Column& c : table->source.schema.columns) {
    if (schema.find(c.name) >= 0) throw Error("42701", "column \"" + c.name + "\" specified more than once");
    schema.columns.push_back(c);
  }
}

plan::StatementBody Binder::bind_create_table(const PgQuery__CreateStmt* stmt) {
  const TajoWords& words = statement_.words;
  plan::CreateTableStatement table = table_head(stmt->relation, stmt->if_not_exists);
  if (stmt->n_inh_relations > 0) unsupported("INHERITS", stmt->relation->location);
  if (stmt->partspec != nullptr || stmt->partbound != nullptr) unsupported("PARTITION BY other than COLUMN", stmt->relation->location);
  if (stmt->of_typename != nullptr) unsupported("CREATE TABLE OF a type", stmt->relation->location);
  if (stmt->n_options > 0 || stmt->oncommit > 1 || stmt->access_method[0] != '\0' || stmt->tablespacename[0] != '\0')
    unsupported("this option of CREATE TABLE", stmt->relation->location);
  table_storage(table);
  data::Schema& schema = table.source.schema;
  for (const Node* node : TAJO_NODES(stmt, table_elts)) {
    if (is(node, PG_QUERY__NODE__NODE_COLUMN_DEF)) {
      add_column(schema, node->column_def);
    } else if (is(node, PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)) {
      if (node->table_like_clause->options != 0) unsupported("LIKE … INCLUDING", node->table_like_clause->relation->location);
      add_columns_like(schema, table_named(node->table_like_clause->relation));
    } else if (is(node, PG_QUERY__NODE__NODE_CONSTRAINT)) {
      const PgQuery__Constraint* c = node->constraint;
      unsupported(c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY   ? "PRIMARY KEY"
                  : c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE  ? "UNIQUE"
                  : c->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN ? "FOREIGN KEY"
                                                                        : "CHECK",
                  c->location);
    } else {
      unsupported("this element of CREATE TABLE", location_of(node));
    }
  }
  if (!words.like.empty()) {
    const std::string database = words.like.size() > 1 ? words.like[words.like.size() - 2] : context_.database;
    const catalog::TablePtr like = context_.catalog->find(database, words.like.back());
    if (!like) fail(sqlstate::kUndefinedTable, "relation \"" + words.like.back() + "\" does not exist", words.create_begin);
    add_columns_like(schema, like);
  }
  if (statement_.query) {
    if (table.external) unsupported("CREATE EXTERNAL TABLE … AS", words.create_begin);
    const Node* root = statement_.query->statement();
    if (!is(root, PG_QUERY__NODE__NODE_SELECT_STMT))
      fail(sqlstate::kSyntaxError, "AS must be followed by a query", words.typed_query_begin);
    table_query(table, root->select_stmt, {});
    return table;
  }
  if (schema.columns.empty()) {
    if (!table.external) fail(sqlstate::kSyntaxError, "a table needs at least one column", stmt->relation->location);
    if (context_.infer_schema)
      schema = context_.infer_schema(table.source);
    else
      table.infer_schema = true;
  }
  return table;
}

/// The query of CREATE TABLE AS; columns that were declared before keep their types, assigned as by INSERT.
void Binder::table_query(plan::CreateTableStatement& table, const PgQuery__SelectStmt* select, NodeSpan names) {
  BoundQuery query = bind_query(select, nullptr, nullptr);
  settle_unknown(query);
  data::Schema& schema = table.source.schema;
  if (names.size() > query.names.size())
    fail(sqlstate::kSyntaxError, "too many column names were specified", location_of(names[query.names.size()]));
  for (std::size_t i = 0; i < names.size(); ++i) query.names[i] = string_in(names[i]);
  if (!schema.columns.empty()) {
    if (schema.columns.size() < query.outputs.size())
      fail(sqlstate::kSyntaxError, "CREATE TABLE AS has more expressions than columns", statement_.words.typed_query_begin);
    auto target = std::make_shared<catalog::Table>();
    target->name = table.name;
    target->source = table.source;
    std::vector<std::uint32_t> columns;
    for (std::uint32_t i = 0; i < query.outputs.size(); ++i) columns.push_back(i);
    query = insert_query(std::move(query), target, columns);
  } else {
    for (std::size_t i = 0; i < query.outputs.size(); ++i) {
      const Type& type = columns_[query.outputs[i]].type;
      if (schema.find(query.names[i]) >= 0) throw Error("42701", "column \"" + query.names[i] + "\" specified more than once");
      if (type.id == TypeId::kInterval) unsupported("a column of type interval (\"" + query.names[i] + "\")", -1);
      schema.columns.push_back({query.names[i], type, false});
    }
  }
  for (std::size_t i = 0; i < query.names.size(); ++i) query.names[i] = schema.columns[i].name;
  table.query = finish(std::move(query));
}

plan::StatementBody Binder::bind_create_table_as(const PgQuery__CreateTableAsStmt* stmt) {
  if (stmt->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) unsupported("CREATE MATERIALIZED VIEW", stmt->into->rel->location);
  plan::CreateTableStatement table = table_head(stmt->into->rel, stmt->if_not_exists);
  if (stmt->into->skip_data) unsupported("WITH NO DATA", stmt->into->rel->location);
  if (stmt->into->n_options > 0 || stmt->into->on_commit > 1 || stmt->into->access_method[0] != '\0' ||
      stmt->into->table_space_name[0] != '\0')
    unsupported("this option of CREATE TABLE AS", stmt->into->rel->location);
  table_storage(table);
  if (table.external) unsupported("CREATE EXTERNAL TABLE … AS", statement_.words.create_begin);
  if (!statement_.words.like.empty()) fail(sqlstate::kSyntaxError, "CREATE TABLE has both LIKE and AS", statement_.words.create_begin);
  if (!is(stmt->query, PG_QUERY__NODE__NODE_SELECT_STMT)) unsupported("CREATE TABLE AS EXECUTE", stmt->into->rel->location);
  table_query(table, stmt->query->select_stmt, TAJO_NODES(stmt->into, col_names));
  return table;
}

plan::StatementBody Binder::bind_drop(const PgQuery__DropStmt* stmt) {
  if (stmt->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) unsupported(command_tag(statement_), -1);
  plan::DropTableStatement drop;
  drop.if_exists = stmt->missing_ok;
  drop.purge = statement_.words.purge;
  for (const Node* object : TAJO_NODES(stmt, objects)) {
    const NodeSpan parts = TAJO_NODES(object->list, items);
    // The same meaning of one, two and three parts as in FROM.
    std::string texts[3];
    for (std::size_t i = 0; i < parts.size() && i < 3; ++i) texts[3 - parts.size() + i] = string_in(parts[i]);
    PgQuery__RangeVar range = PG_QUERY__RANGE_VAR__INIT;
    range.catalogname = texts[0].data();
    range.schemaname = texts[1].data();
    range.relname = texts[2].data();
    range.location = -1;
    auto name = table_name(&range);
    if (is_system_schema(name.first)) throw Error("42501", "permission denied to drop \"" + name.second + "\"");
    if (!drop.if_exists && !context_.catalog->find(name.first, name.second))
      throw Error(sqlstate::kUndefinedTable, "table \"" + name.second + "\" does not exist");
    drop.tables.push_back(std::move(name));
  }
  return drop;
}

plan::StatementBody Binder::bind_truncate(const PgQuery__TruncateStmt* stmt) {
  if (stmt->restart_seqs) unsupported("RESTART IDENTITY", -1);
  plan::TruncateStatement truncate;
  for (const Node* node : TAJO_NODES(stmt, relations)) {
    const catalog::TablePtr table = table_named(node->range_var);
    if (table->external) fail("42809", "cannot truncate external table \"" + table->name + "\"", node->range_var->location);
    truncate.tables.emplace_back(table->database, table->name);
  }
  return truncate;
}

}  // namespace tajo::sql
