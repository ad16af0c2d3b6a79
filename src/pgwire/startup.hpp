#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cancel_registry.hpp"
#include "socket.hpp"
#include "tajo/master/client_service.hpp"

namespace tajo::pgwire {

/// The first message of a connection.
struct StartupMessage {
  int minor = 0;                                 ///< of protocol 3
  std::string user;
  std::string database;                          ///< as sent; empty when absent
  std::vector<std::pair<std::string, std::string>> settings;  ///< the other parameters and those of `options`
  std::vector<std::string> unknown_protocol_options;          ///< `_pq_.*`
};

/// Reads the first message; answers SSLRequest and GSSENCRequest with 'N' (each once). Throws FatalError for another
/// protocol or garbage, ConnectionClosed when the client leaves.
std::variant<StartupMessage, CancelRegistry::Key> read_startup(Socket& socket);

/// `-c name=value --name=value`, backslash escapes blanks. Throws Error 42601.
std::vector<std::pair<std::string, std::string>> parse_options(std::string_view options);

/// Proves that the client is `user`: peer credentials of the cluster's owner on the Unix socket, else SCRAM-SHA-256.
/// Throws FatalError 28000 or 28P01.
void authenticate(Socket& socket, bool local, const std::string& user, master::ClientService& service,
                  const std::string& mock_secret);

}  // namespace tajo::pgwire
