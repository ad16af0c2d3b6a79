#include "tajo/pgwire/server.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <list>
#include <optional>
#include <system_error>
#include <utility>

#include "connection.hpp"
#include "listener.hpp"
#include "scram.hpp"
#include "server_context.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/common/log.hpp"
#include "tajo/common/thread.hpp"

namespace tajo::pgwire {
namespace {

constexpr std::uint32_t kSpareThreads = 64;       // beyond the limit: for cancel requests and polite refusals
constexpr int kAcceptPauseMs = 50;                // after "too many open files"
constexpr int kKeepaliveIdleS = 60, kKeepaliveIntervalS = 10, kKeepaliveProbes = 6;

void set_option(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); }

std::string address_text(const sockaddr_storage& address, socklen_t size) {
  char host[NI_MAXHOST], port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "[unknown]";
  return std::string(host) + ":" + port;
}

}  // namespace

class PgServer::Impl {
 public:
  Impl(PgServerConfig config, master::ClientService& service)
      : config_(std::move(config)), context_{config_, service, master::random_bytes(32), {}, {}, {}, {}} {}
  ~Impl() { stop(); }

  void start();
  void stop();
  std::uint16_t port() const { return listeners_.port(); }
  std::string socket_path() const { return listeners_.socket_path(); }
  std::size_t connections() const {
    std::lock_guard lock(mutex_);
    return clients_.size();
  }

 private:
  struct Client {
    Impl* server;
    int fd;
    bool local;
    std::string address;
    std::shared_ptr<ConnectionControl> control;
    Thread thread;
    bool finished = false;
  };

  void accept_loop();
  bool accept_one(const Listeners::Socket& listener);  ///< false: out of descriptors
  void reap();
  static void run_client(Client& client);
  template <class Act>
  void for_each_control(Act&& act);
  bool wait_until_empty(std::int64_t timeout_ms);

  PgServerConfig config_;
  ServerContext context_;
  Listeners listeners_;
  int wake_ = -1;
  bool refusing_ = false;  // the acceptor's: out of descriptors, and said so
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::condition_variable finished_;
  std::list<Client> clients_;
};

void PgServer::Impl::start() {
  TAJO_ASSERT(!acceptor_.joinable());
  listeners_.open_tcp(config_.host, config_.port);
  try {
    if (!config_.socket_directory.empty()) listeners_.open_unix(config_.socket_directory);
  } catch (...) {
    listeners_.close();
    throw;
  }
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  acceptor_ = std::thread([this] { accept_loop(); });
}

template <class Act>
void PgServer::Impl::for_each_control(Act&& act) {
  std::vector<std::shared_ptr<ConnectionControl>> controls;
  {
    std::lock_guard lock(mutex_);
    for (const Client& client : clients_)
      if (!client.finished) controls.push_back(client.control);
  }
  for (const auto& control : controls) act(*control);
}

bool PgServer::Impl::wait_until_empty(std::int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  return finished_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] {
    for (const Client& client : clients_)
      if (!client.finished) return false;
    return true;
  });
}

void PgServer::Impl::stop() {
  if (!acceptor_.joinable()) return;
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake_, &one, sizeof one);
  acceptor_.join();
  ::close(wake_);
  listeners_.close();
  for_each_control([](ConnectionControl& control) { control.stop(); });
  if (!wait_until_empty(config_.drain_ms)) {
    for_each_control([](ConnectionControl& control) { control.cancel_statement(); });
    if (!wait_until_empty(config_.drain_ms)) for_each_control([](ConnectionControl& control) { control.cut(); });
  }
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [this] {
    for (const Client& client : clients_)
      if (!client.finished) return false;
    return true;
  });
  lock.unlock();
  reap();
}

void PgServer::Impl::accept_loop() {
  for (;;) {
    std::vector<pollfd> waiting{{wake_, POLLIN, 0}};
    for (const auto& listener : listeners_.sockets()) waiting.push_back({listener.fd, POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    if (waiting[0].revents != 0) return;
    reap();
    for (std::size_t i = 1; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0 || accept_one(listeners_.sockets()[i - 1])) continue;
      pollfd pause{wake_, POLLIN, 0};
      if (::poll(&pause, 1, kAcceptPauseMs) > 0) return;
    }
  }
}

bool PgServer::Impl::accept_one(const Listeners::Socket& listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  int fd = ::accept4(listener.fd, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC);
  if (fd < 0) {
    const int failed = errno;
    if (failed != EMFILE && failed != ENFILE && failed != ENOMEM && failed != ENOBUFS) return true;
    if (!std::exchange(refusing_, true)) log_warn("pgwire", "clients wait: accept: " + std::system_category().message(failed));
    return false;
  }
  refusing_ = false;
  if (!listener.local) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleS);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveIntervalS);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
  }
  std::lock_guard lock(mutex_);
  if (clients_.size() >= std::size_t{config_.max_connections} + kSpareThreads) {
    ::close(fd);
    return true;
  }
  Client& client = clients_.emplace_back();
  client.server = this;
  client.fd = fd;
  client.local = listener.local;
  client.address = listener.local ? "[local]" : address_text(address, size);
  client.control = std::make_shared<ConnectionControl>(fd, context_.service, context_.sessions);
  try {
    // statements are planned on connection threads
    client.thread = Thread("tajo-client", kPlanningStackBytes, [&client] { run_client(client); });
  } catch (const Error& error) {
    log_warn("pgwire", std::string("no thread for a client: ") + error.what());
    clients_.pop_back();
    ::close(fd);
    return false;
  }
  return true;
}

void PgServer::Impl::run_client(Client& client) {
  Impl& server = *client.server;
  {
    Connection connection(server.context_, client.fd, client.local, client.address, client.control);
    connection.run();
  }
  std::lock_guard lock(server.mutex_);
  client.finished = true;
  server.finished_.notify_all();
}

void PgServer::Impl::reap() {
  std::list<Client> done;
  {
    std::lock_guard lock(mutex_);
    for (auto it = clients_.begin(); it != clients_.end();) {
      auto next = std::next(it);
      if (it->finished) done.splice(done.end(), clients_, it);
      it = next;
    }
  }
  // leaving this scope joins their threads, which have nothing left to do
}

PgServer::PgServer(PgServerConfig config, master::ClientService& service)
    : impl_(std::make_unique<Impl>(std::move(config), service)) {}
PgServer::~PgServer() = default;
void PgServer::start() { impl_->start(); }
void PgServer::stop() { impl_->stop(); }
std::uint16_t PgServer::port() const { return impl_->port(); }
std::string PgServer::socket_path() const { return impl_->socket_path(); }
std::size_t PgServer::connections() const { return impl_->connections(); }

}  // namespace tajo::pgwire
