#include "system_tables_rows.hpp"

#include <algorithm>
#include <sstream>

namespace tajo::master {

using data::TypeId;
using data::Value;

namespace {

constexpr std::int64_t kFirstOid = 16'384;      // PostgreSQL's first number for what users make
constexpr std::int64_t kFirstCatalogOid = 12'000;      // of pg_catalog's tables
constexpr std::int64_t kFirstInformationOid = 13'001;  // of information_schema's: pg_table_is_visible knows them by it

TypeId type_of_letter(char letter) {
  switch (letter) {
    case 'o':
    case 'q': return TypeId::kInt8;
    case 'i': return TypeId::kInt4;
    case 'b': return TypeId::kBool;
    case 'f': return TypeId::kFloat8;
    case 's': return TypeId::kTimestamp;
    case 'z': return TypeId::kTimestampTz;
    default: return TypeId::kText;
  }
}

Value default_of_letter(char letter) {
  switch (letter) {
    case 'o':
    case 'i':
    case 'b': return Value(std::int64_t{0});
    case 'f': return Value(0.0);
    case 'c':
    case 'n': return Value(std::string());
    default: return Value{};
  }
}

}  // namespace

SystemRows::SystemRows(const SystemColumns& columns) {
  // The standard's tables say NULL where they know nothing.
  const bool standard = std::string_view(columns.table).starts_with("information_schema.");
  std::istringstream words(columns.columns);
  for (std::string name, letter; words >> name >> letter;) {
    schema.columns.push_back({name, data::Type::of(type_of_letter(letter[0])), false});
    defaults_.push_back(standard ? Value{} : default_of_letter(letter[0]));
  }
}

void SystemRows::add(std::initializer_list<std::pair<const char*, Value>> values) {
  rows.push_back(defaults_);
  for (const auto& [name, value] : values) {
    const int column = schema.find(name);
    TAJO_ASSERT(column >= 0);
    rows.back()[static_cast<std::size_t>(column)] = value;
  }
}

const std::map<std::string, SystemColumns>& all_system_tables() {
  static const auto tables = [] {
    std::map<std::string, SystemColumns> out;
    for (const auto list : {postgres_columns(), tajo_columns()})
      for (const SystemColumns& t : list) out.emplace(t.table, t);
    return out;
  }();
  return tables;
}

std::int64_t relation_oid(const catalog::Table& table) { return kFirstOid + static_cast<std::int64_t>(table.number); }
std::int64_t database_oid(const catalog::Database& database) { return kFirstOid + static_cast<std::int64_t>(database.number); }

/// The owner has PostgreSQL's number of the first user; others one made from their name, the same on every master.
std::int64_t role_oid(const SystemContext& c, const std::string& user) {
  if (user == c.parts.owner) return kOwnerRole;
  std::uint32_t hash = 2'166'136'261U;  // FNV-1a
  for (const char ch : user) hash = (hash ^ static_cast<unsigned char>(ch)) * 16'777'619U;
  return kFirstOid + (hash & 0x3FFF'FFFFU);
}

std::int64_t type_oid(const data::Type& type) {
  switch (type.id) {
    case TypeId::kBool: return 16;
    case TypeId::kInt1:
    case TypeId::kInt2: return 21;
    case TypeId::kInt4: return 23;
    case TypeId::kInt8: return 20;
    case TypeId::kFloat4: return 700;
    case TypeId::kFloat8: return 701;
    case TypeId::kDecimal: return 1700;
    case TypeId::kChar: return 1042;
    case TypeId::kVarchar: return 1043;
    case TypeId::kBlob: return 17;
    case TypeId::kDate: return 1082;
    case TypeId::kTime: return 1083;
    case TypeId::kTimestamp: return 1114;
    case TypeId::kTimestampTz: return 1184;
    case TypeId::kInterval: return 1186;
    case TypeId::kUnknown:
    case TypeId::kText: break;
  }
  return 25;
}

std::int64_t type_modifier(const data::Type& type) {
  constexpr int kHeader = 4;  // PostgreSQL counts the header of its values in
  if (type.id == TypeId::kDecimal && type.precision > 0) return ((type.precision << 16) | type.scale) + kHeader;
  if ((type.id == TypeId::kChar || type.id == TypeId::kVarchar) && type.length > 0) return static_cast<std::int64_t>(type.length) + kHeader;
  return -1;
}

std::string type_internal_name(const data::Type& type) {
  switch (type.id) {
    case TypeId::kBool: return "bool";
    case TypeId::kInt1:
    case TypeId::kInt2: return "int2";
    case TypeId::kInt4: return "int4";
    case TypeId::kInt8: return "int8";
    case TypeId::kFloat4: return "float4";
    case TypeId::kFloat8: return "float8";
    case TypeId::kDecimal: return "numeric";
    case TypeId::kChar: return "bpchar";
    case TypeId::kVarchar: return "varchar";
    case TypeId::kBlob: return "bytea";
    case TypeId::kDate: return "date";
    case TypeId::kTime: return "time";
    case TypeId::kTimestamp: return "timestamp";
    case TypeId::kTimestampTz: return "timestamptz";
    case TypeId::kInterval: return "interval";
    case TypeId::kUnknown:
    case TypeId::kText: break;
  }
  return "text";
}

std::vector<Relation> relations(const SystemContext& c) {
  std::vector<Relation> out;
  if (const auto database = c.catalog.databases.find(c.session.database); database != c.catalog.databases.end())
    for (const auto& [name, table] : database->second->tables)
      out.push_back({relation_oid(*table), kPublic, "public", name, &table->source.schema, table.get()});
  static const auto system = [] {
    std::map<std::string, data::Schema> schemas;
    for (const auto& [name, columns] : all_system_tables()) schemas.emplace(name, SystemRows(columns).schema);
    return schemas;
  }();
  std::int64_t catalog_oid = kFirstCatalogOid;
  std::int64_t information_oid = kFirstInformationOid;
  for (const auto& [name, schema] : system) {
    const std::size_t dot = name.find('.');
    const bool catalog = name.starts_with("pg_catalog.");
    const bool class_table = name == "pg_catalog.pg_class";
    const std::int64_t oid = class_table ? kClassTable : catalog ? catalog_oid++ : information_oid++;
    out.push_back({oid, catalog ? kPgCatalog : kInformationSchema, name.substr(0, dot), name.substr(dot + 1), &schema, nullptr});
  }
  return out;
}

}  // namespace tajo::master
