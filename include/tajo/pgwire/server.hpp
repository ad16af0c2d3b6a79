#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tajo::master {
class ClientService;
}

namespace tajo::pgwire {

struct PgServerConfig {
  std::string host = "localhost";    ///< name or address to listen on; all of a name's addresses; "*": every one
  std::uint16_t port = 26002;        ///< 0: any free port (tests)
  std::string socket_directory;      ///< TAJO_PID_DIR, made 0700 when missing; empty: no Unix socket
  std::string version = "0.1.0";     ///< shown in server_version
  std::uint32_t max_connections = 500;     ///< tajo.master.max-connections; more are refused with 53300
  std::string spool_directory = "/tmp";    ///< rest of a result that a client fetches in portions
  std::int64_t login_timeout_ms = 60'000;  ///< from connect to the end of authentication
  std::int64_t drain_ms = 5'000;           ///< how long stop() lets running statements go on
};

/// PostgreSQL protocol 3 over TCP and a Unix socket, in front of a ClientService. One thread a connection.
/// start() and stop() belong to one thread; the service must outlive the server.
class PgServer {
 public:
  PgServer(PgServerConfig config, master::ClientService& service);
  ~PgServer();
  PgServer(const PgServer&) = delete;
  PgServer& operator=(const PgServer&) = delete;

  /// Listens and returns. Throws Error 58030 that names address and key when it cannot.
  void start();
  /// Takes no more connections, lets running statements end for drain_ms, cancels the rest, joins every thread.
  /// Sessions stay open in the service: their clients may take them up at another master.
  void stop();

  std::uint16_t port() const;         ///< the port in use after start()
  std::string socket_path() const;    ///< empty without a Unix socket
  std::size_t connections() const;    ///< logged in or logging in

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tajo::pgwire
