#include "tajo/master/master_node.hpp"

#include "client_front.hpp"
#include "tajo/common/log.hpp"

namespace tajo::master {

using protocol::ClientReply;
using protocol::ClientRequest;
using protocol::Tag;

namespace {
constexpr Micros kTickUs = 50'000;
constexpr Micros kSavePeriodUs = 50'000;
constexpr int kFlushPeriodS = 2, kSweepPeriodS = 60, kHoldPeriodS = static_cast<int>(kHoldPeriodUs / 1'000'000);
}

MasterNode::MasterNode(MasterParts parts, protocol::ControlPort& port)
    : parts_(parts), admission_(parts.runtime), port_(port), runner_(parts), outcomes_(parts_, port, runner_), front_(std::make_unique<Front>(*this)) {
  RunnerHooks hooks;
  hooks.planning = [this](const std::string& request_id, std::uint16_t count) {
    parts_.loop.post([this, request_id, count] {
      // Every backup: which of them succeeds is not known yet.
      for (Rank backup : view_.with_role(cluster::Role::kBackup)) port_.send(backup, protocol::encode(protocol::PlanningMark{request_id, count}));
    });
  };
  hooks.copy = [this](KeptResults::Reply reply, std::function<void()> done) {
    parts_.loop.post([this, reply = std::move(reply), done = std::move(done)] { outcomes_.copy(reply, done); });
  };
  hooks.hold = [this](const QueryId& query, Bytes record) {
    parts_.loop.post([this, query, record = std::move(record)] { outcomes_.hold(query, record); });
  };
  hooks.ask = [this](const QueryId& query, std::function<void(KeptResults::Reply)> done) {
    parts_.loop.post([this, query, done = std::move(done)] { outcomes_.ask(query, done); });
  };
  runner_.set_hooks(std::move(hooks));
}

MasterNode::~MasterNode() {
  {
    std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queue_ready_.notify_all();
  maintenance_wake_.notify_all();
}

void MasterNode::start() {
  tick();
  maintenance_ = parts_.runtime.start("tajo-maintain", kPlanningStackBytes, [this] { maintain(); });
}

void MasterNode::maintain() {
  std::unique_lock lock(queue_mutex_);
  for (int second = 1; !stopping_;) {
    parts_.runtime.wait(lock, maintenance_wake_, admission_.paused() ? kSavePeriodUs : 1'000'000,
                        [this] { return stopping_ || std::exchange(pausing_, false); });
    if (stopping_) return;
    lock.unlock();
    if (admission_.paused()) {
      if (!save_failed_ && !runner_.save_results()) save_failed_ = true;
      lock.lock();
      continue;
    }
    ++second;
    runner_.tidy_results();
    if (second % kHoldPeriodS == 0) front_->hold_sessions();
    if (runner_.active()) runner_.expire_sessions();
    if (runner_.active() && second % kFlushPeriodS == 0) runner_.flush_inline_rows(kFlushAfterUs);
    if (runner_.active() && second % kSweepPeriodS == 0) {
      runner_.sweep_files();
      runner_.expire_history();
      if (parts_.notes != nullptr) parts_.notes->sweep(runner_.age_now_ms());
    }
    lock.lock();
  }
}

void MasterNode::pause(Micros limit) {
  if (!admission_.paused()) save_failed_ = false;
  admission_.pause(limit);
  {
    std::lock_guard lock(queue_mutex_);
    pausing_ = true;
  }
  maintenance_wake_.notify_all();
}

int MasterNode::load() const {
  const int inside = admission_.inside();  // first: who leaves has kept the result
  return inside + (admission_.paused() && runner_.active() && !save_failed_ && runner_.kept().to_save() ? 1 : 0);
}

ClientService& MasterNode::service() { return *front_; }

void MasterNode::tick() {
  Micros now = parts_.runtime.boottime();
  parts_.coordinator.on_tick(now);
  outcomes_.on_tick(now);
  for (auto& [number, pending] : pending_)
    if (now - pending.sent_at >= kRepeatRequestUs) send_pending(number, pending);
  if (runner_.active()) retire_drained();
  parts_.loop.run_after(kTickUs, [this] { tick(); });
}

/// A decommissioned worker becomes a spare when the last query that was granted to it has ended.
void MasterNode::retire_drained() {
  const cluster::View& view = parts_.node.view();
  for (Rank rank : view.decommissioned) {
    auto member = view.members.find(rank);
    if (member == view.members.end() || member->second.role != cluster::Role::kWorker) continue;
    if (!parts_.coordinator.uses(rank)) parts_.node.retire(rank);
  }
}

bool MasterNode::on_message(Rank source, ByteView message) {
  switch (static_cast<Tag>(message[0])) {
    case Tag::kQueryDone: parts_.coordinator.on_query_done(source, protocol::decode_query_done(message)); return true;
    case Tag::kOwnTask: parts_.coordinator.on_own_task(source, protocol::decode_task_tag(message)); return true;
    case Tag::kHeartbeat: {
      auto heartbeat = protocol::decode_heartbeat(message);
      parts_.coordinator.on_heartbeat(source, heartbeat);
      parts_.resources.on_heartbeat(source, std::move(heartbeat), parts_.runtime.boottime());
      return true;
    }
    case Tag::kClientRequest: {
      auto request = protocol::decode_client_request(message);
      {
        std::lock_guard lock(queue_mutex_);
        // The sender repeats what is not answered yet; a statement that runs long must not take a server for each time.
        if (answered_.contains({source, request.number}) || queue_.size() >= kMaxForwardedQueue || !taken_.emplace(source, request.number).second) return true;
        queue_.emplace_back(source, std::move(request));
        if (idle_ == 0 && servers_.size() < kMaxForwardedRuns) add_server();
      }
      queue_ready_.notify_one();
      return true;
    }
    case Tag::kClientReply: {
      auto reply = protocol::decode_client_reply(message);
      auto it = pending_.find(reply.number);
      if (it == pending_.end()) return true;
      if (reply.not_active) return true;  // the view or the next repetition finds the active
      auto done = std::move(it->second.done);
      pending_.erase(it);
      if (!reply.record.empty()) outcomes_.keep(source, std::make_shared<const ClientReply>(reply));
      done(std::move(reply));
      return true;
    }
    case Tag::kPlanningMark: {
      auto mark = protocol::decode_planning_mark(message);
      if (mark.count > 0) runner_.marks().begun(mark.request_id, mark.count, source, view_.incarnation(source));
      else runner_.marks().ended(mark.request_id);
      return true;
    }
    default: return outcomes_.on_message(source, message);
  }
}

void MasterNode::add_server() {
  servers_.push_back(parts_.runtime.start("tajo-forwarded", kPlanningStackBytes, [this] { serve_forwarded(); }));
}

void MasterNode::serve_forwarded() {
  std::unique_lock lock(queue_mutex_);
  while (true) {
    ++idle_;
    parts_.runtime.wait(lock, queue_ready_, Runtime::kForever, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_) return;
    auto [source, request] = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    const bool from_here = source == port_.self();
    ClientReply reply = runner_.run(request, from_here ? kNoRank : source);
    reply.number = request.number;
    const bool answered = !reply.not_active && request.kind == ClientRequest::Kind::kExecute;
    parts_.loop.post([this, source = source, from_here, answered, reply = std::make_shared<ClientReply>(std::move(reply))] {
      if (!reply->record.empty() && !from_here) outcomes_.given(*reply, source);
      const bool sent = view_.contains(source);  // else it asks again when it is back
      if (sent) port_.send(source, protocol::encode(*reply));
      std::lock_guard answers(queue_mutex_);
      taken_.erase({source, reply->number});
      if (sent && answered) note_answered({source, reply->number});
    });
    lock.lock();
  }
}

/// A repetition that crossed the answer is not run again: what failed for a reason that passes would be done after all.
void MasterNode::note_answered(std::pair<Rank, std::uint64_t> request) {
  if (!answered_.insert(request).second) return;
  answered_order_.push_back(request);
  if (answered_order_.size() <= kMaxAnswered) return;
  answered_.erase(answered_order_.front());
  answered_order_.pop_front();
}

void MasterNode::forward(ClientRequest request, std::function<void(ClientReply)> done) {
  parts_.loop.post([this, request = std::make_shared<ClientRequest>(std::move(request)), done = std::move(done)]() mutable {
    std::uint64_t number = next_number_++;
    request->number = number;
    Pending& pending = pending_[number];
    pending.request = std::move(*request);
    pending.done = std::move(done);
    send_pending(number, pending);
  });
}

void MasterNode::send_pending(std::uint64_t, Pending& pending) {
  pending.sent_at = parts_.runtime.boottime();
  Rank active = view_.active();
  // Sent to this rank itself when it has just become active: its own pool answers it like any other.
  if (active != kNoRank) port_.send(active, protocol::encode(pending.request));
}

/// What was sent to a rank that has left the view may not have arrived: its repetitions are answered again.
void MasterNode::forget_answers(const cluster::View& next) {
  std::lock_guard lock(queue_mutex_);
  std::erase_if(answered_, [&](const auto& answer) { return view_.incarnation(answer.first) != next.incarnation(answer.first); });
}

void MasterNode::on_view(const cluster::View& view, cluster::Role) {
  Rank old = view_.active();
  forget_answers(view);
  view_ = view;
  parts_.resources.on_view(view);
  parts_.coordinator.on_view(view, parts_.runtime.boottime());
  outcomes_.on_view(view);
  if (view.active() != old)
    for (auto& [number, pending] : pending_) send_pending(number, pending);
}

void MasterNode::on_active(Epoch epoch) {
  log_info("master", "active in epoch " + std::to_string(epoch));
  parts_.coordinator.on_active(epoch, parts_.runtime.boottime());
  runner_.on_active(epoch);
  {
    std::lock_guard lock(queue_mutex_);  // answers of earlier epochs may not have arrived
    answered_.clear();
    answered_order_.clear();
  }
  outcomes_.on_active(epoch);
  // Files may be slow and statements are planned: neither belongs to this thread.
  takeovers_.push_back(parts_.runtime.start("tajo-takeover", kPlanningStackBytes, [this, epoch] { take_over(epoch); }));
  for (auto& [number, pending] : pending_) send_pending(number, pending);
}

void MasterNode::take_over(Epoch epoch) {
  if (parts_.notes != nullptr) parts_.notes->load();
  runner_.on_prepared(epoch);
  if (!runner_.wait_settled(epoch)) return;
  std::vector<Thread> resumed;
  for (const QueryRecord& query : parts_.queries.running())
    if (query.epoch != epoch)
      resumed.push_back(parts_.runtime.start("tajo-resume", kPlanningStackBytes, [this, query] { runner_.resume(query); }));
}

void MasterNode::on_passive() {
  log_info("master", "no longer active");
  runner_.on_passive();
  parts_.coordinator.on_passive();
  outcomes_.on_passive();
}

}  // namespace tajo::master
