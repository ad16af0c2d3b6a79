#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "message.hpp"
#include "tajo/common/error.hpp"

namespace tajo::http {

/// A request to /rest that cannot be done as it came: one clear line and its status.
class Refusal : public Error {
 public:
  Refusal(int status, std::string_view sqlstate, const std::string& message) : Error(sqlstate, message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

/// What an error of the cluster is in HTTP: 400 the statement's own; 403, 404, 410, 413; 429 and 503: try again.
int status_of(const std::string& sqlstate);

Response json_answer(int status, const nlohmann::json& body);
/// {"resultCode": SQLSTATE, "message"} and what else the error has: "position", "hint", "detail".
Response failure(int status, const Error& error);
Response failure(const Error& error);

/// The body as a JSON object. Refusal 400.
nlohmann::json object_of(const Request& request);
/// A text of a body; nullopt: not there, or null. Refusal 400: no text, or with a zero byte.
std::optional<std::string> text_of(const nlohmann::json& body, const char* name);

}  // namespace tajo::http
