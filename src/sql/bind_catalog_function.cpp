// PostgreSQL's functions over its own catalog, as psql and drivers use them on rows of pg_catalog: there is one schema
// that everybody sees, no comments, no defaults and no indexes.
#include <unordered_set>

#include "binder.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;

namespace {

ExpressionPtr text(const std::string& value) { return functions::make_constant(value, Type::of(TypeId::kText)); }

/// Object ids of PostgreSQL's types, as the wire protocol and pg_type have them.
struct TypeOid {
  std::int64_t oid;
  const char* name;
};
constexpr TypeOid kTypeOids[] = {{16, "boolean"},
                                 {17, "bytea"},
                                 {20, "bigint"},
                                 {21, "smallint"},
                                 {23, "integer"},
                                 {25, "text"},
                                 {700, "real"},
                                 {701, "double precision"},
                                 {1042, "character"},
                                 {1043, "character varying"},
                                 {1082, "date"},
                                 {1083, "time without time zone"},
                                 {1114, "timestamp without time zone"},
                                 {1184, "timestamp with time zone"},
                                 {1186, "interval"},
                                 {1700, "numeric"}};

}  // namespace

ExpressionPtr Binder::bind_catalog_function(const std::string& name, const std::vector<ExpressionPtr>& args, int location) {
  static const std::unordered_set<std::string_view> kTrue = {"pg_table_is_visible",    "pg_type_is_visible",   "pg_function_is_visible",
                                                             "pg_operator_is_visible", "has_schema_privilege", "has_table_privilege",
                                                             "has_database_privilege", "has_column_privilege", "has_any_column_privilege"};
  static const std::unordered_set<std::string_view> kNull = {"obj_description", "shobj_description",     "col_description",
                                                             "pg_get_expr",     "pg_get_indexdef",       "pg_get_constraintdef",
                                                             "pg_get_viewdef",  "pg_get_serial_sequence"};
  if (kTrue.contains(name)) return functions::make_constant(std::int64_t{1}, Type::of(TypeId::kBool));
  if (kNull.contains(name)) return functions::make_constant({}, Type::of(TypeId::kText));
  if (name == "pg_get_userbyid" && args.size() == 1) return text(context_.user);
  if (name == "pg_encoding_to_char" && args.size() == 1) return text("UTF8");
  if (name == "format_type" && args.size() == 2) {
    std::vector<ExpressionPtr> choices;
    for (const TypeOid& type : kTypeOids) {
      choices.push_back(compare("=", args[0], functions::make_constant(type.oid, Type::of(TypeId::kInt8)), location));
      choices.push_back(text(type.name));
    }
    choices.push_back(text("???"));
    return functions::make_case(std::move(choices));
  }
  return nullptr;
}

}  // namespace tajo::sql
