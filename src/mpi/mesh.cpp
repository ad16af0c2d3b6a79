#include "mesh.hpp"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "tajo/common/clock.hpp"
#include "tajo/common/log.hpp"

namespace tajo::mpi {
namespace {

void add(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);  // one writer
}

}  // namespace

Mesh::Mesh(Rank rank, int size, std::uint64_t world, std::unique_ptr<Wire> wire, std::unique_ptr<Doorbell> doorbell)
    : rank_(rank), size_(size), world_(world), wire_(std::move(wire)), doorbell_(std::move(doorbell)) {
  now_ = boottime_us();
  for (Rank r = 0; r < size; ++r) {
    peers_.push_back(std::make_unique<Peer>(now_));
    peers_.back()->heard_us = now_;
  }
}

Mesh::~Mesh() {
  for (Order* o = orders_.exchange(nullptr); o != nullptr;) delete std::exchange(o, o->next);
}

bool Mesh::send(Rank to, Channel channel, Bytes payload) {
  TAJO_ASSERT(to >= 0 && to < size_);
  if (payload.size() > kMaxMessageBytes)
    throw Error("54000", "a message of " + std::to_string(payload.size()) + " bytes is too large for the fabric");
  Peer& p = peer(to);
  const std::size_t cost = Link::cost(payload.size());
  if (channel == Channel::kData && to != rank_) {
    const auto room = [&] {
      const std::size_t queued = p.queued.load();
      return queued == 0 || queued + cost <= kMaxQueuedBytesPerPeer;
    };
    if (!room()) {
      p.full = true;
      if (!room()) return false;  // looked again after the flag: the transport sees it when it makes room
    }
  }
  p.queued.fetch_add(cost);
  auto order = std::make_unique<Order>();
  order->kind = Order::Kind::kSend;
  order->channel = channel;
  order->peer = to;
  order->payload = std::make_shared<Bytes>(std::move(payload));
  submit(std::move(order));
  return true;
}

void Mesh::on_message(Channel channel, std::function<void(Message&&)> handler) {
  const std::lock_guard lock(handlers_mutex_);
  handlers_[static_cast<std::size_t>(channel)] = std::move(handler);
}

void Mesh::on_suspect(std::function<void(Rank)> handler) {
  const std::lock_guard lock(handlers_mutex_);
  suspect_ = std::move(handler);
}

void Mesh::on_writable(std::function<void(Rank)> handler) {
  const std::lock_guard lock(handlers_mutex_);
  writable_ = std::move(handler);
}

void Mesh::set_stamp(const FrameStamp& stamp) {
  const std::lock_guard lock(stamp_writers_);
  const bool restart = stamp.incarnation > stamp_incarnation_.load();
  stamp_version_.fetch_add(1);  // odd: being written
  stamp_incarnation_ = stamp.incarnation;
  stamp_epoch_ = stamp.epoch;
  stamp_view_ = stamp.view;
  stamp_version_.fetch_add(1);
  if (!restart) return;
  auto order = std::make_unique<Order>();
  order->kind = Order::Kind::kRestart;
  order->incarnation = stamp.incarnation;
  submit(std::move(order));
}

FrameStamp Mesh::stamp() const {
  while (true) {
    const std::uint32_t before = stamp_version_;
    const FrameStamp s{world_, stamp_incarnation_, stamp_epoch_, stamp_view_};
    if (before % 2 == 0 && stamp_version_ == before) return s;
    ::sched_yield();
  }
}

void Mesh::reset_peer(Rank peer, Incarnation incarnation) { submit(Order::Kind::kResetPeer, peer, incarnation); }

void Mesh::expect_peer(Rank peer, Incarnation incarnation) { submit(Order::Kind::kExpectPeer, peer, incarnation); }

void Mesh::submit(Order::Kind kind, Rank peer, Incarnation incarnation) {
  TAJO_ASSERT(peer >= 0 && peer < size_);
  if (peer == rank_) return;
  auto order = std::make_unique<Order>();
  order->kind = kind;
  order->peer = peer;
  order->incarnation = incarnation;
  submit(std::move(order));
}

Micros Mesh::silence_us(Rank peer) const {
  if (peer == rank_) return 0;
  const Micros heard = peers_[static_cast<std::size_t>(peer)]->heard_us.load(std::memory_order_relaxed);
  return std::max<Micros>(0, boottime_us() - heard);
}

