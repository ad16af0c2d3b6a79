#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tajo::pgwire {

/// Listening sockets, closed (and the socket file removed) at the end.
class Listeners {
 public:
  Listeners() = default;
  ~Listeners() { close(); }
  Listeners(const Listeners&) = delete;
  Listeners& operator=(const Listeners&) = delete;

  /// Every address of `host`. Port 0 takes a free one. Throws Error 58030 that names address and key.
  void open_tcp(const std::string& host, std::uint16_t port);
  /// `<directory>/.s.PGSQL.<port>`; a socket that nobody serves any more is replaced. Call after open_tcp.
  void open_unix(const std::string& directory);
  void close();

  struct Socket {
    int fd;
    bool local;
  };
  const std::vector<Socket>& sockets() const { return sockets_; }
  std::uint16_t port() const { return port_; }
  const std::string& socket_path() const { return path_; }

 private:
  std::vector<Socket> sockets_;
  std::uint16_t port_ = 0;
  std::string path_;
};

}  // namespace tajo::pgwire
