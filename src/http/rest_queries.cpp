// /rest/queries: statements, and what became of them.
#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "rest.hpp"
#include "rest_answer.hpp"
#include "sink_rows.hpp"
#include "tokens.hpp"

namespace tajo::http {

using nlohmann::json;

namespace {

constexpr std::size_t kRequestIdBytes = 16;
using master::kMaxRequestIdBytes;
constexpr int kListed = 100, kMaxListed = 1000;  ///< queries of one list, newest first
constexpr std::string_view kRunningState = "QUERY_RUNNING", kPrefix = "QUERY_";
constexpr std::array<std::string_view, 4> kStates{kRunningState, "QUERY_SUCCEEDED", "QUERY_FAILED", "QUERY_KILLED"};

constexpr std::string_view kColumns =
    "query_id, state, username, database, sql, progress, rows, rows_read, bytes_read, elapsed_ms, started, finished, tag, sqlstate, error, request_id";
enum Column : std::size_t { kId, kState, kUser, kDatabase, kSql, kProgress, kRows, kRowsRead, kBytesRead, kElapsed, kStarted, kFinished, kTag, kSqlState, kError, kRequest };

using Row = std::vector<data::Value>;

std::string text(const data::Value& value) { return data::is_null(value) ? std::string() : std::get<std::string>(value); }

json number(const data::Value& value) {
  if (data::is_null(value)) return nullptr;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::get<std::int64_t>(value);
}

/// Milliseconds since 1970 of a timestamp.
json milliseconds(const data::Value& value) { return data::is_null(value) ? json(nullptr) : json(std::get<std::int64_t>(value) / 1000); }

/// The name its user gave the statement; a connection's own is nobody's business.
std::string request_name(const Row& row) {
  const std::string head = "c:" + text(row[kUser]) + ":", id = text(row[kRequest]);
  return id.starts_with(head) ? id.substr(head.size()) : std::string();
}

json query_json(const Row& row) {
  const std::string id = text(row[kId]);
  json query = {{"id", id}, {"state", text(row[kState])}, {"userName", text(row[kUser])}, {"database", text(row[kDatabase])}, {"sql", text(row[kSql])},
                {"progress", number(row[kProgress])}, {"rows", number(row[kRows])}, {"rowsRead", number(row[kRowsRead])}, {"bytesRead", number(row[kBytesRead])},
                {"elapsedMs", number(row[kElapsed])}, {"startTime", milliseconds(row[kStarted])}, {"finishTime", milliseconds(row[kFinished])},
                {"uri", "/rest/queries/" + id}};
  if (std::string tag = text(row[kTag]); !tag.empty()) query["tag"] = tag;
  if (std::string state = text(row[kSqlState]); !state.empty()) query["sqlstate"] = state;
  if (std::string error = text(row[kError]); !error.empty()) query["error"] = error;
  if (std::string name = request_name(row); !name.empty()) query["requestId"] = name;
  return query;
}

std::vector<Row> rows_of(master::ClientService& service, const std::string& user, const std::string& rest) {
  SinkRows rows;
  service.look(user, "SELECT " + std::string(kColumns) + " FROM information_schema.queries " + rest, rows);
  return std::move(rows.values);
}

/// nullopt: not in the history. Refusal 403: another user's.
std::optional<Row> find_query(master::ClientService& service, const std::string& id, const std::string& user) {
  auto rows = rows_of(service, user, "WHERE query_id = " + sql_text(id));
  if (rows.empty()) return std::nullopt;
  if (text(rows.front()[kUser]) != user && user != service.cluster_owner())
    throw Refusal(403, "42501", "query " + id + " is another user's");
  return std::move(rows.front());
}

Refusal unknown_query(const std::string& id) { return {404, "42704", "query \"" + id + "\" is not in the history"}; }

/// A state with or without Tajo's prefix, in any case; empty: all. Refusal 400.
std::string state_of(const Request& request) {
  std::string wanted = form_value(request.query(), "state");
  if (wanted.empty()) return wanted;
  std::ranges::transform(wanted, wanted.begin(), [](unsigned char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c); });
  if (!wanted.starts_with(kPrefix)) wanted.insert(0, kPrefix);
  if (std::ranges::find(kStates, wanted) == kStates.end())
    throw Refusal(400, sqlstate::kInvalidParameter, "\"state\" is one of RUNNING, SUCCEEDED, FAILED, KILLED");
  return wanted;
}

int limit_of(const Request& request) {
  const std::string given = form_value(request.query(), "limit");
  if (given.empty()) return kListed;
  int limit = 0;
  auto [end, failed] = std::from_chars(given.data(), given.data() + given.size(), limit);
  if (failed != std::errc() || end != given.data() + given.size() || limit < 1 || limit > kMaxListed)
    throw Refusal(400, sqlstate::kInvalidParameter, "\"limit\" is a number from 1 to " + std::to_string(kMaxListed));
  return limit;
}

master::Visit visit_of(const Request& request, const std::string& user) {
  const json body = object_of(request);
  master::Visit visit;
  visit.user = user;
  auto sql = text_of(body, "query");
  if (!sql) throw Refusal(400, sqlstate::kInvalidParameter, "\"query\" is missing");
  visit.sql = *sql;
  visit.session = request.session;
  if (!visit.session.empty() && !is_session_id(visit.session)) throw Refusal(404, "08003", "X-Tajo-Session is no session's id");
  if (auto database = text_of(body, "database")) {
    if (!visit.session.empty()) throw Refusal(400, sqlstate::kInvalidParameter, "\"database\" is for a statement without X-Tajo-Session: a session has its own");
    visit.database = *database;
  }
  visit.request_id = request.request_id.empty() ? random_token(kRequestIdBytes) : request.request_id;
  if (visit.request_id.size() > kMaxRequestIdBytes || std::ranges::any_of(visit.request_id, [](unsigned char c) { return c <= ' ' || c > '~'; }))
    throw Refusal(400, sqlstate::kInvalidParameter, "X-Tajo-Request-Id is at most " + std::to_string(kMaxRequestIdBytes) + " letters, digits and signs");
  return visit;
}

Response ended(const StatementEnd& end, const std::string& request_id) {
  if (end.error) {
    Response response = failure(*end.error);
    response.headers.emplace_back("X-Tajo-Request-Id", request_id);
    return response;
  }
  const std::string id = end.visited.query ? end.visited.query.str() : std::string();
  json body = {{"resultCode", "00000"},
               {"query", {{"id", id.empty() ? json(nullptr) : json(id)}, {"state", "QUERY_SUCCEEDED"}, {"progress", 1.0}, {"tag", end.visited.tag}}},
               {"requestId", request_id}};
  if (!id.empty()) {
    body["uri"] = "/rest/queries/" + id;
    if (end.visited.returns_rows) body["resultUri"] = "/rest/queries/" + id + "/result";
  }
  if (!end.notices.empty()) body["notices"] = end.notices;
  Response response = json_answer(200, body);
  if (!end.rows.empty()) {  // rows are text already
    response.body.resize(response.body.rfind('}'));
    response.body += ",\"result\":{" + end.rows + "}}\n";
  }
  return response;
}

/// nullopt also when no master can say it: the statement goes on all the same, and is found under its name.
std::optional<QueryId> query_of(master::ClientService& service, const std::string& user, const std::string& request_id) {
  try {
    return service.visited_query(user, request_id);
  } catch (const Error&) {
    return std::nullopt;
  }
}

json running(const std::string& id) { return {{"id", id}, {"state", kRunningState}, {"uri", "/rest/queries/" + id}}; }

}  // namespace