MeshCounters Mesh::counters() const {
  const auto get = [](const std::atomic<std::uint64_t>& a) { return a.load(std::memory_order_relaxed); };
  return {get(turns_),           get(count_.sleeps),          get(count_.bells),         get(count_.frames_sent),
          get(count_.frames_received), get(count_.bodies_received), get(count_.retransmitted), get(count_.duplicates),
          get(count_.lane_changes),    get(count_.foreign)};
}

void Mesh::submit(std::unique_ptr<Order> order) {
  Order* o = order.release();
  o->next = orders_.load(std::memory_order_relaxed);
  while (!orders_.compare_exchange_weak(o->next, o, std::memory_order_seq_cst, std::memory_order_relaxed)) {
  }
  // Either the transport sees the order before it sleeps, or we see that it sleeps.
  if (asleep_.load(std::memory_order_seq_cst)) doorbell_->wake();
}

bool Mesh::take_orders() {
  if (orders_.load(std::memory_order_relaxed) == nullptr) return false;
  Order* newest = orders_.exchange(nullptr, std::memory_order_acq_rel);
  Order* oldest = nullptr;
  while (newest != nullptr) oldest = std::exchange(newest, std::exchange(newest->next, oldest));
  while (oldest != nullptr) {
    const std::unique_ptr<Order> o(std::exchange(oldest, oldest->next));
    obey(*o);
  }
  return true;
}

void Mesh::obey(Order& order) {
  if (order.kind == Order::Kind::kRestart) {
    for (Rank r = 0; r < size_; ++r) {
      if (r == rank_) continue;
      peer(r).link.restart_self(order.incarnation);
      mark(r, peer(r));
    }
    return;
  }
  Peer& p = peer(order.peer);
  if (order.kind == Order::Kind::kExpectPeer && order.incarnation <= p.link.peer_incarnation()) return;
  if (order.kind != Order::Kind::kSend) {
    p.link.restart_peer(order.incarnation);
    p.given_up = false;
    mark(order.peer, p);
    return;
  }
  if (order.channel != Channel::kProbe) work_us_ = now_;
  const std::size_t cost = Link::cost(order.payload->size());
  if (order.peer == rank_) {
    p.queued.fetch_sub(cost);
    hand_over({rank_, order.channel, stamp(), std::move(*order.payload)});
    return;
  }
  if (!p.failed && !p.given_up) {
    p.link.push(order.channel, std::move(order.payload));
    p.counted += cost;
    mark(order.peer, p);
    if (p.link.queued_bytes() > kMaxBacklogBytesPerPeer) {
      log_warn("mpi", "rank " + std::to_string(order.peer) + " leaves too much unread, given up");
      p.given_up = true;
      drop_queue(order.peer, p);
    }
  } else {
    p.queued.fetch_sub(cost);
  }
}

void Mesh::mark(Rank rank, Peer& peer) {
  if (peer.dirty) return;
  peer.dirty = true;
  dirty_.push_back(rank);
}

/// Passes on what the link has acknowledged or dropped to the senders' account.
void Mesh::settle(Rank rank, Peer& p) {
  const std::size_t held = p.link.queued_bytes();
  if (held >= p.counted) return;
  const std::size_t freed = p.counted - held;
  p.counted = held;
  const std::size_t left = p.queued.fetch_sub(freed) - freed;
  if (left > kMaxQueuedBytesPerPeer / 2 || !p.full.load() || !p.full.exchange(false)) return;
  const std::lock_guard lock(handlers_mutex_);
  if (writable_ && !lingering_) writable_(rank);
}

