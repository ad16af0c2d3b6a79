#pragma once
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "logins.hpp"
#include "message.hpp"
#include "rest.hpp"
#include "tajo/http/server.hpp"

namespace tajo::http {

/// Bodies: forms of the page, and JSON below /rest.
inline constexpr std::uint64_t kMaxFormBytes = 16 * 1024;
inline constexpr std::uint64_t kMaxJsonBytes = std::uint64_t{1} << 20;
/// How long a body to this target may be.
std::uint64_t max_body_bytes(std::string_view target);

/// Answers requests; no sockets here. Any thread.
class Router {
 public:
  Router(const HttpServerConfig& config, master::ClientService& service);
  /// Cookies know no ports: several masters on one host need names of their own.
  void set_port(std::uint16_t port) { cookie_name_ = "tajo_" + std::to_string(port); }
  Response answer(const Request& request);
  /// Waits a while for statements that run.
  void stop() { rest_.stop(); }

 private:
  struct Caller {
    std::string user;
    bool by_cookie = false;  ///< a browser adds it to whatever a page makes it send
  };

  Response page(const std::string& user) const;
  Response login_page(int status, std::string_view problem) const;
  Response log_in(const Request& request);
  Response log_out(const Request& request);
  Response status();
  Response rest(const Request& request);
  Response answer_page(const Request& request, std::string_view path);
  std::variant<Caller, Response> caller_of(const Request& request);
  std::string token_of(const Request& request) const;

  const HttpServerConfig& config_;
  master::ClientService& service_;
  Logins logins_;
  Rest rest_;
  std::string cookie_name_;
  std::string policy_;      ///< Content-Security-Policy of our pages
  std::mutex cache_mutex_;
  std::string cached_status_;
  Micros cached_at_ = 0;
};

}  // namespace tajo::http
