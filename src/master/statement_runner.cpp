#include "tajo/master/statement_runner.hpp"

#include <algorithm>
#include <csignal>

#include "run.hpp"
#include "settings.hpp"
#include "tajo/common/as_error.hpp"
#include "tajo/common/failpoint.hpp"
#include "tajo/common/log.hpp"
#include "uuid.hpp"

namespace tajo::master {

using protocol::ClientReply;
using protocol::ClientRequest;

namespace {

ClientReply not_active() {
  ClientReply reply;
  reply.not_active = true;
  return reply;
}

Error another_statement() { return Error(sqlstate::kInvalidParameter, "this request id names another statement").hint("Use a new tajo.request_id for each statement."); }

/// History of statements that were never understood: a password may be anywhere in them.
std::string without_secrets(const std::string& sql) {
  std::string folded;
  for (char c : sql) folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (folded.find("password") == std::string::npos) return sql;
  return sql::beginning_of(sql).word + " …";
}

ClientReply failed(const Error& error) {
  ClientReply reply;
  reply.error = protocol::to_text(error);
  return reply;
}

/// What a write must not be inside a transaction block: there is no multi-statement transaction to roll back.
bool writes(const std::string& tag) {
  for (const char* w : {"INSERT", "CREATE", "DROP", "TRUNCATE", "COPY", "ALTER"})
    if (tag.starts_with(w)) return true;
  return false;
}

}  // namespace

ClientReply StatementRunner::run(const ClientRequest& request, Rank serving) {
  const Epoch epoch = epoch_;
  if (epoch == 0) return not_active();
  try {
    if (request.kind == ClientRequest::Kind::kProgress) return progress(request).value_or(ClientReply{});
    if (request.kind != ClientRequest::Kind::kExecute && request.kind != ClientRequest::Kind::kDescribe) return session_request(request, serving, epoch);
  } catch (const Superseded&) {
    return not_active();
  }

  auto run = std::make_shared<Run>();
  run->request = request;
  run->serving = serving;
  run->epoch = run->submitted_epoch = epoch;
  run->digest = digest_of(request);
  run->keep = !request.unrecorded;
  if (request.kind != ClientRequest::Kind::kExecute) {
    execute(*run);
    return *finish(*run, false);
  }
  while (RunPtr other = begin_run(run)) {
    if (other->digest != run->digest) return failed(another_statement());
    std::unique_lock wait(other->mutex);
    parts_.runtime.wait(wait, other->changed, Runtime::kForever, [&] { return other->finished; });
    // One that ends because its client's connection broke, just when that client is back, is run again.
    if (!other->vanished || !other->outcome->error) return *other->outcome;
  }
  changed_.notify_all();
  auto earlier = parts_.queries.find_request(request.request_id);
  if (earlier && earlier->finished_ms == 0 && earlier->epoch != epoch && !wait_settled(epoch)) {
    run->reply = not_active();
  } else if (auto known = known_outcome(request, run->digest)) {
    run->reply = std::move(*known);
    run->keep = false;
  } else {
    // One that ended here in a way that may be tried again is not taken up, though the log may not show its end yet.
    if (earlier && earlier->finished_ms == 0 && !kept_.by_query(earlier->id)) take_up(*run, *earlier);
    execute(*run);
  }
  return *finish(*run, true);
}

/// Registers it; the one under way with the same request id, if there is one.
StatementRunner::RunPtr StatementRunner::begin_run(const RunPtr& run) {
  std::lock_guard lock(mutex_);
  auto [it, first] = runs_.try_emplace(run->request.request_id, run);
  return first ? nullptr : it->second;
}

std::shared_ptr<const ClientReply> StatementRunner::finish(Run& run, bool named) {
  if (run.distributed && failpoint("query_ended")) std::raise(SIGKILL);  // before anybody but the QueryMaster has the result
  run.reply.request_id = run.request.request_id;
  run.reply.digest = run.digest;
  auto outcome = std::make_shared<const ClientReply>(std::move(run.reply));
  if (named) {
    if (!outcome->not_active && run.keep) {
      kept_.keep(outcome, parts_.runtime.boottime() / 1000);
      copy_out(run, outcome);
    }
    std::lock_guard lock(mutex_);
    runs_.erase(run.request.request_id);
  }
  {
    std::lock_guard lock(run.mutex);
    run.finished = true;
    run.outcome = outcome;
  }
  run.changed.notify_all();
  return outcome;
}

void StatementRunner::execute(Run& run) {
  run.started_at = parts_.runtime.boottime();
  run.started_ms = run.adopt ? run.record.started_ms : parts_.runtime.wall() / 1000;
  if (!run.adopt) {
    std::lock_guard lock(run.mutex);  // progress() may look
    run.query = next_query_id();
  }
  try {
    run.session = session_of(run);
    run.reply.database = run.session.database;
    run.reply.query = run.query;
    QueryRecord& r = run.record;
    if (!run.adopt) {
      r.id = run.query;
      r.request_id = run.request.request_id;
      r.session = run.session.id;
      r.user = run.session.user;
      r.database = run.session.database;
      r.sql = run.request.sql;
      r.parameters = run.request.parameters;
      r.epoch = run.epoch;
      r.started_ms = run.started_ms;
      r.digest = run.digest;
    }
    plan_and_run(run);
  } catch (const Superseded&) {
    run.reply = not_active();
  } catch (const std::exception& e) {
    run.reply.error = protocol::to_text(as_error(e));
  }
  end_planning(run);
  if (run.reply.not_active) return;
  if (run.vanished && run.reply.error && run.reply.error->sqlstate == sqlstate::kQueryCanceled)
    run.reply.error = protocol::to_text(Error("08006", "canceled: the connection to its client was lost"));
  try {
    if (run.reply.error) end_failed(run);
    else if (run.rests_on_state) prove(run.epoch);
  } catch (const Superseded&) {
    run.reply = not_active();
  }
}

/// An error rests on the catalog as much as rows do: a master that is no longer active must not say that a table is
/// missing. And a write that was submitted and is told as failed must not be taken up again by a successor.
void StatementRunner::end_failed(Run& run) {
  const bool recorded = run.request.kind == ClientRequest::Kind::kExecute && !run.request.unrecorded && !run.ended && run.session.id == run.request.session;
  if (recorded) {
    run.record.sqlstate = run.reply.error->sqlstate;
    run.record.error = run.reply.error->message;
    run.record.state = run.vanished || run.reply.error->sqlstate == sqlstate::kQueryCanceled ? "QUERY_KILLED" : "QUERY_FAILED";
    if (!run.submitted) run.record.sql = without_secrets(run.record.sql);
  }
  if (recorded && run.submitted && writes(run.tag)) {
    cluster::Proposal proposal;
    finish_record(run, "", proposal);
    const cluster::Outcome outcome = propose(std::move(proposal), run.epoch)->take(parts_.runtime);
    if (outcome == cluster::Outcome::kCommitted) return;
    if (outcome != cluster::Outcome::kDiskFull) throw Superseded{};
  }
  prove(run.epoch);
  if (recorded) record_state(run, "");
}

void StatementRunner::plan_and_run(Run& run) {
  begin_planning(run);
  if (failpoint("plan_statement")) {  // a master that dies in the middle of planning
    parts_.runtime.sleep(200'000);
    std::raise(SIGKILL);
  }
  run.parsed = sql::parse({run.request.sql, run.request.offset});
  run.tag = sql::command_tag(*run.parsed);
  if (run.request.in_block && writes(run.tag))
    throw Error(sqlstate::kFeatureNotSupported, run.tag + " in a transaction block is not supported")
        .hint("Each statement commits by itself: use autocommit.");
  plan::Statement statement = bind(run);
  if (run.request.kind == ClientRequest::Kind::kDescribe) describe(run, statement);
  else std::visit([&](auto& body) { visit(run, body); }, statement.body);
}

void StatementRunner::describe(Run& run, const plan::Statement& statement) {
  const auto text_type = data::Type::of(data::TypeId::kText);
  run.reply.parameter_types = statement.parameters;
  run.reply.returns_rows = true;
  if (auto* select = std::get_if<plan::SelectStatement>(&statement.body)) {
    for (std::size_t i = 0; i < select->query.outputs.size(); ++i)
      run.reply.columns.push_back({select->query.names[i], select->query.columns[select->query.outputs[i]].type, false});
  } else if (auto* show = std::get_if<plan::ShowStatement>(&statement.body)) {
    run.reply.columns.push_back({show->name, text_type, false});
  } else if (std::holds_alternative<std::unique_ptr<plan::ExplainStatement>>(statement.body)) {
    run.reply.columns.push_back({"QUERY PLAN", text_type, false});
  } else if (auto* fetch = std::get_if<plan::FetchResultStatement>(&statement.body)) {
    run.reply.columns = fetch_result(run, fetch->query).columns;
  } else {
    run.reply.returns_rows = false;
    if (auto* copy = std::get_if<plan::CopyStatement>(&statement.body)) run.reply.table = copy->table->number;
  }
}

std::optional<ClientReply> StatementRunner::progress(const ClientRequest& request) {
  RunPtr found;
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, run] : runs_)
      if (request.request_id.empty() ? run->request.session == request.session : id == request.request_id) found = run;
  }
  ClientReply reply;
  if (found) {
    std::lock_guard lock(found->mutex);
    reply.query = found->query;
    reply.elapsed_us = parts_.runtime.boottime() - found->started_at;
  } else {
    auto known = request.request_id.empty() ? std::nullopt : parts_.queries.find_request(request.request_id);
    if (!known) return std::nullopt;
    reply.query = known->id;
  }
  if (auto p = parts_.coordinator.progress(reply.query)) {
    reply.fraction = p->fraction;
    reply.rows_read = p->rows_read;
    reply.bytes_read = p->bytes_read;
  }
  return reply;
}

