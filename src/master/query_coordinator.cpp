#include "tajo/master/query_coordinator.hpp"

#include <algorithm>
#include <utility>

#include "tajo/common/log.hpp"

namespace tajo::master {

using protocol::QueryDone;
using protocol::Tag;

namespace {

QueryDone failed(const Error& error) {
  QueryDone done;
  done.error = protocol::to_text(error);
  return done;
}

QueryDone no_longer_active() { return failed(Error(sqlstate::kOutcomeUnknown, "this master is no longer active")); }

}  // namespace

void QueryCoordinator::submit(QueryJob job, Micros now) {
  QueryId id = job.id;
  // The thread of a statement may have been overtaken by the end of the epoch it began in.
  if (epoch_ == 0 || job.epoch != epoch_) {
    job.done(no_longer_active());
    return;
  }
  if (running_.size() >= kMaxQueuedQueries) {
    job.done(failed(Error("53000", "too many queries are queued (" + std::to_string(kMaxQueuedQueries) + ")")));
    return;
  }
  Running query;
  query.job = std::move(job);
  // Attempt numbers of one query grow over epochs too; a worker obeys the highest.
  query.attempt = static_cast<std::uint16_t>(((epoch_ - query.job.submitted_epoch) * (kMaxQueryMasterRestarts + 1)) & 0xFF);
  if (query.job.adopt) {
    if (auto early = early_.find(id); early != early_.end() && !early->second.second.not_started) {
      auto [source, done] = std::move(early->second);
      early_.erase(early);
      acknowledge(source, query.job, done);
      query.job.done(std::move(done));
      return;
    }
    if (auto report = reported_.find(id); report != reported_.end()) {
      query.query_master = report->second.first;
      query.attempt = report->second.second.attempt;
      note(query, report->second.second);
      log_info("master", "query " + id.str() + " runs on: QueryMaster on rank " + std::to_string(query.query_master) + ", attempt " +
                             std::to_string(query.attempt));
    } else {
      query.waiting_adoption = now < active_since_ + kAdoptionWaitUs;
    }
  }
  running_[id] = std::move(query);
  dispatch();
}

Rank QueryCoordinator::choose_query_master(const std::set<Rank>& not_on) const {
  std::map<Rank, int> load;
  const std::vector<Rank> workers = view_.workers_on_duty();
  for (Rank rank : workers)
    if (!not_on.contains(rank)) load[rank] = 0;
  if (load.empty())
    for (Rank rank : workers) load[rank] = 0;
  for (const auto& [id, query] : running_)
    if (auto it = load.find(query.query_master); it != load.end()) ++it->second;
  Rank best = kNoRank;
  for (const auto& [rank, count] : load)
    if (best == kNoRank || count < load[best]) best = rank;
  return best;
}

void QueryCoordinator::dispatch() {
  int granted = 0;
  for (const auto& [id, query] : running_) granted += query.query_master != kNoRank;
  for (auto& [id, query] : running_) {
    if (query.query_master != kNoRank || query.waiting_adoption) continue;
    if (granted >= kMaxRunningQueries) return;
    query.query_master = choose_query_master(query.not_started_on);
    if (query.query_master == kNoRank) return;  // no worker in the view: the query waits for one
    ++granted;
    grant(query);
  }
}

void QueryCoordinator::grant(Running& query) {
  if (query.job.adopt || query.restarts > 0)
    log_info("master", "query " + query.job.id.str() + " starts again: QueryMaster on rank " + std::to_string(query.query_master) +
                           ", attempt " + std::to_string(query.attempt));
  protocol::StartQuery start;
  start.query = query.job.id;
  start.attempt = query.attempt;
  start.epoch = epoch_;
  start.plan = query.job.plan;
  start.workers = view_.workers_on_duty();
  query.workers = start.workers;
  query.unheard = 0;
  query.own_tasks.clear();
  query.heard = false;
  QueryLosses& losses = query.job.losses;
  if (losses.cut_for == 0) losses.cut_for = static_cast<std::uint32_t>(start.workers.size());
  start.query_masters_lost = losses.query_masters;
  start.lost_under = losses.under_tasks;
  start.lost_unheard = losses.unheard;
  start.cut_for = losses.cut_for;
  start.feeds = query.job.feeds;
  start.max_task_attempts = max_task_attempts_;
  start.result_path = query.job.result_path;
  start.splits = query.job.splits;
  port_.send(query.query_master, protocol::encode(start));
}

void QueryCoordinator::cancel(const QueryId& id) {
  auto it = running_.find(id);
  if (it == running_.end() || it->second.canceled) return;
  it->second.canceled = true;
  if (it->second.query_master != kNoRank) port_.send(it->second.query_master, protocol::encode_query_tag(Tag::kCancelQuery, id, 0));
  else finish(id, failed(Error(sqlstate::kQueryCanceled, "canceling statement due to user request")));
}

void QueryCoordinator::finish(const QueryId& id, QueryDone done) {
  auto it = running_.find(id);
  if (it == running_.end()) return;
  auto callback = std::move(it->second.job.done);
  running_.erase(it);
  {
    std::lock_guard lock(progress_mutex_);
    progress_.erase(id);
  }
  callback(std::move(done));
  dispatch();
}

void QueryCoordinator::acknowledge(Rank source, const QueryJob& job, const QueryDone& done) {
  if (job.hold_result && !done.error) held_[job.id] = {source, done.attempt};
  else port_.send(source, protocol::encode_query_tag(Tag::kQueryDoneAck, done.query, done.attempt));
}

void QueryCoordinator::release(const QueryId& query) {
  auto it = held_.find(query);
  if (it == held_.end()) return;
  const auto [source, attempt] = it->second;
  held_.erase(it);
  port_.send(source, protocol::encode_query_tag(Tag::kQueryDoneAck, query, attempt));
}

void QueryCoordinator::on_query_done(Rank source, QueryDone done) {
  if (epoch_ == 0) return;
  auto it = running_.find(done.query);
  if (it == running_.end()) {
    if (auto held = held_.find(done.query); held != held_.end() && held->second == std::pair{source, done.attempt}) return;
    // Not asked for yet (takeover under way): keep it for the adoption; its QueryMaster repeats it anyway.
    if (adopting_) early_.try_emplace(done.query, source, done);
    else port_.send(source, protocol::encode_query_tag(Tag::kQueryDoneAck, done.query, done.attempt));
    return;
  }
  Running& query = it->second;
  const bool of_another = query.query_master != kNoRank && (query.query_master != source || query.attempt != done.attempt);
  const bool counted = query.query_master == kNoRank && !query.waiting_adoption && done.not_started;  // told again, while it waits for a place
  if (of_another || counted) {
    port_.send(source, protocol::encode_query_tag(Tag::kQueryDoneAck, done.query, done.attempt));
    return;
  }
  acknowledge(source, query.job, done);
  if (done.not_started && start_elsewhere(query, source)) return dispatch();
  finish(done.query, std::move(done));
}

/// Another worker tries it, as long as there is one that has not; false: its error is the query's.
bool QueryCoordinator::start_elsewhere(Running& query, Rank source) {
  if (query.canceled) return false;
  query.not_started_on.insert(source);
  const std::vector<Rank> workers = view_.workers_on_duty();
  const bool elsewhere = std::any_of(workers.begin(), workers.end(), [&](Rank r) { return !query.not_started_on.contains(r); });
  if (!elsewhere || query.restarts >= kMaxQueryMasterRestarts) return false;
  ++query.restarts;
  log_warn("master", "query " + query.job.id.str() + " could not start on rank " + std::to_string(source));
  query.waiting_adoption = false;
  query.query_master = kNoRank;
  query.workers.clear();
  query.attempt = static_cast<std::uint16_t>((query.attempt + 1) & 0xFF);
  return true;
}

void QueryCoordinator::on_heartbeat(Rank source, const protocol::Heartbeat& heartbeat) {
  if (epoch_ == 0) return;
  heard_.insert(source);
  for (const protocol::RunningQuery& r : heartbeat.queries) {
    reported_[r.query] = {source, r};
    auto it = running_.find(r.query);
    if (it == running_.end()) continue;
    if (it->second.waiting_adoption) {
      log_info("master", "query " + r.query.str() + " runs on: QueryMaster on rank " + std::to_string(source) + ", attempt " +
                             std::to_string(r.attempt));
      it->second.waiting_adoption = false;
      it->second.query_master = source;
      it->second.attempt = r.attempt;
      if (it->second.canceled) port_.send(source, protocol::encode_query_tag(Tag::kCancelQuery, r.query, 0));
    }
    if (it->second.query_master != source || it->second.attempt != r.attempt) continue;
    it->second.unheard = -1;  // the count below makes it 0
    note(it->second, r);
    if (r.asks) port_.send(source, protocol::encode_query_tag(Tag::kRunOwnTasks, r.query, r.attempt));
    std::lock_guard lock(progress_mutex_);
    progress_[r.query] = r;
  }
  for (auto& [id, query] : running_) {
    if (query.query_master != source || query.waiting_adoption || ++query.unheard < kUnheardHeartbeats) continue;
    query.unheard = 0;
    log_warn("master", "query " + id.str() + " is not known to its QueryMaster, rank " + std::to_string(source) + ": granted again");
    grant(query);
  }
}

void QueryCoordinator::note(Running& query, const protocol::RunningQuery& report) {
  query.heard = true;
  query.own_tasks = report.own_tasks;
  QueryLosses& losses = query.job.losses;
  if (report.cut_for != 0) losses.cut_for = report.cut_for;
  for (const auto& [task, workers] : report.lost_under) losses.under_tasks[task] = std::max(losses.under_tasks[task], workers);
}

void QueryCoordinator::on_own_task(Rank source, const TaskId& task) {
  if (auto report = reported_.find(task.query); report != reported_.end() && report->second.first == source)
    report->second.second.own_tasks.emplace(task.stage, task.task);
  auto it = running_.find(task.query);
  if (it == running_.end() || it->second.query_master != source || it->second.attempt != task.attempt >> 8) return;
  it->second.heard = true;
  it->second.own_tasks.emplace(task.stage, task.task);
}

void QueryCoordinator::on_view(const cluster::View& view, Micros) {
  view_ = view;
  if (epoch_ == 0) return;
  for (auto it = reported_.begin(); it != reported_.end();)
    it = view.contains(it->second.first) ? std::next(it) : reported_.erase(it);
  std::erase_if(held_, [&](const auto& held) { return !view.contains(held.second.first); });
  std::vector<std::pair<QueryId, Error>> ended;
  for (auto& [id, query] : running_) {
    if (query.query_master == kNoRank || view.contains(query.query_master)) continue;
    if (auto error = lose_query_master(query)) ended.emplace_back(id, std::move(*error));
  }
  for (const auto& [id, error] : ended) finish(id, failed(error));
  dispatch();
}

/// Why the query ends with it, if so.
std::optional<Error> QueryCoordinator::lose_query_master(Running& query) {
  const std::string name = query.job.id.str();
  QueryLosses& losses = query.job.losses;
  if (query.job.one_task) query.own_tasks.emplace(0, 0);
  log_warn("master", "query " + name + " lost its QueryMaster, rank " + std::to_string(query.query_master) +
                         (query.own_tasks.empty() ? "" : ", under a task of its own"));
  query.query_master = kNoRank;
  query.workers.clear();
  query.attempt = static_cast<std::uint16_t>((query.attempt + 1) & 0xFF);
  ++losses.query_masters;
  if (!query.heard && query.own_tasks.empty()) losses.unheard = true;
  int worst = 0;
  for (const protocol::TaskNumber& task : std::exchange(query.own_tasks, {})) worst = std::max<int>(worst, ++losses.under_tasks[task] + losses.unheard);
  if (query.canceled) return Error(sqlstate::kQueryCanceled, "canceling statement due to user request");
  if (worst >= protocol::kMaxWorkersLostPerTask)
    return Error("58000", "a task of query " + name + " was lost with its worker " + std::to_string(worst) + " times");
  if (++query.restarts > kMaxQueryMasterRestarts) return Error("58000", "query " + name + " lost its QueryMaster too often");
  if (query.job.lost) query.job.lost(losses);
  return std::nullopt;
}

void QueryCoordinator::on_active(Epoch epoch, Micros now) {
  epoch_ = epoch;
  active_since_ = now;
  adopting_ = true;
  early_.clear();
  held_.clear();
  reported_.clear();
  heard_.clear();
}

void QueryCoordinator::on_passive() {
  epoch_ = 0;
  std::map<QueryId, Running> dropped;
  dropped.swap(running_);
  early_.clear();
  held_.clear();
  {
    std::lock_guard lock(progress_mutex_);
    progress_.clear();
  }
  for (auto& [id, query] : dropped) query.job.done(no_longer_active());
}

void QueryCoordinator::on_tick(Micros now) {
  if (epoch_ == 0) return;
  if (adopting_) {
    auto workers = view_.with_role(cluster::Role::kWorker);
    bool all = std::all_of(workers.begin(), workers.end(), [this](Rank r) { return heard_.contains(r); });
    if (now < active_since_ + kAdoptionWaitUs && !all) return;
    if (now >= active_since_ + 10 * kAdoptionWaitUs) {  // what nobody asked for by now is acknowledged away when it comes again
      adopting_ = false;
      early_.clear();
    }
    for (auto& [id, query] : running_) query.waiting_adoption = false;
  }
  dispatch();
}

std::optional<protocol::RunningQuery> QueryCoordinator::progress(const QueryId& query) const {
  std::lock_guard lock(progress_mutex_);
  auto it = progress_.find(query);
  return it == progress_.end() ? std::nullopt : std::optional(it->second);
}

bool QueryCoordinator::uses(Rank worker) const {
  return std::any_of(running_.begin(), running_.end(), [worker](const auto& entry) {
    const Running& query = entry.second;
    if (query.query_master == kNoRank) return query.waiting_adoption;
    return query.query_master == worker || query.workers.empty() ||
           std::find(query.workers.begin(), query.workers.end(), worker) != query.workers.end();
  });
}

}  // namespace tajo::master
