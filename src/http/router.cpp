#include "router.hpp"

#include <algorithm>
#include <array>

#include "page/pages.hpp"
#include "result_json.hpp"
#include "tokens.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/common/error.hpp"
#include "tajo/master/client_service.hpp"

namespace tajo::http {
namespace {

constexpr Micros kStatusFreshUs = 400'000;  // many open pages cost one look at the cluster

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

void fill(std::string& text, std::string_view mark, const std::string& value) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size())) text.replace(at, mark.size(), value);
}

std::string document(std::string_view title, std::string_view body, std::string_view script) {
  std::string out = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>";
  out += title;
  out += "</title><link rel=\"icon\" href=\"data:,\"><style>";
  out += page::kStyle;
  out += "</style></head><body>";
  out += body;
  if (!script.empty()) {
    out += "<script>";
    out += script;
    out += "</script>";
  }
  out += "</body></html>\n";
  return out;
}

Response redirect(const std::string& to) { return {303, {{"Location", to}}, ""}; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int high = i + 2 < text.size() && text[i] == '%' ? hex_digit(text[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

struct Route {
  std::string_view path;
  std::string_view methods;
};
constexpr std::string_view kResultPath = "/rest/queries/*/result";
constexpr std::array<Route, 5> kRoutes{{{"/", "GET, HEAD"}, {"/login", "GET, HEAD, POST"}, {"/logout", "POST"}, {"/api/status", "GET, HEAD"},
                                         {kResultPath, "GET, HEAD"}}};

/// The query id of `/rest/queries/<id>/result`; empty for other paths.
std::string_view query_of(std::string_view path) {
  const std::string_view head = kResultPath.substr(0, kResultPath.find('*')), tail = kResultPath.substr(kResultPath.find('*') + 1);
  if (path.size() <= head.size() + tail.size() || !path.starts_with(head) || !path.ends_with(tail)) return {};
  return path.substr(head.size(), path.size() - head.size() - tail.size());
}

bool allows(std::string_view methods, std::string_view method) {
  std::size_t at = methods.find(method);
  return !method.empty() && at != std::string_view::npos && (at + method.size() == methods.size() || methods[at + method.size()] == ',');
}

}  // namespace

std::string form_value(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    std::size_t end = std::min(form.find('&'), form.size());
    std::string_view field = form.substr(0, end);
    std::size_t equals = field.find('=');
    if (equals != std::string_view::npos && decode(field.substr(0, equals)) == name) return decode(field.substr(equals + 1));
    form.remove_prefix(std::min(end + 1, form.size()));
  }
  return {};
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 303: return "See Other";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 410: return "Gone";
    case 413: return "Payload Too Large";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Internal Server Error";
  }
}

Response plain(int status, std::string_view text) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::string(text) + "\n"};
}

Router::Router(const HttpServerConfig& config, master::ClientService& service)
    : config_(config), service_(service), logins_(service, config.login_minutes * 60'000'000) {
  policy_ = "default-src 'none'; img-src data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; style-src " +
            csp_hash(page::kStyle) + "; script-src " + csp_hash(page::kScript);
  set_port(config.port);
}

std::string Router::token_of(const Request& request) const {
  std::string_view left = request.cookie;
  while (!left.empty()) {
    std::size_t end = std::min(left.find(';'), left.size());
    std::string_view pair = left.substr(0, end);
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(cookie_name_) && pair.size() > cookie_name_.size() && pair[cookie_name_.size()] == '=')
      return std::string(pair.substr(cookie_name_.size() + 1));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return {};
}

Response Router::page(const std::string& user) const {
  std::string body(page::kBody);
  fill(body, "%USER%", escape_html(user));
  fill(body, "%VERSION%", escape_html(config_.version));
  return {200, {{"Content-Type", "text/html; charset=utf-8"}, {"Content-Security-Policy", policy_}}, document("Tajo", body, page::kScript)};
}

Response Router::login_page(int status, std::string_view problem) const {
  std::string body(page::kLoginBody);
  fill(body, "%PROBLEM%", problem.empty() ? "" : "<p class=\"problem\" role=\"alert\">" + escape_html(problem) + "</p>");
  fill(body, "%VERSION%", escape_html(config_.version));
  return {status, {{"Content-Type", "text/html; charset=utf-8"}, {"Content-Security-Policy", policy_}}, document("Log in · Tajo", body, "")};
}

Response Router::log_in(const Request& request) {
  if (!request.content_type.starts_with("application/x-www-form-urlencoded")) return plain(415, "a form with user and password is expected");
  std::string user = form_value(request.body, "user"), password = form_value(request.body, "password"), token;
  switch (logins_.log_in(user, password, token)) {
    case Logins::Outcome::kGood: break;
    case Logins::Outcome::kWrong: return login_page(401, "Wrong user or password.");
    case Logins::Outcome::kBusy: return login_page(429, "Too many logins at once. Please try again.");
  }
  Response response = redirect("/");
  response.headers.emplace_back("Set-Cookie", cookie_name_ + "=" + token + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" +
                                                  std::to_string(config_.login_minutes * 60));
  return response;
}

Response Router::log_out(const Request& request) {
  logins_.log_out(token_of(request));
  Response response = redirect("/login");
  response.headers.emplace_back("Set-Cookie", cookie_name_ + "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
  return response;
}

Response Router::status() {
  Response response{200, {{"Content-Type", "application/json"}}, ""};
  std::lock_guard lock(cache_mutex_);
  Micros now = boottime_us();
  if (cached_status_.empty() || now - cached_at_ > kStatusFreshUs) {
    cached_status_ = service_.status_json();
    cached_at_ = now;
  }
  response.body = cached_status_;
  return response;
}

Response Router::answer(const Request& request) {
  std::string path = request.target.substr(0, request.target.find('?'));
  const std::string query(query_of(path));
  auto route = std::ranges::find(kRoutes, query.empty() ? std::string_view(path) : kResultPath, &Route::path);
  if (route == kRoutes.end()) return plain(404, "there is no such page");
  if (!allows(route->methods, request.method)) {
    Response response = plain(405, "this page takes " + std::string(route->methods));
    response.headers.emplace_back("Allow", route->methods);
    return response;
  }
  try {
    if (path == "/login") return request.method == "POST" ? log_in(request) : login_page(200, "");
    if (path == "/logout") return log_out(request);
    std::optional<std::string> user = logins_.user_of(token_of(request));
    if (path == "/") return user ? page(*user) : redirect("/login");
    if (!user) return {401, {{"Content-Type", "application/json"}}, "{\"error\":\"log in first: POST /login with user and password\"}\n"};
    return query.empty() ? status() : recorded_result(service_, *user, query);
  } catch (const Error& error) {
    return plain(503, error.what());
  } catch (const std::exception& error) {
    return plain(500, error.what());
  }
}

}  // namespace tajo::http
