#include "fake_service.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "fake_rows.hpp"
#include "tajo/common/clock.hpp"

namespace tajo::testing {
namespace {

using data::Type;
using data::TypeId;
using data::Value;

std::string fold(std::string text) {
  while (text.starts_with("--")) text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
  std::ranges::replace(text, '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
  text.erase(0, text.find_first_not_of(" \n"));
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::int64_t number_after(const std::string& statement, const std::string& word) {
  return std::atoll(statement.c_str() + word.size());
}

std::vector<data::Column> text_columns(std::initializer_list<const char*> names) {
  std::vector<data::Column> columns;
  for (const char* name : names) columns.push_back({name, Type::of(TypeId::kText)});
  return columns;
}

void send(master::ResultSink& sink, const FakeRows& rows) {
  sink.columns(rows.columns());
  sink.rows(rows.batch());
  sink.complete("SELECT " + std::to_string(rows.rows()));
}

FakeRows all_types() {
  FakeRows rows({{"b", Type::of(TypeId::kBool)},      {"i1", Type::of(TypeId::kInt1)},
                 {"i2", Type::of(TypeId::kInt2)},     {"i4", Type::of(TypeId::kInt4)},
                 {"i8", Type::of(TypeId::kInt8)},     {"f4", Type::of(TypeId::kFloat4)},
                 {"f8", Type::of(TypeId::kFloat8)},   {"d18", Type::decimal(15, 2)},
                 {"d38", Type::decimal(38, 10)},      {"c", Type{TypeId::kChar, 0, 0, 3}},
                 {"v", Type{TypeId::kVarchar, 0, 0, 9}}, {"t", Type::of(TypeId::kText)},
                 {"x", Type::of(TypeId::kBlob)},      {"d", Type::of(TypeId::kDate)},
                 {"tm", Type::of(TypeId::kTime)},     {"ts", Type::of(TypeId::kTimestamp)},
                 {"tz", Type::of(TypeId::kTimestampTz)}, {"iv", Type::of(TypeId::kInterval)}});
  __int128 wide = static_cast<__int128>(1'234'567'890'123'456'789) * 1'000'000'000 + 5;
  auto n = [](std::int64_t v) { return Value(v); };
  rows.add({n(1), n(-7), n(-300), n(70000), n(1LL << 60), Value(1.5), Value(0.1), n(-105), Value(-wide), Value(std::string("abc")),
            Value(std::string("grüße")), Value(std::string("a longer text than twelve bytes")), Value(std::string("\x01\xff", 2)),
            n(-141'427), n(3'723'000'500), n(1'700'000'000'123'456), n(1'700'000'000'123'456),
            Value(data::pack_interval({.micros = -3'600'000'000, .days = 3, .months = 14}))});
  rows.add(std::vector<Value>(rows.columns().size()));
  return rows;
}

}  // namespace

FakeService::FakeService(std::string owner) : owner_(std::move(owner)) {}

void FakeService::add_user(const std::string& name, const std::string& scram_secret) { secrets_[name] = scram_secret; }

master::OpenedSession FakeService::open_session(const master::SessionOptions& options) {
  std::lock_guard lock(mutex_);
  if (options.database != "default" && options.database != "tpch")
    throw Error("3D000", "database \"" + options.database + "\" does not exist");
  if (options.resume && sessions_.contains(*options.resume)) {
    ++resumed;
    return {*options.resume, sessions_.at(*options.resume).options.settings};
  }
  std::string token = "session-" + std::to_string(next_session_++);
  sessions_[token].options = options;
  ++sessions;
  return {token, options.settings};
}

void FakeService::leave_session(const master::SessionToken&) { ++left; }

void FakeService::close_session(const master::SessionToken& session) {
  std::lock_guard lock(mutex_);
  sessions -= static_cast<int>(sessions_.erase(session));
}

std::optional<master::ScramSecret> FakeService::secret(const std::string& user) {
  auto found = secrets_.find(user);
  if (found == secrets_.end()) return std::nullopt;
  return master::ScramSecret{found->second};
}

void FakeService::execute(const master::SessionToken& session, const std::string& sql, master::ResultSink& sink,
                          master::CopySource* copy) {
  std::size_t start = 0;
  while (start < sql.size()) {
    std::size_t end = std::min(sql.find(';', start), sql.size());
    run(session, sql.substr(start, end - start), {}, sink, copy);
    start = end + 1;
  }
}

master::StatementDescription FakeService::describe(const master::SessionToken&, const std::string& sql,
                                                   std::span<const Type> parameter_types) {
  std::string statement = fold(sql);
  master::StatementDescription description;
  description.returns_rows = statement.starts_with("select");
  if (statement == "select 1") description.columns = {{"?column?", Type::of(TypeId::kInt4)}};
  if (statement == "select types") description.columns = all_types().columns();
  if (statement.starts_with("select rows")) description.columns = {{"n", Type::of(TypeId::kInt8)}, {"t", Type::of(TypeId::kText)}};
  if (statement.starts_with("select sleep") || statement == "select crash") description.columns = text_columns({"sleep"});
  if (statement == "select parameters") {
    description.parameters.assign(parameter_types.begin(), parameter_types.end());
    description.parameters.resize(std::max<std::size_t>(2, parameter_types.size()), Type::of(TypeId::kText));
    description.columns = text_columns({"bytes"});
  }
  if (statement == "select error") throw Error("42703", "column \"error\" does not exist").at(8).hint("Look again.").detail("No such thing.");
  return description;
}

void FakeService::execute_prepared(const master::SessionToken& session, const std::string& sql, std::span<const Type>,
                                   std::span<const master::Parameter> parameters, master::ResultSink& sink,
                                   master::CopySource* copy) {
  if (!fold(sql).empty()) run(session, sql, parameters, sink, copy);
}

void FakeService::run(const master::SessionToken& session, const std::string& text,
                      std::span<const master::Parameter> parameters, master::ResultSink& sink, master::CopySource* copy) {
  std::string statement = fold(text);
  if (statement.empty()) return;
  std::string request_id;
  {
    std::lock_guard lock(mutex_);
    log_.push_back(statement);
    Session& mine = sessions_.at(session);
    mine.cancelled = false;
    constexpr std::string_view kSetRequest = "set tajo.request_id = '";
    if (statement.starts_with(kSetRequest)) {
      mine.request_id = statement.substr(kSetRequest.size(), statement.size() - kSetRequest.size() - 1);
    } else {
      request_id = std::exchange(mine.request_id, "");
    }
  }
  if (statement.starts_with("set time zone '")) {
    std::string zone = text.substr(text.find('\'') + 1);
    sink.parameter_status("TimeZone", zone.substr(0, zone.find('\'')));
    return sink.complete("SET");
  }
  if (statement.starts_with("set ")) return sink.complete("SET");
  if (statement == "begin" || statement == "commit") {
    std::lock_guard lock(mutex_);
    sessions_.at(session).status = statement == "begin" ? 'T' : 'I';
    return sink.complete(statement == "begin" ? "BEGIN" : "COMMIT");
  }
  if (statement == "select 1") {
    FakeRows rows({{"?column?", Type::of(TypeId::kInt4)}});
    rows.add({Value(std::int64_t{1})});
    return send(sink, rows);
  }
  if (statement == "select types") return send(sink, all_types());
  if (statement.starts_with("select rows")) {
    std::int64_t count = number_after(statement, "select rows");
    FakeRows rows({{"n", Type::of(TypeId::kInt8)}, {"t", Type::of(TypeId::kText)}});
    sink.columns(rows.columns());
    for (std::int64_t i = 0; i < count; ++i) {
      rows.add({Value(i), Value("this is the text of row " + std::to_string(i))});
      if (rows.rows() == data::kVectorRows || i + 1 == count) {
        sink.rows(rows.batch());
        rows.clear();
      }
    }
    return sink.complete("SELECT " + std::to_string(count));
  }
  if (statement.starts_with("select sleep")) {
    sleep(session, static_cast<int>(number_after(statement, "select sleep")));
    FakeRows rows(text_columns({"sleep"}));
    rows.add({Value(std::string("woke"))});
    return send(sink, rows);
  }
  if (statement == "select parameters") {
    FakeRows rows(text_columns({"bytes"}));
    for (const auto& p : parameters) rows.add({p.is_null ? Value() : Value(p.bytes)});
    return send(sink, rows);
  }
  if (statement == "select error") throw Error("42703", "column \"error\" does not exist").at(8).hint("Look again.").detail("No such thing.");
  if (statement == "select crash") throw std::runtime_error("internal trouble");
  if (statement == "notice") {
    sink.notice("NOTICE", Error("00000", "take note"));
    return sink.complete("NOTICE");
  }
  if (statement.starts_with("copy ")) {
    copy->begin(2);
    std::string all;
    for (std::string part = copy->read(); !part.empty(); part = copy->read()) all += part;
    std::lock_guard lock(mutex_);
    copied_ = all;
    return sink.complete("COPY " + std::to_string(std::ranges::count(all, '\n')));
  }
  if (statement.starts_with("create ")) return sink.complete("CREATE TABLE");
  if (statement.starts_with("insert ")) {
    std::lock_guard lock(mutex_);
    if (!request_id.empty() && !outcomes_.emplace(request_id, "INSERT 0 1").second)
      sink.notice("NOTICE", Error("00000", "this request was already done"));
    return sink.complete("INSERT 0 1");
  }
  if (run_catalog(statement, sink)) return;
  throw Error(sqlstate::kSyntaxError, "syntax error at or near \"" + statement.substr(0, statement.find(' ')) + "\"").at(1);
}

bool FakeService::run_catalog(const std::string& statement, master::ResultSink& sink) {
  auto has = [&](const char* word) { return statement.find(word) != std::string::npos; };
  if (has("information_schema.queries")) {
    FakeRows rows({{"query_id", Type::of(TypeId::kText)}, {"progress", Type::of(TypeId::kFloat8)}, {"rows_read", Type::of(TypeId::kInt8)}});
    if (running > 0)
      rows.add({Value(std::string("q_1700000000000_0001")), Value(0.42), Value(std::int64_t{123456})});
    send(sink, rows);
    return true;
  }
  if (has("pg_database") || has("information_schema.databases")) {
    FakeRows rows(text_columns({"db_name"}));
    rows.add({Value(std::string("default"))});
    rows.add({Value(std::string("tpch"))});
    send(sink, rows);
    return true;
  }
  return false;
}

void FakeService::sleep(const master::SessionToken& session, int ms) {
  std::unique_lock lock(mutex_);
  ++running;
  bool cancelled = wake_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return sessions_.at(session).cancelled; });
  --running;
  if (cancelled) throw Error(sqlstate::kQueryCanceled, "canceling statement due to user request");
}

char FakeService::transaction_status(const master::SessionToken& session) {
  std::lock_guard lock(mutex_);
  return sessions_.at(session).status;
}

void FakeService::cancel(const master::SessionToken& session) noexcept {
  std::lock_guard lock(mutex_);
  ++cancels;
  auto found = sessions_.find(session);
  if (found != sessions_.end()) found->second.cancelled = true;
  wake_.notify_all();
}

void FakeService::abandon(const master::SessionToken& session) noexcept {
  ++abandoned;
  cancel(session);
}

std::string FakeService::copied() const {
  std::lock_guard lock(mutex_);
  return copied_;
}

std::vector<std::string> FakeService::log() const {
  std::lock_guard lock(mutex_);
  return log_;
}

}  // namespace tajo::testing
