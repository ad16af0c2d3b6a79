#pragma once
#include <string>
#include <string_view>

#include "message.hpp"
#include "statements.hpp"

namespace tajo::master {
class ClientService;
}

namespace tajo::http {

/// What a path below /rest/ names.
struct RestPath {
  enum class Place { kNone, kSessions, kSession, kVariables, kQueries, kQuery, kResult };
  Place place = Place::kNone;
  std::string_view methods;  ///< `GET, HEAD`
  std::string id;            ///< of the session or query; well-formed
};
RestPath rest_path(std::string_view path);

/// Sessions, statements and queries as JSON over HTTP (README.md, REST). Everything that outlives a request is the
/// cluster's, so the next request may go to any master. Any thread; needs a stack of kPlanningStackBytes.
class Rest {
 public:
  explicit Rest(master::ClientService& service) : service_(service), statements_(service) {}

  /// `user` is who asks; the path's methods allow the request's. Throws Error and Refusal.
  Response answer(const RestPath& path, const Request& request, const std::string& user);
  void stop() { statements_.stop(); }

 private:
  // rest_sessions.cpp
  Response open_session(const Request& request, const std::string& user);
  Response end_session(const std::string& session, const std::string& user);
  Response variables(const std::string& session, const std::string& user);
  Response set_variables(const std::string& session, const Request& request, const std::string& user);
  // rest_queries.cpp
  Response submit(const Request& request, const std::string& user);
  Response queries(const Request& request, const std::string& user);
  Response query(const std::string& id, const std::string& user);
  Response cancel(const std::string& id, const std::string& user);
  Response result(const std::string& id, const std::string& user);

  master::ClientService& service_;
  Statements statements_;
};

/// The well-formed id of an X-Tajo-Session header or of a path; the cluster knows whether it is there.
bool is_session_id(std::string_view text);
/// `'it''s'`
std::string sql_text(std::string_view text);

}  // namespace tajo::http
