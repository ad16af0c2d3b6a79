// What the kinds of statements share: binding, proposals, proofs, running a plan here or on the workers.
#include <algorithm>
#include <csignal>
#include <sstream>
#include <utility>

#include "run.hpp"
#include "settings.hpp"
#include "system_tables.hpp"
#include "tajo/common/failpoint.hpp"
#include "tajo/common/log.hpp"
#include "tajo/protocol/plan_codec.hpp"

namespace tajo::master {

using cluster::Outcome;

namespace {

/// Random but fixed for the query: a retried task gives the same rows.
std::uint64_t seed_of(const QueryId& id) { return id.start_ms * 0x9E3779B97F4A7C15ULL ^ id.number; }

std::string setting_of(const Session& session, const std::string& name) {
  auto own = session.settings.find(name);
  if (own != session.settings.end()) return own->second;
  auto known = known_settings().find(name);
  return known == known_settings().end() ? std::string() : known->second.value;
}

bool reads_tables(const plan::LogicalNode& node) {
  if (node.kind == plan::LogicalNode::Kind::kScan) return true;
  for (const auto& child : node.children)
    if (reads_tables(*child)) return true;
  return false;
}

double most_rows(const plan::PhysicalNode& node) {
  double rows = node.estimated_rows;
  if (const auto* series = std::get_if<plan::SeriesNode>(&node.detail))
    rows = std::max(rows, series->step == 0 ? 0.0 : (static_cast<double>(series->stop) - static_cast<double>(series->start)) / static_cast<double>(series->step));
  for (const auto& child : node.children) rows = std::max(rows, most_rows(*child));
  return rows;
}

/// The answer of another thread to the one that await()s it: the latter returns, and `given` ends, only after this.
template <class T>
void give(StatementRunner::Run& run, std::optional<T>& given, T value) {
  std::lock_guard lock(run.mutex);
  given = std::move(value);
  run.changed.notify_all();
}

}  // namespace

/// Waits for `given`; when the statement is cancelled or its time is over meanwhile, says so once and waits on.
template <class T>
T StatementRunner::await(Run& run, std::optional<T>& given, Micros deadline, const std::function<void()>& cancel) {
  std::unique_lock lock(run.mutex);
  for (bool told = false; !given;) {
    const Micros limit = told || deadline == Runtime::kForever ? Runtime::kForever : std::max<Micros>(0, deadline - parts_.runtime.boottime());
    const bool called = parts_.runtime.wait(lock, run.changed, limit, [&] { return given || (run.canceled && !told); });
    if (given || told || (called && !run.canceled)) continue;
    told = true;
    lock.unlock();
    cancel();
    lock.lock();
  }
  return std::move(*given);
}

QueryId StatementRunner::next_query_id() {
  return {static_cast<std::uint64_t>(parts_.runtime.wall() / 1000), next_number_.fetch_add(1)};
}

void StatementRunner::begin_planning(Run& run) {
  {
    std::unique_lock lock(mutex_);
    parts_.runtime.wait(lock, changed_, Runtime::kForever, [&] { return prepared_ >= run.epoch || epoch_ != run.epoch; });
    if (epoch_ != run.epoch) throw Superseded{};
  }
  const std::string& id = run.request.request_id;
  const std::uint16_t lost = marks_.lost(id, parts_.resources.view());
  if (lost >= PlanningMarks::kMaxMastersLost)
    throw Error(sqlstate::kInternalError, "this statement ended " + std::to_string(lost) + " masters while they planned it and is not planned again");
  if (parts_.notes != nullptr && parts_.notes->names(id, run.digest))
    throw Error(sqlstate::kInternalError, "this statement crashed a master while it was planned and is not planned again")
        .hint("Another form of it may work. It is tried again an hour after the crash.");
  if (lost > 0) {  // alone among its like: should this master die too, one of them is to blame, and the others are not
    std::unique_lock lock(mutex_);
    parts_.runtime.wait(lock, changed_, Runtime::kForever, [&] { return suspect_ == nullptr || epoch_ != run.epoch; });
    if (epoch_ != run.epoch) throw Superseded{};
    suspect_ = &run;
  }
  run.planning.emplace(id, run.digest);
  if (failpoint("plan_crash")) std::raise(SIGSEGV);  // in its first microseconds
  if (hooks_.planning) hooks_.planning(id, static_cast<std::uint16_t>(lost + 1));
}

void StatementRunner::end_planning(Run& run) {
  if (std::unique_lock lock(mutex_); suspect_ == &run) {
    suspect_ = nullptr;
    lock.unlock();
    changed_.notify_all();
  }
  if (!run.planning) return;
  run.planning.reset();
  marks_.ended(run.request.request_id);
  if (hooks_.planning) hooks_.planning(run.request.request_id, 0);
}

plan::Statement StatementRunner::bind(Run& run) {
  run.snapshot = parts_.catalog.snapshot_now();
  SystemTablesView tables(parts_, run.session, run.snapshot);
  sql::BindContext context;
  context.catalog = run.snapshot;
  context.database = run.session.database;
  context.user = run.session.user;
  context.session_id = run.session.id;
  context.parameter_types = run.request.parameter_types;
  context.system_tables = &tables;
  context.settings = planner_settings(run, true).evaluation;
  context.tajo_compatibility = setting_of(run.session, "tajo.compatibility") == "on";
  context.session_function = [this, &run](const std::string& name, const std::vector<data::Value>& args) {
    return session_function(run, name, args);
  };
  context.infer_schema = [this](const data::TableSource& source) { return parts_.storage.infer_schema(source); };
  std::vector<data::Value> parameters;
  if (run.request.prepared && run.request.kind == protocol::ClientRequest::Kind::kExecute) {
    // Parameters come as text; their types are the client's, or what the statement makes of them.
    std::vector<data::Type> types = run.request.parameter_types;
    if (std::any_of(types.begin(), types.end(), [](const data::Type& t) { return t.id == data::TypeId::kUnknown; }) ||
        types.size() < run.request.parameters.size())
      types = sql::bind(*run.parsed, context).parameters;
    types.resize(std::max(types.size(), run.request.parameters.size()), data::Type::of(data::TypeId::kText));
    for (std::size_t i = 0; i < run.request.parameters.size(); ++i) {
      const auto& text = run.request.parameters[i];
      data::Type type = types[i].id == data::TypeId::kUnknown ? data::Type::of(data::TypeId::kText) : types[i];
      parameters.push_back(text ? data::parse_value(*text, type) : data::Value{});
      types[i] = type;
    }
    context.parameter_types = types;
    context.parameters = &parameters;
  }
  plan::Statement bound = sql::bind(*run.parsed, context);
  run.rests_on_state |= tables.asked();
  return bound;
}

plan::PlannerSettings StatementRunner::planner_settings(const Run& run, bool immediate) const {
  plan::PlannerSettings settings;
  auto [workers, cores] = parts_.resources.capacity();
  settings.workers = immediate ? 1 : std::max(1, workers);
  settings.threads_per_worker = cores;
  settings.evaluation.now_us = run.started_ms * 1000;
  settings.evaluation.random_seed = seed_of(run.query);
  settings.force_distributed = setting_of(run.session, "tajo.optimizer.force_distributed") == "on" && !immediate;
  std::stringstream rules(setting_of(run.session, "tajo.optimizer.disabled_rules"));
  for (std::string rule; std::getline(rules, rule, ',');) settings.disabled_rules.push_back(rule);
  return settings;
}

std::shared_ptr<Promised<Outcome>> StatementRunner::propose(cluster::Proposal proposal, Epoch epoch) {
  auto promise = std::make_shared<Promised<Outcome>>();
  parts_.loop.post([this, promise, epoch, p = std::make_shared<cluster::Proposal>(std::move(proposal))] {
    if (epoch_ != epoch) return promise->set(Outcome::kNotActive);
    parts_.node.propose(std::move(*p), [promise](Outcome outcome) { promise->set(outcome); });
  });
  return promise;
}

void StatementRunner::commit_or_throw(cluster::Proposal proposal, Epoch epoch) {
  switch (propose(std::move(proposal), epoch)->take(parts_.runtime)) {
    case Outcome::kCommitted: return;
    case Outcome::kStaleMember: throw Error("40001", "a worker left the cluster while its rows were committed");
    case Outcome::kDiskFull: throw Error(sqlstate::kDiskFull, "could not write the log: no space left on device");
    case Outcome::kSuperseded:
    case Outcome::kNotActive: throw Superseded{};
  }
}

void StatementRunner::commit_or_throw(cluster::Proposal proposal, Run& run) {
  try {
    commit_or_throw(std::move(proposal), run.epoch);
  } catch (const Error&) {
    run.ended = false;
    throw;
  }
}

void StatementRunner::finish_record(Run& run, const std::string& tag, cluster::Proposal& proposal) {
  end_planning(run);  // what follows is the log's work
  run.record.finished_ms = parts_.runtime.wall() / 1000;
  if (run.record.error.empty()) run.record.state = "QUERY_SUCCEEDED";
  run.record.tag = tag;
  run.record.returns_rows = run.reply.returns_rows;
  run.reply.tag = tag;
  run.ended = true;
  proposal.records.emplace_back(journal::RecordKind::kQuery, QueryState::finished_record(run.record));
}

/// A successor, and a world started again, go on counting. Control thread.
void StatementRunner::record_losses(QueryRecord record, const QueryLosses& losses, Epoch epoch) {
  record.losses = losses;
  auto proposal = std::make_shared<cluster::Proposal>();
  proposal->records.emplace_back(journal::RecordKind::kQuery, QueryState::submitted_record(record));
  parts_.loop.post([this, proposal, epoch] {
    if (epoch_ == epoch) parts_.node.propose(std::move(*proposal), [](Outcome) {});
  });
}

void StatementRunner::record_state(Run& run, const std::string& tag) {
  auto proposal = std::make_shared<cluster::Proposal>();
  proposal->durability = journal::Durability::kState;
  finish_record(run, tag, *proposal);
  run.reply.record = proposal->records.back().second;
  if (hooks_.hold) hooks_.hold(run.query, run.reply.record);
  if (run.request.of_visitor) {  // who has no connection asks for the query by its id next, at any master
    proposal->durability = journal::Durability::kCommit;
    propose(std::move(*proposal), run.epoch)->wait(parts_.runtime, kShowEndUs);
    return;
  }
  parts_.loop.post([this, proposal, epoch = run.epoch] {
    if (epoch_ == epoch) parts_.node.propose(std::move(*proposal), [](Outcome) {});
  });
}

void StatementRunner::prove(Epoch epoch) {
  auto promise = std::make_shared<Promised<bool>>();
  parts_.loop.post([this, promise] { parts_.node.prove_read([promise](bool stands) { promise->set(stands); }); });
  if (!promise->take(parts_.runtime) || epoch_ != epoch) throw Superseded{};
}

bool StatementRunner::has_tables(const plan::LogicalPlan& plan) const { return plan.root && reads_tables(*plan.root); }

bool StatementRunner::run_is_immediate(const plan::PhysicalPlan& plan) const {
  if (!plan.tables.empty() || plan.write || plan.stages.size() != 1) return false;
  return most_rows(*plan.stages.front().root) <= kMaxImmediateRows;
}

std::vector<exec::NodeCounters> StatementRunner::run_immediate(Run& run, std::shared_ptr<const plan::PhysicalPlan> plan) {
  end_planning(run);
  exec::TaskSpec spec;
  spec.plan = std::move(plan);
  spec.id.query = run.query;
  std::optional<exec::TaskResult> given;
  parts_.engine.submit(spec, [&run, &given](exec::TaskResult result) { give(run, given, std::move(result)); });
  exec::TaskResult result = await(run, given, Runtime::kForever, [this, &spec] { parts_.engine.cancel(spec.id); });
  if (result.canceled) throw Error(sqlstate::kQueryCanceled, "canceling statement due to user request");
  if (result.error) throw *result.error;
  run.reply.blocks = parts_.outputs.blocks(spec.id, 0);
  parts_.outputs.drop_query(run.query);
  run.record.rows = result.rows;
  for (const auto& block : run.reply.blocks) run.record.result_bytes += block->size();
  return std::move(result.counters);
}

protocol::QueryDone StatementRunner::run_distributed(Run& run, const plan::PhysicalPlan& plan, protocol::StageInputs feeds) {
  end_planning(run);
  if (!run.adopt && !run.background) {
    // Submission is recorded while the query starts: it is also the proof that the epoch still stood.
    cluster::Proposal proposal;
    proposal.records.emplace_back(journal::RecordKind::kQuery, QueryState::submitted_record(run.record));
    run.submitted = true;
    run.submission = propose(std::move(proposal), run.epoch);
  }
  std::optional<protocol::QueryDone> given;
  auto job = std::make_shared<QueryJob>();
  run.distributed = true;
  job->id = run.query;
  job->epoch = run.epoch;
  job->adopt = run.adopt && !run.own_feed;
  job->hold_result = run.reply.returns_rows && !run.background;
  job->submitted_epoch = run.submitted_epoch;
  job->plan = protocol::encode_plan(plan, true);
  job->feeds = std::move(feeds);
  job->result_path = result_path(run.query);
  job->one_task = plan.stages.size() == 1 && plan.stages.front().output.kind == plan::StageOutput::Kind::kResult;
  job->losses = run.record.losses;
  if (!run.background) job->lost = [this, record = run.record, epoch = run.epoch](const QueryLosses& losses) { record_losses(record, losses, epoch); };
  job->done = [&run, &given](protocol::QueryDone done) { give(run, given, std::move(done)); };
  parts_.loop.post([this, job] { parts_.coordinator.submit(std::move(*job), parts_.runtime.boottime()); });

