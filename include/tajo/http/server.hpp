#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tajo::master {
class ClientService;
}

namespace tajo::http {

struct HttpServerConfig {
  std::string host = "localhost";   ///< name or address to listen on; "*": every one
  std::uint16_t port = 26080;       ///< 0: any free port (tests)
  std::string version = "0.1.0";
  std::uint32_t max_connections = 128;      ///< more are closed at once
  std::int64_t request_timeout_ms = 10'000; ///< from a request's first byte to its last; the same for the answer
  std::int64_t idle_timeout_ms = 30'000;    ///< between requests of one connection
  std::int64_t login_minutes = 12 * 60;     ///< of a login without use
};

/// The web page, its JSON and statements by REST over plain HTTP/1.1, for users who log in with their SCRAM password or
/// bring it with each request. One thread a connection, one a statement. start() and stop() belong to one thread; the
/// service must outlive the server and the statements that stop() leaves to the cluster.
class HttpServer {
 public:
  HttpServer(HttpServerConfig config, master::ClientService& service);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Listens and returns. Throws Error 58030 that names address and key when it cannot.
  void start();
  void stop();
  std::uint16_t port() const;  ///< the port in use after start()

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tajo::http
