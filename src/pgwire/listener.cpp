#include "listener.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "tajo/common/error.hpp"

namespace tajo::pgwire {
namespace {

constexpr int kBacklog = 256;

[[noreturn]] void cannot_listen(const std::string& where, const std::string& why) {
  throw Error(sqlstate::kIoError, "cannot listen on " + where + " (tajo.master.client-rpc.address): " + why);
}

/// Not a matter of an address: of the directory that the environment names.
[[noreturn]] void no_socket(const std::string& where, const std::string& why) {
  throw Error("58000", "no Unix socket in " + where + ": " + why);
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

void set_port(sockaddr* address, std::uint16_t port) {
  if (address->sa_family == AF_INET6) reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);
  if (address->sa_family == AF_INET) reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);
}

}  // namespace

void Listeners::open_tcp(const std::string& host, std::uint16_t port) {
  std::string where = host + ":" + std::to_string(port);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  bool everywhere = host.empty() || host == "*";
  int failure = ::getaddrinfo(everywhere ? nullptr : host.c_str(), "0", &wanted, &found);
  if (failure != 0) cannot_listen(where, ::gai_strerror(failure));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int last_error = EADDRNOTAVAIL;
  port_ = port;
  for (addrinfo* a = found; a != nullptr; a = a->ai_next) {
    int fd = ::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
      last_error = errno;
      continue;
    }
    int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    set_port(a->ai_addr, port_);
    if (::bind(fd, a->ai_addr, a->ai_addrlen) != 0 || ::listen(fd, kBacklog) != 0) {
      last_error = errno;
      ::close(fd);
      if (last_error == EADDRINUSE || last_error == EACCES) {
        close();
        cannot_listen(where, std::strerror(last_error));
      }
      continue;  // a host without IPv6 is still served by its IPv4 address
    }
    sockets_.push_back({fd, false});
    port_ = bound_port(fd);
  }
  if (sockets_.empty()) cannot_listen(where, std::strerror(last_error));
}

void Listeners::open_unix(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    no_socket("TAJO_PID_DIR " + directory, std::strerror(errno));
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 0777) != 0700)
    no_socket("TAJO_PID_DIR " + directory, "it is not a directory of this user alone (mode 0700)");
  std::string path = directory + "/.s.PGSQL." + std::to_string(port_);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    no_socket(path, "TAJO_PID_DIR is too long for a Unix socket (at most " + std::to_string(sizeof address.sun_path - 1) + " bytes)");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  auto* where = reinterpret_cast<sockaddr*>(&address);

  int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool served = probe >= 0 && ::connect(probe, where, sizeof address) == 0;
  if (probe >= 0) ::close(probe);
  if (served) no_socket(path, std::strerror(EADDRINUSE));
  ::unlink(path.c_str());

  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || ::bind(fd, where, sizeof address) != 0 || ::chmod(path.c_str(), 0600) != 0 || ::listen(fd, kBacklog) != 0) {
    int error = errno;
    if (fd >= 0) ::close(fd);
    no_socket(path, std::strerror(error));
  }
  path_ = std::move(path);
  sockets_.push_back({fd, true});
}

void Listeners::close() {
  for (const Socket& socket : sockets_) ::close(socket.fd);
  sockets_.clear();
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace tajo::pgwire
