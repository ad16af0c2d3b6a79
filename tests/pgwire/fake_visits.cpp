// Visitors of the fake: sessions and queries by their ids, for the web server.
#include "fake_rows.hpp"
#include "fake_service.hpp"

namespace tajo::testing {

using data::Type;
using data::TypeId;
using data::Value;

namespace {

constexpr std::uint64_t kStart = 1'700'000'000'000;

Value text(std::string s) { return {std::move(s)}; }
Value whole(std::int64_t n) { return {n}; }

struct Nowhere : master::ResultSink {
  void columns(std::span<const data::Column>) override {}
  void rows(const data::Batch&) override {}
  void complete(const std::string& given) override { tag = given; }
  void notice(const std::string&, const Error&) override {}
  void parameter_status(const std::string&, const std::string&) override {}
  std::string tag;
};

}  // namespace

void FakeService::check_owner(const std::string& user, const master::SessionToken& session) const {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) throw Error("08003", "session \"" + session + "\" does not exist or has expired");
  if (found->second.options.user != user) throw Error("28000", "session \"" + session + "\" belongs to another user");
}

master::Visited FakeService::visit(const master::Visit& visit, master::ResultSink& sink) {
  const bool own = visit.session.empty();
  if (!own) {
    std::lock_guard lock(mutex_);
    check_owner(visit.user, visit.session);
  }
  if (visit.sql == "SHOW ALL" || visit.sql.starts_with("SET ") || visit.sql.starts_with("RESET ")) {
    if (visit.sql == "SHOW ALL") {
      FakeRows rows({{"name", Type::of(TypeId::kText)}, {"setting", Type::of(TypeId::kText)}});
      rows.add({text("timezone"), text("UTC")});
      sink.columns(rows.columns());
      sink.rows(rows.batch());
    }
    sink.complete("SHOW");
    std::lock_guard lock(mutex_);
    log_.push_back(visit.sql);
    return {{}, "SHOW", visit.sql == "SHOW ALL"};
  }
  QueryId id;
  {
    std::lock_guard lock(mutex_);
    id = {kStart, static_cast<std::uint32_t>(visited_.size() + 1)};
    visited_[id] = {visit.user, visit.request_id, visit.sql, true, ""};
  }
  const auto session = own ? open_session({.user = visit.user, .database = visit.database, .client = {}, .settings = {}, .resume = {}}).token : visit.session;
  std::string failed;
  Nowhere rows;
  try {
    run(session, visit.sql, {}, rows, nullptr);
  } catch (const Error& e) {
    failed = e.sqlstate();
    std::lock_guard lock(mutex_);
    visited_[id].running = false;
    visited_[id].sqlstate = failed;
    throw;
  }
  if (own) close_session(session);
  std::lock_guard lock(mutex_);
  visited_[id].running = false;
  return {id, rows.tag, rows.tag.starts_with("SELECT")};
}

void FakeService::end_session(const std::string& user, const master::SessionToken& session) {
  {
    std::lock_guard lock(mutex_);
    check_owner(user, session);
  }
  close_session(session);
}

std::optional<QueryId> FakeService::visited_query(const std::string& user, const std::string& request_id) {
  std::lock_guard lock(mutex_);
  for (const auto& [id, query] : visited_)
    if (query.user == user && query.request_id == request_id) return id;
  return std::nullopt;
}

void FakeService::look(const std::string& user, const std::string& sql, master::ResultSink& sink) {
  {
    std::lock_guard lock(mutex_);
    log_.push_back(user + ": " + sql);
  }
  if (sql.find("information_schema.queries") != std::string::npos) return look_at_queries(sql, sink);
  if (sql.starts_with("SELECT tajo_kill(")) {
    FakeRows rows({{"tajo_kill", Type::of(TypeId::kBool)}});
    rows.add({whole(0)});
    sink.columns(rows.columns());
    sink.rows(rows.batch());
    return sink.complete("SELECT 1");
  }
  if (sql != "SELECT * FROM query_result('q_1700000000000_0001')") throw Error("42809", "this query returned no rows");
  FakeRows rows({{"n", Type::of(TypeId::kInt8)}, {"t", Type::of(TypeId::kText)}});
  rows.add({whole(1), text("a \"b\"")});
  rows.add({whole(2), Value{}});
  sink.columns(rows.columns());
  sink.rows(rows.batch());
  sink.complete("SELECT 2");
}

void FakeService::look_at_queries(const std::string& sql, master::ResultSink& sink) {
  const Type t = Type::of(TypeId::kText), n = Type::of(TypeId::kInt8), time = Type::of(TypeId::kTimestamp);
  FakeRows rows({{"query_id", t}, {"state", t}, {"username", t}, {"database", t}, {"sql", t}, {"progress", Type::of(TypeId::kFloat8)}, {"rows", n}, {"rows_read", n},
                 {"bytes_read", n}, {"elapsed_ms", n}, {"started", time}, {"finished", time}, {"tag", t}, {"sqlstate", t}, {"error", t}, {"request_id", t}});
  std::lock_guard lock(mutex_);
  for (const auto& [id, q] : visited_) {
    const std::string state = q.running ? "QUERY_RUNNING" : q.sqlstate.empty() ? "QUERY_SUCCEEDED" : "QUERY_FAILED";
    auto wants = [&](const std::string& column, const std::string& value) {
      return sql.find(column + " = '") == std::string::npos || sql.find(column + " = '" + value + "'") != std::string::npos;
    };
    if (!wants("query_id", id.str()) || !wants("username", q.user) || !wants("state", state)) continue;
    rows.add({text(id.str()), text(state), text(q.user), text("default"), text(q.sql), Value(q.running ? 0.5 : 1.0), whole(2), whole(9), whole(90), whole(12),
              whole(kStart * 1000), q.running ? Value{} : whole(kStart * 1000 + 12'000), Value{}, q.sqlstate.empty() ? Value{} : text(q.sqlstate), Value{},
              text("c:" + q.user + ":" + q.request_id)});
  }
  sink.columns(rows.columns());
  if (rows.rows() > 0) sink.rows(rows.batch());
  sink.complete("SELECT " + std::to_string(rows.rows()));
}

}  // namespace tajo::testing