void StatementRunner::resume(const QueryRecord& query) {
  auto run = std::make_shared<Run>();
  run->request.session = query.session;
  run->request.request_id = query.request_id;
  run->request.user = query.user;
  run->request.database = query.database;
  run->request.sql = query.sql;
  run->request.parameters = query.parameters;
  run->request.prepared = !query.parameters.empty();
  run->request.parameter_types.resize(query.parameters.size());
  run->epoch = epoch_;
  run->digest = query.digest;
  take_up(*run, query);
  {
    std::unique_lock lock(mutex_);
    // The rows of a COPY lie at the master its client talks to, which tells where with the request.
    if (sql::beginning_of(query.sql).word == "COPY")
      parts_.runtime.wait(lock, changed_, kAwaitCopyUs, [&] { return runs_.contains(query.request_id) || epoch_ != run->epoch; });
    if (epoch_ != run->epoch || run->epoch == 0 || !runs_.try_emplace(query.request_id, run).second) return;
  }
  auto known = known_outcome(run->request, run->digest);
  if (known) {
    // A slot with its end was seen, and then lost with a file server: without a new one it would run in the log for ever.
    run->reply = *known;
    record_known_end(*run, *known);
  } else {
    execute(*run);
  }
  auto outcome = finish(*run, true);
  log_info("master", "query " + query.id.str() + " taken over from epoch " + std::to_string(query.epoch) +
                         (outcome->error ? ": " + outcome->error->message : " and finished"));
}

