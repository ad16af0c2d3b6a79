// /rest/sessions: a session is the cluster's, named by its token, valid at every master; it belongs to its user.
#include <nlohmann/json.hpp>

#include "rest.hpp"
#include "rest_answer.hpp"
#include "sink_rows.hpp"
#include "tokens.hpp"

namespace tajo::http {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxVariables = 100;      ///< of one PUT
constexpr std::size_t kMaxVariableBytes = 128;  ///< of a name
constexpr std::size_t kRequestIdBytes = 16;

/// `"name"`, which no keyword of SET can be mistaken for. Refusal 400: no name of a setting.
std::string quoted_name(const std::string& name) {
  std::string out = "\"";
  for (char c : name) {
    const char folded = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (c == '.') out += "\".\"";
    else if ((folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') || c == '_') out += folded;
    else throw Refusal(400, sqlstate::kInvalidParameter, "a variable's name is made of letters, digits, \"_\" and \".\"");
  }
  if (name.empty() || name.size() > kMaxVariableBytes || out == "\"all")
    throw Refusal(400, sqlstate::kInvalidParameter, "this is no name of a variable");
  return out + "\"";
}

std::string set_statement(const std::string& name, const json& value) {
  const std::string quoted = quoted_name(name);
  if (value.is_null()) return "RESET " + quoted;
  if (value.is_boolean()) return "SET " + quoted + " = '" + (value.get<bool>() ? "on" : "off") + "'";
  if (value.is_number()) return "SET " + quoted + " = '" + value.dump() + "'";
  if (!value.is_string() || value.get<std::string>().find('\0') != std::string::npos)
    throw Refusal(400, sqlstate::kInvalidParameter, "the value of \"" + name + "\" must be a text, a number, a boolean or null");
  return "SET " + quoted + " = " + sql_text(value.get<std::string>());
}

json variables_of(master::ClientService& service, const std::string& session, const std::string& user) {
  SinkRows shown;
  service.visit({.user = user, .session = session, .request_id = random_token(kRequestIdBytes), .sql = "SHOW ALL"}, shown);
  json variables = json::object();
  for (const auto& row : shown.values)
    if (row.size() >= 2 && !data::is_null(row[0]) && !data::is_null(row[1])) variables[std::get<std::string>(row[0])] = std::get<std::string>(row[1]);
  return variables;
}

}  // namespace

Response Rest::open_session(const Request& request, const std::string& user) {
  const json body = object_of(request);
  if (auto named = text_of(body, "userName"); named && *named != user)
    throw Refusal(403, "42501", "\"userName\" is another user than the one who asks");
  master::SessionOptions options;
  options.user = user;
  options.client = "http";
  if (auto database = text_of(body, "databaseName")) options.database = *database;
  const std::string id = service_.open_session(options).token;
  service_.leave_session(id);  // no connection has it: from now on it waits for requests
  return json_answer(200, {{"resultCode", "00000"}, {"message", "session is created"}, {"id", id}, {"variables", variables_of(service_, id, user)}});
}

Response Rest::end_session(const std::string& session, const std::string& user) {
  service_.end_session(user, session);
  return json_answer(200, {{"resultCode", "00000"}, {"message", "session is ended"}, {"id", session}});
}

Response Rest::variables(const std::string& session, const std::string& user) {
  return json_answer(200, {{"resultCode", "00000"}, {"variables", variables_of(service_, session, user)}});
}

Response Rest::set_variables(const std::string& session, const Request& request, const std::string& user) {
  const json body = object_of(request);
  auto given = body.find("variables");
  if (given == body.end() || !given->is_object()) throw Refusal(400, sqlstate::kInvalidParameter, "\"variables\" must be an object of names and values");
  if (given->size() > kMaxVariables) throw Refusal(400, "54000", "more than " + std::to_string(kMaxVariables) + " variables at once");
  std::vector<std::string> statements;
  for (const auto& [name, value] : given->items()) statements.push_back(set_statement(name, value));
  for (const std::string& sql : statements) {
    SinkRows nothing;
    service_.visit({.user = user, .session = session, .request_id = random_token(kRequestIdBytes), .sql = sql}, nothing);
  }
  return variables(session, user);
}

}  // namespace tajo::http
