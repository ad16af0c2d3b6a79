// information_schema: the standard's tables, with Tajo's columns behind the standard's. As in Tajo they show all
// databases (table_catalog), not only the session's.
#include "settings.hpp"
#include "system_tables_rows.hpp"
#include "tajo/functions/listing.hpp"

namespace tajo::master {

using data::TypeId;
using data::Value;

namespace {

template <class F>
void each_table(const catalog::Snapshot& catalog, F&& f) {
  for (const auto& [name, database] : catalog.databases)
    for (const auto& [table_name, table] : database->tables) f(*database, *table);
}

void tables(const SystemContext& c, SystemRows& out) {
  each_table(c.catalog, [&](const catalog::Database& d, const catalog::Table& t) {
    out.add({{"table_catalog", text_value(d.name)},
             {"table_schema", text_value("public")},
             {"table_name", text_value(t.name)},
             {"table_type", text_value(t.external ? "EXTERNAL" : "BASE TABLE")},
             {"is_insertable_into", text_value(t.external ? "NO" : "YES")},
             {"is_typed", text_value("NO")},
             {"tid", number_value(t.number)},
             {"db_id", number_value(d.number)},
             {"path", text_value(t.source.location)},
             {"data_format", text_value(t.source.format)},
             {"num_rows", t.external ? Value{} : number_value(t.rows())},
             {"num_bytes", t.external ? Value{} : number_value(t.bytes())}});
  });
}

/// Digits, radix and scale of numbers as the standard counts them.
struct NumberShape {
  Value precision, radix, scale;
};
NumberShape number_shape(const data::Type& type) {
  const auto shape = [](std::int64_t precision, std::int64_t radix, Value scale) { return NumberShape{Value(precision), Value(radix), std::move(scale)}; };
  switch (type.id) {
    case TypeId::kInt1:
    case TypeId::kInt2: return shape(16, 2, Value(std::int64_t{0}));
    case TypeId::kInt4: return shape(32, 2, Value(std::int64_t{0}));
    case TypeId::kInt8: return shape(64, 2, Value(std::int64_t{0}));
    case TypeId::kFloat4: return shape(24, 2, Value{});
    case TypeId::kFloat8: return shape(53, 2, Value{});
    case TypeId::kDecimal: return shape(type.precision, 10, Value(std::int64_t{type.scale}));
    default: return {};
  }
}

void columns(const SystemContext& c, SystemRows& out) {
  each_table(c.catalog, [&](const catalog::Database& d, const catalog::Table& t) {
    std::int64_t position = 1;
    for (const data::Column& column : t.source.schema.columns) {
      data::Type plain = column.type;  // the standard's name of a type has no length
      plain.precision = plain.scale = 0;
      plain.length = 0;
      const NumberShape shape = number_shape(column.type);
      const bool has_length = column.type.length > 0;
      out.add({{"table_catalog", text_value(d.name)},
               {"table_schema", text_value("public")},
               {"table_name", text_value(t.name)},
               {"column_name", text_value(column.name)},
               {"ordinal_position", Value(position++)},
               {"is_nullable", text_value(column.not_null ? "NO" : "YES")},
               {"data_type", text_value(data::postgres_type_name(plain))},
               {"character_maximum_length", has_length ? Value(static_cast<std::int64_t>(column.type.length)) : Value{}},
               {"numeric_precision", shape.precision},
               {"numeric_precision_radix", shape.radix},
               {"numeric_scale", shape.scale},
               {"datetime_precision", column.type.is_datetime() ? Value(std::int64_t{column.type.id == TypeId::kDate ? 0 : 6}) : Value{}},
               {"udt_catalog", text_value(d.name)},
               {"udt_schema", text_value("pg_catalog")},
               {"udt_name", text_value(type_internal_name(column.type))},
               {"is_identity", text_value("NO")},
               {"is_generated", text_value("NEVER")},
               {"is_updatable", text_value(t.external ? "NO" : "YES")},
               {"tid", number_value(t.number)},
               {"tajo_type", text_value(data::type_name(column.type))}});
    }
  });
}

void schemata(const SystemContext& c, SystemRows& out) {
  for (const auto& [name, database] : c.catalog.databases)
    for (const char* schema : {"public", "pg_catalog", "information_schema"})
      out.add({{"catalog_name", text_value(name)}, {"schema_name", text_value(schema)}, {"schema_owner", text_value(c.parts.owner)}});
}

void catalog_name(const SystemContext& c, SystemRows& out) { out.add({{"catalog_name", text_value(c.session.database)}}); }

void enabled_roles(const SystemContext& c, SystemRows& out) { out.add({{"role_name", text_value(c.session.user)}}); }

void character_sets(const SystemContext& c, SystemRows& out) {
  out.add({{"character_set_name", text_value("UTF8")},
           {"character_repertoire", text_value("UCS")},
           {"form_of_use", text_value("UTF8")},
           {"default_collate_catalog", text_value(c.session.database)},
           {"default_collate_schema", text_value("pg_catalog")},
           {"default_collate_name", text_value("C")}});
}

void routines(const SystemContext& c, SystemRows& out) {
  std::int64_t number = 0;
  for (const functions::FunctionSignature& f : functions::list_functions())
    out.add({{"specific_catalog", text_value(c.session.database)},
             {"specific_schema", text_value("pg_catalog")},
             {"specific_name", text_value(f.name + "_" + std::to_string(++number))},
             {"routine_catalog", text_value(c.session.database)},
             {"routine_schema", text_value("pg_catalog")},
             {"routine_name", text_value(f.name)},
             {"routine_type", text_value("FUNCTION")}});
}

}  // namespace

const RowsMakers& information_makers() {
  static const RowsMakers kMakers = {{"information_schema.tables", tables},
                                     {"information_schema.columns", columns},
                                     {"information_schema.schemata", schemata},
                                     {"information_schema.information_schema_catalog_name", catalog_name},
                                     {"information_schema.enabled_roles", enabled_roles},
                                     {"information_schema.character_sets", character_sets},
                                     {"information_schema.routines", routines}};
  return kMakers;
}

}  // namespace tajo::master
