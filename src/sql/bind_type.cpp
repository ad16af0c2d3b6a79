// Names of types: Tajo's and PostgreSQL's (docs/glossary.md).
#include <unordered_map>

#include "binder.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;

namespace {

const std::unordered_map<std::string_view, TypeId>& type_names() {
  static const std::unordered_map<std::string_view, TypeId> kNames = {{"bool", TypeId::kBool},
                                                                      {"boolean", TypeId::kBool},
                                                                      {"int1", TypeId::kInt1},
                                                                      {"tinyint", TypeId::kInt1},
                                                                      {"int2", TypeId::kInt2},
                                                                      {"smallint", TypeId::kInt2},
                                                                      {"int4", TypeId::kInt4},
                                                                      {"int", TypeId::kInt4},
                                                                      {"integer", TypeId::kInt4},
                                                                      {"int8", TypeId::kInt8},
                                                                      {"bigint", TypeId::kInt8},
                                                                      {"oid", TypeId::kInt8},
                                                                      {"xid", TypeId::kInt8},
                                                                      {"int2vector", TypeId::kText},
                                                                      {"oidvector", TypeId::kText},
                                                                      {"float4", TypeId::kFloat4},
                                                                      {"real", TypeId::kFloat4},
                                                                      {"float8", TypeId::kFloat8},
                                                                      {"double", TypeId::kFloat8},
                                                                      {"float", TypeId::kFloat8},
                                                                      {"numeric", TypeId::kDecimal},
                                                                      {"decimal", TypeId::kDecimal},
                                                                      {"dec", TypeId::kDecimal},
                                                                      {"bpchar", TypeId::kChar},
                                                                      {"char", TypeId::kChar},
                                                                      {"nchar", TypeId::kChar},
                                                                      {"varchar", TypeId::kVarchar},
                                                                      {"nvarchar", TypeId::kVarchar},
                                                                      {"text", TypeId::kText},
                                                                      {"string", TypeId::kText},
                                                                      {"name", TypeId::kText},
                                                                      {"blob", TypeId::kBlob},
                                                                      {"bytea", TypeId::kBlob},
                                                                      {"binary", TypeId::kBlob},
                                                                      {"varbinary", TypeId::kBlob},
                                                                      {"date", TypeId::kDate},
                                                                      {"time", TypeId::kTime},
                                                                      {"timestamp", TypeId::kTimestamp},
                                                                      {"datetime", TypeId::kTimestamp},
                                                                      {"timestamptz", TypeId::kTimestampTz},
                                                                      {"interval", TypeId::kInterval}};
  return kNames;
}

constexpr std::uint32_t kMaxTextLength = 10'485'760;  // PostgreSQL's bound of CHAR(n) and VARCHAR(n)
constexpr int kBareScale = 10;                        // of a column that is NUMERIC without precision

}  // namespace

Type Binder::bind_type(const PgQuery__TypeName* name) {
  const NodeSpan names = TAJO_NODES(name, names);
  const std::string type(string_in(names.back()));
  if (name->setof) unsupported("SETOF", name->location);
  if (name->pct_type) unsupported("%TYPE", name->location);
  if (name->n_array_bounds > 0) return Type::of(TypeId::kText);  // arrays are text: bind_array.cpp
  const auto known = type_names().find(type);
  if (known == type_names().end()) {
    static const std::set<std::string_view> kKnownElsewhere = {"timetz",  "bit",     "varbit", "json",  "jsonb", "uuid",
                                                               "inet",    "cidr",    "inet4",  "money", "xml",   "regclass",
                                                               "regtype", "regproc", "array",  "map",   "record"};
    if (kKnownElsewhere.contains(type)) unsupported("type " + type, name->location);
    fail("42704", "type \"" + type + "\" does not exist", name->location);
  }
  std::vector<std::int64_t> modifiers;
  for (const Node* m : TAJO_NODES(name, typmods)) {
    if (!is(m, PG_QUERY__NODE__NODE_A_CONST) || m->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
      fail("22023", "type modifiers must be simple constants or identifiers", name->location);
    modifiers.push_back(m->a_const->ival->ival);
  }
  Type out = Type::of(known->second);
  switch (out.id) {
    case TypeId::kDecimal: {
      if (modifiers.empty()) return out;  // a cast to it keeps the digits there are
      const std::int64_t precision = modifiers[0];
      const std::int64_t scale = modifiers.size() > 1 ? modifiers[1] : 0;
      if (precision < 1 || precision > 38)
        fail("22023", "NUMERIC precision " + std::to_string(precision) + " must be between 1 and 38", name->location);
      if (scale < 0 || scale > precision)
        fail("22023", "NUMERIC scale " + std::to_string(scale) + " must be between 0 and precision " + std::to_string(precision),
             name->location);
      return Type::decimal(static_cast<int>(precision), static_cast<int>(scale));
    }
    case TypeId::kChar:
    case TypeId::kVarchar:
      if (!modifiers.empty()) {
        const char* shown = out.id == TypeId::kChar ? "char" : "varchar";
        if (modifiers[0] < 1) fail("22023", std::string("length for type ") + shown + " must be at least 1", name->location);
        if (modifiers[0] > kMaxTextLength)
          fail("22023", std::string("length for type ") + shown + " cannot exceed " + std::to_string(kMaxTextLength), name->location);
        out.length = static_cast<std::uint32_t>(modifiers[0]);
      }
      return out;
    case TypeId::kFloat8:
      // FLOAT(n) comes from the grammar as float4 or float8 already.
    case TypeId::kInterval:
      return out;  // the fields of INTERVAL '1' DAY are read where the literal is
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      if (!modifiers.empty() && modifiers[0] != 6) unsupported("a precision of " + type + " other than 6", name->location);
      return out;
    default:
      if (!modifiers.empty() && out.id != TypeId::kBlob)
        fail(sqlstate::kSyntaxError, "type modifier is not allowed for type \"" + type + "\"", name->location);
      return out;
  }
}

Type Binder::column_type(const PgQuery__TypeName* name, const char* column) {
  if (name->n_array_bounds > 0) unsupported("a column of an array type (\"" + std::string(column) + "\")", name->location);
  const Type type = bind_type(name);
  if (type.id == TypeId::kInterval) unsupported("a column of type interval (\"" + std::string(column) + "\")", name->location);
  return type.id == TypeId::kDecimal && type.precision == 0 ? Type::decimal(38, kBareScale) : type;
}

}  // namespace tajo::sql
