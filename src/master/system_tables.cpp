#include "system_tables.hpp"

#include <functional>

#include "settings.hpp"
#include "tajo/functions/listing.hpp"

namespace tajo::master {
namespace {

using data::TypeId;
using data::Value;
using Rows = std::vector<std::vector<Value>>;

struct Context {
  const MasterParts& parts;
  const Session& session;
  const catalog::Snapshot& catalog;
};

struct SystemTable {
  std::vector<std::pair<const char*, TypeId>> columns;
  std::function<Rows(const Context&)> rows;
};

Value text(std::string s) { return Value(std::move(s)); }
Value number(std::uint64_t n) { return Value(static_cast<std::int64_t>(n)); }
Value optional_text(const std::string& s) { return s.empty() ? Value{} : Value(s); }

template <class F>
void each_table(const catalog::Snapshot& catalog, F&& f) {
  for (const auto& [name, database] : catalog.databases)
    for (const auto& [table_name, table] : database->tables) f(*database, *table);
}

Rows cluster_rows(const Context& c) {
  Rows rows;
  cluster::View view = c.parts.resources.view();
  Micros now = c.parts.runtime.boottime();
  // Who is lost has no role any more: see information_schema.lost_nodes.
  for (const NodeStatus& node : c.parts.resources.members()) {
    const auto& h = node.heartbeat;
    const bool master = node.role == cluster::Role::kActive || node.role == cluster::Role::kBackup;
    rows.push_back({number(static_cast<std::uint64_t>(node.rank)), optional_text(h.host), number(static_cast<std::uint64_t>(h.pid)),
                    text(std::string(cluster::role_name(node.role))), number(view.epoch), number(view.number),
                    number(h.client_port), number(h.http_port), text(master ? "QueryCoordinator" : "Worker"),
                    text(status_name(node, now)), number(h.cores), number(h.memory_used_bytes >> 20), number(h.memory_bytes >> 20),
                    number(0), number(0), number(h.running_tasks),
                    node.heard_at == 0 ? Value{} : Value(c.parts.runtime.wall() - (now - node.heard_at)),
                    text(h.launcher_lost ? "lost" : "present")});
  }
  return rows;
}

Rows lost_rows(const Context& c) {
  Rows rows;
  const Micros now = c.parts.runtime.boottime();
  for (const NodeStatus& node : c.parts.resources.nodes()) {
    if (node.member) continue;
    const auto& h = node.heartbeat;
    rows.push_back({number(static_cast<std::uint64_t>(node.rank)), optional_text(h.host), number(static_cast<std::uint64_t>(h.pid)),
                    text(std::string(cluster::role_name(node.role))), number(h.client_port), text(status_name(node, now)),
                    node.heard_at == 0 ? Value{} : Value(c.parts.runtime.wall() - (now - node.heard_at))});
  }
  return rows;
}

Rows query_rows(const Context& c) {
  Rows rows;
  std::int64_t now_ms = c.parts.runtime.wall() / 1000;
  for (const QueryRecord& q : c.parts.queries.all()) {
    const bool done = q.finished_ms != 0;
    double fraction = done ? 1.0 : 0.0;
    std::uint64_t read = q.rows_read, bytes = q.bytes_read;
    if (!done) {
      if (auto p = c.parts.coordinator.progress(q.id)) {
        fraction = p->fraction;
        read = p->rows_read;
        bytes = p->bytes_read;
      }
    }
    rows.push_back({text(q.id.str()), text(q.state), text(q.user), text(q.database), text(q.sql), text(q.session), Value(fraction),
                    number(read), number(bytes), number(q.rows), Value((done ? q.finished_ms : now_ms) - q.started_ms),
                    Value(q.started_ms * 1000), done ? Value(q.finished_ms * 1000) : Value{}, number(q.attempts), number(q.epoch),
                    optional_text(q.sqlstate), optional_text(q.error), number(q.result_bytes), number(q.starts),
                    optional_text(q.tag), text(q.request_id)});
  }
  return rows;
}

Rows table_rows(const Context& c) {
  Rows rows;
  each_table(c.catalog, [&](const catalog::Database& d, const catalog::Table& t) {
    rows.push_back({text(d.name), text("public"), text(t.name), text(t.external ? "EXTERNAL" : "BASE TABLE"), number(t.number), number(d.number),
                    text(t.source.location), text(t.source.format), t.external ? Value{} : number(t.rows()),
                    t.external ? Value{} : number(t.bytes())});
  });
  return rows;
}

Rows column_rows(const Context& c) {
  Rows rows;
  each_table(c.catalog, [&](const catalog::Database& d, const catalog::Table& t) {
    std::int64_t position = 1;
    for (const data::Column& column : t.source.schema.columns)
      rows.push_back({text(d.name), text("public"), text(t.name), number(t.number), text(column.name), Value(position++),
                      text(column.not_null ? "NO" : "YES"), text(data::postgres_type_name(column.type)), text(data::type_name(column.type))});
  });
  return rows;
}

const std::map<std::string, SystemTable>& system_tables() {
  static const std::map<std::string, SystemTable> kTables = {
      {"information_schema.cluster",
       {{{"rank", TypeId::kInt4}, {"host", TypeId::kText}, {"pid", TypeId::kInt4}, {"role", TypeId::kText}, {"epoch", TypeId::kInt8},
         {"view", TypeId::kInt8}, {"port", TypeId::kInt4}, {"http_port", TypeId::kInt4}, {"type", TypeId::kText}, {"status", TypeId::kText},
         {"total_cpu", TypeId::kInt4}, {"used_mem", TypeId::kInt8}, {"total_mem", TypeId::kInt8}, {"used_disk", TypeId::kInt4},
         {"total_disk", TypeId::kInt4}, {"running_tasks", TypeId::kInt4}, {"last_heartbeat_ts", TypeId::kTimestamp},
         {"launcher", TypeId::kText}},
        cluster_rows}},
      {"information_schema.lost_nodes",
       {{{"rank", TypeId::kInt4}, {"host", TypeId::kText}, {"pid", TypeId::kInt4}, {"last_role", TypeId::kText}, {"port", TypeId::kInt4},
         {"status", TypeId::kText}, {"last_heartbeat_ts", TypeId::kTimestamp}},
        lost_rows}},
      {"information_schema.queries",
       {{{"query_id", TypeId::kText}, {"state", TypeId::kText}, {"username", TypeId::kText}, {"database", TypeId::kText},
         {"sql", TypeId::kText}, {"session_id", TypeId::kText}, {"progress", TypeId::kFloat8}, {"rows_read", TypeId::kInt8},
         {"bytes_read", TypeId::kInt8}, {"rows", TypeId::kInt8}, {"elapsed_ms", TypeId::kInt8}, {"started", TypeId::kTimestamp},
         {"finished", TypeId::kTimestamp}, {"task_retries", TypeId::kInt8}, {"epoch", TypeId::kInt8}, {"sqlstate", TypeId::kText},
         {"error", TypeId::kText}, {"bytes", TypeId::kInt8}, {"attempts", TypeId::kInt8}, {"tag", TypeId::kText},
         {"request_id", TypeId::kText}},
        query_rows}},
      {"information_schema.tables",
       {{{"table_catalog", TypeId::kText}, {"table_schema", TypeId::kText}, {"table_name", TypeId::kText}, {"table_type", TypeId::kText},
         {"tid", TypeId::kInt8}, {"db_id", TypeId::kInt8}, {"path", TypeId::kText}, {"data_format", TypeId::kText},
         {"num_rows", TypeId::kInt8}, {"num_bytes", TypeId::kInt8}},
        table_rows}},
      {"information_schema.columns",
       {{{"table_catalog", TypeId::kText}, {"table_schema", TypeId::kText}, {"table_name", TypeId::kText}, {"tid", TypeId::kInt8},
         {"column_name", TypeId::kText}, {"ordinal_position", TypeId::kInt4}, {"is_nullable", TypeId::kText}, {"data_type", TypeId::kText},
         {"tajo_type", TypeId::kText}},
        column_rows}},
      {"information_schema.databases",
       {{{"db_id", TypeId::kInt8}, {"db_name", TypeId::kText}},
        [](const Context& c) {
          Rows rows;
          for (const auto& [name, database] : c.catalog.databases) rows.push_back({number(database->number), text(name)});
          return rows;
        }}},
      {"information_schema.session",
       {{{"name", TypeId::kText}, {"value", TypeId::kText}},
        [](const Context& c) {
          Rows rows;
          rows.push_back({text("SESSION_ID"), text(c.session.id)});
          rows.push_back({text("USERNAME"), text(c.session.user)});
          rows.push_back({text("CLIENT_HOST"), text(c.session.client)});
          rows.push_back({text("CURRENT_DATABASE"), text(c.session.database)});
          for (const auto& [name, setting] : known_settings()) {
            auto own = c.session.settings.find(name);
            rows.push_back({text(name), text(own == c.session.settings.end() ? setting.value : own->second)});
          }
          return rows;
        }}},
      {"information_schema.functions",
       {{{"function_name", TypeId::kText}, {"result_type", TypeId::kText}, {"argument_types", TypeId::kText}, {"description", TypeId::kText},
         {"function_type", TypeId::kText}},
        [](const Context&) {
          Rows rows;
          for (auto& f : functions::list_functions())
            rows.push_back({text(f.name), text(f.result), text(f.arguments), text(""), text(f.kind)});
          return rows;
        }}},
      {"pg_catalog.pg_database",
       {{{"oid", TypeId::kInt8}, {"datname", TypeId::kText}},
        [](const Context& c) {
          Rows rows;
          for (const auto& [name, database] : c.catalog.databases) rows.push_back({number(database->number), text(name)});
          return rows;
        }}},
      {"pg_catalog.pg_tables",
       {{{"schemaname", TypeId::kText}, {"tablename", TypeId::kText}, {"tableowner", TypeId::kText}},
        [](const Context& c) {
          Rows rows;
          auto database = c.catalog.databases.find(c.session.database);
          if (database == c.catalog.databases.end()) return rows;
          for (const auto& [name, table] : database->second->tables) rows.push_back({text("public"), text(name), text(c.parts.owner)});
          return rows;
        }}},
  };
  return kTables;
}

const SystemTable* find(const std::string& schema, const std::string& table) {
  auto it = system_tables().find((schema.empty() ? "pg_catalog" : schema) + "." + table);
  return it == system_tables().end() ? nullptr : &it->second;
}

}  // namespace

std::optional<data::Schema> SystemTablesView::schema(const std::string& schema, const std::string& table) const {
  const SystemTable* found = find(schema, table);
  if (found == nullptr) return std::nullopt;
  data::Schema out;
  for (const auto& [name, type] : found->columns) out.columns.push_back({name, data::Type::of(type), false});
  return out;
}

std::vector<std::vector<data::Value>> SystemTablesView::rows(const std::string& schema, const std::string& table) const {
  const SystemTable* found = find(schema, table);
  if (found == nullptr) return {};
  asked_ = true;
  return found->rows(Context{parts_, session_, *snapshot_});
}

}  // namespace tajo::master
