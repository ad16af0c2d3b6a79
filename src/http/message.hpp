#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tajo::http {

struct Request {
  std::string method;
  std::string target;         ///< path and query as sent
  std::string cookie;         ///< the Cookie header
  std::string authorization;  ///< the Authorization header
  std::string content_type;
  std::string session;        ///< X-Tajo-Session
  std::string request_id;     ///< X-Tajo-Request-Id
  std::string body;

  std::string_view path() const { return std::string_view(target).substr(0, target.find('?')); }
  std::string_view query() const;  ///< after the question mark
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// A response without a page: for what is refused before or instead of an answer.
Response plain(int status, std::string_view text);
std::string_view reason_of(int status);
/// `GET, HEAD`: is the method one of them?
bool allows(std::string_view methods, std::string_view method);
/// The media type alone, in lower case: `application/json` of `Application/JSON; charset=utf-8`.
std::string media_type(std::string_view content_type);
/// A field of a form or of a target's query, `%41` and `+` decoded; broken escapes stay as they are.
std::string form_value(std::string_view form, std::string_view name);

}  // namespace tajo::http
