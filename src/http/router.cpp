#include "router.hpp"

#include <algorithm>
#include <array>

#include "page/pages.hpp"
#include "rest_answer.hpp"
#include "tajo/common/as_error.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/master/client_service.hpp"
#include "tajo/master/scram.hpp"
#include "tokens.hpp"

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

struct Route {
  std::string_view path;
  std::string_view methods;
};
constexpr std::array<Route, 4> kRoutes{{{"/", "GET, HEAD"}, {"/login", "GET, HEAD, POST"}, {"/logout", "POST"}, {"/api/status", "GET, HEAD"}}};
constexpr std::string_view kRestHead = "/rest/", kRealm = "Basic realm=\"tajo\"";

bool changes(std::string_view method) { return method == "POST" || method == "PUT" || method == "DELETE"; }

/// `user` and `password` of an Authorization header; nullopt: another scheme, or none.
std::optional<std::pair<std::string, std::string>> basic_of(std::string_view authorization) {
  static constexpr std::string_view kScheme = "basic ";
  if (authorization.size() <= kScheme.size() || media_type(authorization.substr(0, kScheme.size() - 1)) != "basic") return std::nullopt;
  auto pair = master::base64_decode(authorization.substr(authorization.find_first_not_of(' ', kScheme.size() - 1)));
  const std::size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return std::pair{pair->substr(0, colon), pair->substr(colon + 1)};
}

Response not_logged_in(std::string_view path, std::string_view why) {
  Response response = failure(401, Error("28000", std::string(why)));
  if (path.starts_with(kRestHead)) response.headers.emplace_back("WWW-Authenticate", kRealm);
  return response;
}

}  // namespace

std::uint64_t max_body_bytes(std::string_view target) { return target.starts_with(kRestHead) ? kMaxJsonBytes : kMaxFormBytes; }

Router::Router(const HttpServerConfig& config, master::ClientService& service)
    : config_(config), service_(service), logins_(service, config.login_minutes * 60'000'000), rest_(service) {
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

std::variant<Router::Caller, Response> Router::caller_of(const Request& request) {
  if (request.authorization.empty()) {
    if (auto user = logins_.user_of(token_of(request))) return Caller{*user, true};
    return not_logged_in(request.path(), "log in first: POST /login with user and password, or bring them with each request (Basic)");
  }
  auto basic = basic_of(request.authorization);
  if (!basic) return not_logged_in(request.path(), "Authorization must be Basic, with user and password");
  switch (logins_.check(basic->first, basic->second)) {
    case Logins::Outcome::kGood: break;
    case Logins::Outcome::kWrong: return not_logged_in(request.path(), "wrong user or password");
    case Logins::Outcome::kBusy: return failure(429, Error(sqlstate::kTooManyConnections, "too many logins at once: try again"));
  }
  return Caller{basic->first, false};
}

/// What only a page of ours or a program may ask for: a form of another site cannot have this Content-Type, and a script
/// there may not send it unless we say so, which we never do.
Response Router::rest(const Request& request) {
  const RestPath path = rest_path(request.path());
  if (path.place == RestPath::Place::kNone) return failure(404, Error("42704", "there is no such path"));
  if (!allows(path.methods, request.method)) {
    Response response = failure(405, Error(sqlstate::kFeatureNotSupported, "this path takes " + std::string(path.methods)));
    response.headers.emplace_back("Allow", path.methods);
    return response;
  }
  auto who = caller_of(request);
  if (auto* refused = std::get_if<Response>(&who)) return std::move(*refused);
  const Caller& caller = std::get<Caller>(who);
  const bool needs_json = request.method != "DELETE" || caller.by_cookie;
  if (changes(request.method) && needs_json && media_type(request.content_type) != "application/json")
    return failure(415, Error(sqlstate::kFeatureNotSupported, "Content-Type must be application/json"));
  return rest_.answer(path, request, caller.user);
}

Response Router::answer_page(const Request& request, std::string_view path) {
  auto route = std::ranges::find(kRoutes, path, &Route::path);
  if (route == kRoutes.end()) return plain(404, "there is no such page");
  if (!allows(route->methods, request.method)) {
    Response response = plain(405, "this page takes " + std::string(route->methods));
    response.headers.emplace_back("Allow", route->methods);
    return response;
  }
  if (path == "/login") return request.method == "POST" ? log_in(request) : login_page(200, "");
  if (path == "/logout") return log_out(request);
  if (path == "/") {
    auto user = logins_.user_of(token_of(request));
    return user ? page(*user) : redirect("/login");
  }
  auto who = caller_of(request);
  if (auto* refused = std::get_if<Response>(&who)) return std::move(*refused);
  return status();
}

Response Router::answer(const Request& request) {
  const bool of_rest = request.path().starts_with(kRestHead);
  try {
    if (request.body.size() > max_body_bytes(request.target)) return plain(413, "the body is too long");
    return of_rest ? rest(request) : answer_page(request, request.path());
  } catch (const Refusal& refusal) {
    return failure(refusal.status(), refusal);
  } catch (const std::exception& e) {
    const Error error = as_error(e);
    if (of_rest) return failure(error);
    return plain(error.sqlstate() == sqlstate::kInternalError ? 500 : 503, error.what());
  }
}

}  // namespace tajo::http
