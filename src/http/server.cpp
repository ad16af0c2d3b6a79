#include "tajo/http/server.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <list>
#include <mutex>
#include <system_error>
#include <utility>

#include "connection.hpp"
#include "router.hpp"
#include "tajo/common/error.hpp"
#include "tajo/common/log.hpp"
#include "tajo/common/thread.hpp"

namespace tajo::http {
namespace {

constexpr int kBacklog = 128;
constexpr int kAcceptPauseMs = 50;            // after "too many open files"
constexpr std::size_t kStackBytes = kPlanningStackBytes;  // a result is asked for with a statement

[[noreturn]] void cannot_listen(const std::string& where, const std::string& why) {
  throw Error(sqlstate::kIoError, "cannot listen on " + where + " (tajo.master.info-http.address): " + why);
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpServerConfig config, master::ClientService& service) : config_(std::move(config)), router_(config_, service) {}
  ~Impl() { stop(); }

  void start() {
    TAJO_ASSERT(!acceptor_.joinable());
    listen_on();
    router_.set_port(port_);
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    acceptor_ = Thread("tajo-http", kStackBytes, [this] { accept_loop(); });
  }

  void stop() {
    if (!acceptor_.joinable()) return;
    std::uint64_t one = 1;
    [[maybe_unused]] auto n = ::write(wake_, &one, sizeof one);
    acceptor_.join();
    ::close(wake_);
    close_listeners();
    {
      std::lock_guard lock(mutex_);
      for (Client& client : clients_)
        if (!client.finished) ::shutdown(client.fd, SHUT_RDWR);
    }
    clients_.clear();  // joins
    router_.stop();
  }

  std::uint16_t port() const { return port_; }

 private:
  struct Client {
    int fd;
    bool finished = false;  ///< its descriptor is closed
    Thread thread;
  };

  void listen_on();
  void close_listeners() {
    for (int fd : listeners_) ::close(fd);
    listeners_.clear();
  }
  void accept_loop();
  bool accept_one(int listener);
  void reap();

  HttpServerConfig config_;
  Router router_;
  std::vector<int> listeners_;
  std::uint16_t port_ = 0;
  int wake_ = -1;
  bool refusing_ = false;  // the acceptor's: out of descriptors, and said so
  Thread acceptor_;
  std::mutex mutex_;
  std::list<Client> clients_;
};

void HttpServer::Impl::listen_on() {
  std::string where = config_.host + ":" + std::to_string(config_.port);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  bool everywhere = config_.host.empty() || config_.host == "*";
  int failure = ::getaddrinfo(everywhere ? nullptr : config_.host.c_str(), "0", &wanted, &found);
  if (failure != 0) cannot_listen(where, ::gai_strerror(failure));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int last_error = EADDRNOTAVAIL;
  port_ = config_.port;
  for (addrinfo* a = found; a != nullptr; a = a->ai_next) {
    int fd = ::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) continue;
    int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6) {
      ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
      reinterpret_cast<sockaddr_in6*>(a->ai_addr)->sin6_port = htons(port_);
    } else {
      reinterpret_cast<sockaddr_in*>(a->ai_addr)->sin_port = htons(port_);
    }
    if (::bind(fd, a->ai_addr, a->ai_addrlen) != 0 || ::listen(fd, kBacklog) != 0) {
      last_error = errno;
      ::close(fd);
      if (last_error != EADDRINUSE && last_error != EACCES) continue;  // a host without IPv6 has its IPv4 address
      close_listeners();
      break;
    }
    listeners_.push_back(fd);
    port_ = bound_port(fd);
  }
  if (listeners_.empty()) cannot_listen(where, std::strerror(last_error));
}

void HttpServer::Impl::accept_loop() {
  for (;;) {
    std::vector<pollfd> waiting{{wake_, POLLIN, 0}};
    for (int listener : listeners_) waiting.push_back({listener, POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    if (waiting[0].revents != 0) return;
    reap();
    for (std::size_t i = 1; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0 || accept_one(waiting[i].fd)) continue;
      pollfd pause{wake_, POLLIN, 0};
      if (::poll(&pause, 1, kAcceptPauseMs) > 0) return;
    }
  }
}

bool HttpServer::Impl::accept_one(int listener) {
  int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) {
    const int failed = errno;
    if (failed != EMFILE && failed != ENFILE && failed != ENOMEM && failed != ENOBUFS) return true;
    if (!std::exchange(refusing_, true)) log_warn("http", "clients wait: accept: " + std::system_category().message(failed));
    return false;
  }
  refusing_ = false;
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::lock_guard lock(mutex_);
  if (clients_.size() >= config_.max_connections) {
    ::close(fd);
    return true;
  }
  Client& client = clients_.emplace_back(Client{fd, false, {}});
  try {
    client.thread = Thread("tajo-http-c", kStackBytes, [this, &client] {
      int mine = ::dup(client.fd);  // `fd` stays ours until finished, so that stop() never touches a stranger's
      serve_connection(mine, config_, router_);
      std::lock_guard done(mutex_);
      ::close(client.fd);
      client.finished = true;
    });
  } catch (const Error& error) {
    log_warn("http", error.what());
    clients_.pop_back();
    ::close(fd);
    return false;
  }
  return true;
}

void HttpServer::Impl::reap() {
  std::list<Client> done;  // destroyed after the lock: joins
  std::lock_guard lock(mutex_);
  for (auto it = clients_.begin(); it != clients_.end();) {
    auto next = std::next(it);
    if (it->finished) done.splice(done.end(), clients_, it);
    it = next;
  }
}

HttpServer::HttpServer(HttpServerConfig config, master::ClientService& service) : impl_(std::make_unique<Impl>(std::move(config), service)) {}
HttpServer::~HttpServer() = default;
void HttpServer::start() { impl_->start(); }
void HttpServer::stop() { impl_->stop(); }
std::uint16_t HttpServer::port() const { return impl_->port(); }

}  // namespace tajo::http
