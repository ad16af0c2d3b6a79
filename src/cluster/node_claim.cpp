#include <algorithm>

#include "node_core.hpp"
#include "tajo/common/failpoint.hpp"

namespace tajo::cluster {

using journal::PutEnd;
using journal::RecordKind;
using journal::Task;

/// §4.7: the first of conf/masters claims when all ranks stand.
Task<void> ClusterNode::Core::start_world() {
  TAJO_ASSERT(!config_.masters.empty());
  Rank first = config_.masters[0];
  std::set<Rank> all(config_.masters.begin(), config_.masters.end());
  all.insert(config_.workers.begin(), config_.workers.end());
  all.insert(config_.spares.begin(), config_.spares.end());
  all.erase(config_.self);
  while (!own_world_) {
    std::string missing;
    for (Rank r : all)
      if (!hello_.contains(r)) missing += (missing.empty() ? "" : ", ") + std::to_string(r);
    if (config_.self != first) {
      send(first, {.kind = Kind::kHello, .number = incarnation_}, Lane::kProbe);
    } else if (missing.empty()) {
      co_await claim(config_.force ? Cause::kForce : Cause::kStart);
      if (own_world_ || ended_) co_return;
    }
    if (now() - started_at_ > kStartLimit) {
      ++count_.starts_incomplete;
      exit(config_.self == first ? "start not complete after 60 s: no word from rank " +
                                       (!missing.empty() ? missing : log_damaged_ ? "(the log is damaged)" : "(the log does not answer)")
                                 : "start not complete after 60 s: no view from rank " + std::to_string(first));
      co_return;
    }
    co_await fibers_.sleep(config_.self == first ? kHelloLook : kHelloPause);
  }
}

bool ClusterNode::Core::enough_votes() const {
  std::size_t members = view_.members.size();
  if (canary(Canary::kHalf)) return (votes_.size() + 1) * 2 >= members;
  return votes_.size() * 2 + 1 >= members;  // at least half of all but me, the suspect counted among them
}

/// §4.2
Task<void> ClusterNode::Core::suspect_active() {
  const Rank suspect = active();
  const Epoch e = epoch_;
  const ViewNumber v = view_.number;
  listener_.on_suspicion(suspect);
  against_.insert(e);  // to ask is to say YES
  auto stands = [&] { return role_ == Role::kBackup && epoch_ == e && view_.number == v && suspects(suspect); };
  std::optional<Cause> cause;
  Micros next_question = now();
  Micros quiet_since = now();
  bool read = false;
  while (stands()) {
    if (now() >= next_question) {
      ++count_.votes_asked;
      for (Rank r : others()) send(r, {.kind = Kind::kSuspect, .epoch = e, .view = v});
      next_question = now() + config_.monitor_interval_us;
    }
    if (!read) {
      co_await catch_up();
      read = log_answers_;
      quiet_since = now();
    } else if (enough_votes()) {
      cause = Cause::kMajority;
      break;
    } else {
      quiet_since = std::max(quiet_since, last_slot_seen_);
      if (now() - quiet_since > kMinorityWait) {
        Micros before = last_slot_seen_;
        co_await catch_up();
        if (log_answers_ && last_slot_seen_ == before && stands()) {
          cause = Cause::kMinority;
          break;
        }
        quiet_since = now();
      }
    }
    co_await fibers_.sleep(kVotePoll);
  }
  if (cause && stands()) {
    int before = 0;
    for (Rank r : view_.with_role(Role::kBackup))
      if (r != config_.self && seniority(r) < seniority(config_.self) && !suspects(r)) ++before;
    if (before > 0) co_await fibers_.sleep(kClaimStagger * before);
    if (stands()) co_await claim(*cause);
  }
  suspecting_ = false;
}

/// The view a claim brings: who is not known to be lost.
View ClusterNode::Core::claim_view(Cause cause) const {
  View v;
  v.number = std::max(view_.number, membership_.view.number) + 1;
  v.epoch = epoch_ + 1;
  v.world = config_.world;
  if (cause == Cause::kStart || cause == Cause::kForce) {
    for (Rank r : config_.masters) v.members[r] = {config_.ha ? Role::kBackup : Role::kSpare, 1};
    for (Rank r : config_.workers) v.members[r] = {Role::kWorker, 1};
    for (Rank r : config_.spares) v.members[r] = {Role::kSpare, 1};
  } else {
    v.decommissioned = view_.decommissioned;
    bool keep_active = cause == Cause::kHandover;
    for (const auto& [rank, member] : view_.members) {
      if (errors_.contains(rank) || (master_rank(rank) && suspects(rank))) continue;
      if (rank == active() && !keep_active) continue;
      v.members[rank] = member.role == Role::kActive ? Member{Role::kBackup, member.incarnation} : member;
    }
  }
  v.members[config_.self] = {Role::kActive, incarnation_};
  return v;
}

/// The next slot, epoch + 1, an own new segment, CLAIM + VIEW.
Task<void> ClusterNode::Core::claim(Cause cause) {
  if (claiming_ || is_active() || abstains()) co_return;
  claiming_ = true;
  const Epoch e0 = epoch_;
  const ViewNumber v0 = view_.number;
  const bool fresh = cause == Cause::kStart || cause == Cause::kForce;
  const bool lonely = cause == Cause::kMinority || cause == Cause::kOrphan;
  const bool voted = cause == Cause::kMajority || cause == Cause::kMinority;
  bool lost_before = false;
  for (;;) {
    Micros seen = last_slot_seen_;
    co_await catch_up();
    if (log_damaged_ || ended_ || is_active() || abstains()) break;
    if (!log_answers_) {
      co_await fibers_.sleep(kRetryPause);
      continue;
    }
    if (log_empty_) {
      if (!fresh) break;
      co_await log_.files().make_row(journal::row_name(1, 0));
      continue;
    }
    if (lonely && last_slot_seen_ != seen) break;
    if (!fresh && epoch_ != e0) break;
    if (voted && view_.number != v0) break;
    if (cause == Cause::kStart && lost_before) {
      claiming_ = false;
      exit("another cluster is using this log");
      co_return;
    }

    journal::Position at = log_.position();
    co_await log_.lock().acquire();
    journal::FiberLock::Guard guard(log_.lock());
    if (!at.same_slot(log_.position())) continue;
    if (!canary(Canary::kClaimWithoutFsync)) {
      bool stands = co_await log_.last_slot_stands();
      if (!stands) {  // what a file server's crash took never counted: back to the state before it
        ++count_.claims_stepped_back;
        log_.forget();
        continue;
      }
    }
    if ((!fresh && epoch_ != e0) || (voted && view_.number != v0)) break;
    const Epoch epoch = epoch_ + 1;
    View view = claim_view(cause);
    std::vector<journal::Record> records(2);
    records[0].kind = RecordKind::kClaim;
    records[0].payload = encode(Claim{config_.world, config_.self, cause});
    records[1].kind = RecordKind::kView;
    records[1].payload = encode(view);
    log_.add_row_head(records);
    log_.new_segment();
    const Micros begun = now();
    PutEnd end = co_await log_.put(epoch, std::move(records), true);
    if (end == PutEnd::kWon) {
      journal::SlotBytes slot = log_.apply_won();
      guard.release();
      if (epoch_ == epoch && !ended_) {
        become_active(slot, cause, begun, at.hash);
      } else {
        settle();
      }
      break;
    }
    guard.release();
    if (end == PutEnd::kLost) {
      ++count_.claims_lost;
      lost_before = true;
    } else {
      co_await fibers_.sleep(kRetryPause);
    }
  }
  claiming_ = false;
}

void ClusterNode::Core::become_active(const journal::SlotBytes& slot, Cause cause, Micros begun, std::uint64_t before) {
  switch (cause) {
    case Cause::kStart: ++count_.claims_start; break;
    case Cause::kForce: ++count_.claims_force; break;
    case Cause::kMajority: ++count_.claims_majority; break;
    case Cause::kMinority: ++count_.claims_minority; break;
    case Cause::kOrphan: ++count_.claims_orphan; break;
    case Cause::kHandover: ++count_.claims_handover; break;
    case Cause::kAgain: ++count_.claims_again; break;
  }
  role_ = Role::kActive;
  mine_ = slot.slot.epoch;
  busy_ = hold_ = stepdown_ = changing_view_ = preparing_row_ = view_in_flight_ = want_slot_ = state_timer_ = false;
  queue_.clear();
  inflight_.clear();
  views_.clear();
  joins_.clear();
  reports_.clear();
  proving_ = false;
  write_failures_ = 0;
  ghost_epoch_ = 0;
  slots_until_ = 0;
  last_begun_ = begun;
  restart_timers();
  for (Rank r : others()) heard_[r] = now();
  // No voter refuses the old active's checks: it may still prove reads by its members for a second. (A minority has
  // waited longer than that without a slot; a handover's old active proves nothing for three seconds.)
  bool late_handover = cause == Cause::kHandover && now() - asked_handover_ > kHandoverFresh &&
                       !canary(Canary::kLateHandoverServes);
  bool hush = cause == Cause::kForce || cause == Cause::kOrphan || cause == Cause::kAgain || late_handover;
  if (late_handover) ++count_.late_handovers;
  if (hush) ++count_.hushed_claims;
  // The old active's last slot was begun before anybody could see it, and it wins no other: silence counts from then.
  const bool seen_early = cause == Cause::kForce && config_.end_seen.hash != 0 &&
                          (before == config_.end_seen.hash || canary(Canary::kHushFromAnyLook));
  if (seen_early) ++count_.early_seen_ends;
  hush_until_ = hush ? (seen_early ? config_.end_seen.at : now()) + kHush : 0;
  stamp();
  fault_at("claim.won");
  announce(slot, true);
  notify_view();
  listener_.on_active(mine_);
  fault_at("claim.told");
  kick();
}

/// §4.4: the active's filesystem hangs and mine answers.
void ClusterNode::Core::consider_handover_for_files() {
  Rank a = active();
  auto age = files_age_.find(a);
  if (age == files_age_.end() || age->second <= kStuckFiles || claiming_) return;
  if (log_.files().oldest_pending_us() > kAnsweringFiles || !log_answers_) return;
  for (Rank r : view_.with_role(Role::kBackup)) {
    auto theirs = files_age_.find(r);
    bool answers = theirs != files_age_.end() && theirs->second < kAnsweringFiles && !suspects(r);
    if (r != config_.self && seniority(r) < seniority(config_.self) && answers) return;
  }
  if (now() - asked_handover_ < kHandoverWait / 3) return;
  ++count_.handovers_for_files;
  ask_handover(a);
}

void ClusterNode::Core::ask_handover(Rank from) {
  asked_handover_ = now();
  send(from, {.kind = Kind::kHandoverAsk, .epoch = epoch_, .view = view_.number, .number = ++handover_question_});
}

}  // namespace tajo::cluster
