// What the web page and /api/status show; from this master's own state, so a backup answers too.
#include <nlohmann/json.hpp>

#include "client_front.hpp"

namespace tajo::master {

namespace {
constexpr std::size_t kShownQueries = 200;  ///< newest first
}

std::string MasterNode::Front::status_json() {
  using nlohmann::json;
  const MasterParts& parts = node_.parts_;
  cluster::View view = parts.resources.view();
  const Micros now = parts.runtime.boottime();
  const std::int64_t now_ms = parts.runtime.wall() / 1000;
  json members = json::array();
  for (const NodeStatus& node : parts.resources.nodes()) {
    const auto& h = node.heartbeat;
    members.push_back({{"rank", node.rank}, {"host", h.host}, {"pid", h.pid}, {"role", cluster::role_name(node.role)},
                       {"status", status_name(node, now)},
                       {"port", h.client_port}, {"http_port", h.http_port}, {"cores", h.cores}, {"memory_mb", h.memory_bytes >> 20},
                       {"memory_used_mb", h.memory_used_bytes >> 20}, {"disk_mb", h.disk_bytes >> 20},
                       {"disk_used_mb", h.disk_used_bytes >> 20}, {"running_tasks", h.running_tasks},
                       {"last_heartbeat_ms", node.heard_at == 0 ? -1 : (now - node.heard_at) / 1000}});
  }
  json queries = json::array();
  auto all = parts.queries.all();
  for (auto it = all.rbegin(); it != all.rend() && queries.size() < kShownQueries; ++it) {
    const QueryRecord& q = *it;
    const bool done = q.finished_ms != 0;
    double fraction = done ? 1.0 : 0.0;
    std::uint64_t rows_read = q.rows_read;
    if (auto p = done ? std::nullopt : parts.coordinator.progress(q.id)) {
      fraction = p->fraction;
      rows_read = p->rows_read;
    }
    queries.push_back({{"query_id", q.id.str()}, {"state", q.state}, {"user", q.user}, {"database", q.database}, {"sql", q.sql},
                       {"started_ms", q.started_ms}, {"elapsed_ms", (done ? q.finished_ms : now_ms) - q.started_ms},
                       {"progress", fraction}, {"rows_read", rows_read}, {"rows", q.rows}, {"error", q.error}, {"epoch", q.epoch},
                       {"task_retries", q.attempts}});
  }
  json status = {{"cluster", {{"epoch", view.epoch}, {"view", view.number}, {"degraded", parts.resources.launcher_lost()},
                           {"degraded_by", parts.resources.launcher_lost() ? "no launcher" : ""}, {"now_ms", now_ms}}},
                 {"members", std::move(members)},
                 {"queries", std::move(queries)}};
  return status.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace tajo::master
