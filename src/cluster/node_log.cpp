#include <algorithm>

#include "node_core.hpp"

namespace tajo::cluster {

using journal::FileStatus;
using journal::Position;
using journal::ReadEnd;
using journal::Task;

Task<void> ClusterNode::Core::catch_up() {
  catching_ = true;
  std::string damage;  // said after the lock is given back, when another reader may have begun
  co_await log_.lock().acquire();
  {
    journal::FiberLock::Guard guard(log_.lock());
    Micros begun = now();
    ReadEnd end = co_await log_.read_on(is_active() ? mine_ : 0);
    if (end == ReadEnd::kEnd || end == ReadEnd::kOwn) log_read_at_ = begun;
    log_answers_ = end == ReadEnd::kEnd || end == ReadEnd::kOwn || end == ReadEnd::kEmpty;
    log_empty_ = end == ReadEnd::kEmpty;
    log_damaged_ = end == ReadEnd::kDamaged;
    damage = log_.damage();
  }
  catching_ = false;
  if (log_damaged_ && !damage_told_) listener_.on_log_damaged(damage);
  damage_told_ = log_damaged_;
  if (log_damaged_ && active() != kNoRank && active() != config_.self) fetch_from(active());
  settle();
  co_await fibers_.checkpoint();
}

void ClusterNode::Core::spawn_catch_up() {
  if (catching_ || gated_) return;
  catching_ = true;
  fibers_.spawn(catch_up());
}

Task<void> ClusterNode::Core::tail_loop() {
  co_await fibers_.sleep(static_cast<Micros>(random_.below(static_cast<std::uint64_t>(kTail))));
  for (;;) {
    bool follows = i_am_master() || role_ == Role::kOutside;
    if (!is_active() && (follows || now() - last_active_ > kWorkerSilence)) co_await catch_up();
    if (role_ == Role::kBackup && active() == config_.self && log_answers_ && !log_damaged_ &&
        view_.epoch == epoch_ && !claiming_ && !suspecting_) {
      // My claim stands in the log, but I was away when it won: nobody else may serve for me.
      co_await claim(Cause::kAgain);
    } else if (orphaned()) {
      co_await claim(Cause::kOrphan);
    }
    outside_step();
    ask_masters();
    if (must_exit()) co_return;
    double jitter = 0.8 + 0.4 * random_.uniform();
    co_await fibers_.sleep(static_cast<Micros>(static_cast<double>(follows ? kTail : kWorkerTail) * jitter));
  }
}

/// §4.5: a backup, or a live rank of conf/masters, that has neither seen a slot nor heard an active serves rather than nobody.
bool ClusterNode::Core::orphaned() const {
  if (is_active() || role_ == Role::kWorker || (role_ != Role::kBackup && place(config_.self) < 0)) return false;
  if (!own_world_ || epoch_ == 0 || claiming_ || !log_answers_ || log_damaged_) return false;
  return now() - std::max(last_slot_seen_, last_active_) > kOrphanSilence + kOrphanPerPlace * seniority(config_.self);
}

void ClusterNode::Core::outside_step() {
  if (role_ != Role::kOutside || !own_world_) return;
  Letter join{.kind = Kind::kJoin, .epoch = epoch_, .view = view_.number, .number = incarnation_};
  for (Rank r : known_masters()) send(r, join, Lane::kProbe);
}

/// §4.5: a member without word from its active asks every rank that may be a master. An answer brings a newer view; the
/// question itself tells an active that does not count this rank which epoch it stands in.
void ClusterNode::Core::ask_masters() {
  if (is_active() || role_ == Role::kOutside || now() - last_active_ <= kWorkerSilence) return;
  for (Rank r : known_masters())
    send(r, {.kind = Kind::kFetchView, .epoch = epoch_, .view = view_.number, .number = incarnation_}, Lane::kProbe);
}

bool ClusterNode::Core::must_exit() {
  if (!own_world_) return false;
  bool somebody_writes = now() - last_slot_seen_ < kOrphanSilence;
  if (role_ == Role::kOutside && log_answers_ && somebody_writes && now() - left_at_ > kOutsideExit) {
    ++count_.exits_outside;
    exit("outside the view for 120 s although the log is written: nobody admits this rank");
    return true;
  }
  bool serves_nobody = role_ == Role::kWorker || role_ == Role::kSpare;
  if (serves_nobody && !keeper_ && log_answers_ && place(config_.self) < 0 &&
      now() - std::max({last_active_, last_slot_seen_, last_master_}) > kAloneExit) {
    ++count_.exits_alone;
    exit("no active and no other master for 60 s although the log answers");
    return true;
  }
  return false;
}

/// §4.5: no fiber can say this, since the one that follows the log waits for the filesystem, and all others for that one
/// after an absence.
void ClusterNode::Core::exit_if_cut_off() {
  if (ended_ || !own_world_ || others().empty() || now() - last_frame_ <= kOutsideExit) return;
  if (log_.files().oldest_pending_us() <= kOutsideExit) return;
  ++count_.exits_silent;
  exit("neither peers nor the filesystem for 120 s");
}

/// All other fibers wait for the gate: without turns in between, a filesystem that hangs would look like an absence.
void ClusterNode::Core::turn_while_gated() {
  if (!gated_ || ended_) return;
  fibers_.call_at(now() + config_.monitor_interval_us, [this] { turn_while_gated(); });
}

Task<void> ClusterNode::Core::gate_after_absence() {
  turn_while_gated();
  if (is_active()) {
    for (;;) {
      Position at = log_.position();
      journal::FileResult r = co_await log_.files().read_slots(at.row, at.index + 1, 1);
      if (!is_active()) break;
      if (r.status == FileStatus::kOk || (r.status == FileStatus::kMissing && at.index < 0)) {
        auto slot = r.names.empty() ? std::nullopt : journal::Slot::parse(r.names[0]);
        if (slot && slot->epoch != mine_) {
          epoch_ = std::max(epoch_, slot->epoch);
          superseded();
        }
        break;
      }
      if (r.status == FileStatus::kMissing) {  // the row is gone: others have written two rows since
        epoch_ = std::max(epoch_, mine_ + 1);
        superseded();
        break;
      }
      co_await fibers_.sleep(kRetryPause);
    }
    co_await fibers_.checkpoint();
  } else {
    do {
      co_await catch_up();
      if (!log_answers_) co_await fibers_.sleep(kRetryPause);
    } while (!log_answers_ && !log_damaged_);
  }
  gated_ = false;
  fibers_.call_at(now(), [this] { drain_held(); });
}

// --- what the active sends ------------------------------------------------------------------------------------------

void ClusterNode::Core::on_batch(Rank source, Letter letter) {
  if (is_active()) return;
  journal::SlotBytes slot = decode_slot(letter.body);
  if (log_.lock().held()) {  // a reader is under way: it takes what its files do not show
    log_.keep_for_reader(std::move(slot));
    return;
  }
  if (!i_am_master()) return;
  switch (log_.offer(slot)) {
    case journal::Log::Offer::kApplied: settle(); break;
    case journal::Log::Offer::kKnown: break;
    case journal::Log::Offer::kGap:
      fetch_from(source);
      spawn_catch_up();
      break;
  }
}

void ClusterNode::Core::fetch_from(Rank source) {
  if (!may_tell(asked_state_, source)) return;
  ByteWriter body;
  body.text(log_.position().row);
  body.put(log_.position().index);
  body.put(log_.position().hash);
  send(source, {.kind = Kind::kFetch, .epoch = epoch_, .view = view_.number, .body = body.take()});
}

void ClusterNode::Core::on_fetch(Rank source, Letter letter) {
  if (!is_active() || epoch_ != mine_) return;
  ByteReader in(letter.body);
  std::string row = in.text();
  auto index = in.get<std::int64_t>();
  auto hash = in.get<std::uint64_t>();
  auto slots = log_.recent_after(row, index);
  // Only what follows the very slot the asker rests on; anything else is a state of its own.
  bool follows = !row.empty() && !slots.empty() && slots.size() <= kFetchSlots &&
                 journal::batch_previous(slots[0]->bytes) == hash;
  if (follows) {
    for (const journal::SlotBytes* s : slots)
      send(source, {.kind = Kind::kBatch, .epoch = epoch_, .view = view_.number, .body = encode(*s)});
    return;
  }
  ++count_.states_fetched;
  send(source, {.kind = Kind::kState, .epoch = epoch_, .view = view_.number, .body = log_.export_state()});
}

void ClusterNode::Core::on_state(Letter letter) {
  if (is_active() || log_.lock().held() || !i_am_master()) return;
  if (log_.import_state(letter.body)) {
    epoch_ = std::max(epoch_, log_.position().epoch);
    last_slot_seen_ = now();
  }
  settle();
}

void ClusterNode::Core::on_need(Rank source, Letter letter) {
  ByteReader in(letter.body);
  std::string row = in.text();
  auto index = in.get<std::int64_t>();
  auto slots = log_.recent_after(row, index - 1);
  if (!slots.empty())
    send(source, {.kind = Kind::kBatch, .epoch = epoch_, .view = view_.number, .body = encode(*slots[0])});
}

}  // namespace tajo::cluster