void StatementRunner::record_known_end(Run& run, const ClientReply& known) {
  auto logged = parts_.queries.find(run.query);
  if (!logged || logged->finished_ms != 0) return;
  if (!known.record.empty() && QueryState::decode(known.record).id == run.query) {
    run.record = QueryState::decode(known.record);
  } else if (known.error) {
    run.record.sqlstate = known.error->sqlstate;
    run.record.error = known.error->message;
    run.record.state = "QUERY_FAILED";
  }
  record_state(run, known.tag);
}

void StatementRunner::on_active(Epoch epoch) {
  next_number_ = parts_.queries.last_number() + 1;
  const auto newest = parts_.queries.newest_started_ms(epoch);
  holders_.begin(parts_.runtime.boottime());
  std::lock_guard lock(mutex_);
  ages_.begin(newest, parts_.runtime.boottime());
  announced_.clear();
  epoch_ = epoch;
}

void StatementRunner::on_prepared(Epoch epoch) {
  {
    std::lock_guard lock(mutex_);
    prepared_ = std::max(prepared_, epoch);
  }
  changed_.notify_all();
}

void StatementRunner::on_settled(Epoch epoch) {
  {
    std::lock_guard lock(mutex_);
    settled_ = std::max(settled_, epoch);
  }
  changed_.notify_all();
}

bool StatementRunner::wait_settled(Epoch epoch) {
  std::unique_lock lock(mutex_);
  parts_.runtime.wait(lock, changed_, Runtime::kForever, [&] { return settled_ >= epoch || epoch_ != epoch; });
  return epoch_ == epoch;
}

void StatementRunner::announce(const QueryRecord& ended) {
  std::lock_guard lock(mutex_);
  announced_[ended.id] = ended;
}

void StatementRunner::on_passive() {
  {
    std::lock_guard lock(mutex_);
    epoch_ = 0;
  }
  changed_.notify_all();
}

}  // namespace tajo::master
