#include <algorithm>

#include "cover.hpp"
#include "node_core.hpp"

namespace tajo::cluster {

using journal::Task;

int ClusterNode::Core::place(Rank r) const {
  auto it = std::find(config_.masters.begin(), config_.masters.end(), r);
  return it == config_.masters.end() ? -1 : static_cast<int>(it - config_.masters.begin());
}

/// The order in which masters step forward: conf/masters, then spares that have become backups.
int ClusterNode::Core::seniority(Rank r) const {
  const int p = place(r);
  return p >= 0 ? p : static_cast<int>(config_.masters.size()) + r;
}

/// Who may be a master: the ranks of conf/masters, and spares the last view made masters of.
std::set<Rank> ClusterNode::Core::known_masters() const {
  std::set<Rank> out(config_.masters.begin(), config_.masters.end());
  for (const auto& [rank, member] : view_.members)
    if (master_rank(rank)) out.insert(rank);
  out.erase(config_.self);
  return out;
}

bool ClusterNode::Core::master_rank(Rank r) const {
  if (place(r) >= 0) return true;
  auto it = view_.members.find(r);
  return it != view_.members.end() && (it->second.role == Role::kActive || it->second.role == Role::kBackup);
}

std::vector<Rank> ClusterNode::Core::others() const {
  std::vector<Rank> out;
  for (const auto& [rank, member] : view_.members)
    if (rank != config_.self) out.push_back(rank);
  return out;
}

/// The active's probes of workers get rarer in large worlds; both ends of a link know the same interval.
Micros ClusterNode::Core::interval(Rank peer) const {
  bool between_masters = i_am_master() && master_rank(peer);
  if (between_masters) return config_.monitor_interval_us;
  return std::max(config_.monitor_interval_us, static_cast<Micros>(view_.members.size()) * kProbePerMember);
}

bool ClusterNode::Core::watches(Rank r) const {
  return is_active() || r == active() || (i_am_master() && master_rank(r)) || links_.contains(r);
}

bool ClusterNode::Core::suspects(Rank r) const {
  if (r == kNoRank || r == config_.self) return false;
  if (errors_.contains(r)) return true;
  auto it = heard_.find(r);
  return it != heard_.end() && now() - it->second > interval(r) * kMissedIntervals;
}

std::vector<Rank> ClusterNode::Core::my_suspects() const {
  std::vector<Rank> out;
  for (Rank r : others())
    if (watches(r) && suspects(r)) out.push_back(r);
  return out;
}

void ClusterNode::Core::hear(Rank r) {
  heard_[r] = now();
  errors_.erase(r);
}

void ClusterNode::Core::restart_timers() {
  for (auto& [rank, when] : heard_) when = now();
  errors_.clear();
  reports_.clear();
}

void ClusterNode::Core::start_loops() {
  fibers_.spawn(probe_loop());
  fibers_.spawn(tail_loop());
  if (!own_world_) fibers_.spawn(start_world());
}

Task<void> ClusterNode::Core::probe_loop() {
  co_await fibers_.sleep(
      static_cast<Micros>(random_.below(static_cast<std::uint64_t>(config_.monitor_interval_us))));
  Micros next_probe = now();
  for (;;) {
    if (now() >= next_probe) {
      if (role_ != Role::kOutside) probe();
      next_probe = now() + config_.monitor_interval_us;
    }
    think();
    // Awake at the very moment somebody has been silent for too long: half an interval is half a failover.
    Micros wake = next_probe;
    for (Rank r : others()) {
      if (!watches(r) || suspects(r)) continue;
      auto it = heard_.find(r);
      if (it != heard_.end()) wake = std::min(wake, it->second + interval(r) * kMissedIntervals + 1);
    }
    co_await fibers_.sleep(std::max<Micros>(wake - now(), kMinNap));
  }
}

void ClusterNode::Core::probe() {
  Letter letter{.kind = Kind::kProbe, .role = role_, .epoch = epoch_, .view = view_.number};
  letter.number = static_cast<std::uint64_t>(std::max(own_files_age_, log_.files().oldest_pending_us()));
  letter.second = is_active() ? log_.position().lsn : 0;
  letter.ranks = my_suspects();
  for (Rank r : others()) {
    if (!watches(r)) continue;
    Micros& last = probed_[r];
    if (now() - last < interval(r) - config_.monitor_interval_us / 2) continue;
    last = now();
    send(r, letter, Lane::kProbe);
  }
}

/// After each interval and each request error.
void ClusterNode::Core::think() {
  if (ended_ || gated_ || role_ == Role::kOutside) return;
  if (is_active()) return judge();
  Rank a = active();
  if (a == kNoRank || a == config_.self) return;
  if (suspects(a)) {
    for (auto it = questions_.begin(); it != questions_.end();) {
      if (it->second == epoch_) {
        against_.insert(epoch_);
        ++count_.votes_late_yes;
        send(it->first, {.kind = Kind::kYes, .epoch = epoch_, .view = view_.number});
      }
      it = questions_.erase(it);
    }
    if (role_ == Role::kBackup && !claiming_ && !suspecting_) {
      suspecting_ = true;
      fibers_.spawn(suspect_active());
    }
  } else if (role_ == Role::kBackup) {
    consider_handover_for_files();
  }
}

/// §4.6: members speak of an epoch above mine that the log does not show: they have read a claim that was visible and
/// then lost with its server, and hear me no more. A claim above it brings them back; if it stands after all and only my
/// look-ups are stale, the slot says so.
bool ClusterNode::Core::claim_above_ghost() {
  if (ghost_epoch_ <= mine_ || now() - ghost_since_ < kGhostWait || claiming_) return false;
  if (log_read_at_ < ghost_since_ + kGhostWait / 2) {
    spawn_catch_up();
    return false;
  }
  ++count_.ghosts;
  epoch_ = std::max(epoch_, ghost_epoch_);
  superseded();
  fibers_.spawn(claim(Cause::kAgain));
  return true;
}

void ClusterNode::Core::judge() {
  if (claim_above_ghost()) return;
  if (now() - last_begun_ > kHeartbeatSlot) {
    want_slot_ = true;
    kick();
  }
  if (log_.row_sync_failures() >= 2 || write_failures_ >= 2) {  // my files fail: another's may not
    std::optional<Rank> successor;
    for (Rank r : view_.with_role(Role::kBackup))
      if (!suspects(r) && (!successor || seniority(r) < seniority(*successor))) successor = r;
    if (successor) offer_handover(*successor);
  }
  if (changing_view_ || hold_ || !views_.empty() || view_in_flight_) return;
  bool bad = false;
  for (Rank r : others()) {
    bad = bad || suspects(r);
    auto it = reports_.find(r);
    if (it == reports_.end()) continue;
    for (Rank x : it->second) bad = bad || view_.contains(x);
  }
  if (bad) {
    for (Rank r : my_suspects()) listener_.on_suspicion(r);
    changing_view_ = true;
    fibers_.spawn(change_view(mine_));
  } else if (!stepdown_) {
    admit_and_promote();
  }
}

std::set<Rank> ClusterNode::Core::cover() const {
  std::set<std::pair<Rank, Rank>> bad;
  std::set<Rank> masters;
  for (const auto& [rank, member] : view_.members)
    if (master_rank(rank)) masters.insert(rank);
  for (Rank r : others())
    if (suspects(r)) bad.emplace(config_.self, r);
  for (const auto& [r, suspected] : reports_) {
    if (!view_.contains(r)) continue;
    for (Rank x : suspected)
      if (view_.contains(x)) bad.emplace(r, x);
  }
  return smallest_cover(bad, config_.self, masters);
}

/// §4.1, and §4.3 when more than half of the view is lost.
Task<void> ClusterNode::Core::change_view(Epoch e) {
  Letter ask{.kind = Kind::kAsk, .role = role_, .epoch = epoch_, .view = view_.number};
  for (Rank r : others()) send(r, ask, Lane::kProbe);
  co_await fibers_.sleep(kViewPause);
  if (!serving(e)) co_return;
  std::set<Rank> out = cover();
  std::set<Rank> lost = out;
  for (Rank r : others())
    if (suspects(r)) lost.insert(r);
  if (lost.size() * 2 > view_.members.size()) {
    ++count_.holds;
    hold_ = true;
    co_await fibers_.sleep(kMinorityWait);
    if (!serving(e)) co_return;
    if (!busy_) co_await catch_up();
    if (!serving(e)) co_return;
    out = cover();
    hold_ = false;
    if (out.size() * 2 > view_.members.size()) ++count_.holds_shrunk;
  }
  changing_view_ = false;
  if (!out.empty()) {
    ++count_.views_after_suspicion;
    for (Rank r : out)
      if (!suspects(r)) {
        ++count_.cover_chose;
        break;
      }
    std::map<Rank, Member> members = view_.members;
    for (Rank r : out) members.erase(r);
    propose_view(std::move(members));
  }
  kick();
}

void ClusterNode::Core::propose_view(std::map<Rank, Member> members) { propose_view(std::move(members), view_.decommissioned); }

void ClusterNode::Core::propose_view(std::map<Rank, Member> members, std::set<Rank> decommissioned) {
  views_.push_back({view_.number, std::move(members), std::move(decommissioned)});
  kick();
}

/// Ranks that ask are admitted as spares, places are filled, an operator's wishes obeyed: one thing a view.
void ClusterNode::Core::admit_and_promote() {
  std::map<Rank, Member> members = view_.members;
  for (const auto& [rank, incarnation] : joins_) {
    if (view_.incarnation(rank) >= incarnation) continue;
    members[rank] = {Role::kSpare, incarnation};
    ++count_.joins_admitted;
  }
  joins_.clear();
  if (members != view_.members) return propose_view(std::move(members));
  if (change_service()) return;
  if (fill_places(members) || free_worker(members)) propose_view(std::move(members));
}

/// A spare that has answered takes the place that is free: a rank of conf/masters its own; others the only worker's, the
/// only backup's, then what is missing of workers, then of backups.
bool ClusterNode::Core::fill_places(std::map<Rank, Member>& members) {
  std::size_t workers = view_.workers_on_duty().size();
  std::size_t masters = view_.with_role(Role::kBackup).size() + 1;
  for (const auto& [rank, member] : members)  // who comes back takes its own place
    if (member.role == Role::kSpare && place(rank) >= 0) ++masters;
  bool changed = false;
  for (auto& [rank, member] : members) {
    if (member.role != Role::kSpare || !reports_.contains(rank) || suspects(rank)) continue;
    if (place(rank) >= 0) {
      if (!config_.ha) continue;
      member.role = Role::kBackup;
    } else if (view_.decommissioned.contains(rank)) {
      continue;
    } else if (config_.ha && masters < config_.masters.size() && workers > 0 &&
               (masters == 1 || workers >= config_.workers.size())) {
      member.role = Role::kBackup;
      ++masters;
      ++count_.spares_to_masters;
    } else if (workers < config_.workers.size()) {
      member.role = Role::kWorker;
      ++workers;
    } else {
      continue;
    }
    ++count_.promotions;
    changed = true;
  }
  return changed;
}

/// A spare that became a master works again where nobody else can: statements need a worker more than a second master.
/// The active itself steps back to a rank of conf/masters first. So does one that stood in for a master that is back,
/// once a worker is missing.
bool ClusterNode::Core::free_worker(std::map<Rank, Member>& members) {
  const bool last = view_.with_role(Role::kWorker).empty();
  const bool surplus = view_.with_role(Role::kBackup).size() + 1 > config_.masters.size() && view_.workers_on_duty().size() < config_.workers.size();
  if (!last && !surplus) return false;
  for (auto& [rank, member] : members) {
    if (member.role != Role::kBackup || suspects(rank)) continue;
    if (last && place(config_.self) < 0 && place(rank) >= 0) {
      offer_handover(rank);
      return false;
    }
    if (place(rank) >= 0 || (!last && view_.decommissioned.contains(rank))) continue;
    member.role = Role::kWorker;
    ++count_.masters_to_workers;
    return true;
  }
  return false;
}

void ClusterNode::Core::decommission(const std::set<Rank>& ranks, bool out) {
  if (!is_active()) return;
  for (Rank r : ranks) service_wishes_[r] = out;
}

void ClusterNode::Core::retire(Rank rank) {
  if (is_active() && view_.decommissioned.contains(rank)) retiring_.insert(rank);
}

bool ClusterNode::Core::change_service() {
  std::map<Rank, Member> members = view_.members;
  std::set<Rank> decommissioned = view_.decommissioned;
  for (auto [rank, out] : std::exchange(service_wishes_, {})) {
    if (out) decommissioned.insert(rank);
    else decommissioned.erase(rank);
    ++count_.decommissions;
  }
  for (Rank r : std::exchange(retiring_, {})) {
    auto it = members.find(r);
    if (it == members.end() || it->second.role != Role::kWorker || !decommissioned.contains(r)) continue;
    it->second.role = Role::kSpare;
    ++count_.retirements;
  }
  if (members == view_.members && decommissioned == view_.decommissioned) return false;
  propose_view(std::move(members), std::move(decommissioned));
  return true;
}

}  // namespace tajo::cluster
