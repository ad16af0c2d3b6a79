// PostgreSQL's functions over its own catalog, and its types of names (regclass …), as psql and drivers use them on rows
// of pg_catalog. What they look up they find in the same virtual tables.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "binder.hpp"
#include "expression_kinds.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using functions::Expression;

namespace {

Type text_type() { return Type::of(TypeId::kText); }
ExpressionPtr text(const std::string& value) { return functions::make_constant(value, text_type()); }
ExpressionPtr null_text() { return functions::make_constant({}, text_type()); }

/// A function of one key that is a column of a virtual table.
struct Lookup {
  const char* table;
  const char* key;
  const char* value;
};

const Lookup* lookup_of(const std::string& function) {
  static const std::unordered_map<std::string_view, Lookup> kLookups = {
      {"pg_get_userbyid", {"pg_roles", "oid", "rolname"}},
      {"pg_get_viewdef", {"pg_class", "oid", "tajo_view"}},
      {"pg_get_function_result", {"pg_proc", "oid", "tajo_result"}},
      {"pg_get_function_arguments", {"pg_proc", "oid", "tajo_arguments"}},
      {"pg_get_function_identity_arguments", {"pg_proc", "oid", "tajo_arguments"}},
      {"pg_table_size", {"pg_class", "oid", "tajo_bytes"}},
      {"pg_relation_size", {"pg_class", "oid", "tajo_bytes"}},
      {"pg_total_relation_size", {"pg_class", "oid", "tajo_bytes"}},
      {"pg_database_size", {"pg_database", "oid", "tajo_bytes"}},
      {"pg_tablespace_size", {"pg_tablespace", "oid", "tajo_bytes"}},
      {"current_setting", {"pg_settings", "name", "setting"}}};
  const auto at = kLookups.find(function);
  return at == kLookups.end() ? nullptr : &at->second;
}

/// Where the names of a reg… type stand; null: not one of them.
const Lookup* names_of(const std::string& type) {
  static const std::unordered_map<std::string_view, Lookup> kNames = {{"regclass", {"pg_class", "oid", "relname"}},
                                                                      {"regtype", {"pg_type", "oid", "typname"}},
                                                                      {"regproc", {"pg_proc", "oid", "proname"}},
                                                                      {"regprocedure", {"pg_proc", "oid", "proname"}},
                                                                      {"regnamespace", {"pg_namespace", "oid", "nspname"}},
                                                                      {"regrole", {"pg_roles", "oid", "rolname"}},
                                                                      {"regcollation", {"pg_collation", "oid", "collname"}}};
  const auto at = kNames.find(type);
  return at == kNames.end() ? nullptr : &at->second;
}

/// `public."My table"` → {"public", "My table"}.
std::vector<std::string> split_name(std::string_view name) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '"') {
      if (quoted && i + 1 < name.size() && name[i + 1] == '"') parts.back() += name[++i];
      else quoted = !quoted;
    } else if (c == '.' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += !quoted && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return parts;
}

constexpr std::int64_t kFirstInformationOid = 13'001, kLastInformationOid = 13'999;  // of information_schema's tables
constexpr std::int64_t kArrayInput = 750;  // pg_type.typinput of arrays, by which drivers tell them

bool same_value(const data::Value& a, const data::Value& b) { return !data::is_null(a) && a == b; }

}  // namespace

/// The value beside `key` in a virtual table; NULL: no such row. A constant key is looked up now, another by a join.
ExpressionPtr Binder::catalog_lookup(const char* table, const char* key, const char* value, ExpressionPtr arg, const Clause& clause, int location) {
  if (context_.system_tables == nullptr) unsupported("a look-up in the catalog", location);
  const data::Schema schema = context_.system_tables->schema("pg_catalog", table).value();
  const auto key_column = static_cast<std::size_t>(schema.find(key));
  const auto value_column = static_cast<std::size_t>(schema.find(value));
  TAJO_ASSERT(key_column < schema.columns.size() && value_column < schema.columns.size());
  const Type key_type = schema.columns[key_column].type;
  const Type value_type = schema.columns[value_column].type;
  arg = coerce(std::move(arg), key_type, location);
  const bool constant = arg->kind == Expression::Kind::kConstant;
  NodePtr rows = make_node(LogicalNode::Kind::kValues);
  rows->ids = {add_id(key, table, key_type), add_id(value, table, value_type)};
  for (std::vector<data::Value>& row : context_.system_tables->rows("pg_catalog", table)) {
    if (constant && same_value(row[key_column], arg->constant)) return functions::make_constant(std::move(row[value_column]), value_type);
    if (!constant)
      rows->rows.push_back({functions::make_constant(std::move(row[key_column]), key_type), functions::make_constant(std::move(row[value_column]), value_type)});
  }
  if (constant) return functions::make_constant({}, value_type);
  if (clause.subqueries == nullptr) unsupported(std::string("a look-up in the catalog in ") + clause.name, location);
  const ColumnId found = rows->ids[1];
  ExpressionPtr match = compare("=", column(rows->ids[0]), std::move(arg), location);
  clause.subqueries->push_back({plan::JoinType::kSingle, std::move(rows), std::move(match), {}});
  return column(found, location);
}

