// pg_catalog: databases, roles, settings, sessions, functions.
#include <map>
#include <sstream>

#include "settings.hpp"
#include "system_tables_rows.hpp"
#include "tajo/functions/listing.hpp"

namespace tajo::master {

using data::Value;

namespace {

Value oid(std::int64_t n) { return Value(n); }
constexpr std::int64_t kUtf8Encoding = 6;
constexpr std::int64_t kFirstFunction = 20'000'000;

std::uint64_t bytes_of(const catalog::Database& database) {
  std::uint64_t bytes = 0;
  for (const auto& [name, table] : database.tables) bytes += table->external ? 0 : table->bytes();
  return bytes;
}

void databases(const SystemContext& c, SystemRows& out) {
  for (const auto& [name, database] : c.catalog.databases) {
    out.add({{"oid", oid(database_oid(*database))},
             {"datname", text_value(name)},
             {"datdba", oid(kOwnerRole)},
             {"encoding", oid(kUtf8Encoding)},
             {"datlocprovider", text_value("c")},
             {"datallowconn", bool_value(true)},
             {"datconnlimit", oid(-1)},
             {"dattablespace", oid(kDefaultTablespace)},
             {"datcollate", text_value("C")},
             {"datctype", text_value("C")},
             {"tajo_bytes", number_value(bytes_of(*database))}});
  }
}

void tablespaces(const SystemContext& c, SystemRows& out) {
  std::uint64_t bytes = 0;
  for (const auto& [name, database] : c.catalog.databases) bytes += bytes_of(*database);
  out.add({{"oid", oid(kDefaultTablespace)}, {"spcname", text_value("pg_default")}, {"spcowner", oid(kOwnerRole)}, {"tajo_bytes", number_value(bytes)}});
}

/// The cluster's owner may do all; so may users made superusers.
template <class F>
void each_role(const SystemContext& c, F&& f) {
  if (!c.catalog.users.contains(c.parts.owner)) f(c.parts.owner, true);
  for (const auto& [name, user] : c.catalog.users) f(name, user.superuser || name == c.parts.owner);
}

void roles(const SystemContext& c, SystemRows& out) {
  const bool shadowed = out.schema.find("rolconfig") >= 0;  // pg_roles shows no password
  each_role(c, [&](const std::string& name, bool super) {
    out.add({{"oid", oid(role_oid(c, name))},
             {"rolname", text_value(name)},
             {"rolsuper", bool_value(super)},
             {"rolinherit", bool_value(true)},
             {"rolcreaterole", bool_value(super)},
             {"rolcreatedb", bool_value(super)},
             {"rolcanlogin", bool_value(true)},
             {"rolconnlimit", oid(-1)},
             {"rolpassword", shadowed ? text_value("********") : Value{}}});
  });
}

void users(const SystemContext& c, SystemRows& out) {
  each_role(c, [&](const std::string& name, bool super) {
    out.add({{"usename", text_value(name)}, {"usesysid", oid(role_oid(c, name))}, {"usecreatedb", bool_value(super)}, {"usesuper", bool_value(super)},
             {"passwd", text_value("********")}});
  });
}

/// Properties of the server that nobody can set, but drivers ask for.
void presets(SystemRows& out) {
  for (const auto& [name, value, type] : {std::tuple{"block_size", "8192", "integer"}, std::tuple{"max_function_args", "100", "integer"},
                                          std::tuple{"max_identifier_length", "63", "integer"}, std::tuple{"max_index_keys", "32", "integer"}})
    out.add({{"name", text_value(name)}, {"setting", text_value(value)}, {"category", text_value("Preset Options")}, {"context", text_value("internal")},
             {"vartype", text_value(type)}, {"source", text_value("default")}, {"boot_val", text_value(value)}, {"reset_val", text_value(value)}});
}

void settings(const SystemContext& c, SystemRows& out) {
  presets(out);
  for (const auto& [name, setting] : known_settings()) {
    const auto own = c.session.settings.find(name);
    const bool changed = own != c.session.settings.end();
    out.add({{"name", text_value(name)},
             {"setting", text_value(changed ? own->second : setting.value)},
             {"category", text_value(name.starts_with("tajo.") ? "Tajo" : "Client Connection Defaults")},
             {"short_desc", text_value(setting.description)},
             {"context", text_value("user")},
             {"vartype", text_value("string")},
             {"source", text_value(changed ? "session" : "default")},
             {"boot_val", text_value(setting.value)},
             {"reset_val", text_value(setting.value)}});
  }
  for (const auto& [name, value] : c.session.settings)  // a program's own: its.name
    if (!known_settings().contains(name))
      out.add({{"name", text_value(name)}, {"setting", text_value(value)}, {"category", text_value("Customized Options")}, {"context", text_value("user")},
               {"vartype", text_value("string")}, {"source", text_value("session")}});
}

/// One row a session; what it runs is the newest of its running queries.
void activity(const SystemContext& c, SystemRows& out) {
  std::map<std::string, QueryRecord> running;
  for (QueryRecord& q : c.parts.queries.running()) running[q.session] = std::move(q);
  std::int64_t number = 0;
  for (const Session& s : c.parts.sessions.all()) {
    const auto q = running.find(s.id);
    const bool active = q != running.end() || s.id == c.session.id;
    const auto database = c.catalog.databases.find(s.database);
    const auto application = s.settings.find("application_name");
    out.add({{"datid", database == c.catalog.databases.end() ? Value{} : oid(database_oid(*database->second))},
             {"datname", text_value(s.database)},
             {"pid", oid(++number)},
             {"usesysid", oid(role_oid(c, s.user))},
             {"usename", text_value(s.user)},
             {"application_name", text_value(application == s.settings.end() ? "" : application->second)},
             {"client_hostname", text_or_null(s.client)},
             {"backend_start", Value(s.started_us)},
             {"query_start", q == running.end() ? Value{} : Value(q->second.started_ms * 1000)},
             {"state", text_value(active ? "active" : "idle")},
             {"query", text_value(q == running.end() ? "" : q->second.sql)},
             {"backend_type", text_value("client backend")}});
  }
}

std::int64_t named_type(const std::string& name) {
  static const std::map<std::string, std::int64_t> kOids = {{"bool", 16}, {"blob", 17},   {"int8", 20},   {"int4", 23},      {"text", 25},        {"float4", 700},   {"float8", 701},
                                                            {"date", 1082}, {"time", 1083}, {"timestamp", 1114}, {"timestamptz", 1184}, {"interval", 1186}, {"decimal", 1700}};
  const auto at = kOids.find(name);
  return at == kOids.end() ? 0 : at->second;
}

void procedures(const SystemContext&, SystemRows& out) {
  std::int64_t number = kFirstFunction;
  for (const functions::FunctionSignature& f : functions::list_functions()) {
    std::string types;
    std::int64_t count = 0;
    std::string words = f.arguments;
    for (char& ch : words)
      if (ch == ',' || ch == '.') ch = ' ';
    std::istringstream list(words);
    for (std::string name; list >> name; ++count) types += (count > 0 ? " " : "") + std::to_string(named_type(name));
    out.add({{"oid", oid(number++)},
             {"proname", text_value(f.name)},
             {"pronamespace", oid(kPgCatalog)},
             {"proowner", oid(kOwnerRole)},
             {"prokind", text_value(f.kind == "aggregate" ? "a" : "f")},
             {"provolatile", text_value("i")},
             {"proparallel", text_value("s")},
             {"pronargs", oid(count)},
             {"prorettype", oid(named_type(f.result))},
             {"proargtypes", text_value(types)},
             {"tajo_result", text_value(f.result)},
             {"tajo_arguments", text_value(f.arguments)}});
  }
}

/// Words that are key words here but not in SQL:2003, as JDBC's getSQLKeywords wants them.
void keywords(const SystemContext&, SystemRows& out) {
  for (const char* word : {"copy", "explain", "external", "ilike", "limit", "location", "offset", "overwrite", "purge", "regexp", "rlike", "truncate", "using"})
    out.add({{"word", text_value(word)}, {"catcode", text_value("U")}, {"barelabel", bool_value(true)}, {"catdesc", text_value("unreserved")}});
}

}  // namespace

const RowsMakers& server_makers() {
  static const RowsMakers kMakers = {{"pg_catalog.pg_database", databases}, {"pg_catalog.pg_tablespace", tablespaces}, {"pg_catalog.pg_roles", roles},
                                     {"pg_catalog.pg_authid", roles},       {"pg_catalog.pg_user", users},             {"pg_catalog.pg_shadow", users},
                                     {"pg_catalog.pg_settings", settings},  {"pg_catalog.pg_stat_activity", activity}, {"pg_catalog.pg_proc", procedures},
                                     {"pg_catalog.pg_get_keywords", keywords}};
  return kMakers;
}

}  // namespace tajo::master
