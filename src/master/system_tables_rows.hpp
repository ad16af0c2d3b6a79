#pragma once
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tajo/master/statement_runner.hpp"

namespace tajo::master {

/// One virtual table: its columns as `name letter name letter …`. Letters: o int8 (object numbers), q int8 that may be
/// NULL, i int4, b bool, c and n text that is never NULL, t and a text that may be NULL, f float8, s timestamp, z timestamptz.
struct SystemColumns {
  const char* table;  ///< with its schema
  const char* columns;
};
/// PostgreSQL's tables (system_tables_columns.cpp) and Tajo's own (system_tables_tajo.cpp).
std::span<const SystemColumns> postgres_columns();
std::span<const SystemColumns> tajo_columns();

/// What the rows are made from.
struct SystemContext {
  const MasterParts& parts;
  const Session& session;
  const catalog::Snapshot& catalog;
};

/// Collects the rows of one virtual table: columns by name, those not named keep their letter's default.
class SystemRows {
 public:
  explicit SystemRows(const SystemColumns& columns);
  void add(std::initializer_list<std::pair<const char*, data::Value>> values);

  data::Schema schema;
  std::vector<std::vector<data::Value>> rows;

 private:
  std::vector<data::Value> defaults_;
};

using RowsMaker = void (*)(const SystemContext&, SystemRows&);
using RowsMakers = std::map<std::string, RowsMaker>;
const RowsMakers& catalog_makers();      ///< pg_catalog: relations, columns, types
const RowsMakers& server_makers();       ///< pg_catalog: databases, roles, settings, sessions, functions
const RowsMakers& information_makers();  ///< information_schema
const RowsMakers& tajo_makers();

/// All virtual tables by name with schema, in a fixed order: their place gives their object number.
const std::map<std::string, SystemColumns>& all_system_tables();

// Object numbers. Tables and databases have their own, PostgreSQL's well-known ones stay.
inline constexpr std::int64_t kPgCatalog = 11, kPublic = 2200, kInformationSchema = 13'000;
inline constexpr std::int64_t kOwnerRole = 10, kDefaultTablespace = 1663, kDefaultCollation = 100, kClassTable = 1259;
std::int64_t relation_oid(const catalog::Table& table);
std::int64_t database_oid(const catalog::Database& database);
std::int64_t role_oid(const SystemContext& c, const std::string& user);

inline data::Value text_value(std::string s) { return data::Value(std::move(s)); }
inline data::Value text_or_null(const std::string& s) { return s.empty() ? data::Value{} : data::Value(s); }
inline data::Value number_value(std::uint64_t n) { return data::Value(static_cast<std::int64_t>(n)); }
inline data::Value bool_value(bool b) { return data::Value(std::int64_t{b}); }

/// PostgreSQL's number and modifier (-1: none) of a type.
std::int64_t type_oid(const data::Type& type);
std::int64_t type_modifier(const data::Type& type);
std::string type_internal_name(const data::Type& type);  ///< int4, varchar, …

struct Relation {
  std::int64_t oid = 0, schema_oid = 0;
  std::string schema, name;
  const data::Schema* columns = nullptr;
  const catalog::Table* table = nullptr;  ///< null: a system table
};
/// Tables of the session's database, then the system tables.
std::vector<Relation> relations(const SystemContext& c);

}  // namespace tajo::master
