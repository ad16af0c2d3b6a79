// Names of columns, relations and tables.
#include "binder.hpp"

namespace tajo::sql {

namespace {

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

}  // namespace

ExpressionPtr Binder::column(ColumnId id, int location) {
  auto e = std::make_shared<functions::Expression>();
  e->kind = functions::Expression::Kind::kColumn;
  e->type = columns_[id].type;
  e->physical = data::physical_of(e->type);
  e->column = id;
  e->position = position(location);
  return e;
}

std::optional<ColumnId> Binder::find_here(const Scope& scope, const std::string& name, int location) {
  std::optional<ColumnId> found;
  for (const ScopeColumn& c : scope.visible) {
    if (c.name != name) continue;
    if (found) fail("42702", "column reference " + quoted(name) + " is ambiguous", location);
    found = c.id;
  }
  return found;
}

const Relation* Binder::find_relation(const Scope& scope, const std::string& database, const std::string& alias, int location) {
  const Relation* found = nullptr;
  for (const Relation& r : scope.relations) {
    if (r.alias != alias || (!database.empty() && r.database != database)) continue;
    if (found != nullptr) fail("42P09", "table reference " + quoted(alias) + " is ambiguous", location);
    found = &r;
  }
  return found;
}

ExpressionPtr Binder::bind_column_ref(const PgQuery__ColumnRef* ref, const Clause& clause) {
  std::vector<std::string> parts;
  for (const Node* field : TAJO_NODES(ref, fields)) {
    if (is(field, PG_QUERY__NODE__NODE_A_STAR)) fail(sqlstate::kSyntaxError, "\"*\" is not allowed here", ref->location);
    parts.emplace_back(string_in(field));
  }
  if (parts.size() == 4 && parts[1] == "public") parts.erase(parts.begin() + 1);
  if (parts.size() > 3) unsupported("a column name of more than three parts", ref->location);
  const std::string name = parts.back();
  const std::string alias = parts.size() > 1 ? parts[parts.size() - 2] : "";
  const std::string database = parts.size() > 2 ? parts[0] : "";

  const std::map<ColumnId, ColumnId>* groups = nullptr;  // of the level looked at, when it is an enclosing one
  bool relation_seen = false;
  for (const Scope* scope = clause.scope; scope != nullptr; groups = scope->outer_groups, scope = scope->outer) {
    std::optional<ColumnId> id;
    if (alias.empty()) {
      id = find_here(*scope, name, ref->location);
    } else if (const Relation* relation = find_relation(*scope, database, alias, ref->location)) {
      relation_seen = true;
      for (const ScopeColumn& c : relation->columns) {
        if (c.name != name) continue;
        if (id) fail("42702", "column reference " + quoted(name) + " is ambiguous", ref->location);
        id = c.id;
      }
      if (!id) break;
    }
    if (!id) continue;
    if (groups != nullptr) {
      const auto key = groups->find(*id);
      if (key == groups->end())
        fail("42803", "subquery uses ungrouped column " + quoted(columns_[*id].relation + "." + name) + " from outer query", ref->location);
      id = key->second;
    }
    return column(*id, ref->location);
  }
  if (!alias.empty() && !relation_seen)
    fail(sqlstate::kUndefinedTable, "missing FROM-clause entry for table " + quoted(alias), ref->location);
  if (!alias.empty()) fail(sqlstate::kUndefinedColumn, "column " + alias + "." + name + " does not exist", ref->location);
  for (const Scope* scope = clause.scope; scope != nullptr; scope = scope->outer)
    if (find_relation(*scope, "", name, ref->location) != nullptr) unsupported("a whole row as a value", ref->location);
  fail(sqlstate::kUndefinedColumn, "column " + quoted(name) + " does not exist", ref->location);
}

std::vector<ScopeColumn> Binder::expand_star(const PgQuery__ColumnRef* ref, const Scope& scope) {
  const NodeSpan fields = TAJO_NODES(ref, fields);
  if (fields.size() == 1) {
    if (scope.relations.empty()) fail(sqlstate::kSyntaxError, "SELECT * with no tables specified is not valid", ref->location);
    return scope.visible;
  }
  const std::string alias(string_in(fields[fields.size() - 2]));
  const std::string database(fields.size() > 2 ? string_in(fields[fields.size() - 3]) : "");
  for (const Scope* s = &scope; s != nullptr; s = s->outer)
    if (const Relation* relation = find_relation(*s, database == "public" ? "" : database, alias, ref->location)) return relation->columns;
  fail(sqlstate::kUndefinedTable, "missing FROM-clause entry for table " + quoted(alias), ref->location);
}

bool Binder::is_system_schema(const std::string& name) const { return name == "information_schema" || name == "pg_catalog"; }

/// Tajo's names are database.table; `public`, PostgreSQL's default schema, stands for the database itself.
std::pair<std::string, std::string> Binder::table_name(const PgQuery__RangeVar* name) {
  std::string database = context_.database;
  const std::string schema = name->schemaname;
  if (name->catalogname[0] != '\0') {
    database = name->catalogname;
    if (schema != "public" && !is_system_schema(schema)) fail("3F000", "schema " + quoted(schema) + " does not exist", name->location);
    if (is_system_schema(schema)) database = schema;
  } else if (!schema.empty() && !(schema == "public" && !context_.catalog->databases.contains(schema))) {
    database = schema;
  }
  return {database, name->relname};
}

catalog::TablePtr Binder::table_named(const PgQuery__RangeVar* range) {
  const auto [database, name] = table_name(range);
  catalog::TablePtr table = context_.catalog->find(database, name);
  if (table) return table;
  const std::string shown = range->schemaname[0] != '\0' ? std::string(range->schemaname) + "." + name : name;
  if (is_system_schema(database)) fail("42501", "permission denied: " + quoted(shown) + " is a system table", range->location);
  fail(sqlstate::kUndefinedTable, "relation " + quoted(shown) + " does not exist", range->location);
}

}  // namespace tajo::sql
