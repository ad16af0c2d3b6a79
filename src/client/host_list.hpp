#pragma once
#include <string>
#include <vector>

namespace tajo::client {

inline constexpr int kDefaultPort = 26002;

/// One master to try: a host name or address, or (beginning with `/`) the directory of its Unix socket.
struct HostAddress {
  std::string host;
  int port = kDefaultPort;
  std::string text() const;  ///< for messages
  bool operator==(const HostAddress&) const = default;
};

/// `a,b:26012,[::1]:26002` with ports `26002` or `26002,26003` (one for all or one a host). Throws Error 22023.
std::vector<HostAddress> parse_hosts(const std::string& hosts, const std::string& ports);

/// Without -h: the sockets of this user's masters (the given port first), else localhost.
std::vector<HostAddress> default_hosts(const std::string& ports);

}  // namespace tajo::client
