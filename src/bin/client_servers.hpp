#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tajo/cluster/node.hpp"
#include "tajo/common/config.hpp"
#include "tajo/host/keeper.hpp"
#include "tajo/host/published.hpp"
#include "tajo/http/server.hpp"
#include "tajo/pgwire/server.hpp"

namespace tajo {

/// Where a master meets its clients: the PostgreSQL and HTTP servers and the endpoint it publishes. A rank of
/// conf/masters opens them at its start, a spare when a view makes it a master. open… and close() may block.
class ClientServers {
 public:
  struct Config {
    std::string socket_directory, spool_directory, ha_directory;
    std::uint32_t max_connections = 0;
    std::int64_t drain_ms = 0;
    std::string web_host;     ///< what the web page listens on
    host::Endpoint endpoint;  ///< of this rank, without ports
    std::string masters_file;
    std::function<void(host::Request)> on_request;  ///< as Publisher's
  };
  ClientServers(Config config, master::ClientService& service, const host::Kept& kept);

  /// On the addresses of a line of conf/masters. Error 58030 when one is taken.
  void open(const MasterLine& line);
  /// On this host with the ports of the first of `lost` lines that are free here, else with any. Errors are logged.
  void open_in_place_of(const std::vector<MasterLine>& lost);
  bool opened() const;
  std::uint16_t client_port() const;
  std::uint16_t http_port() const;

  /// Any thread.
  void publish(const cluster::View& view, cluster::Role role);
  void publish_load(int running, int inside, bool paused);
  /// Takes no more clients; those that are served are given drain_ms.
  void stop();
  /// The endpoint is no longer to be found.
  void withdraw();

 private:
  void listen(const std::string& host, int client_port, int http_port);

  const Config config_;
  master::ClientService& service_;
  const host::Kept& kept_;
  mutable std::mutex mutex_;
  bool stopped_ = false;
  std::unique_ptr<pgwire::PgServer> pg_;
  std::unique_ptr<http::HttpServer> web_;
  std::unique_ptr<host::Publisher> publisher_;
};

}  // namespace tajo
