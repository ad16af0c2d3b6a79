#include <algorithm>

#include "node_core.hpp"

namespace tajo::cluster {

using journal::PutEnd;
using journal::Record;
using journal::RecordKind;
using journal::Task;

void ClusterNode::Core::propose(Proposal proposal, std::function<void(Outcome)> done) {
  if (!is_active() || epoch_ != mine_ || ended_) return done(Outcome::kNotActive);
  if (sealed_ || queue_.size() >= kMaxQueue) return done(Outcome::kNotActive);  // nothing written: to be sent again
  sealed_ = proposal.last;
  bool state = proposal.durability == journal::Durability::kState;
  queue_.push_back({std::move(proposal), std::move(done)});
  if (!state) {
    want_slot_ = true;
    kick();
  } else if (!state_timer_) {
    state_timer_ = true;
    fibers_.call_at(now() + kStateRide, [this] {
      state_timer_ = false;
      if (queue_.empty()) return;
      want_slot_ = true;
      kick();
    });
  }
}

bool ClusterNode::Core::has_work() const { return want_slot_ || !views_.empty() || !slot_reads_.empty(); }

void ClusterNode::Core::kick() {
  if (!is_active() || epoch_ != mine_ || busy_ || hold_ || stepdown_ || ended_ || closed_ || !has_work()) return;
  busy_ = true;
  fibers_.spawn(commit_loop(mine_));
}

/// What the next slot carries. A view counts only on the view it was made from; a proposal only while those whose work
/// it rests on stand in the view as it will be.
std::vector<Record> ClusterNode::Core::take_batch(Epoch e, std::vector<Pending>& taken) {
  std::vector<Record> records;
  View next = view_;
  view_in_flight_ = false;
  while (!views_.empty()) {
    ViewProposal p = std::move(views_.front());
    views_.pop_front();
    if (p.base != next.number) continue;
    next.number += 1;
    next.epoch = e;
    next.members = std::move(p.members);
    next.decommissioned = std::move(p.decommissioned);
    Record r;
    r.kind = RecordKind::kView;
    r.payload = encode(next);
    records.push_back(std::move(r));
    view_in_flight_ = true;
  }
  std::size_t bytes = 0;
  while (!queue_.empty() && bytes < kBatchBytes) {
    Pending p = std::move(queue_.front());
    queue_.pop_front();
    bool stale = false;
    for (auto [rank, incarnation] : p.proposal.members) stale = stale || next.incarnation(rank) != incarnation;
    if (stale) {
      p.done(Outcome::kStaleMember);
      continue;
    }
    for (const auto& [kind, payload] : p.proposal.records) {
      Record r;
      r.kind = kind;
      r.payload = payload;
      bytes += payload.size();
      records.push_back(std::move(r));
    }
    taken.push_back(std::move(p));
  }
  want_slot_ = !queue_.empty();
  return records;
}

/// Group commit: one slot at a time, each with everything that waits.
Task<void> ClusterNode::Core::commit_loop(Epoch e) {
  while (serving(e) && has_work() && !hold_ && !stepdown_ && !closed_) {
    co_await log_.lock().acquire();
    journal::FiberLock::Guard guard(log_.lock());
    if (!serving(e)) co_return;
    std::vector<Record> records = take_batch(e, inflight_);
    slot_reads_inflight_ = std::move(slot_reads_);
    slot_reads_.clear();
    bool with_view = view_in_flight_;
    bool closing = log_.row_is_full() && log_.row_prepared();
    if (closing) records.push_back(log_.closing_record());
    if (records.empty()) records.emplace_back();  // an empty slot: a proof, a heartbeat
    log_.add_row_head(records);
    Micros begun = now();
    std::vector<Record> views;
    for (const Record& r : records)
      if (r.kind == RecordKind::kView || r.kind == RecordKind::kSnapshot || r.kind == RecordKind::kEmpty)
        views.push_back(r);
    PutEnd end = co_await log_.put(e, std::move(records), false);
    if (end == PutEnd::kNoSpace && serving(e)) {
      // Statements fail; views and proofs live on the reserve.
      ++count_.disk_full;
      set_read_only(true);
      for (Pending& p : std::exchange(inflight_, {})) {
        if (p.proposal.last) sealed_ = false;
        p.done(Outcome::kDiskFull);
      }
      if (!serving(e)) co_return;
      closing = false;
      if (views.empty()) views.emplace_back();
      end = co_await log_.put(e, std::move(views), true);
    } else if (end == PutEnd::kWon && serving(e)) {
      set_read_only(false);
    }
    if (!serving(e)) {
      guard.release();
      if (end != PutEnd::kWon || is_active()) co_return;
      spawn_catch_up();  // my slot stands, but the epoch is over
      co_return;
    }
    if (end == PutEnd::kLost) {
      // Another's slot is where mine should be: whose, the log will say.
      epoch_ = std::max(epoch_, mine_ + 1);
      guard.release();
      superseded();
      spawn_catch_up();
      co_return;
    }
    if (end != PutEnd::kWon) {
      // No slot counts anything of this batch: it is begun again, in order, and before what came since.
      if (end == PutEnd::kFailed) ++write_failures_;
      while (!inflight_.empty()) {
        queue_.push_front(std::move(inflight_.back()));
        inflight_.pop_back();
      }
      for (auto& read : slot_reads_inflight_) slot_reads_.push_back(std::move(read));
      slot_reads_inflight_.clear();
      view_in_flight_ = false;  // judge() proposes it again
      want_slot_ = true;
      guard.release();
      co_await fibers_.sleep(kRetryPause);
      continue;
    }
    write_failures_ = 0;
    journal::SlotBytes slot = log_.apply_won();
    guard.release();
    last_begun_ = begun;
    view_in_flight_ = false;
    announce(slot, with_view);
    std::vector<Pending> committed = std::exchange(inflight_, {});
    closed_ = !committed.empty() && committed.back().proposal.last;
    auto proved = std::exchange(slot_reads_inflight_, {});
    settle();
    answer([committed = std::move(committed), proved = std::move(proved), this] {
      for (const Pending& p : committed) p.done(Outcome::kCommitted);
      count_.reads_by_slot += proved.size();
      for (const auto& done : proved) done(true);
    });
    if (closed_) {
      // whoever claims next finds the row as it is
    } else if (closing) {
      ++count_.rows_closed;
      want_slot_ = true;  // slot 0 of the next row at once: a reader without a past begins there
      remove_rows_ = true;
    } else if (remove_rows_) {
      remove_rows_ = false;
      fibers_.spawn(remove_old_rows());
    }
    if (log_.row_is_full() && !log_.row_prepared() && !preparing_row_) {
      preparing_row_ = true;
      fibers_.spawn(prepare_next_row(e));
    }
  }
  if (is_active() && mine_ == e) busy_ = false;
  kick();
}

Task<void> ClusterNode::Core::prepare_next_row(Epoch e) {
  bool ready = co_await log_.prepare_row();
  if (!serving(e)) co_return;
  preparing_row_ = false;
  if (ready) {
    want_slot_ = true;
    kick();
  }
}

Task<void> ClusterNode::Core::remove_old_rows() {
  co_await log_.remove_old_rows();
  ++count_.rows_removed;
}

/// A claim that asked nobody keeps its answers back for a while.
void ClusterNode::Core::answer(std::function<void()> fn) {
  if (now() >= hush_until_) return fn();
  Epoch e = mine_;
  fibers_.call_at(hush_until_, [this, e, fn = std::move(fn)] {
    if (!ended_ && (serving(e) || !is_active())) fn();
  });
}

/// To the masters the slot, to all a new view: only what is committed is ever sent.
void ClusterNode::Core::announce(const journal::SlotBytes& slot, bool with_view) {
  if (with_view) {
    for (Rank r : others()) tell_view(r, Kind::kView);
    stamp();
  }
  Letter batch{.kind = Kind::kBatch, .epoch = epoch_, .view = view_.number, .body = encode(slot)};
  for (Rank r : others())
    if (master_rank(r)) send(r, batch);
}

/// Another epoch stands, or my slot was taken: nothing more is served, what is pending has an unknown outcome.
void ClusterNode::Core::superseded() {
  ++count_.superseded;
  if (hold_) ++count_.holds_superseded;
  role_ = Role::kBackup;
  busy_ = hold_ = changing_view_ = preparing_row_ = view_in_flight_ = sealed_ = closed_ = false;
  log_.drop_prepared_row();
  auto inflight = std::exchange(inflight_, {});
  auto queue = std::exchange(queue_, {});
  auto reads = std::exchange(reads_, {});
  for (auto* more : {&slot_reads_, &slot_reads_inflight_, &proof_.waiting}) {
    for (auto& done : *more) reads.push_back(std::move(done));
    more->clear();
  }
  views_.clear();
  service_wishes_.clear();
  retiring_.clear();
  proving_ = false;
  for (Pending& p : inflight) p.done(Outcome::kSuperseded);
  for (Pending& p : queue) p.done(Outcome::kNotActive);
  for (auto& done : reads) done(false);
  listener_.on_passive();
  if (stepdown_) end_handover(true);
  stepdown_ = false;
  settle();
}

void ClusterNode::Core::set_read_only(bool value) {
  if (read_only_ == value) return;
  read_only_ = value;
  listener_.on_read_only(value);
}

}  // namespace tajo::cluster
