#include "rest_answer.hpp"

#include <nlohmann/json.hpp>

namespace tajo::http {

using nlohmann::json;

int status_of(const std::string& sqlstate) {
  struct Mapped {
    std::string_view begins;
    int status;
  };
  static constexpr Mapped kMapped[] = {{"08003", 404}, {"08", 503},    {"28", 403},    {"42501", 403}, {"40001", 503}, {"53300", 429}, {"53", 503},
                                       {"54000", 413}, {"55000", 410}, {"55P03", 503}, {"57P", 503},   {"58030", 503}, {"58", 500},    {"XX", 500}};
  for (const Mapped& one : kMapped)
    if (sqlstate.starts_with(one.begins)) return one.status;
  return 400;
}

Response json_answer(int status, const json& body) {
  Response response{status, {{"Content-Type", "application/json"}}, body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"};
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response failure(int status, const Error& error) {
  json body = {{"resultCode", error.sqlstate()}, {"message", error.message()}};
  if (error.position() > 0) body["position"] = error.position();
  if (!error.hint().empty()) body["hint"] = error.hint();
  if (!error.detail().empty()) body["detail"] = error.detail();
  return json_answer(status, body);
}

Response failure(const Error& error) {
  return failure(status_of(error.sqlstate()), error);
}

json object_of(const Request& request) {
  json body;
  try {
    body = json::parse(request.body);
  } catch (const json::exception& e) {
    throw Refusal(400, sqlstate::kInvalidText, std::string("the body is not JSON: ") + e.what());
  }
  if (!body.is_object()) throw Refusal(400, sqlstate::kInvalidText, "the body must be a JSON object");
  return body;
}

std::optional<std::string> text_of(const json& body, const char* name) {
  auto found = body.find(name);
  if (found == body.end() || found->is_null()) return std::nullopt;
  if (!found->is_string()) throw Refusal(400, sqlstate::kInvalidParameter, std::string("\"") + name + "\" must be a text");
  auto text = found->get<std::string>();
  if (text.find('\0') != std::string::npos) throw Refusal(400, "22021", std::string("\"") + name + "\" has a zero byte");
  return text;
}

}  // namespace tajo::http
