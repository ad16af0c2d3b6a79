#include "tajo/client/admin.hpp"

#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>

#include "cluster_connection.hpp"
#include "remote_arguments.hpp"
#include "tajo/common/error.hpp"

namespace tajo::client {
namespace {

using Rows = std::vector<std::vector<std::string>>;

const char* kAdminUsage =
    "usage: admin [options]\n"
    " -cluster             Show the cluster's masters and workers\n"
    " -decommission <host> Let a host's workers (or a rank) finish and leave\n"
    " -desc                Show every running query in full\n"
    " -flush               Write small inserts to files now\n"
    " -h,--host <host>     Master(s) to ask\n"
    " -kill <query id>     Kill a running query\n"
    " -list                Show the running queries\n"
    " -p,--port <port>     Port(s) of the masters\n"
    " -recommission <host> Let a host's workers (or a rank) work again\n"
    " -resize <workers>    Start the cluster again with so many workers (needs its supervisor)\n"
    " -showmasters         List the masters\n";

int list_queries(ClusterConnection& c) {
  std::printf("%-20s %-19s %-19s %s\n%s %s %s %s\n", "QueryId", "State", "StartTime", "Query", std::string(20, '-').c_str(),
              std::string(19, '-').c_str(), std::string(19, '-').c_str(), std::string(29, '-').c_str());
  for (const auto& row : c.rows("SELECT query_id, state, started, sql FROM information_schema.queries WHERE finished IS NULL ORDER BY query_id")) {
    constexpr std::size_t kShown = 27;
    std::string sql = row[3];
    for (char& ch : sql)
      if (ch == '\n') ch = ' ';
    if (sql.size() > kShown + 3) sql = sql.substr(0, kShown) + "...";
    std::printf("%-20s %-19s %-19s %s\n", row[0].c_str(), row[1].c_str(), row[2].substr(0, 19).c_str(), sql.c_str());
  }
  return 0;
}

int describe_queries(ClusterConnection& c) {
  int number = 0;
  for (const auto& row : c.rows("SELECT query_id, started, state, elapsed_ms, progress, sql FROM information_schema.queries WHERE finished IS NULL ORDER BY query_id")) {
    std::printf("Id: %d\nQuery Id: %s\nStarted Time: %s\nQuery State: %s\nExecution Time: %.1f sec\nQuery Progress: %.3f\nQuery Statement:\n%s\n\n",
                ++number, row[0].c_str(), row[1].substr(0, 19).c_str(), row[2].c_str(), std::atof(row[3].c_str()) / 1000, std::atof(row[4].c_str()), row[5].c_str());
  }
  return 0;
}

void print_nodes(const char* title, const Rows& rows, const std::function<bool(const std::vector<std::string>&)>& wanted, const char* none) {
  std::size_t shown = 0;
  for (const auto& row : rows) {
    if (!wanted(row)) continue;
    if (shown++ == 0) std::printf("%s\n%-30s %-7s %-6s %-15s %-5s %s\n", title, "Worker", "Rank", "Tasks", "Mem used/total", "Cpu", "Status");
    std::printf("%-30s %-7s %-6s %-15s %-5s %s\n", row[1].c_str(), row[0].c_str(), row[7].c_str(), (row[5] + "/" + row[6] + " MB").c_str(), row[4].c_str(), row[3].c_str());
  }
  if (shown == 0) std::printf("%s\n", none);
  std::printf("\n");
}

int show_cluster(ClusterConnection& c) {
  Rows rows = c.rows("SELECT rank, host, role, status, total_cpu, used_mem, total_mem, running_tasks, port, launcher FROM information_schema.cluster ORDER BY rank");
  for (auto& row : c.rows("SELECT rank, host, last_role, status, 0, 0, 0, 0, port, '' FROM information_schema.lost_nodes ORDER BY rank"))
    rows.push_back(std::move(row));
  auto live = [](const std::vector<std::string>& row) { return row[3] != "LOST"; };
  auto worker = [](const std::vector<std::string>& row) { return row[2] == "worker" || row[2] == "spare"; };
  auto lost = [&](const std::vector<std::string>& row) { return !live(row); };
  int masters = 0, workers = 0, dead = 0, tasks = 0;
  for (const auto& row : rows) {
    if (lost(row)) ++dead;
    else if (worker(row)) ++workers;
    else ++masters;
    tasks += std::atoi(row[7].c_str());
  }
  for (const auto& row : rows)
    if (live(row) && row[9] == "lost") {
      std::printf("degraded, no launcher\n\n");  // nothing is missing; docs/recovery.md, Without the launcher
      break;
    }
  std::printf("Master\n======\n\nLive:%d\n\n", masters);
  for (const auto& row : rows)
    if (live(row) && !worker(row)) std::printf("%-30s %-7s %s\n", (row[1] + ":" + row[8]).c_str(), row[0].c_str(), row[2].c_str());
  std::printf("\nWorker\n======\n\nLive:%d  Dead:%d  Tasks:%d\n\n", workers, dead, tasks);
  print_nodes("Live Workers\n============", rows, [&](const auto& row) { return live(row) && worker(row); }, "No Live Workers");
  print_nodes("Dead Workers\n============", rows, lost, "No Dead Workers");
  return 0;
}

int show_masters(ClusterConnection& c) {
  std::string line;
  for (const auto& row : c.rows("SELECT host, port FROM information_schema.cluster WHERE role = 'active' OR role = 'backup' ORDER BY rank"))
    line += (line.empty() ? "" : " ") + row[0] + ":" + row[1];
  std::printf("%s\n", line.c_str());
  return 0;
}

int kill_query(ClusterConnection& c, const std::string& id) {
  auto rows = c.rows("SELECT tajo_kill(" + quote_literal(id) + ")");
  if (!rows.empty() && rows[0][0] == "t") {
    std::printf("%s is killed successfully.\n", id.c_str());
    return 0;
  }
  std::printf("ERROR: no running query %s\n", id.c_str());
  return 1;
}

constexpr int kDrainPollMs = 200;

/// Waits until the workers have finished, telling how many still run; Ctrl-C stops the waiting, not the draining.
int decommission(ClusterConnection& c, const std::string& which) {
  c.rows("SELECT tajo_decommission(" + quote_literal(which) + ")");
  const std::string here = " AND (host = " + quote_literal(which) + " OR CAST(rank AS TEXT) = " + quote_literal(which) + ")";
  std::string said;
  for (;;) {
    auto rows = c.rows("SELECT count(*), sum(running_tasks) FROM information_schema.cluster WHERE status = 'DECOMMISSIONING'" + here);
    if (rows[0][0] == "0") break;
    const std::string line = which + ": " + rows[0][0] + " worker(s) finish " + (rows[0][1].empty() ? "0" : rows[0][1]) + " task(s)";
    if (line != said) std::fprintf(stderr, "%s\n", line.c_str());
    said = line;
    std::this_thread::sleep_for(std::chrono::milliseconds(kDrainPollMs));
  }
  std::printf("%s is decommissioned.\n", which.c_str());
  return 0;
}

int recommission(ClusterConnection& c, const std::string& which) {
  c.rows("SELECT tajo_recommission(" + quote_literal(which) + ")");
  std::printf("%s is recommissioned.\n", which.c_str());
  return 0;
}

/// Runs what needs the cluster and prints `failure` (if any) before the reason when it does not work.
int with_cluster(const std::function<int()>& work) {
  try {
    return work();
  } catch (const Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return 1;
  }
}

int not_enough() {
  std::printf("Not enough arguments: expected 1 but got 0\n");
  return 1;
}

/// `active`, `backup` or empty: what `host:port` is.
std::string role_of(ClusterConnection& c, const std::string& target) {
  auto rows = c.rows("SELECT host, port, role FROM information_schema.cluster WHERE role = 'active' OR role = 'backup'");
  for (const auto& row : rows)
    if (row[0] + ":" + row[1] == target) return row[2];
  return {};
}

int get_state(ClusterConnection& c, const std::string& target) {
  std::string role;
  try {
    role = role_of(c, target);
  } catch (const Error&) {
    std::printf("Finding failed. - master:%s\n", target.c_str());
    return 1;
  }
  if (role.empty()) {
    std::printf("Cannot find the master. - master:%s\n", target.c_str());
    return 1;
  }
  std::printf("The master is %s.\n", role.c_str());
  return 0;
}

int transition(ClusterConnection& c, const std::string& target, bool to_active) {
  std::string role = role_of(c, target);
  if (role.empty()) {
    std::printf("Cannot find the master. - master:%s\n", target.c_str());
    return 1;
  }
  if (auto ha = c.rows("SELECT current_setting('tajo.master.ha.enable')"); !ha.empty() && ha[0][0] == "off") {
    std::printf("HA is not enabled for this tajo cluster.\n");
    return 1;
  }
  bool is_active = role == "active";
  if (is_active == to_active) {
    std::printf("The master is %s.\n", role.c_str());
    return 0;
  }
  auto rows = c.rows("SELECT tajo_hand_over(" + quote_literal(to_active ? target : "") + ")");
  bool done = !rows.empty() && rows[0][0] == "t";
  std::printf(done ? "The master is %s.\n" : "The masters did not change: %s is still not %s.\n",
              done ? (to_active ? "active" : "backup") : target.c_str(), to_active ? "active" : "backup");
  return done ? 0 : 1;
}

}  // namespace

int run_admin(ClusterConnection& c, const std::vector<std::string>& arguments) {
  const std::string option = arguments.empty() ? "" : arguments[0];
  return with_cluster([&] {
    if (option == "-list") return list_queries(c);
    if (option == "-desc") return describe_queries(c);
    if (option == "-cluster") return show_cluster(c);
    if (option == "-showmasters") return show_masters(c);
    if (option == "-kill") return arguments.size() < 2 ? not_enough() : kill_query(c, arguments[1]);
    if (option == "-decommission") return arguments.size() < 2 ? not_enough() : decommission(c, arguments[1]);
    if (option == "-recommission") return arguments.size() < 2 ? not_enough() : recommission(c, arguments[1]);
    if (option == "-flush") {
      c.rows("SELECT tajo_flush()");
      std::printf("OK\n");
      return 0;
    }
    std::fputs(kAdminUsage, stdout);
    return option.empty() ? 0 : 1;
  });
}

int run_haadmin(ClusterConnection& c, const std::vector<std::string>& arguments) {
  const std::string option = arguments.empty() ? "" : arguments[0];
  bool to_active = option == "-transitionToActive", to_backup = option == "-transitionToBackup", state = option == "-getState";
  if (to_active || to_backup || state) {
    if (arguments.size() < 2) return not_enough();
    if (state) return get_state(c, arguments[1]);
    return with_cluster([&] { return transition(c, arguments[1], to_active); });
  }
  if (option == "-formatHA") {  // asked in a session: a master answers
    std::printf("If you want to format the ha information, you must shutdown tajo masters  before formatting.\n");
    return 1;
  }
  std::printf("usage: haadmin [options]\n"
              " -formatHA                            Format the ha information\n"
              " -getState <host:port>                Tell whether a master is active or backup\n"
              " -h,--host <host>                     Master(s) to ask\n"
              " -p,--port <port>                     Port(s) of the masters\n"
              " -transitionToActive <host:port>      Make a backup master the active one\n"
              " -transitionToBackup <host:port>      Make the active master a backup\n");
  return option.empty() ? 0 : 1;
}

int run_admin(const std::vector<std::string>& arguments) {
  RemoteArguments remote = take_remote_arguments(arguments);
  if (remote.rest.empty()) {
    std::fputs(kAdminUsage, stdout);
    return 0;
  }
  ClusterConnection connection(remote.options);
  return with_cluster([&] {
    connection.connect();
    return run_admin(connection, remote.rest);
  });
}

int run_haadmin(const std::vector<std::string>& arguments) {
  RemoteArguments remote = take_remote_arguments(arguments);
  ClusterConnection connection(remote.options);
  const std::string option = remote.rest.empty() ? "" : remote.rest[0];
  bool needs_cluster = remote.rest.size() > 1 && option.starts_with("-");
  if (needs_cluster) {
    try {
      connection.connect();
    } catch (const Error& error) {
      if (option == "-getState") {
        std::printf("Finding failed. - master:%s\n", remote.rest[1].c_str());
      }
      std::fprintf(stderr, "ERROR: %s\n", error.what());
      return 1;
    }
  }
  return run_haadmin(connection, remote.rest);
}

}  // namespace tajo::client
