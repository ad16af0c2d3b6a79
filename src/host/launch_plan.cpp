#include "tajo/host/launch_plan.hpp"

#include <netdb.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>

#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"
#include "tajo/host/log_end.hpp"
#include "tajo/host/published.hpp"

namespace tajo::host {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

bool is_local(const std::string& host) {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return host == "localhost" || host == "127.0.0.1" || host == name || std::string(name).starts_with(host + ".");
}

/// `conf/masters:3`, as messages name a line.
std::string line_name(const std::string& file, int number) { return number == 0 ? file : file + ":" + std::to_string(number); }

void check_host(const std::string& where, const std::string& host) {
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, nullptr, &found) != 0) throw Error("58000", where + ": host " + host + " is not known");
  ::freeaddrinfo(found);
}

/// Where a master's web page is found: `host:port`, or `localhost:port@host` when only that host itself can reach it.
std::string web_address(const Config& config, const MasterLine& master) {
  const std::string page = config.web_host(), port = ":" + std::to_string(master.http_port);
  if (Config::is_loopback(page)) return "localhost" + port + (is_local(master.host) ? "" : "@" + master.host);
  return (Config::is_any_address(page) ? master.host : page) + port;
}

/// The ports of a master on this host, each with the line or the key that says it: `masters:1=26002`.
std::string local_ports(const MasterLine& master) {
  const std::string line = line_name("masters", master.number) + "=";
  return (master.own_client_port ? line : "tajo-site.xml:tajo.master.client-rpc.address=") + std::to_string(master.client_port) + " " +
         (master.own_http_port ? line : "tajo-site.xml:tajo.master.info-http.address=") + std::to_string(master.http_port) + " ";
}

}  // namespace

std::string launch_plan(const Config& config) {
  const std::string& directory = config.directory();
  for (const std::string& warning : config.warnings()) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  std::stringstream ranks, web, client, ports, places;
  for (const MasterLine& master : config.masters()) {
    const std::string where = line_name("masters", master.number);
    check_host(directory + "/" + where, master.host);
    places << where << '=' << master.host << ' ';
    ranks << master.host << ":1 ";
    web << web_address(config, master) << ' ';
    client << master.host << ':' << master.client_port << ' ';
    if (is_local(master.host)) ports << local_ports(master);
  }
  for (const WorkerLine& worker : config.workers()) {
    const std::string where = line_name("workers", worker.number);
    check_host(directory + "/" + where, worker.host);
    places << where << '=' << worker.host << ' ';
    ranks << worker.host << ':' << worker.slots << ' ';
  }
  for (const WorkerLine& spares : config.spare_lines()) ranks << spares.host << ':' << spares.slots << ' ';
  std::stringstream out;
  std::string all;
  for (const std::string& host : config.hosts()) all += (all.empty() ? "" : " ") + host;
  out << "TAJO_PLAN_HOSTS=" << quoted(all) << "\nTAJO_PLAN_HA_DIR=" << quoted(ha_directory(config.rootdir()))
      << "\nTAJO_PLAN_LOCAL=" << is_local(config.masters().front().host) << "\n";
  out << "TAJO_PLAN_NETWORK=" << quoted(config.text("tajo.cluster.network")) << "\n";
  out << "TAJO_PLAN_RANKS=" << quoted(ranks.str()) << "\nTAJO_PLAN_WEB=" << quoted(web.str()) << "\nTAJO_PLAN_CLIENT="
      << quoted(client.str()) << "\nTAJO_PLAN_PLACES=" << quoted(places.str()) << "\nTAJO_PLAN_ROOTDIR=" << quoted(config.rootdir()) << "\nTAJO_PLAN_LOCAL_PORTS=" << quoted(ports.str())
      << "\nTAJO_PLAN_FIRST_PORT=" << config.masters().front().client_port << "\nTAJO_PLAN_LOG_DIR=" << quoted(config.log_directory())
      << "\nTAJO_PLAN_LOG_END=" << quoted(log_end_word(config))
      << "\nTAJO_PLAN_TIMEOUT_S=" << config.integer("tajo.cluster.start-timeout-sec") << "\n";
  return out.str();
}

}  // namespace tajo::host
