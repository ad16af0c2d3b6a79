#include "warehouse_service.hpp"

#include <algorithm>

#include "sim.hpp"
#include "tajo/protocol/plan_codec.hpp"

namespace tajo::sim {

namespace {

worker::WorkerConfig worker_config(const SimRank& process) {
  worker::WorkerConfig c;
  c.host = "host" + std::to_string(process.host);
  c.pid = process.host + 1;
  c.cores = 4;
  c.launcher_lost = [] { return false; };
  c.memory_bytes = std::uint64_t{1} << 30;
  return c;
}

}  // namespace

void SimLoop::post(std::function<void()> work) {
  Sim& sim = process_.sim;
  Micros wait = longest_wait_ == 0 ? 0 : static_cast<Micros>(sim.rng.below(static_cast<std::uint64_t>(longest_wait_)));
  last_ = std::max(last_, sim.now() + wait);
  sim.events.after(last_ - sim.now(), [&process = process_, work = std::move(work)]() mutable { process.run(std::move(work)); });
}

void SimLoop::run_after(Micros delay, std::function<void()> work) {
  process_.sim.events.after(delay, [&process = process_, work = std::move(work)]() mutable { process.run(std::move(work)); });
}

WarehouseService::WarehouseService(SimRank& process, WarehouseFiles& files, bool)
    : process_(process), files_(files),
      runtime_([&process] { return process.clock(); },
               [&process](Micros delay) { process.sim.events.after(delay, [&process] { process.run([] {}); }); }, Random(process.sim.rng())),
      node_(process), loop_(process, 0), file_loop_(process, 3 * kMs), storage_(*this), engine_(*this), coordinator_(*this),
      worker_(worker_config(process), loop_, file_loop_, *this, engine_, outputs_, storage_),
      master_({runtime_, loop_, node_, catalog_, sessions_, queries_, coordinator_, resources_, engine_, outputs_, storage_,
               "/nowhere/staging", "/nowhere/warehouse", "sim"},
              *this) {
  outputs_.now = &process.sim.events.now_reference();
  process.node->add_machine("catalog", {journal::RecordKind::kCatalog}, catalog_);
  process.node->add_machine("sessions", {journal::RecordKind::kSession}, sessions_);
  process.node->add_machine("queries", {journal::RecordKind::kQuery}, queries_);
}

void SeenNode::propose(cluster::Proposal proposal, std::function<void(cluster::Outcome)> done) {
  using journal::RecordKind;
  const Variant& variant = process_.sim.options.variant;
  if (variant.outcome_apart && proposal.records.size() > 1) {
    cluster::Proposal end;
    end.durability = journal::Durability::kState;
    std::stable_partition(proposal.records.begin(), proposal.records.end(), [](const auto& r) { return r.first != RecordKind::kQuery; });
    while (!proposal.records.empty() && proposal.records.back().first == RecordKind::kQuery) {
      end.records.push_back(std::move(proposal.records.back()));
      proposal.records.pop_back();
    }
    auto later = std::make_shared<cluster::Proposal>(std::move(end));
    return process_.node->propose(std::move(proposal), [this, later, done = std::move(done)](cluster::Outcome outcome) {
      if (outcome == cluster::Outcome::kCommitted) process_.node->propose(std::move(*later), [](cluster::Outcome) {});
      done(outcome);
    });
  }
  const bool submission = proposal.durability == journal::Durability::kCommit && proposal.records.size() == 1 && proposal.records[0].first == RecordKind::kQuery;
  if (variant.unproved_answers && submission) {
    process_.node->propose(std::move(proposal), [](cluster::Outcome) {});
    return done(cluster::Outcome::kCommitted);
  }
  process_.node->propose(std::move(proposal), std::move(done));
}

void SeenNode::prove_read(std::function<void(bool)> done) {
  if (process_.sim.options.variant.unproved_answers) return done(true);
  process_.node->prove_read(std::move(done));
}

void WarehouseService::send(Rank to, Bytes message) {
  using protocol::Tag;
  WorkCounters& work = process_.sim.work;
  switch (static_cast<Tag>(message[0])) {
    case Tag::kStartQuery: {
      const auto start = protocol::decode_start_query(message);
      work.query_masters_restarted += start.attempt > 0 ? 1 : 0;
      if (SimRank* at = process_.sim.find(process_.world, to); at != nullptr) {
        process_.sim.last_query_master = at->host;
        process_.sim.query_masters.emplace_back(start.query.str(), at->host);
      }
      break;
    }
    case Tag::kQueryDone: {
      const std::string done = protocol::decode_query_done(message).query.str();
      std::erase_if(process_.sim.query_masters, [&](const auto& q) { return q.first == done; });
      break;
    }
    case Tag::kRunTask: work.tasks_run_again += (protocol::decode_run_task(message).id.attempt & 0xFF) > 1 ? 1 : 0; break;
    case Tag::kTaskDone: work.outputs_lost += protocol::decode_task_done(message).lost_output ? 1 : 0; break;
    case Tag::kCancelTask: ++work.consumers_restarted; break;
    case Tag::kKeepOutcome: ++work.ends_kept; break;
    case Tag::kHeldOutcomes: work.ends_told_again += protocol::decode_held_outcomes(message).records.size(); break;
    default: break;
  }
  process_.send(to, cluster::Lane::kControl, std::move(message));
}

WarehouseService::~WarehouseService() { runtime_.end(); }

void WarehouseService::start() {
  worker_.start();
  master_.start();
}

void WarehouseService::on_view(const cluster::View& view, cluster::Role self) {
  worker_.on_view(view, self);
  master_.on_view(view, self);
}

void WarehouseService::on_frame(Rank source, Bytes payload) {
  if (payload.empty()) return;
  try {
    if (process_.sim.options.variant.all_repeatable && static_cast<protocol::Tag>(payload[0]) == protocol::Tag::kStartQuery) {
      auto start = protocol::decode_start_query(payload);
      auto plan = std::const_pointer_cast<plan::PhysicalPlan>(protocol::decode_plan(start.plan));
      for (plan::Stage& stage : plan->stages) stage.repeatable = true;
      start.plan = protocol::encode_plan(*plan, true);
      payload = protocol::encode(start);
    }
    if (!worker_.on_message(source, payload) && !master_.on_message(source, payload))
      process_.sim.bad("rank " + std::to_string(process_.host) + " does not know a message of " + std::to_string(source));
  } catch (const Error& e) {
    process_.sim.bad("rank " + std::to_string(process_.host) + ": message of " + std::to_string(source) + ": " + e.message());
  }
}

void WarehouseService::connect(std::function<void(master::ClientService&)> work) {
  process_.run([this, work = std::move(work)] {
    runtime_.start("client", 0, [this, work] { work(master_.service()); });
  });
}

void WarehouseService::dies_of(const std::string& why) {
  process_.sim.events.after(0, [this, why] { process_.die(why); });
  runtime_.sleep(1'000'000 * kSecond);
  std::abort();
}

}  // namespace tajo::sim