/// The number a name of the catalog stands for. Error 42P01, 42704 when there is none.
ExpressionPtr Binder::named_oid(const std::string& type, const std::string& name, int location) {
  if (context_.system_tables == nullptr) unsupported("type " + type, location);
  const Type oid = Type::of(TypeId::kInt8);
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos)
    return functions::make_constant(data::parse_value(name, oid), oid);
  if (name == "-") return functions::make_constant(std::int64_t{0}, oid);
  const std::vector<std::string> parts = split_name(name);
  if (type == "regtype")
    for (std::int64_t known : {16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1700, 2205, 2206}) {
      const ExpressionPtr shown = call("format_type", {functions::make_constant(known, oid), functions::make_constant({}, oid)}, location);
      if (std::get<std::string>(shown->constant) == parts.back()) return functions::make_constant(known, oid);
    }
  if (type == "regproc" && parts.back() == "array_in") return functions::make_constant(kArrayInput, oid);
  const Lookup& where = *names_of(type);
  const data::Schema schema = context_.system_tables->schema("pg_catalog", where.table).value();
  const auto key = static_cast<std::size_t>(schema.find(where.value));
  const auto number = static_cast<std::size_t>(schema.find("oid"));
  for (const std::vector<data::Value>& row : context_.system_tables->rows("pg_catalog", where.table))
    if (const auto* found = std::get_if<std::string>(&row[key]); found != nullptr && *found == parts.back())
      return functions::make_constant(row[number], oid);
  const bool relation = type == "regclass";
  fail(relation ? "42P01" : "42704", std::string(relation ? "relation" : type == "regtype" ? "type" : "object") + " \"" + name + "\" does not exist", location);
}

/// ::regclass and the like. A name becomes its number; a number is shown by its name. nullptr: not such a type.
ExpressionPtr Binder::bind_named_cast(const PgQuery__TypeCast* e, const Clause& clause) {
  const std::string type(string_in(TAJO_NODES(e->type_name, names).back()));
  const auto name_type = [](const Node* node) {
    return is(node, PG_QUERY__NODE__NODE_TYPE_CAST) ? std::string(string_in(TAJO_NODES(node->type_cast->type_name, names).back())) : std::string();
  };
  const bool to_text = type == "text" || type == "varchar" || type == "name" || type == "bpchar";
  const std::string inner = name_type(e->arg);
  if (to_text && names_of(inner) != nullptr) {  // 't'::regclass::text is a name again
    ExpressionPtr value = bind(e->arg->type_cast->arg, clause);
    const bool named = value->type.is_text() || is_untyped(*value);
    if (named) value = bind_named_cast(e->arg->type_cast, clause);
    return oid_name(inner, std::move(value), clause, e->location);
  }
  if (type == "oid" && names_of(inner) != nullptr) {  // a number stays one
    ExpressionPtr value = bind(e->arg->type_cast->arg, clause);
    if (value->type.is_integer()) return coerce(std::move(value), Type::of(TypeId::kInt8), e->location);
  }
  const Lookup* names = names_of(type);
  if (names == nullptr || e->type_name->n_array_bounds > 0) return nullptr;
  ExpressionPtr value = bind(e->arg, clause);
  if (value->type.is_integer()) return oid_name(type, std::move(value), clause, e->location);
  value = coerce(std::move(value), text_type(), e->location);
  if (value->kind != Expression::Kind::kConstant) return catalog_lookup(names->table, names->value, "oid", std::move(value), clause, e->location);
  if (data::is_null(value->constant)) return functions::make_constant({}, Type::of(TypeId::kInt8));
  return named_oid(type, std::get<std::string>(value->constant), e->location);
}

