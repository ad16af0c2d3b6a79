#include "node_core.hpp"

#include <algorithm>

namespace tajo::cluster {

using journal::RecordKind;

namespace {
bool above(const View& a, const View& b) { return std::pair(a.number, a.epoch) > std::pair(b.number, b.epoch); }
}  // namespace

ClusterNode::Core::Core(NodeConfig config, journal::LogFiles& files, MessagePort& port, NodeListener& listener,
                        std::function<Micros()> clock)
    : config_(std::move(config)), port_(port), listener_(listener), random_(config_.seed), fibers_(std::move(clock)),
      log_(files, fibers_, random_()), membership_(*this) {
  log_.add_machine("membership", {RecordKind::kClaim, RecordKind::kView}, membership_);
  log_.on_applied([this](const journal::SlotBytes& slot) {
    epoch_ = std::max(epoch_, slot.slot.epoch);
    if (seen_slots_.size() > kSeenSlots) seen_slots_.clear();
    if (seen_slots_.insert(slot.slot.hash).second) last_slot_seen_ = now();
  });
  log_.on_need([this](const std::string& row, std::int64_t index) {
    ByteWriter body;
    body.text(row);
    body.put(index);
    Bytes bytes = body.take();
    for (Rank r : others())
      if (master_rank(r)) send(r, {.kind = Kind::kNeed, .epoch = epoch_, .view = view_.number, .body = bytes});
  });
  log_.files().on_completion([this] { turn(); });
  keeper_ = config_.keeper;
  fibers_.on_error([](std::exception_ptr error) { std::rethrow_exception(error); });
}

void ClusterNode::Core::start() {
  last_turn_ = last_slot_seen_ = last_active_ = last_master_ = last_frame_ = left_at_ = now();
  stamp();
  started_at_ = now();
  start_loops();
}

/// Notices that this rank was away: stopped, suspended, starved. Whoever was away does not know what the others did
/// meanwhile: it judges nobody by old timers, and after the timeout it reads the log before it says anything.
void ClusterNode::Core::turn() {
  Micros away = now() - last_turn_;
  last_turn_ = now();
  if (ended_ || away <= config_.monitor_interval_us * 3 / 2) return;
  ++count_.absences;
  restart_timers();
  last_slot_seen_ = last_active_ = last_master_ = last_frame_ = now();
  left_at_ += away;
  log_.files().shift(away);
  if (away <= config_.monitor_interval_us * kMissedIntervals || gated_ || epoch_ == 0) return;
  ++count_.gates;
  gated_ = true;
  if (!is_active()) {  // what was under way is begun again from what the log says
    fibers_.cancel_all();
    catching_ = suspecting_ = claiming_ = false;
  }
  fibers_.spawn_alone(gate_after_absence());
  if (!is_active() && !ended_) start_loops();  // they begin once the gate is open
}

void ClusterNode::Core::on_tick() {
  turn();
  if (!ended_) fibers_.advance();
  exit_if_cut_off();
}

Micros ClusterNode::Core::next_wakeup() const { return ended_ ? journal::Fibers::kNever : fibers_.next_wakeup(); }

void ClusterNode::Core::on_suspect(Rank rank) {
  turn();
  if (ended_ || !view_.contains(rank) || rank == config_.self) return;
  errors_.insert(rank);
  if (!gated_) think();
}

// --- frames ---------------------------------------------------------------------------------------------------------

void ClusterNode::Core::on_frame(Rank source, const Stamp& stamp, Bytes payload) {
  turn();
  if (ended_ || stamp.world != config_.world) return;
  last_frame_ = now();
  if (master_rank(source)) last_master_ = now();
  Frame frame{source, stamp, std::move(payload)};
  if (gated_) {
    if (takes_bytes(frame.payload)) return;
    if (held_.size() < kHeldFrames) held_.push_back(std::move(frame));
    return;
  }
  dispatch(std::move(frame));
}

/// Bytes of a slot for the reader under way, whose files may not give them: from anybody, also while the gate is closed, since
/// the slot's hash in the log says whether they are right.
bool ClusterNode::Core::takes_bytes(const Bytes& payload) {
  if (is_active() || !log_.lock().held() || payload.empty() || payload[0] != kClusterTag) return false;
  try {
    Letter letter = decode_letter(payload);
    if (letter.kind != Kind::kBatch) return false;
    log_.keep_for_reader(decode_slot(letter.body));
    return true;
  } catch (const Error&) {
    return false;
  }
}

void ClusterNode::Core::drain_held() {
  while (!held_.empty() && !gated_ && !ended_) {
    Frame frame = std::move(held_.front());
    held_.pop_front();
    dispatch(std::move(frame));
  }
}

void ClusterNode::Core::dispatch(Frame frame) {
  auto& [source, stamp, payload] = frame;
  bool of_cluster = !payload.empty() && payload[0] == kClusterTag;
  if (frame_is_ahead(config_.world, view_, epoch_, stamp) && may_tell(asked_view_, source)) {
    send(source, {.kind = Kind::kFetchView, .epoch = epoch_, .view = view_.number, .number = incarnation_});
    if (role_ != Role::kWorker && role_ != Role::kSpare) spawn_catch_up();
  }
  if (is_active() && stamp.epoch > std::max(mine_, ghost_epoch_)) {
    ghost_epoch_ = stamp.epoch;
    ghost_since_ = now();
  }
  Letter letter;
  if (of_cluster) {
    try {
      letter = decode_letter(payload);
    } catch (const Error&) {
      return;  // of another version: this world is not ours to judge
    }
    // What tells of membership is heard from anybody of this world.
    switch (letter.kind) {
      case Kind::kHello:
      case Kind::kJoin:
      case Kind::kView:
      case Kind::kEvicted:
      case Kind::kState:
      case Kind::kFetchView:
      case Kind::kNeed:  // slots are the same for everybody, and who was away needs them to come back
        if (view_.incarnation(source) == stamp.incarnation && view_.world == config_.world) hear(source);
        handle(source, stamp, std::move(letter));
        return;
      case Kind::kBatch:
        takes_bytes(payload);
        break;
      default: break;
    }
  }
  switch (judge_frame(config_.world, view_, epoch_, source, stamp)) {
    case Verdict::kDrop:
      ++count_.frames_dropped;
      if (view_.incarnation(source) == stamp.incarnation) hear(source);  // any frame is a sign of life
      return;
    case Verdict::kEvicted:
      ++count_.frames_evicted;
      if (role_ != Role::kOutside && may_tell(told_evicted_, source)) tell_view(source, Kind::kEvicted);
      return;
    case Verdict::kEarly:
      ++count_.frames_early;
      if (!of_cluster && early_.size() < kEarlyFrames) early_.push_back(std::move(frame));
      return;
    case Verdict::kDeliver: break;
  }
  hear(source);
  if (role_ == Role::kOutside) return;
  if (source == active()) last_active_ = now();
  if (of_cluster) {
    handle(source, stamp, std::move(letter));
  } else {
    listener_.on_frame(source, std::move(payload));
  }
}

void ClusterNode::Core::handle(Rank source, const Stamp& stamp, Letter l) {
  switch (l.kind) {
    case Kind::kHello:
      hello_.insert(source);
      if (own_world_ && may_tell(asked_view_, source) && view_.contains(source)) tell_view(source, Kind::kView);
      return;
    case Kind::kJoin:
      if (is_active() && view_.incarnation(source) < l.number)
        joins_[source] = static_cast<Incarnation>(l.number);
      return;
    case Kind::kView:
    case Kind::kState: {
      if (stamp.epoch < epoch_) return;
      if (l.kind == Kind::kState) return on_state(std::move(l));
      View v = decode_view(l.body);
      if (v.world != config_.world) return;
      // A rank outside, or one that stands in it, adopts; whoever is left out is told by EVICTED.
      if (v.incarnation(config_.self) == incarnation_ && above(v, view_) && !is_active()) {
        learn(v, false);
        settle();
      } else if (above(v, view_)) {
        on_evicted_letter(stamp, v);
      }
      return;
    }
    case Kind::kEvicted: return on_evicted_letter(stamp, decode_view(l.body));
    case Kind::kFetchView:
      if (view_.world != config_.world) return;
      if (role_ != Role::kOutside && view_.number > l.view) {
        tell_view(source, view_.incarnation(source) == l.number ? Kind::kView : Kind::kEvicted);
      } else if (i_am_master()) {
        tell_view(source, Kind::kView);  // nothing newer, but a sign that a master lives
      }
      return;
    case Kind::kProbe:
      reports_[source] = {l.ranks.begin(), l.ranks.end()};
      files_age_[source] = static_cast<Micros>(l.number);
      // The active's position: a master that is behind it reads on.
      if (source == active() && i_am_master() && l.second > log_.position().lsn) spawn_catch_up();
      return;
    case Kind::kAsk: {
      send(source, {.kind = Kind::kProbe, .role = role_, .epoch = epoch_, .view = view_.number,
                    .number = static_cast<std::uint64_t>(std::max(own_files_age_, log_.files().oldest_pending_us())),
                    .ranks = my_suspects()},
           Lane::kProbe);
      return;
    }
    case Kind::kSuspect:
      if (l.epoch != epoch_ || is_active()) return;
      if (suspects(active())) {
        against_.insert(l.epoch);
        ++count_.votes_yes;
        send(source, {.kind = Kind::kYes, .epoch = l.epoch, .view = l.view});
      } else {
        questions_[source] = l.epoch;
        ++count_.votes_no;
        send(source, {.kind = Kind::kNo, .epoch = l.epoch, .view = l.view});
      }
      return;
    case Kind::kYes:
      if (l.epoch == epoch_ && l.view == view_.number) votes_.insert(source);
      return;
    case Kind::kNo: return;  // not yet: the voter keeps the question
    case Kind::kCheck:
      // An answer counts only in the view it was asked in, and not from one who has voted against the epoch.
      if (l.epoch != epoch_ || l.view != view_.number) return;
      if (against_.contains(l.epoch) && !canary(Canary::kForgetYes)) {
        ++count_.checks_refused;
        return;
      }
      send(source, {.kind = Kind::kChecked, .epoch = l.epoch, .view = l.view, .number = l.number});
      return;
    case Kind::kChecked:
      if (proving_ && l.number == proof_.number) {
        proof_.answered.insert(source);
        count_proof();
      }
      return;
    case Kind::kHandoverAsk:
      if (is_active() && l.epoch == mine_) grant_handover(source, l.number);
      return;
    case Kind::kOffer:
      if (l.epoch == epoch_ && role_ == Role::kBackup && source == active() && !claiming_) ask_handover(source);
      return;
    case Kind::kTake:
      if (l.epoch == epoch_ && role_ == Role::kBackup && !claiming_ && l.number == handover_question_)
        fibers_.spawn(claim(Cause::kHandover));
      return;
    case Kind::kBatch: return on_batch(source, std::move(l));
    case Kind::kFetch: return on_fetch(source, std::move(l));
    case Kind::kNeed: return on_need(source, std::move(l));
  }
}

void ClusterNode::Core::on_evicted_letter(const Stamp& stamp, const View& v) {
  if (v.world != config_.world || !above(v, view_) || stamp.epoch < epoch_) return;
  // The active believes only the log: a look at it decides.
  if (is_active() || v.incarnation(config_.self) == incarnation_) return spawn_catch_up();
  ++count_.evictions_obeyed;
  learn(v, false);
  settle();
}

void ClusterNode::Core::send(Rank to, Letter letter, Lane lane) {
  if (to == config_.self || ended_) return;
  port_.send(to, lane, encode(letter));
}

void ClusterNode::Core::tell_view(Rank to, Kind kind) {
  send(to, {.kind = kind, .epoch = epoch_, .view = view_.number, .body = encode(view_)});
}

bool ClusterNode::Core::may_tell(std::map<Rank, Micros>& last, Rank to) {
  auto [it, first] = last.try_emplace(to, now());
  if (!first && now() - it->second < kTellPause) return false;
  it->second = now();
  return true;
}

void ClusterNode::Core::stamp() { port_.set_stamp({config_.world, incarnation_, epoch_, view_.number}); }

// --- views ----------------------------------------------------------------------------------------------------------

void ClusterNode::Core::Membership::apply(const journal::Record& record) {
  if (record.kind == RecordKind::kClaim) {
    epoch = record.epoch;
    return;
  }
  view = decode_view(record.payload);
  core.learn(view, true);
}

Bytes ClusterNode::Core::Membership::snapshot() const {
  ByteWriter out;
  out.put(epoch);
  out.raw(encode(view));
  return out.take();
}

void ClusterNode::Core::Membership::restore(ByteView snapshot) {
  view = {};
  epoch = 0;
  if (snapshot.empty()) return;
  ByteReader in(snapshot);
  epoch = in.get<Epoch>();
  view = decode_view(in.raw(in.left()));
  core.epoch_ = std::max(core.epoch_, epoch);  // only grows, also when an older snapshot is loaded
  core.learn(view, true);
}

void ClusterNode::Core::learn(const View& v, bool from_log) {
  epoch_ = std::max(epoch_, v.epoch);
  bool newer = above(v, view_);
  // The log may say otherwise about a view that was read before it was durable and then lost.
  bool other = from_log && v.number == view_.number && v.epoch == view_.epoch && !(v == view_);
  if (newer || other) set_view(v);
}

void ClusterNode::Core::set_view(const View& v) {
  Rank before = active();
  for (const auto& [rank, member] : v.members) {
    if (view_.incarnation(rank) == member.incarnation) continue;
    heard_[rank] = now();  // a member from now on: old timers say nothing about it
    errors_.erase(rank);
    reports_.erase(rank);
  }
  // The log may end with a view of the world before: its ranks' lives are not those of this one's.
  if (v.world == config_.world)
    for (const auto& [rank, member] : v.members)
      if (rank != config_.self && (view_.world != v.world || view_.incarnation(rank) != member.incarnation)) port_.expect_peer(rank, member.incarnation);
  if (view_.world == config_.world) {
    for (const auto& [rank, member] : view_.members) {
      if (v.contains(rank) || rank == config_.self) continue;
      port_.reset_peer(rank, member.incarnation);
      reports_.erase(rank);
      files_age_.erase(rank);
      questions_.erase(rank);
    }
  }
  votes_.clear();  // of an older view
  view_ = v;
  if (active() != before)
    for (const auto& [rank, member] : v.members) heard_[rank] = now();
  if (v.world == config_.world && v.incarnation(config_.self) == incarnation_) own_world_ = true;
}

/// Brings the role in line with epoch and view; tells the rooms above.
void ClusterNode::Core::settle() {
  if (ended_) return;
  if (view_.number != 0 && view_.world != config_.world) {
    if (own_world_) exit("superseded: another world has claimed this log");
    return;
  }
  if (is_active()) {
    if (epoch_ > mine_) superseded();
    else stamp(), notify_view();
    return;
  }
  auto me = view_.members.find(config_.self);
  if (me != view_.members.end() && me->second.incarnation == incarnation_) {
    if (role_ == Role::kOutside) {
      restart_timers();
      last_slot_seen_ = last_active_ = now();
    }
    // Whom the view calls active but who does not hold the epoch (any more) is a backup until it has claimed again.
    role_ = me->second.role == Role::kActive ? Role::kBackup : me->second.role;
  } else if (role_ != Role::kOutside) {
    leave_view();
    return;
  }
  stamp();
  notify_view();
}

void ClusterNode::Core::notify_view() {
  if (told_view_ == view_ && told_role_ == role_) return;
  told_view_ = view_;
  told_role_ = role_;
  listener_.on_view(view_, role_);
  std::deque<Frame> early = std::move(early_);
  early_.clear();
  for (Frame& f : early) dispatch(std::move(f));
}

/// Evicted: tasks, outputs and vote are gone, the life goes on as a new incarnation that asks to be a spare. What was
/// replayed from the log stays: it is a function of the log, and its hash chain says whether it still is.
void ClusterNode::Core::leave_view() {
  incarnation_ = std::max(incarnation_, view_.incarnation(config_.self)) + 1;
  role_ = Role::kOutside;
  become_outside();
  stamp();
  listener_.on_evicted();
  notify_view();
}

void ClusterNode::Core::become_outside() {
  fibers_.cancel_all();
  gated_ = false;
  catching_ = suspecting_ = claiming_ = busy_ = hold_ = stepdown_ = changing_view_ = preparing_row_ = false;
  votes_.clear();
  questions_.clear();
  reports_.clear();
  joins_.clear();
  links_.clear();
  errors_.clear();
  early_.clear();
  held_.clear();
  restart_timers();
  left_at_ = last_slot_seen_ = last_active_ = now();
  start_loops();
}

void ClusterNode::Core::exit(const std::string& reason) {
  if (ended_) return;
  if (is_active()) {
    epoch_ = std::max(epoch_, mine_ + 1);
    superseded();
    if (ended_) return;
  }
  ended_ = true;
  role_ = Role::kOutside;
  fibers_.cancel_all();
  listener_.on_exit(reason);
}

std::string ClusterNode::Core::status() const {
  const journal::Position& p = log_.position();
  return std::string(role_name(role_)) + " incarnation " + std::to_string(incarnation_) + " epoch " +
         std::to_string(epoch_) + " view " + std::to_string(view_.number) + " active " + std::to_string(active()) +
         " log " + (p.row.empty() ? "-" : p.row + "/" + std::to_string(p.index)) + (gated_ ? " gated" : "") +
         (claiming_ ? " claiming" : "") + (suspecting_ ? " suspecting" : "") + (busy_ ? " busy" : "") +
         (hold_ ? " hold" : "") + (stepdown_ ? " stepdown" : "") + (catching_ ? " catching" : "") +
         (log_.locked() ? " locked" : "");
}

}  // namespace tajo::cluster
