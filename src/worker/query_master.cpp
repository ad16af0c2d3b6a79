#include "tajo/worker/query_master.hpp"

#include <algorithm>
#include <utility>

#include "tajo/common/log.hpp"
#include "tajo/protocol/plan_codec.hpp"

namespace tajo::worker {

using plan::Stage;
using plan::StageOutput;
using protocol::kMaxWorkersLostPerTask;
using protocol::TaskDone;
using protocol::worth_a_retry;

namespace {

constexpr std::size_t kTasksNamed = 8;  ///< in a line of the log

std::uint64_t rows_of(const std::vector<data::Split>& splits) {
  std::uint64_t rows = 0;
  for (const data::Split& s : splits) rows += s.rows;
  return rows;
}

}  // namespace

QueryMaster::QueryMaster(protocol::StartQuery start, std::shared_ptr<const plan::PhysicalPlan> plan,
                         std::map<std::uint32_t, std::vector<data::Split>> splits, protocol::ControlPort& port,
                         Callbacks callbacks)
    : start_(std::move(start)), plan_(std::move(plan)), splits_(std::move(splits)), port_(port),
      callbacks_(std::move(callbacks)), last_worker_(port_.self()), stages_(plan_->stages.size()), consumers_(plan_->stages.size()),
      workers_(start_.workers.begin(), start_.workers.end()), worker_plan_(protocol::encode_plan(*plan_, false)) {
  for (const Stage& stage : plan_->stages)
    for (std::uint16_t input : stage.inputs)
      if (input < stages_.size()) consumers_[input].push_back(stage.number);
  if (start_.lost_unheard || !start_.lost_under.empty()) ask_who_lives();
}

void QueryMaster::plan_tasks(std::uint16_t number) {
  const Stage& stage = plan_->stages[number];
  StageRun& run = stages_[number];
  run.planned = true;
  if (stage.distribution == Stage::Distribution::kOne) {
    Task task;
    task.splits = splits_;
    run.tasks.push_back(std::move(task));
  } else if (stage.distribution == Stage::Distribution::kPartitions) {
    std::uint16_t partitions = 1;
    for (std::uint16_t input : stage.inputs)
      if (input < plan_->stages.size() && plan_->stages[input].output.kind == StageOutput::Kind::kHash)
        partitions = std::max(partitions, plan_->stages[input].output.partitions);
    for (std::uint16_t p = 0; p < partitions; ++p) {
      Task task;
      task.partition = p;
      run.tasks.push_back(std::move(task));
    }
  } else {
    // Neighbouring splits stay together: their blocks lie side by side in a file.
    const std::vector<data::Split>& all = splits_[stage.driving_scan];
    const std::uint64_t workers = std::max<std::size_t>(1, start_.cut_for != 0 ? start_.cut_for : workers_.size());
    std::uint64_t share = (rows_of(all) + workers - 1) / workers;  // rounded up: equal fragments go to all workers
    std::uint64_t target = std::clamp<std::uint64_t>(share, kRowsPerSplit, kRowsPerTask);
    std::uint64_t filled = 0;
    for (const data::Split& split : all) {
      if (run.tasks.empty() || filled >= target) {
        run.tasks.emplace_back();
        filled = 0;
      }
      run.tasks.back().splits[stage.driving_scan].push_back(split);
      filled += split.rows;
    }
    if (run.tasks.empty()) run.tasks.emplace_back();  // nothing left after pruning: one task gives the empty output
  }
  for (std::uint32_t i = 0; i < run.tasks.size(); ++i) {
    run.tasks[i].id.query = start_.query;
    run.tasks[i].id.stage = number;
    run.tasks[i].id.task = i;
    const auto lost = start_.lost_under.find({number, i});
    run.tasks[i].workers_lost = static_cast<std::uint16_t>((lost == start_.lost_under.end() ? 0 : lost->second) + start_.lost_unheard);
  }
}

bool QueryMaster::complete(std::uint16_t stage) const {
  const StageRun& run = stages_[stage];
  return run.planned && std::all_of(run.tasks.begin(), run.tasks.end(), [](const Task& t) { return t.state == TaskState::kDone; });
}

bool QueryMaster::inputs_ready(std::uint16_t stage) const {
  for (std::uint16_t input : plan_->stages[stage].inputs)
    if (input < stages_.size() && !complete(input)) return false;
  return true;
}

Rank QueryMaster::choose_worker(const Stage& stage, const Task& task) const {
  // The result is collected here, so its stage runs here, though this rank be a master by now.
  if (stage.output.kind == StageOutput::Kind::kResult) {
    auto it = running_.find(port_.self());
    return it == running_.end() || it->second < kTasksPerWorker ? port_.self() : kNoRank;
  }
  // The least loaded; of those the next one round, so that stages of one task do not all meet on the same rank.
  Rank best = kNoRank;
  int least = kTasksPerWorker;
  // What may have taken a rank along does not take this one too, as long as there is another; and none that fell together
  // with the one that was lost is counted as the task's second.
  std::set<Rank> others;
  if (start_.query_masters_lost > 0 || task.workers_lost > 0) {
    others = workers_;
    others.erase(port_.self());
  }
  const bool only_here = others.empty();
  if (task.workers_lost > 0) std::erase_if(others, [this](Rank worker) { return !alive_.contains(worker); });
  const std::set<Rank>& candidates = only_here ? workers_ : others;
  const bool elsewhere = !std::includes(task.failed_at.begin(), task.failed_at.end(), candidates.begin(), candidates.end());
  auto consider = [&](Rank worker) {
    if (elsewhere && task.failed_at.contains(worker)) return;
    auto it = running_.find(worker);
    int running = it == running_.end() ? 0 : it->second;
    if (running < least) {
      least = running;
      best = worker;
    }
  };
  auto next = candidates.upper_bound(last_worker_);
  std::for_each(next, candidates.end(), consider);
  std::for_each(candidates.begin(), next, consider);
  return best;
}

bool QueryMaster::may_run_here() {
  if (start_.query_masters_lost == 0 || agreed_) return true;
  if (!std::exchange(asked_, true) && callbacks_.ask) callbacks_.ask();
  return false;
}

void QueryMaster::run_own_tasks() {
  if (!asked_ || agreed_) return;
  agreed_ = true;
  dispatch();
}

void QueryMaster::dispatch() {
  if (finished_) return;
  for (std::uint16_t s = 0; s < stages_.size(); ++s) {
    if (stages_[s].closed || !inputs_ready(s)) continue;
    if (!stages_[s].planned) plan_tasks(s);
    for (std::uint32_t t = 0; t < stages_[s].tasks.size(); ++t) {
      const Task& task = stages_[s].tasks[t];
      if (task.state != TaskState::kPending) continue;
      Rank worker = choose_worker(plan_->stages[s], task);
      if (worker == kNoRank && task.failed_at.empty() && task.workers_lost == 0) break;
      if (worker == kNoRank || (worker == port_.self() && !may_run_here())) continue;
      start_task(s, t, worker);
      if (finished_) return;
    }
  }
}

std::uint16_t QueryMaster::round() const { return static_cast<std::uint16_t>(start_.attempt << 8 | (losses_ & 0xFF)); }

void QueryMaster::ask_who_lives() {
  for (Rank worker : workers_)
    if (worker != port_.self() && !alive_.contains(worker))
      port_.send(worker, protocol::encode_query_tag(protocol::Tag::kAskAlive, start_.query, round()));
}

void QueryMaster::on_alive(Rank worker, std::uint16_t asked) {
  if (finished_ || asked != round() || !workers_.contains(worker) || !alive_.insert(worker).second) return;
  dispatch();
}

void QueryMaster::send_plan(Rank worker) {
  if (has_plan_.insert(worker).second)
    port_.send(worker, protocol::encode_plan_message(start_.query, start_.attempt, worker_plan_));
}

void QueryMaster::start_task(std::uint16_t stage, std::uint32_t number, Rank worker) {
  Task& task = stages_[stage].tasks[number];
  if (++task.attempts > kMaxTaskStarts)
    return fail(Error("58000", "task " + task.id.str() + " was started " + std::to_string(kMaxTaskStarts) + " times and never completed"));
  task.state = TaskState::kRunning;
  task.worker = last_worker_ = worker;
  // An attempt number is unique over all QueryMasters of the query.
  task.id.attempt = static_cast<std::uint16_t>(start_.attempt << 8 | (task.attempts & 0xFF));
  ++running_[worker];
  ++started_;
  if (worker == port_.self() && callbacks_.own_task) callbacks_.own_task(task.id);
  send_task(stage, task);
}

void QueryMaster::repeat_running() {
  if (finished_) return;
  for (std::uint16_t s = 0; s < stages_.size(); ++s)
    for (const Task& task : stages_[s].tasks)
      if (task.state == TaskState::kRunning) send_task(s, task);
  if (losses_ > 0 || start_.lost_unheard || !start_.lost_under.empty()) ask_who_lives();
}

void QueryMaster::send_task(std::uint16_t stage, const Task& task) {
  send_plan(task.worker);
  protocol::RunTask run;
  run.id = task.id;
  run.partition = task.partition;
  run.splits = task.splits;
  for (std::uint16_t input : plan_->stages[stage].inputs) {
    auto& sources = run.inputs[input];
    auto feed = start_.feeds.find(input);
    if (feed != start_.feeds.end()) {
      sources = feed->second;
      continue;
    }
    for (const Task& producer : stages_[input].tasks) sources.push_back(producer.output);
  }
  port_.send(task.worker, protocol::encode(run));
}

QueryMaster::Task* QueryMaster::find(const TaskId& id) {
  if (id.query != start_.query || id.stage >= stages_.size() || id.task >= stages_[id.stage].tasks.size()) return nullptr;
  return &stages_[id.stage].tasks[id.task];
}

void QueryMaster::requeue(std::uint16_t stage, std::uint32_t number) {
  Task& task = stages_[stage].tasks[number];
  // A lost worker's count of running tasks went with it, and nobody is there to hear.
  if (task.state == TaskState::kRunning && workers_.contains(task.worker)) {
    --running_[task.worker];
    port_.send(task.worker, protocol::encode_task_tag(protocol::Tag::kCancelTask, task.id));
  }
  task.state = TaskState::kPending;
  task.worker = kNoRank;
  task.output = {};
  task.done = {};
  ++retries_;
  stages_[stage].closed = false;
  reopen_inputs(stage);
}

/// Outputs of a closed stage were dropped: whoever is to read them again needs them made again.
void QueryMaster::reopen_inputs(std::uint16_t stage) {
  for (std::uint16_t input : plan_->stages[stage].inputs) {
    if (input >= stages_.size() || !stages_[input].closed) continue;
    stages_[input].closed = false;
    for (std::uint32_t t = 0; t < stages_[input].tasks.size(); ++t) lose_output(input, t);
  }
}

void QueryMaster::restart_consumers(std::uint16_t stage) {
  for (std::uint16_t consumer : consumers_[stage]) {
    for (std::uint32_t t = 0; t < stages_[consumer].tasks.size(); ++t)
      if (stages_[consumer].tasks[t].state != TaskState::kPending) requeue(consumer, t);
    restart_consumers(consumer);
  }
}

void QueryMaster::lose_output(std::uint16_t stage, std::uint32_t number) {
  if (stages_[stage].tasks[number].state == TaskState::kPending) return;  // already to be made again
  requeue(stage, number);
  // One attempt for all: whoever may have read the lost attempt starts again, unless the new one is the same rows.
  if (!plan_->stages[stage].repeatable) restart_consumers(stage);
}

bool QueryMaster::consumers_complete(std::uint16_t stage) const {
  return std::all_of(consumers_[stage].begin(), consumers_[stage].end(), [this](std::uint16_t c) { return complete(c); });
}

void QueryMaster::close_inputs(std::uint16_t stage) {
  for (std::uint16_t input : plan_->stages[stage].inputs) {
    if (input >= stages_.size() || stages_[input].closed || !consumers_complete(input)) continue;
    stages_[input].closed = true;
    for (Rank worker : has_plan_) port_.send(worker, protocol::encode_query_tag(protocol::Tag::kDropStage, start_.query, input));
  }
}

void QueryMaster::on_task_done(Rank worker, TaskDone done) {
  Task* task = find(done.id);
  // A completed task counts only while its splits are its own: an older attempt, or one taken back, is dropped.
  if (finished_ || task == nullptr || task->state != TaskState::kRunning || task->id != done.id || task->worker != worker) return;
  --running_[worker];
  ++ended_;
  const std::uint16_t stage = done.id.stage;
  if (done.lost_output || done.canceled || done.error) {
    task->state = TaskState::kPending;
    task->worker = kNoRank;
    ++retries_;
    if (done.canceled) has_plan_.erase(worker);  // it may not know the query any more
    if (done.lost_output) {
      Task* producer = find(*done.lost_output);
      if (producer == nullptr) return fail(Error("58030", "the data of a COPY was lost with the master the client talked to"));
      if (producer->state == TaskState::kDone && producer->id == *done.lost_output)
        lose_output(done.lost_output->stage, done.lost_output->task);
    } else if (done.error) {
      ++task->failures;
      if (!worth_a_retry(*done.error) || task->failures >= start_.max_task_attempts) return fail(protocol::to_error(*done.error));
      task->failed_at.insert(worker);
      log_warn("worker", "task " + done.id.str() + " is tried again: " + done.error->message);
    }
    return dispatch();
  }
  task->state = TaskState::kDone;
  task->output = {worker, done.id, done.inline_output};
  task->done = std::move(done);
  if (complete(stage)) {
    if (stage + 1u == stages_.size()) return succeed();
    close_inputs(stage);
  }
  dispatch();
}

void QueryMaster::on_workers(const std::set<Rank>& workers) {
  if (finished_) return;
  std::set<Rank> lost, gained;
  std::set_difference(workers_.begin(), workers_.end(), workers.begin(), workers.end(), std::inserter(lost, lost.end()));
  std::set_difference(workers.begin(), workers.end(), workers_.begin(), workers_.end(), std::inserter(gained, gained.end()));
  workers_ = workers;
  lost.erase(port_.self());  // promoted: its tasks run on, its outputs are there
  for (Rank rank : lost) {
    has_plan_.erase(rank);
    running_.erase(rank);
  }
  if (!lost.empty()) {
    ++losses_;
    alive_.clear();
    ask_who_lives();
  }
  alive_.merge(gained);
  // First the tasks that ran there, so that each counts its lost worker; then what outputs are to be made again.
  for (StageRun& run : stages_) {
    for (Task& task : run.tasks) {
      if (task.state != TaskState::kRunning || !lost.contains(task.worker)) continue;
      task.state = TaskState::kPending;
      task.worker = kNoRank;
      ++retries_;
      if (++task.workers_lost >= kMaxWorkersLostPerTask)
        return fail(Error("58000", "task " + task.id.str() + " was lost with its worker " +
                                       std::to_string(task.workers_lost) + " times"));
    }
  }
  for (std::uint16_t s = 0; s < stages_.size(); ++s) {
    if (plan_->stages[s].output.kind == StageOutput::Kind::kTable) continue;  // its files outlive their writer
    for (std::uint32_t t = 0; t < stages_[s].tasks.size(); ++t) {
      const Task& task = stages_[s].tasks[t];
      if (task.state == TaskState::kDone && lost.contains(task.worker) && !task.output.inline_output && !stages_[s].closed)
        lose_output(s, t);
    }
  }
  dispatch();
}

void QueryMaster::cancel(const Error& reason) {
  if (!finished_) fail(reason);
}

void QueryMaster::fail(const Error& error) {
  protocol::QueryDone done;
  done.error = protocol::to_text(error);
  end(std::move(done), std::nullopt);
}

void QueryMaster::succeed() {
  protocol::QueryDone done;
  const std::uint16_t root = static_cast<std::uint16_t>(stages_.size() - 1);
  for (const StageRun& run : stages_) {
    done.tasks += static_cast<std::uint32_t>(run.tasks.size());
    for (const Task& task : run.tasks) {
      done.rows_read += task.done.rows_read;
      done.bytes_read += task.done.bytes_read;
      for (protocol::OperatorCounters c : task.done.counters) {
        c.worker = task.worker;
        done.counters.push_back(c);
      }
    }
  }
  for (Task& task : stages_[root].tasks) {
    done.rows += task.done.rows;
    for (data::FragmentInfo& f : task.done.fragments) {
      done.result_bytes += f.bytes;
      done.fragments.push_back(std::move(f));
    }
  }
  std::optional<protocol::SourceRef> source;
  if (plan_->stages[root].output.kind != StageOutput::Kind::kTable) source = stages_[root].tasks.front().output;
  end(std::move(done), std::move(source));
}

void QueryMaster::end(protocol::QueryDone done, std::optional<protocol::SourceRef> root) {
  finished_ = true;
  done.query = start_.query;
  done.attempt = start_.attempt;
  done.task_retries = retries_;
  callbacks_.finished(std::move(done), std::move(root));
}

std::string QueryMaster::waits_for() const {
  std::string out;
  std::size_t running = 0, pending = 0;
  for (const StageRun& run : stages_) {
    for (const Task& task : run.tasks) {
      pending += task.state == TaskState::kPending;
      if (task.state == TaskState::kRunning && running++ < kTasksNamed)
        out += task.id.str() + " on rank " + std::to_string(task.worker) + ", ";
    }
  }
  return out + std::to_string(running) + " running, " + std::to_string(pending) + " pending tasks";
}

/// Those that run on this rank, or would as soon as the active agrees.
std::set<protocol::TaskNumber> QueryMaster::own_tasks() const {
  std::set<protocol::TaskNumber> out;
  for (std::uint16_t s = 0; s < stages_.size(); ++s) {
    const bool waits = asked_ && !agreed_ && !stages_[s].closed;
    for (const Task& task : stages_[s].tasks) {
      const bool here = task.state == TaskState::kRunning && task.worker == port_.self();
      if (here || (waits && task.state == TaskState::kPending && choose_worker(plan_->stages[s], task) == port_.self()))
        out.emplace(task.id.stage, task.id.task);
    }
  }
  return out;
}

protocol::RunningQuery QueryMaster::progress() const {
  protocol::RunningQuery out;
  out.query = start_.query;
  out.attempt = start_.attempt;
  std::size_t tasks = 0, done = 0;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    tasks += stages_[s].planned ? stages_[s].tasks.size() : 1;
    for (const Task& task : stages_[s].tasks) {
      if (task.state != TaskState::kDone) continue;
      ++done;
      out.rows_read += task.done.rows_read;
      out.bytes_read += task.done.bytes_read;
    }
  }
  out.asks = asked_ && !agreed_;
  out.own_tasks = own_tasks();
  out.lost_under = start_.lost_under;
  out.cut_for = start_.cut_for;
  for (const StageRun& run : stages_)
    for (const Task& task : run.tasks)
      if (const int lost = task.workers_lost - start_.lost_unheard; lost > 0)
        out.lost_under[{task.id.stage, task.id.task}] = static_cast<std::uint16_t>(lost);
  out.fraction = tasks == 0 ? 0 : static_cast<double>(done) / static_cast<double>(tasks);
  return out;
}

}  // namespace tajo::worker