ExpressionPtr Binder::oid_name(const std::string& type, ExpressionPtr oid, const Clause& clause, int location) {
  if (type == "regtype") return call("format_type", {coerce(std::move(oid), Type::of(TypeId::kInt8)), functions::make_constant({}, Type::of(TypeId::kInt8))}, location);
  const Lookup& names = *names_of(type);
  ExpressionPtr number = coerce(oid, text_type(), location);
  return functions::make_coalesce({catalog_lookup(names.table, names.key, names.value, std::move(oid), clause, location), std::move(number)});
}

ExpressionPtr Binder::bind_catalog_function(const std::string& name, const std::vector<ExpressionPtr>& args, const Clause& clause, int location) {
  // There is one schema that everybody sees and everybody may use.
  static const std::unordered_set<std::string_view> kTrue = {
      "pg_type_is_visible",       "pg_function_is_visible",     "pg_operator_is_visible",  "pg_opclass_is_visible",
      "pg_collation_is_visible", "pg_opfamily_is_visible",   "pg_statistics_obj_is_visible", "pg_conversion_is_visible", "has_schema_privilege",
      "has_table_privilege",     "has_database_privilege",   "has_column_privilege",       "has_any_column_privilege", "has_function_privilege",
      "has_sequence_privilege",  "has_tablespace_privilege", "has_type_privilege",         "has_language_privilege",  "pg_has_role"};
  static const std::unordered_set<std::string_view> kFalse = {"pg_relation_is_publishable", "pg_is_other_temp_schema", "pg_relation_is_updatable"};
  // No comments, defaults, indexes, constraints, rules or triggers.
  static const std::unordered_set<std::string_view> kNull = {
      "obj_description",       "shobj_description",      "col_description",       "pg_get_expr",      "pg_get_indexdef",
      "pg_get_constraintdef",  "pg_get_serial_sequence", "pg_get_ruledef",        "pg_get_triggerdef", "pg_get_functiondef",
      "pg_get_partkeydef",     "pg_get_statisticsobjdef_columns", "pg_get_statisticsobjdef", "pg_get_function_sqlbody", "pg_get_function_arg_default",
      "pg_get_partition_constraintdef", "pg_relation_filepath", "inet_server_addr", "inet_client_addr"};
  if (name == "pg_table_is_visible" && args.size() == 1) {  // all but those of information_schema
    const auto beside = [&](const char* op, std::int64_t bound) {
      return compare(op, args[0], functions::make_constant(bound, Type::of(TypeId::kInt8)), location);
    };
    return functions::make_or({beside("<", kFirstInformationOid), beside(">", kLastInformationOid)});
  }
  if (kTrue.contains(name)) return truth(true);
  if (kFalse.contains(name)) return truth(false);
  if (kNull.contains(name)) return null_text();
  if (name == "pg_my_temp_schema" && args.empty()) return functions::make_constant(std::int64_t{0}, Type::of(TypeId::kInt8));
  if (name == "pg_tablespace_location") return text("");
  if (name == "getdatabaseencoding" && args.empty()) return text("UTF8");
  if (name == "current_schemas" && args.size() == 1) return text("{pg_catalog,public}");
  if (name == "to_regclass" && args.size() == 1) return catalog_lookup("pg_class", "relname", "oid", args[0], clause, location);
  if (name == "_pg_expandarray" && args.size() == 1) {
    ExpressionPtr first = call("array_element", {args[0], functions::make_constant(std::int64_t{1}, Type::of(TypeId::kInt4))}, location);
    return call("make_array", {std::move(first), text("1")}, location);
  }
  const Lookup* lookup = lookup_of(name);
  if (lookup == nullptr || args.empty()) return nullptr;
  if (name == "pg_get_viewdef" || name.ends_with("_size")) {
    const bool named = args[0]->type.is_text() || is_untyped(*args[0]);
    const char* key = name == "pg_database_size" ? "datname" : name == "pg_tablespace_size" ? "spcname" : "relname";
    return catalog_lookup(lookup->table, named ? key : "oid", lookup->value, args[0], clause, location);
  }
  return catalog_lookup(lookup->table, lookup->key, lookup->value, args[0], clause, location);
}

}  // namespace tajo::sql
