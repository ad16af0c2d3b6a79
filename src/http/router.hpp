#pragma once
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "logins.hpp"
#include "tajo/http/server.hpp"

namespace tajo::http {

struct Request {
  std::string method;
  std::string target;      ///< path and query as sent
  std::string cookie;      ///< the Cookie header
  std::string content_type;
  std::string body;
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// Answers requests; no sockets here. Any thread.
class Router {
 public:
  Router(const HttpServerConfig& config, master::ClientService& service);
  /// Cookies know no ports: several masters on one host need names of their own.
  void set_port(std::uint16_t port) { cookie_name_ = "tajo_" + std::to_string(port); }
  Response answer(const Request& request);

 private:
  Response page(const std::string& user) const;
  Response login_page(int status, std::string_view problem) const;
  Response log_in(const Request& request);
  Response log_out(const Request& request);
  Response status();
  std::string token_of(const Request& request) const;

  const HttpServerConfig& config_;
  master::ClientService& service_;
  Logins logins_;
  std::string cookie_name_;
  std::string policy_;      ///< Content-Security-Policy of our pages
  std::mutex cache_mutex_;
  std::string cached_status_;
  Micros cached_at_ = 0;
};

/// A response without a page: for what is refused before or instead of an answer.
Response plain(int status, std::string_view text);
std::string_view reason_of(int status);
/// `%41` and `+` of a form; nullopt-free: broken escapes stay as they are.
std::string form_value(std::string_view form, std::string_view name);

}  // namespace tajo::http
