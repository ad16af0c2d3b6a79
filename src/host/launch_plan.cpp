#include "tajo/host/launch_plan.hpp"

#include <netdb.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <set>
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

void check_host(const std::string& file, const std::string& host) {
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, nullptr, &found) != 0) throw Error("58000", file + ": host " + host + " is not known");
  ::freeaddrinfo(found);
}

/// Filesystems that other hosts cannot see (statfs(2) magic numbers): tmpfs, ramfs.
bool node_local(std::string path) {
  while (path.size() > 1 && !std::filesystem::exists(path)) path = std::filesystem::path(path).parent_path();
  struct statfs fs {};
  if (::statfs(path.c_str(), &fs) != 0) return false;
  constexpr long kTmpfs = 0x01021994, kRamfs = 0x858458f6;
  return fs.f_type == kTmpfs || fs.f_type == kRamfs;
}

}  // namespace

std::string launch_plan(const Config& config) {
  const std::string& directory = config.directory();
  for (const std::string& warning : config.warnings()) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  std::set<std::string> hosts;
  std::stringstream ranks, web, client, ports;
  for (const MasterLine& master : config.masters()) {
    check_host(directory + "/masters", master.host);
    hosts.insert(is_local(master.host) ? "localhost" : master.host);
    ranks << master.host << ":1 ";
    web << master.host << ':' << master.http_port << ' ';
    client << master.host << ':' << master.client_port << ' ';
    if (is_local(master.host))
      ports << "tajo.master.client-rpc.address=" << master.client_port << " tajo.master.info-http.address=" << master.http_port << ' ';
  }
  for (const WorkerLine& worker : config.workers()) {
    check_host(directory + "/workers", worker.host);
    hosts.insert(is_local(worker.host) ? "localhost" : worker.host);
    ranks << worker.host << ':' << worker.slots << ' ';
  }
  for (const WorkerLine& spares : config.spare_lines()) ranks << spares.host << ':' << spares.slots << ' ';
  if (hosts.size() > 1 && node_local(config.rootdir()))
    throw Error("58000", directory + "/tajo-site.xml: tajo.rootdir: \"" + config.rootdir() + "\" is node-local, but " +
                             std::to_string(hosts.size()) + " hosts are to share it");
  std::stringstream out;
  std::string all;
  for (const std::string& host : config.hosts()) all += (all.empty() ? "" : " ") + host;
  out << "TAJO_PLAN_HOSTS=" << quoted(all) << "\nTAJO_PLAN_HA_DIR=" << quoted(ha_directory(config.rootdir()))
      << "\nTAJO_PLAN_LOCAL=" << is_local(config.masters().front().host) << "\n";
  out << "TAJO_PLAN_NETWORK=" << quoted(config.text("tajo.cluster.network")) << "\n";
  out << "TAJO_PLAN_RANKS=" << quoted(ranks.str()) << "\nTAJO_PLAN_WEB=" << quoted(web.str()) << "\nTAJO_PLAN_CLIENT="
      << quoted(client.str()) << "\nTAJO_PLAN_LOCAL_PORTS=" << quoted(ports.str())
      << "\nTAJO_PLAN_FIRST_PORT=" << config.masters().front().client_port << "\nTAJO_PLAN_LOG_DIR=" << quoted(config.log_directory())
      << "\nTAJO_PLAN_LOG_END=" << quoted(log_end_word(config))
      << "\nTAJO_PLAN_TIMEOUT_S=" << config.integer("tajo.cluster.start-timeout-sec") << "\n";
  return out.str();
}

}  // namespace tajo::host
