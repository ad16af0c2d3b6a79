#include "rest.hpp"

#include <algorithm>
#include <vector>

#include "rest_answer.hpp"

namespace tajo::http {
namespace {

constexpr std::size_t kMaxSessionIdBytes = 64;

std::vector<std::string_view> parts_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

/// `q_1700000000000_0001` and no other form of it.
bool is_query_id(std::string_view text) {
  return text.starts_with("q_") && text.find_first_not_of("q_0123456789") == std::string_view::npos && QueryId::parse(text);
}

}  // namespace

bool is_session_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxSessionIdBytes && std::ranges::all_of(text, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

std::string sql_text(std::string_view text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

RestPath rest_path(std::string_view path) {
  using Place = RestPath::Place;
  const auto parts = parts_of(path);
  if (parts.size() < 2 || parts.size() > 4 || parts[0] != "rest") return {};
  const std::string id(parts.size() > 2 ? parts[2] : "");
  const std::string_view last = parts.size() == 4 ? parts[3] : "";
  if (parts[1] == "sessions") {
    if (parts.size() == 2) return {Place::kSessions, "POST", {}};
    if (!is_session_id(id)) return {};
    if (parts.size() == 3) return {Place::kSession, "DELETE", id};
    if (last == "variables") return {Place::kVariables, "GET, HEAD, PUT", id};
  }
  if (parts[1] == "queries") {
    if (parts.size() == 2) return {Place::kQueries, "GET, HEAD, POST", {}};
    if (!is_query_id(id)) return {};
    if (parts.size() == 3) return {Place::kQuery, "GET, HEAD, DELETE", id};
    if (last == "result") return {Place::kResult, "GET, HEAD", id};
  }
  return {};
}

Response Rest::answer(const RestPath& path, const Request& request, const std::string& user) {
  using Place = RestPath::Place;
  switch (path.place) {
    case Place::kSessions: return open_session(request, user);
    case Place::kSession: return end_session(path.id, user);
    case Place::kVariables: return request.method == "PUT" ? set_variables(path.id, request, user) : variables(path.id, user);
    case Place::kQueries: return request.method == "POST" ? submit(request, user) : queries(request, user);
    case Place::kQuery: return request.method == "DELETE" ? cancel(path.id, user) : query(path.id, user);
    case Place::kResult: return result(path.id, user);
    case Place::kNone: break;
  }
  throw Refusal(404, "42704", "there is no such path");
}

}  // namespace tajo::http
