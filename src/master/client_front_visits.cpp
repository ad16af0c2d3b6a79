// Statements of clients that come with each request anew: there is no connection, so nothing of them is remembered here.
#include "client_front.hpp"
#include "tajo/sql/parser.hpp"
#include "uuid.hpp"

namespace tajo::master {

using protocol::ClientReply;
using protocol::ClientRequest;

namespace {

/// What needs a connection: a block of several statements, or the client's bytes.
void refuse_what_needs_a_connection(const std::string& word) {
  if (is_any(word, {"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"}))
    throw Error(sqlstate::kFeatureNotSupported, "a transaction block needs a connection: here each statement commits by itself");
  if (word == "COPY") throw Error(sqlstate::kFeatureNotSupported, "COPY needs a client of the PostgreSQL protocol");
}

/// SET, SHOW and EXPLAIN leave no history; the rows of query_result() are another query's.
bool in_history(const ClientReply& reply) {
  if (!reply.query) return false;
  if (reply.returns_rows) return !reply.record.empty() || !reply.result_path.empty();
  return !is_any(reply.tag, {"", "SET", "RESET", "DEALLOCATE", "DISCARD ALL"});
}

}  // namespace

Visited MasterNode::Front::visit(const Visit& visit, ResultSink& sink) {
  if (visit.request_id.size() > kMaxRequestIdBytes)
    throw Error(sqlstate::kInvalidParameter, "a request id is longer than " + std::to_string(kMaxRequestIdBytes) + " bytes");
  auto statements = sql::split_script(visit.sql);
  if (statements.size() != 1) throw Error(sqlstate::kSyntaxError, "one statement at a time, not " + std::to_string(statements.size()));
  if (statements.front().text.empty()) throw Error(sqlstate::kSyntaxError, "there is no statement");
  const std::string word = sql::beginning_of(statements.front().text).word;
  refuse_what_needs_a_connection(word);
  ClientRequest request;
  request.of_visitor = true;
  request.own_session = visit.session.empty();
  request.session = request.own_session ? make_uuid(node_.parts_.runtime) : visit.session;
  request.user = visit.user;
  request.database = visit.database;
  request.sql = std::move(statements.front().text);
  request.offset = statements.front().offset;
  request.request_id = is_any(word, {"SET", "RESET", "SHOW"}) ? fresh_request_id(request.session) : clients_request_id(visit.user, visit.request_id);
  const Admission::Ticket inside(node_.admission_);
  const ClientReply reply = ask(std::move(request));
  for (const auto& [severity, text] : reply.notices) sink.notice(severity, protocol::to_error(text));
  if (reply.error) throw protocol::to_error(*reply.error);
  if (reply.next_request_id) throw Error(sqlstate::kFeatureNotSupported, "tajo.request_id names the next statement of a connection: here it comes with the statement");
  const bool recorded = in_history(reply);
  if (!recorded && reply.returns_rows) deliver_rows(reply, sink);
  sink.complete(reply.tag);
  return {recorded ? reply.query : QueryId{}, reply.tag, reply.returns_rows};
}

std::optional<QueryId> MasterNode::Front::visited_query(const std::string& user, const std::string& request_id) {
  ClientRequest request;
  request.kind = ClientRequest::Kind::kProgress;
  request.request_id = clients_request_id(user, request_id);
  const ClientReply reply = ask(std::move(request));
  return reply.query ? std::optional(reply.query) : std::nullopt;
}

void MasterNode::Front::look(const std::string& user, const std::string& sql, ResultSink& sink) {
  ClientRequest request;
  request.of_visitor = request.own_session = request.unrecorded = true;
  request.user = user;
  request.database = "default";
  request.sql = sql;
  request.request_id = fresh_request_id("look");
  const ClientReply reply = ask(std::move(request));
  if (reply.error) throw protocol::to_error(*reply.error);
  deliver_rows(reply, sink);
  sink.complete(reply.tag);
}

void MasterNode::Front::end_session(const std::string& user, const SessionToken& session) {
  ClientRequest request;
  request.kind = ClientRequest::Kind::kCloseSession;
  request.of_visitor = true;
  request.user = user;
  request.session = session;
  const ClientReply reply = ask(std::move(request));
  if (reply.error) throw protocol::to_error(*reply.error);
}

}  // namespace tajo::master
