// information_schema: what Tajo shows of the cluster, its queries and the session.
#include "settings.hpp"
#include "system_tables_rows.hpp"
#include "tajo/functions/listing.hpp"

namespace tajo::master {

using data::Value;

namespace {

constexpr SystemColumns kColumns[] = {
    {"information_schema.cluster",
     "rank i host t pid i role t epoch q view q port i http_port i type t status t total_cpu i used_mem q total_mem q "
     "used_disk q total_disk q running_tasks i last_heartbeat_ts s launcher t"},
    {"information_schema.lost_nodes", "rank i host t pid i last_role t port i status t last_heartbeat_ts s"},
    {"information_schema.queries",
     "query_id t state t username t database t sql t session_id t progress f rows_read q bytes_read q rows q elapsed_ms q "
     "started s finished s task_retries q epoch q sqlstate t error t bytes q attempts q tag t request_id t"},
    {"information_schema.databases", "db_id q db_name t"},
    {"information_schema.session", "name t value t"},
    {"information_schema.functions", "function_name t result_type t argument_types t description t function_type t"}};

void cluster_rows(const SystemContext& c, SystemRows& out) {
  const cluster::View view = c.parts.resources.view();
  const Micros now = c.parts.runtime.boottime();
  // Who is lost has no role any more: see information_schema.lost_nodes.
  for (const NodeStatus& node : c.parts.resources.members()) {
    const auto& h = node.heartbeat;
    const bool master = node.role == cluster::Role::kActive || node.role == cluster::Role::kBackup;
    out.add({{"rank", number_value(static_cast<std::uint64_t>(node.rank))},
             {"host", text_or_null(h.host)},
             {"pid", number_value(static_cast<std::uint64_t>(h.pid))},
             {"role", text_value(std::string(cluster::role_name(node.role)))},
             {"epoch", number_value(view.epoch)},
             {"view", number_value(view.number)},
             {"port", number_value(h.client_port)},
             {"http_port", number_value(h.http_port)},
             {"type", text_value(master ? "QueryCoordinator" : "Worker")},
             {"status", text_value(status_name(node, now))},
             {"total_cpu", number_value(h.cores)},
             {"used_mem", number_value(h.memory_used_bytes >> 20)},
             {"total_mem", number_value(h.memory_bytes >> 20)},
             {"used_disk", h.disk_bytes == 0 ? Value{} : number_value(h.disk_used_bytes >> 20)},
             {"total_disk", h.disk_bytes == 0 ? Value{} : number_value(h.disk_bytes >> 20)},
             {"running_tasks", number_value(h.running_tasks)},
             {"last_heartbeat_ts", node.heard_at == 0 ? Value{} : Value(c.parts.runtime.wall() - (now - node.heard_at))},
             {"launcher", text_value(h.launcher_lost ? "lost" : "present")}});
  }
}

void lost_rows(const SystemContext& c, SystemRows& out) {
  const Micros now = c.parts.runtime.boottime();
  for (const NodeStatus& node : c.parts.resources.nodes()) {
    if (node.member) continue;
    const auto& h = node.heartbeat;
    out.add({{"rank", number_value(static_cast<std::uint64_t>(node.rank))},
             {"host", text_or_null(h.host)},
             {"pid", number_value(static_cast<std::uint64_t>(h.pid))},
             {"last_role", text_value(std::string(cluster::role_name(node.role)))},
             {"port", number_value(h.client_port)},
             {"status", text_value(status_name(node, now))},
             {"last_heartbeat_ts", node.heard_at == 0 ? Value{} : Value(c.parts.runtime.wall() - (now - node.heard_at))}});
  }
}

void query_rows(const SystemContext& c, SystemRows& out) {
  const std::int64_t now_ms = c.parts.runtime.wall() / 1000;
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
    out.add({{"query_id", text_value(q.id.str())},
             {"state", text_value(q.state)},
             {"username", text_value(q.user)},
             {"database", text_value(q.database)},
             {"sql", text_value(q.sql)},
             {"session_id", text_value(q.session)},
             {"progress", Value(fraction)},
             {"rows_read", number_value(read)},
             {"bytes_read", number_value(bytes)},
             {"rows", number_value(q.rows)},
             {"elapsed_ms", Value((done ? q.finished_ms : now_ms) - q.started_ms)},
             {"started", Value(q.started_ms * 1000)},
             {"finished", done ? Value(q.finished_ms * 1000) : Value{}},
             {"task_retries", number_value(q.attempts)},
             {"epoch", number_value(q.epoch)},
             {"sqlstate", text_or_null(q.sqlstate)},
             {"error", text_or_null(q.error)},
             {"bytes", number_value(q.result_bytes)},
             {"attempts", number_value(q.starts)},
             {"tag", text_or_null(q.tag)},
             {"request_id", text_value(q.request_id)}});
  }
}

void database_rows(const SystemContext& c, SystemRows& out) {
  for (const auto& [name, database] : c.catalog.databases) out.add({{"db_id", number_value(database->number)}, {"db_name", text_value(name)}});
}

void session_rows(const SystemContext& c, SystemRows& out) {
  const auto add = [&](const std::string& name, const std::string& value) { out.add({{"name", text_value(name)}, {"value", text_value(value)}}); };
  add("SESSION_ID", c.session.id);
  add("USERNAME", c.session.user);
  add("CLIENT_HOST", c.session.client);
  add("CURRENT_DATABASE", c.session.database);
  for (const auto& [name, setting] : known_settings()) {
    const auto own = c.session.settings.find(name);
    add(name, own == c.session.settings.end() ? setting.value : own->second);
  }
}

void function_rows(const SystemContext&, SystemRows& out) {
  for (const functions::FunctionSignature& f : functions::list_functions())
    out.add({{"function_name", text_value(f.name)},
             {"result_type", text_value(f.result)},
             {"argument_types", text_value(f.arguments)},
             {"description", text_value("")},
             {"function_type", text_value(f.kind)}});
}

}  // namespace

std::span<const SystemColumns> tajo_columns() { return kColumns; }

const RowsMakers& tajo_makers() {
  static const RowsMakers kMakers = {{"information_schema.cluster", cluster_rows},
                                     {"information_schema.lost_nodes", lost_rows},
                                     {"information_schema.queries", query_rows},
                                     {"information_schema.databases", database_rows},
                                     {"information_schema.session", session_rows},
                                     {"information_schema.functions", function_rows}};
  return kMakers;
}

}  // namespace tajo::master