  const long timeout_ms = std::stol(setting_of(run.session, "statement_timeout"));
  const Micros deadline = timeout_ms > 0 ? run.started_at + timeout_ms * 1000 : Runtime::kForever;
  protocol::QueryDone done = await(run, given, deadline, [this, &run] {
    parts_.loop.post([this, id = run.query] { parts_.coordinator.cancel(id); });
  });
  const bool timed_out = deadline <= parts_.runtime.boottime();
  run.record.rows = done.rows;
  run.record.rows_read = done.rows_read;
  run.record.bytes_read = done.bytes_read;
  run.record.attempts = done.task_retries;
  run.record.result_bytes = done.result_bytes;
  // Each epoch counts on from a multiple; which of the earlier ones started it is not told.
  run.record.starts = 1u + done.attempt % (kMaxQueryMasterRestarts + 1) + (done.attempt > kMaxQueryMasterRestarts ? 1 : 0);
  run.record.result_path = done.result_path;
  if (done.error) {
    if (done.error->sqlstate == sqlstate::kOutcomeUnknown) throw Superseded{};
    if (timed_out && done.error->sqlstate == sqlstate::kQueryCanceled)
      throw Error(sqlstate::kQueryCanceled, "canceling statement due to statement timeout");
    throw protocol::to_error(*done.error);
  }
  if (run.submission) {
    switch (run.submission->take(parts_.runtime)) {
      case Outcome::kCommitted: break;
      case Outcome::kDiskFull: prove(run.epoch); break;  // reads go on while the log is full; the query leaves no history
      default: throw Superseded{};
    }
  } else {
    prove(run.epoch);
  }
  return done;
}

}  // namespace tajo::master
