// pg_catalog: schemas, relations, columns, types. One schema, public, is the session's database; there are no indexes,
// constraints, defaults or comments, so their tables stay empty.
#include <algorithm>
#include <iterator>

#include "system_tables_rows.hpp"

namespace tajo::master {

using data::Value;

namespace {

Value oid(std::int64_t n) { return Value(n); }

struct BaseType {
  std::int64_t oid, array;
  const char* name;
  int length;
  char category;
  bool preferred;
};
constexpr BaseType kTypes[] = {{16, 1000, "bool", 1, 'B', true},
                               {17, 1001, "bytea", -1, 'U', false},
                               {18, 1002, "char", 1, 'Z', false},
                               {19, 1003, "name", 64, 'S', false},
                               {20, 1016, "int8", 8, 'N', false},
                               {21, 1005, "int2", 2, 'N', false},
                               {23, 1007, "int4", 4, 'N', false},
                               {25, 1009, "text", -1, 'S', true},
                               {26, 1028, "oid", 4, 'N', true},
                               {700, 1021, "float4", 4, 'N', false},
                               {701, 1022, "float8", 8, 'N', true},
                               {1042, 1014, "bpchar", -1, 'S', false},
                               {1043, 1015, "varchar", -1, 'S', false},
                               {1082, 1182, "date", 4, 'D', false},
                               {1083, 1183, "time", 8, 'D', false},
                               {1114, 1115, "timestamp", 8, 'D', false},
                               {1184, 1185, "timestamptz", 8, 'D', true},
                               {1186, 1187, "interval", 16, 'T', true},
                               {1700, 1231, "numeric", -1, 'N', false},
                               {2205, 2210, "regclass", 4, 'N', false},
                               {2206, 2211, "regtype", 4, 'N', false}};
constexpr std::int64_t kNumeric = 1700;
constexpr std::int64_t kArrayInput = 750;  // array_in, by which drivers tell arrays

std::int64_t length_of(std::int64_t type) {
  for (const BaseType& t : kTypes)
    if (t.oid == type) return t.length;
  return -1;
}

bool has_collation(std::int64_t type) { return type == 25 || type == 1042 || type == 1043 || type == 19; }

constexpr const char* kFormats[] = {"hdf5", "text", "csv", "parquet"};  // access methods, numbered from 2 as heap is
constexpr std::int64_t kFirstAccessMethod = 2;

std::int64_t access_method(const catalog::Table& table) {
  const auto at = std::find(std::begin(kFormats), std::end(kFormats), table.source.format);
  return at == std::end(kFormats) ? 0 : kFirstAccessMethod + (at - std::begin(kFormats));
}

void namespaces(const SystemContext&, SystemRows& out) {
  for (const auto& [number, name] : {std::pair{kPgCatalog, "pg_catalog"}, std::pair{kPublic, "public"}, std::pair{kInformationSchema, "information_schema"}})
    out.add({{"oid", oid(number)}, {"nspname", text_value(name)}, {"nspowner", oid(kOwnerRole)}});
}

void classes(const SystemContext& c, SystemRows& out) {
  constexpr std::int64_t kPageBytes = 8192;
  for (const Relation& r : relations(c)) {
    const bool known = r.table != nullptr && !r.table->external;
    const auto bytes = known ? static_cast<std::int64_t>(r.table->bytes()) : 0;
    out.add({{"oid", oid(r.oid)},
             {"relname", text_value(r.name)},
             {"relnamespace", oid(r.schema_oid)},
             {"relowner", oid(kOwnerRole)},
             {"relam", oid(r.table != nullptr ? access_method(*r.table) : 0)},
             {"relpages", oid((bytes + kPageBytes - 1) / kPageBytes)},
             {"reltuples", Value(known ? static_cast<double>(r.table->rows()) : -1.0)},
             {"relpersistence", text_value("p")},
             {"relkind", text_value("r")},
             {"relnatts", oid(static_cast<std::int64_t>(r.columns->columns.size()))},
             {"relispopulated", bool_value(true)},
             {"relreplident", text_value(r.table != nullptr ? "d" : "n")},
             {"tajo_bytes", oid(bytes)}});
  }
}

void attributes(const SystemContext& c, SystemRows& out) {
  for (const Relation& r : relations(c)) {
    std::int64_t number = 0;
    for (const data::Column& column : r.columns->columns) {
      const std::int64_t type = type_oid(column.type);
      const std::int64_t length = length_of(type);
      out.add({{"attrelid", oid(r.oid)},
               {"attname", text_value(column.name)},
               {"atttypid", oid(type)},
               {"attstattarget", oid(-1)},
               {"attlen", oid(length)},
               {"attnum", oid(++number)},
               {"attcacheoff", oid(-1)},
               {"atttypmod", oid(type_modifier(column.type))},
               {"attbyval", bool_value(length > 0 && length <= 8)},
               {"attalign", text_value("i")},
               {"attstorage", text_value(length > 0 ? "p" : type == kNumeric ? "m" : "x")},
               {"attnotnull", bool_value(column.not_null)},
               {"attislocal", bool_value(true)},
               {"attcollation", oid(has_collation(type) ? kDefaultCollation : 0)}});
    }
  }
}

void add_type(SystemRows& out, const BaseType& t, bool array) {
  out.add({{"oid", oid(array ? t.array : t.oid)},
           {"typname", text_value((array ? "_" : "") + std::string(t.name))},
           {"typnamespace", oid(kPgCatalog)},
           {"typowner", oid(kOwnerRole)},
           {"typlen", oid(array ? -1 : t.length)},
           {"typbyval", bool_value(!array && t.length > 0 && t.length <= 8)},
           {"typtype", text_value("b")},
           {"typcategory", text_value(array ? "A" : std::string(1, t.category))},
           {"typispreferred", bool_value(!array && t.preferred)},
           {"typisdefined", bool_value(true)},
           {"typdelim", text_value(",")},
           {"typelem", oid(array ? t.oid : 0)},
           {"typarray", oid(array ? 0 : t.array)},
           {"typinput", oid(array ? kArrayInput : 0)},
           {"typalign", text_value("i")},
           {"typstorage", text_value(array || t.length < 0 ? "x" : "p")},
           {"typtypmod", oid(-1)},
           {"typcollation", oid(has_collation(t.oid) ? kDefaultCollation : 0)}});
}

void types(const SystemContext&, SystemRows& out) {
  for (const BaseType& t : kTypes) add_type(out, t, false);
  for (const BaseType& t : kTypes) add_type(out, t, true);
}

void access_methods(const SystemContext&, SystemRows& out) {
  std::int64_t number = kFirstAccessMethod;
  for (const char* format : kFormats) out.add({{"oid", oid(number++)}, {"amname", text_value(format)}, {"amtype", text_value("t")}});
}

void collations(const SystemContext&, SystemRows& out) {
  for (const auto& [number, name, provider] : {std::tuple{kDefaultCollation, "default", "d"}, std::tuple{std::int64_t{950}, "C", "c"},
                                               std::tuple{std::int64_t{951}, "POSIX", "c"}})
    out.add({{"oid", oid(number)},
             {"collname", text_value(name)},
             {"collnamespace", oid(kPgCatalog)},
             {"collowner", oid(kOwnerRole)},
             {"collprovider", text_value(provider)},
             {"collisdeterministic", bool_value(true)},
             {"collencoding", oid(-1)},
             {"collcollate", text_value("C")},
             {"collctype", text_value("C")}});
}

void tables(const SystemContext& c, SystemRows& out) {
  for (const Relation& r : relations(c))
    out.add({{"schemaname", text_value(r.schema)}, {"tablename", text_value(r.name)}, {"tableowner", text_value(c.parts.owner)}});
}

void table_statistics(const SystemContext& c, SystemRows& out) {
  for (const Relation& r : relations(c))
    if (r.table != nullptr && !r.table->external)
      out.add({{"relid", oid(r.oid)}, {"schemaname", text_value(r.schema)}, {"relname", text_value(r.name)}, {"n_live_tup", number_value(r.table->rows())}});
}

}  // namespace

const RowsMakers& catalog_makers() {
  static const RowsMakers kMakers = {{"pg_catalog.pg_namespace", namespaces},
                                     {"pg_catalog.pg_class", classes},
                                     {"pg_catalog.pg_attribute", attributes},
                                     {"pg_catalog.pg_type", types},
                                     {"pg_catalog.pg_am", access_methods},
                                     {"pg_catalog.pg_collation", collations},
                                     {"pg_catalog.pg_tables", tables},
                                     {"pg_catalog.pg_stat_all_tables", table_statistics},
                                     {"pg_catalog.pg_stat_user_tables", table_statistics}};
  return kMakers;
}

}  // namespace tajo::master