void Mesh::on_frame(Rank from, int lane, ByteView frame) {
  const std::optional<FrameHeader> h = parse_frame(frame);
  if (!h || h->world != world_ || h->source != from) {
    add(count_.foreign);
    return;
  }
  add(count_.frames_received);
  Peer& p = peer(from);
  if (p.failed) return;
  p.heard_us.store(now_, std::memory_order_relaxed);
  p.ring_at = Link::kNever;
  const bool work = h->kind != FrameKind::kAck && h->channel != Channel::kProbe;
  if (work) p.at_work_us = work_us_ = now_;
  const Link::Counters before = p.link.counters();
  const Incarnation incarnation = p.link.peer_incarnation();
  const bool wanted = p.link.on_header(*h, now_);
  if (p.link.peer_incarnation() > incarnation) p.given_up = false;
  if (h->kind == FrameKind::kAnnounce) {
    // Received even when it is not wanted, else its sender's request never ends; then on_segment drops it.
    wire_->expect_body(from, lane, *h);
    p.body_us = body_us_ = now_;
  } else if (wanted) {
    const ByteView body = frame.subspan(sizeof(FrameHeader));
    p.link.on_segment(*h, Bytes(body.begin(), body.end()), now_, delivered_);
  }
  add(count_.duplicates, p.link.counters().duplicates - before.duplicates);
  mark(from, p);
  deliver(from, delivered_);
}

void Mesh::on_body(Rank from, const FrameHeader& announce, Bytes&& body) {
  add(count_.bodies_received);
  Peer& p = peer(from);
  if (p.failed) return;
  p.heard_us.store(now_, std::memory_order_relaxed);
  p.at_work_us = work_us_ = body_us_ = now_;
  p.link.on_segment(announce, std::move(body), now_, delivered_);
  mark(from, p);
  deliver(from, delivered_);
}

void Mesh::deliver(Rank from, std::vector<Link::Delivered>& messages) {
  for (Link::Delivered& d : messages) hand_over({from, d.channel, d.stamp, std::move(d.payload)});
  messages.clear();
}

void Mesh::hand_over(Message&& message) {
  const std::lock_guard lock(handlers_mutex_);
  if (auto& handler = handlers_[static_cast<std::size_t>(message.channel)]; handler && !lingering_)
    handler(std::move(message));
}

void Mesh::on_sent(Rank to, int lane) {
  Peer& p = peer(to);
  p.link.wire_done(lane);
  if (!p.failed) mark(to, p);
}

void Mesh::on_failure(Rank rank) {
  Peer& p = peer(rank);
  if (p.failed) return;
  p.failed = true;
  drop_queue(rank, p);
}

void Mesh::drop_queue(Rank rank, Peer& p) {
  p.link.restart_peer(p.link.peer_incarnation());
  settle(rank, p);
  const std::lock_guard lock(handlers_mutex_);
  if (suspect_ && !lingering_) suspect_(rank);
}

void Mesh::transmit(Rank to, Peer& p) {
  const Link::Counters before = p.link.counters();
  const FrameStamp s = stamp();
  bool urgent = false;
  bool work = false;
  Link::Outgoing out;
  int frames = 0;
  while (frames < kFramesPerTurn && p.link.next(now_, out)) {
    ++frames;
    out.header.world = world_;
    out.header.source = rank_;
    out.header.epoch = s.epoch;
    out.header.view = s.view;
    const bool announced = out.header.kind == FrameKind::kAnnounce;
    wire_->send_frame(to, out.lane, out.header, announced ? ByteView{} : out.body, !announced);
    if (announced) {
      wire_->send_body(to, out.lane, out.header.transfer, std::move(out.owner), out.body);
      body_us_ = now_;
    }
    urgent |= out.urgent;
    work |= out.header.kind != FrameKind::kAck && out.header.channel != Channel::kProbe;
  }
  add(count_.frames_sent, static_cast<std::uint64_t>(frames));
  add(count_.retransmitted, p.link.counters().retransmitted - before.retransmitted);
  if (frames == kFramesPerTurn) mark(to, p);
  if (work) work_us_ = now_;
  if (urgent) wake_peer(to, p, work);
}

/// Sleeping is inferred, not announced (an announcement to every peer before each sleep would cost more than the
/// bells it saves): a rank that sent or received work is awake for kAwakeUs, so one heard or rung less than half of
/// that ago needs no bell; should it sleep all the same, the bell rings kRingAgainUs later.
void Mesh::wake_peer(Rank to, Peer& p, bool sent_work) {
  if (now_ - std::max(p.at_work_us, p.rung_us) > kAssumeAwakeUs) {
    doorbell_->ring(to);
    add(count_.bells);
    if (sent_work) p.rung_us = now_;  // a probe lets it fall asleep again at once
  } else if (p.ring_at == Link::kNever) {
    p.ring_at = now_ + kRingAgainUs;
  }
}

