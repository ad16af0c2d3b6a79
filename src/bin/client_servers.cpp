#include "client_servers.hpp"

#include <utility>

#include "tajo/common/error.hpp"
#include "tajo/common/log.hpp"

namespace tajo {

ClientServers::ClientServers(Config config, master::ClientService& service, const host::Kept& kept)
    : config_(std::move(config)), service_(service), kept_(kept) {}

void ClientServers::open(const MasterLine& line) {
  try {
    listen(line.host, line.client_port, line.http_port);
  } catch (const Error& e) {
    if (e.sqlstate() != sqlstate::kIoError || line.number == 0 || (!line.own_client_port && !line.own_http_port)) throw;
    throw Error(e.sqlstate(), config_.masters_file + ":" + std::to_string(line.number) + ": " + e.message());
  }
}

void ClientServers::open_in_place_of(const std::vector<MasterLine>& lost) {
  std::vector<MasterLine> tries;
  for (const MasterLine& line : lost) {
    tries.push_back(line);  // its name may be this host's
    tries.push_back(line);
    tries.back().host = config_.endpoint.host;
  }
  tries.emplace_back();
  tries.back().host = config_.endpoint.host;
  tries.back().client_port = tries.back().http_port = 0;
  for (const MasterLine& line : tries) {
    try {
      open(line);
      log_info("cluster", "in place of a lost master: clients on " + line.host + ":" + std::to_string(client_port()) +
                              ", web page on port " + std::to_string(http_port()));
      return;
    } catch (const Error& e) {
      log_warn("cluster", e.message());
    }
  }
}

void ClientServers::listen(const std::string& host, int client_port, int http_port) {
  pgwire::PgServerConfig pg_config;
  pg_config.host = host;
  pg_config.port = static_cast<std::uint16_t>(client_port);
  pg_config.socket_directory = config_.socket_directory;
  pg_config.drain_ms = config_.drain_ms;
  pg_config.max_connections = config_.max_connections;
  pg_config.spool_directory = config_.spool_directory;
  auto pg = std::make_unique<pgwire::PgServer>(pg_config, service_);
  pg->start();
  http::HttpServerConfig web_config;
  web_config.host = tajo::Config::is_any_address(config_.web_host) ? "*" : config_.web_host;
  web_config.port = static_cast<std::uint16_t>(http_port);
  auto web = std::make_unique<http::HttpServer>(web_config, service_);
  web->start();
  host::Endpoint endpoint = config_.endpoint;
  endpoint.host = host;
  endpoint.client_port = pg->port();
  endpoint.http_port = web->port();
  auto publisher = std::make_unique<host::Publisher>(config_.ha_directory, std::move(endpoint), config_.on_request);
  kept_.leaves(pg->socket_path());
  kept_.leaves(publisher->path());
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    publisher->withdraw();
    return;  // the servers stop as they go
  }
  pg_ = std::move(pg);
  web_ = std::move(web);
  publisher_ = std::move(publisher);
}

bool ClientServers::opened() const {
  std::lock_guard lock(mutex_);
  return pg_ != nullptr;
}

std::uint16_t ClientServers::client_port() const {
  std::lock_guard lock(mutex_);
  return pg_ ? pg_->port() : 0;
}

std::uint16_t ClientServers::http_port() const {
  std::lock_guard lock(mutex_);
  return web_ ? web_->port() : 0;
}

void ClientServers::publish(const cluster::View& view, cluster::Role role) {
  std::lock_guard lock(mutex_);
  if (!publisher_) return;
  std::set<Rank> members;
  for (const auto& [rank, member] : view.members) members.insert(rank);
  publisher_->update(view.epoch, std::string(cluster::role_name(role)), std::move(members),
                     static_cast<int>(view.with_role(cluster::Role::kWorker).size()));
}

void ClientServers::publish_load(int running, int inside, bool paused) {
  std::lock_guard lock(mutex_);
  if (publisher_) publisher_->load(running, inside, paused);
}

void ClientServers::stop() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  if (web_) web_->stop();  // nobody sets them any more
  if (pg_) pg_->stop();
}

void ClientServers::withdraw() {
  if (publisher_) publisher_->withdraw();
}

}  // namespace tajo
