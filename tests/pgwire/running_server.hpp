#pragma once
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "fake_service.hpp"
#include "scram.hpp"
#include "tajo/common/config.hpp"
#include "tajo/pgwire/server.hpp"

namespace tajo::testing {

/// A server over the fake on a free port and a Unix socket in a directory of its own.
class RunningServer {
 public:
  explicit RunningServer(std::uint32_t max_connections = 50)
      : directory_(make_directory()), service(user_name()), server(config(directory_, max_connections), service) {
    service.add_user("alice", master::format_scram_secret(master::derive_scram_keys("wonder,land", "0123456789abcdef", 4096)));
    server.start();
  }
  ~RunningServer() {
    server.stop();
    std::filesystem::remove_all(directory_);
  }
  std::string local() const { return "host=" + directory_ + " port=" + std::to_string(server.port()) + " dbname=default"; }
  std::string tcp(const std::string& user, const std::string& password) const {
    return "host=127.0.0.1 port=" + std::to_string(server.port()) + " dbname=default user=" + user + " password='" + password + "'";
  }
  const std::string& directory() const { return directory_; }
 private:
  static std::string make_directory() {
    std::string name = "/tmp/tajo-pgwire-test-XXXXXX";
    return ::mkdtemp(name.data());
  }
  static pgwire::PgServerConfig config(const std::string& directory, std::uint32_t max_connections) {
    pgwire::PgServerConfig config;
    config.host = "127.0.0.1";
    config.port = 0;
    config.socket_directory = directory;
    config.max_connections = max_connections;
    config.drain_ms = 300;
    return config;
  }
  std::string directory_;

 public:
  FakeService service;
  pgwire::PgServer server;
};

}  // namespace tajo::testing