bool Mesh::turn() {
  add(turns_);
  now_ = boottime_us();
  bool busy = take_orders();
  int polls = 0;
  while (polls < kPollsPerTurn && wire_->poll(*this) > 0) ++polls;
  busy |= polls > 0;
  unpolled_ = polls == kPollsPerTurn;
  if (now_ - scanned_us_ >= kTimerScanUs) scan_timers();
  if (dirty_.empty()) return busy;
  working_.swap(dirty_);
  for (const Rank r : working_) {
    Peer& p = peer(r);
    p.dirty = false;
    if (p.failed) continue;
    settle(r, p);
    transmit(r, p);
    if (!p.timed && (p.link.next_timer() != Link::kNever || p.ring_at != Link::kNever)) {
      p.timed = true;
      timed_.push_back(r);
    }
  }
  working_.clear();
  return true;
}

void Mesh::scan_timers() {
  scanned_us_ = now_;
  std::size_t kept = 0;
  for (const Rank r : timed_) {
    Peer& p = peer(r);
    if (p.ring_at <= now_) {
      p.ring_at = Link::kNever;
      doorbell_->ring(r);
      add(count_.bells);
    }
    if (p.link.next_timer() <= now_) {
      const Link::Counters before = p.link.counters();
      p.link.on_time(now_);
      if (p.link.counters().lane_changes > before.lane_changes) {
        add(count_.lane_changes);
        log_info("mpi", "no progress towards rank " + std::to_string(r) + ": lane " + std::to_string(p.link.lane()));
      }
      if (!p.failed) mark(r, p);
    }
    p.timed = !p.failed && (p.link.next_timer() != Link::kNever || p.ring_at != Link::kNever);
    if (p.timed) timed_[kept++] = r;
  }
  timed_.resize(kept);
  if (now_ - shared_us_ > 100 * kTimerScanUs) share_receive_pool();
}

/// Links that have sent bodies in the last second share the pool.
void Mesh::share_receive_pool() {
  constexpr Micros kRecentUs = 1'000'000;
  shared_us_ = now_;
  if (now_ - body_us_ > kRecentUs) return;
  std::size_t senders = 0;
  for (const auto& p : peers_) senders += p->body_us != 0 && now_ - p->body_us < kRecentUs;
  if (senders == 0) return;
  const std::size_t window = std::clamp(kReceivePoolBytes / senders, kMinWindowBytes, kMaxWindowBytes);
  for (const auto& p : peers_) p->link.set_receive_window(window);
}

void Mesh::sleep() {
  Micros until = now_ + kMaxSleepUs;
  for (const Rank r : timed_) until = std::min({until, peer(r).link.next_timer(), peer(r).ring_at});
  const bool bodies = wire_->bodies_under_way() > 0 && now_ - body_us_ < 10 * kBodyPatienceUs;
  if (bodies) until = std::min(until, now_ + kTimerScanUs);
  // A timer that is due waits for the next scan.
  const Micros duration = std::max(until - now_, kTimerScanUs - (now_ - scanned_us_));
  if (duration <= 0) return;
  asleep_.store(true, std::memory_order_seq_cst);
  if (orders_.load(std::memory_order_seq_cst) == nullptr && !stop_.load()) {
    add(count_.sleeps);
    const bool rung = doorbell_->wait(duration);
    alert_until_ = boottime_us() + (rung ? kAlertUs : kListenUs);
  }
  asleep_.store(false, std::memory_order_relaxed);
}

void Mesh::run() {
  Micros idle_since = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    if (turn()) {
      idle_since = now_;
      if (now_ - work_us_ < kAwakeUs) continue;  // probes and acknowledgements alone do not keep it awake
    }
    const bool bodies = wire_->bodies_under_way() > 0 && now_ - body_us_ < kBodyPatienceUs;
    if (unpolled_ || !dirty_.empty() || now_ < alert_until_) continue;
    if (now_ - work_us_ >= kAwakeUs && !bodies) {
      sleep();
    } else if (now_ - idle_since >= kSpinUs) {
      ::sched_yield();
    }
  }
}

void Mesh::stop() {
  stop_.store(true);
  doorbell_->wake();
}

void Mesh::linger(Micros duration) {
  lingering_ = true;
  for (const Micros end = boottime_us() + duration; boottime_us() < end;)
    if (!turn()) doorbell_->wait(kTimerScanUs);
}

}  // namespace tajo::mpi