Response Rest::submit(const Request& request, const std::string& user) {
  master::Visit visit = visit_of(request, user);
  const std::string request_id = visit.request_id;
  const auto statement = statements_.start(std::move(visit));
  if (!statement)
    throw Refusal(503, sqlstate::kTooManyConnections, std::to_string(kMaxStatements) + " statements of HTTP clients run at this master: try again, or another master");
  if (const StatementEnd* end = statements_.wait(statement, kAnswerWithinUs)) return ended(*end, request_id);
  const auto query = query_of(service_, user, request_id);
  if (const StatementEnd* end = statements_.wait(statement, 0)) return ended(*end, request_id);
  json body = {{"resultCode", "00000"}, {"requestId", request_id}};
  if (query) {
    statements_.is_query(statement, *query);
    body["query"] = running(query->str());
    body["uri"] = "/rest/queries/" + query->str();
  } else {  // it waits to begin
    body["query"] = {{"id", nullptr}, {"state", "QUERY_NEW"}};
  }
  return json_answer(202, body);
}

Response Rest::queries(const Request& request, const std::string& user) {
  std::string where = user == service_.cluster_owner() ? "WHERE true" : "WHERE username = " + sql_text(user);
  if (std::string state = state_of(request); !state.empty()) where += " AND state = " + sql_text(state);
  json list = json::array();
  for (const Row& row : rows_of(service_, user, where + " ORDER BY started DESC, query_id DESC LIMIT " + std::to_string(limit_of(request))))
    list.push_back(query_json(row));
  return json_answer(200, {{"resultCode", "00000"}, {"queries", std::move(list)}});
}

Response Rest::query(const std::string& id, const std::string& user) {
  auto found = find_query(service_, id, user);
  if (!found && !statements_.runs(user, QueryId::parse(id))) throw unknown_query(id);
  return json_answer(200, {{"resultCode", "00000"}, {"query", found ? query_json(*found) : running(id)}});
}

Response Rest::cancel(const std::string& id, const std::string& user) {
  SinkRows killed;
  service_.look(user, "SELECT tajo_kill(" + sql_text(id) + ")", killed);
  const bool runs = !killed.values.empty() && killed.values.front().front() == data::Value(std::int64_t{1});
  auto found = find_query(service_, id, user);
  if (!found && !runs) throw unknown_query(id);
  return json_answer(200, {{"resultCode", "00000"}, {"message", runs ? "it is told to end" : "it does not run"}, {"query", found ? query_json(*found) : running(id)}});
}

Response Rest::result(const std::string& id, const std::string& user) {
  auto found = find_query(service_, id, user);
  const bool runs = found ? text((*found)[kState]) == kRunningState : statements_.runs(user, QueryId::parse(id));
  if (!found && !runs) throw unknown_query(id);
  if (runs) {
    Response response = failure(409, Error("55000", "query " + id + " has no result yet: it runs"));
    response.headers.emplace_back("Retry-After", "1");
    return response;
  }
  return recorded_result(service_, user, id);
}

}  // namespace tajo::http
