#include "tajo/worker/worker_node.hpp"

#include <utility>

#include "tajo/common/as_error.hpp"
#include "tajo/common/failpoint.hpp"
#include "tajo/common/log.hpp"
#include "tajo/protocol/plan_codec.hpp"
#include "tajo/storage/result_file.hpp"

namespace tajo::worker {

using protocol::Tag;

namespace {

constexpr std::uint32_t kHeartbeatsADiskLook = 50;  // ten seconds
constexpr int kStandstillLooks = 50;  // ten seconds: a query without progress for so long is named in the log

void scans_of(const plan::PhysicalNode& node, std::vector<const plan::PhysicalNode*>& out) {
  if (std::holds_alternative<plan::ScanNode>(node.detail)) out.push_back(&node);
  for (const auto& child : node.children) scans_of(*child, out);
}

}  // namespace

WorkerNode::WorkerNode(WorkerConfig config, Loop& loop, Loop& files, protocol::ControlPort& port, exec::Engine& engine,
                       exchange::OutputStore& outputs, storage::Storage& storage)
    : config_(std::move(config)), loop_(loop), files_(files), port_(port), engine_(engine), outputs_(outputs), storage_(storage) {}

bool WorkerNode::on_message(Rank source, ByteView message) {
  switch (static_cast<Tag>(message[0])) {
    case Tag::kStartQuery: start_query(source, protocol::decode_start_query(message)); return true;
    case Tag::kQueryDoneAck: {
      auto tag = protocol::decode_query_tag(message);
      auto it = queries_.find(tag.query);
      if (it != queries_.end() && it->second.attempt == tag.number && it->second.done) forget_query(tag.query);
      return true;
    }
    case Tag::kCancelQuery: {
      auto tag = protocol::decode_query_tag(message);
      auto it = queries_.find(tag.query);
      if (it == queries_.end()) return true;
      it->second.canceled = true;
      if (it->second.master) it->second.master->cancel(Error(sqlstate::kQueryCanceled, "canceling statement due to user request"));
      return true;
    }
    case Tag::kRunOwnTasks: {
      auto tag = protocol::decode_query_tag(message);
      auto it = queries_.find(tag.query);
      if (it != queries_.end() && it->second.attempt == tag.number && it->second.master) it->second.master->run_own_tasks();
      return true;
    }
    case Tag::kAskAlive: {
      auto tag = protocol::decode_query_tag(message);
      port_.send(source, protocol::encode_query_tag(Tag::kAlive, tag.query, tag.number));
      return true;
    }
    case Tag::kAlive: {
      auto tag = protocol::decode_query_tag(message);
      auto it = queries_.find(tag.query);
      if (it != queries_.end() && it->second.master) it->second.master->on_alive(source, tag.number);
      return true;
    }
    case Tag::kPlan: {
      auto plan = protocol::decode_plan_message(message);
      KnownPlan& known = plans_[plan.query];
      if (known.plan && known.attempt > plan.attempt) return true;  // of a QueryMaster that was replaced
      if (known.plan && known.attempt < plan.attempt) {
        engine_.cancel_query(plan.query);
        outputs_.drop_query(plan.query);
      }
      if (known.attempt != plan.attempt) known.tasks.clear();
      known.attempt = plan.attempt;
      known.query_master = source;
      known.plan = protocol::decode_plan(plan.plan);
      return true;
    }
    case Tag::kRunTask: run_task(source, protocol::decode_run_task(message)); return true;
    case Tag::kTaskDone: {
      auto done = protocol::decode_task_done(message);
      auto it = queries_.find(done.id.query);
      if (it != queries_.end() && it->second.master) it->second.master->on_task_done(source, std::move(done));
      return true;
    }
    case Tag::kCancelTask: engine_.cancel(protocol::decode_task_tag(message)); return true;
    case Tag::kDropStage: {
      auto tag = protocol::decode_query_tag(message);
      outputs_.drop_stage(tag.query, tag.number);
      if (auto known = plans_.find(tag.query); known != plans_.end())
        std::erase_if(known->second.tasks, [&](const auto& task) { return task.first.stage == tag.number; });
      return true;
    }
    case Tag::kDropQuery: {
      auto tag = protocol::decode_query_tag(message);
      auto it = plans_.find(tag.query);
      if (it == plans_.end() || it->second.attempt > tag.number) return true;
      engine_.cancel_query(tag.query);
      outputs_.drop_query(tag.query);
      plans_.erase(it);
      return true;
    }
    default: return false;
  }
}

std::map<std::uint32_t, std::vector<data::Split>> WorkerNode::enumerate_splits(const plan::PhysicalPlan& plan) const {
  std::map<std::uint32_t, std::vector<data::Split>> splits;
  for (const plan::Stage& stage : plan.stages) {
    std::vector<const plan::PhysicalNode*> scans;
    scans_of(*stage.root, scans);
    for (const plan::PhysicalNode* node : scans) {
      const auto& scan = std::get<plan::ScanNode>(node->detail);
      const plan::PlannedTable& table = plan.tables.at(scan.table);
      splits[node->id] = storage_.splits({table.source, table.fragments, scan.columns, scan.filters}, kRowsPerSplit);
    }
  }
  return splits;
}

void WorkerNode::start_query(Rank, protocol::StartQuery start) {
  auto it = queries_.find(start.query);
  if (it != queries_.end() && it->second.attempt >= start.attempt) return;  // a repeated grant
  if (queries_.size() >= kMaxQueryMasters) {
    queries_[start.query].attempt = start.attempt;
    return cannot_start(start.query, start.attempt, Error("53000", "this worker already runs " + std::to_string(kMaxQueryMasters) + " queries"));
  }
  HostedQuery& hosted = queries_[start.query];
  hosted = {};
  hosted.attempt = start.attempt;
  hosted.result_path = start.result_path;
  files_.post([this, start = std::make_shared<protocol::StartQuery>(std::move(start))]() mutable {
    std::optional<Error> failed;
    try {
      auto plan = protocol::decode_plan(start->plan);
      auto splits = start->splits.empty() ? enumerate_splits(*plan) : start->splits;
      loop_.post([this, start, plan = std::move(plan), splits = std::move(splits)]() mutable {
        query_ready(std::move(*start), std::move(plan), std::move(splits));
      });
      return;
    } catch (const std::exception& e) {
      failed = as_error(e);
    }
    loop_.post([this, query = start->query, attempt = start->attempt, error = *failed] { cannot_start(query, attempt, error); });
  });
}

void WorkerNode::cannot_start(const QueryId& query, std::uint16_t attempt, const Error& error) {
  log_warn("worker", "query " + query.str() + " cannot start here: " + error.message());
  protocol::QueryDone done;
  done.attempt = attempt;
  done.error = protocol::to_text(error);
  done.not_started = protocol::worth_a_retry(*done.error);
  report(query, std::move(done));
}

void WorkerNode::query_ready(protocol::StartQuery start, std::shared_ptr<const plan::PhysicalPlan> plan,
                             std::map<std::uint32_t, std::vector<data::Split>> splits) {
  auto it = queries_.find(start.query);
  if (it == queries_.end() || it->second.attempt != start.attempt) return;  // superseded while splits were listed
  fault_at("query.begin");
  for (const plan::PhysicalColumn& c : plan->result) it->second.columns.push_back({c.name, c.type, false});
  QueryMaster::Callbacks callbacks;
  callbacks.finished = [this](protocol::QueryDone done, std::optional<protocol::SourceRef> root) {
    query_finished(std::move(done), std::move(root));
  };
  callbacks.ask = [this] { loop_.post([this] { heartbeat(); }); };
  callbacks.own_task = [this](const TaskId& task) {
    if (const Rank active = view_.active(); active != kNoRank) port_.send(active, protocol::encode_task_tag(Tag::kOwnTask, task));
  };
  it->second.master = std::make_unique<QueryMaster>(std::move(start), std::move(plan), std::move(splits), port_, std::move(callbacks));
  auto alive = view_.with_role(cluster::Role::kWorker);
  it->second.master->on_workers({alive.begin(), alive.end()});
  if (it->second.canceled) it->second.master->cancel(Error(sqlstate::kQueryCanceled, "canceling statement due to user request"));
}

void WorkerNode::query_finished(protocol::QueryDone done, std::optional<protocol::SourceRef> root) {
  QueryId query = done.query;
  auto it = queries_.find(query);
  if (it == queries_.end()) return;
  if (!root) return report(query, std::move(done));
  // Collecting the result may wait (another rank's output, the staging directory): not on the control thread.
  auto shared = std::make_shared<protocol::QueryDone>(std::move(done));
  files_.post([this, query, shared, source = *root, path = it->second.result_path, columns = it->second.columns] {
    try {
      shared->blocks = outputs_.blocks(source.task, 0);
      std::size_t bytes = 0;
      for (const auto& block : shared->blocks) bytes += block->size();
      shared->result_bytes = bytes;
      if (bytes > protocol::kMaxInlineResultBytes) {
        storage::write_result_file(path, columns, shared->blocks);
        shared->blocks.clear();
        shared->result_path = path;
      }
    } catch (const std::exception& e) {
      shared->error = protocol::to_text(as_error(e));
    }
    loop_.post([this, query, shared] { report(query, std::move(*shared)); });
  });
}

void WorkerNode::report(const QueryId& query, protocol::QueryDone done) {
  auto it = queries_.find(query);
  if (it == queries_.end() || it->second.attempt != done.attempt) return;
  done.query = query;
  it->second.done = std::move(done);
  Rank active = view_.active();
  if (active != kNoRank) port_.send(active, protocol::encode(*it->second.done));
}

void WorkerNode::forget_query(const QueryId& query) {
  auto it = queries_.find(query);
  if (it == queries_.end()) return;
  for (const auto& [rank, member] : view_.members)
    port_.send(rank, protocol::encode_query_tag(Tag::kDropQuery, query, it->second.attempt));
  queries_.erase(it);
}

void WorkerNode::run_task(Rank source, protocol::RunTask run) {
  auto known = plans_.find(run.id.query);
  const auto attempt = static_cast<std::uint16_t>(run.id.attempt >> 8);
  if (known == plans_.end() || known->second.attempt != attempt) {
    // Its plan went with an eviction, or the QueryMaster is no more: one that is sends the plan again.
    protocol::TaskDone refused;
    refused.id = run.id;
    refused.canceled = true;
    return port_.send(source, protocol::encode(refused));
  }
  auto [taken, fresh] = known->second.tasks.try_emplace(run.id);
  if (!fresh) {  // handed out again after a change of epoch
    if (taken->second) port_.send(source, *taken->second);
    return;
  }
  exec::TaskSpec spec;
  spec.plan = known->second.plan;
  spec.id = run.id;
  spec.partition = run.partition;
  spec.splits = std::move(run.splits);
  for (auto& [stage, sources] : run.inputs) {
    auto& out = spec.inputs[stage];
    for (auto& s : sources) out.push_back({s.rank, s.task, std::move(s.inline_output)});
  }
  engine_.submit(std::move(spec), [this, source](exec::TaskResult result) {
    auto done = std::make_shared<protocol::TaskDone>();
    done->id = result.id;
    if (result.error) {
      log_info("worker", "task " + result.id.str() + " failed: " + result.error->message());
      done->error = protocol::to_text(*result.error);
    }
    done->lost_output = result.lost_output;
    done->canceled = result.canceled;
    done->inline_output = result.output.inline_output;
    done->fragments = std::move(result.fragments);
    done->rows = result.rows;
    done->rows_read = result.rows_read;
    done->bytes_read = result.bytes_read;
    for (const exec::NodeCounters& c : result.counters) done->counters.push_back({c.node, c.rows, c.bytes, c.time_ns, c.memory_bytes, c.spilled_bytes, kNoRank});
    loop_.post([this, source, done] { task_ended(source, *done); });
  });
}

void WorkerNode::task_ended(Rank query_master, const protocol::TaskDone& done) {
  auto message = std::make_shared<const Bytes>(protocol::encode(done));
  if (auto known = plans_.find(done.id.query); known != plans_.end())
    if (auto task = known->second.tasks.find(done.id); task != known->second.tasks.end()) task->second = message;
  if (view_.contains(query_master)) port_.send(query_master, *message);
}

void WorkerNode::repeat_after_epoch_change() {
  // A frame with the epoch before is dropped by whoever has adopted the new one (docs/recovery.md, Frames).
  for (auto& [query, known] : plans_)
    for (auto& [id, done] : known.tasks)
      if (done) port_.send(known.query_master, *done);
  for (auto& [query, hosted] : queries_)
    if (hosted.master) hosted.master->repeat_running();
}

void WorkerNode::on_view(const cluster::View& view, cluster::Role) {
  std::set<Rank> gone;  // also those that left and are back: they know nothing any more
  for (const auto& [rank, member] : view_.members)
    if (view.incarnation(rank) != member.incarnation) gone.insert(rank);
  for (Rank rank : gone) outputs_.peer_lost(rank);
  for (const auto& [rank, member] : view.members) outputs_.peer_back(rank);
  Rank old_active = view_.active();
  const bool new_epoch = view.epoch != view_.epoch;
  view_ = view;
  // Tasks and outputs of a QueryMaster that left are of no use: the query starts elsewhere with a higher attempt.
  for (auto it = plans_.begin(); it != plans_.end();) {
    if (view.contains(it->second.query_master) && !gone.contains(it->second.query_master)) {
      ++it;
      continue;
    }
    engine_.cancel_query(it->first);
    outputs_.drop_query(it->first);
    it = plans_.erase(it);
  }
  auto alive = view.with_role(cluster::Role::kWorker);
  std::set<Rank> workers(alive.begin(), alive.end());
  std::set<Rank> stayed = workers;
  for (Rank rank : gone) stayed.erase(rank);
  std::vector<QueryId> hosted;
  for (auto& [query, h] : queries_)
    if (h.master && !h.master->finished()) hosted.push_back(query);
  for (const QueryId& query : hosted) {
    auto it = queries_.find(query);
    if (it == queries_.end() || !it->second.master) continue;
    if (stayed != workers) it->second.master->on_workers(stayed);
    it->second.master->on_workers(workers);
  }
  if (new_epoch) repeat_after_epoch_change();
  if (view.active() != old_active) {
    heartbeat();
    for (auto& [query, h] : queries_)
      if (h.done && view.active() != kNoRank) port_.send(view.active(), protocol::encode(*h.done));
  }
}

void WorkerNode::on_evicted() {
  // Every link begins anew with the next incarnation: what waited for a peer, or for room to it, waits in vain.
  for (const auto& [rank, member] : view_.members) outputs_.peer_lost(rank);
  for (auto& [query, known] : plans_) {
    engine_.cancel_query(query);
    outputs_.drop_query(query);
  }
  plans_.clear();
  queries_.clear();
  view_ = {};
}

void WorkerNode::start() {
  look_at_disk();
  heartbeat();
  tell_of_standstill();
  loop_.run_after(kHeartbeatPeriodUs, [this] { start(); });
}

/// A query may rightly stand still, because of a stalled filesystem or a client that reads slowly; whoever looks for the
/// cause finds in the log what it waits for, at its QueryMaster and where its tasks run.
void WorkerNode::tell_of_standstill() {
  std::map<TaskId, std::pair<std::uint64_t, int>> marks;
  for (const exec::TaskProgress& t : engine_.progress()) {
    const auto before = task_marks_.find(t.id);
    int still = before != task_marks_.end() && before->second.first == t.rows_read ? before->second.second + 1 : 0;
    if (still == kStandstillLooks) {
      log_warn("worker", "task " + t.id.str() + " stands still: " + engine_.waits_for(t.id));
      still = 0;
    }
    marks[t.id] = {t.rows_read, still};
  }
  task_marks_ = std::move(marks);
  for (auto& [query, hosted] : queries_) {
    if (hosted.done || (hosted.master && hosted.master->finished())) continue;
    const std::uint64_t mark = hosted.master ? hosted.master->progress_mark() : 0;
    hosted.still = mark == hosted.mark ? hosted.still + 1 : 0;
    hosted.mark = mark;
    if (hosted.still < kStandstillLooks) continue;
    hosted.still = 0;
    log_warn("worker", "query " + query.str() + " attempt " + std::to_string(hosted.attempt) + " stands still: " +
                           (hosted.master ? hosted.master->waits_for() : "its splits are not listed yet"));
    if (hosted.master) hosted.master->repeat_running();  // should a message have been lost all the same
  }
}

void WorkerNode::serves_clients_at(std::uint16_t client_port, std::uint16_t http_port) {
  client_port_ = client_port;
  http_port_ = http_port;
}

/// For the heartbeats to come: a file system may take its time to answer.
void WorkerNode::look_at_disk() {
  if (!config_.disk_space || looks_at_disk_ || heartbeats_++ % kHeartbeatsADiskLook != 0) return;
  looks_at_disk_ = true;
  files_.post([this] {
    loop_.post([this, space = config_.disk_space()] {
      disk_ = space;
      looks_at_disk_ = false;
    });
  });
}

void WorkerNode::heartbeat() {
  Rank active = view_.active();
  if (active == kNoRank) return;
  protocol::Heartbeat h;
  h.host = config_.host;
  h.pid = config_.pid;
  h.client_port = client_port_;
  h.http_port = http_port_;
  h.cores = config_.cores;
  h.memory_bytes = config_.memory_bytes;
  h.memory_used_bytes = engine_.memory_in_use() + outputs_.memory_bytes();
  h.disk_bytes = disk_.bytes;
  h.disk_used_bytes = disk_.used_bytes;
  h.running_tasks = static_cast<std::uint32_t>(engine_.running());
  h.launcher_lost = config_.launcher_lost();
  auto tasks = engine_.progress();
  for (auto& [query, hosted] : queries_) {
    protocol::RunningQuery r;
    r.query = query;
    r.attempt = hosted.attempt;
    if (hosted.master && !hosted.master->finished()) {
      r = hosted.master->progress();
      for (const exec::TaskProgress& t : tasks)
        if (t.id.query == query) {
          r.rows_read += t.rows_read;
          r.bytes_read += t.bytes_read;
        }
    }
    h.queries.push_back(r);
    if (hosted.done) port_.send(active, protocol::encode(*hosted.done));
  }
  // Backups hear it too: their status pages are right, and a successor starts with what they know.
  Bytes message = protocol::encode(h);
  for (const auto& [rank, member] : view_.members)
    if (member.role == cluster::Role::kActive || member.role == cluster::Role::kBackup) port_.send(rank, message);
}

}  // namespace tajo::worker
