#include "link.hpp"

#include <algorithm>
#include <utility>

namespace tajo::mpi {
namespace {

constexpr std::size_t kSegmentPrice = 64;
constexpr std::uint64_t kProbeWindowFrames = 16;
constexpr int kSendsForData = kMaxWireSends - 16;  // the rest is kept for control and probes
constexpr int kSendsForControl = kMaxWireSends - 8;
constexpr std::size_t kDataIndex = static_cast<std::size_t>(Channel::kData);
constexpr std::size_t kProbeIndex = static_cast<std::size_t>(Channel::kProbe);

std::size_t segments_of(std::size_t bytes) { return bytes <= kInlineBytes ? 1 : (bytes + kChunkBytes - 1) / kChunkBytes; }
std::uint64_t first_session(Incarnation incarnation) { return static_cast<std::uint64_t>(incarnation) << 32; }
int sends_allowed(std::size_t channel) {
  return channel == kDataIndex ? kSendsForData : channel == kProbeIndex ? kMaxWireSends : kSendsForControl;
}

}  // namespace

Link::Link(Incarnation own, Micros now) : own_incarnation_(own), session_(first_session(own)), greeted_us_(now - kGreetingUs) {}

std::size_t Link::cost(std::size_t payload_bytes) { return payload_bytes + kSegmentPrice * segments_of(payload_bytes); }

void Link::push(Channel channel, std::shared_ptr<const Bytes> payload) {
  TAJO_ASSERT(payload->size() <= kMaxMessageBytes);
  Sender& sender = senders_[static_cast<std::size_t>(channel)];
  const std::size_t total = payload->size();
  const std::size_t count = segments_of(total);
  for (std::size_t i = 0; i < count; ++i) {
    Segment s;
    s.owner = payload;
    s.offset = i * kChunkBytes;
    s.length = static_cast<std::uint32_t>(std::min(kChunkBytes, total - s.offset));
    s.announced = s.length > kInlineBytes;
    s.flags = static_cast<std::uint8_t>((i == 0 ? kFirstOfMessage : 0) | (i + 1 == count ? kLastOfMessage : 0));
    sender.segments.push_back(std::move(s));
  }
  queued_bytes_ += cost(total);
}

std::size_t Link::window(std::size_t channel) const {
  if (channel != kDataIndex) return kMaxWindowBytes / 2;
  return std::max<std::size_t>(kMinWindowBytes, std::min<std::size_t>(congestion_window_, peer_window_));
}

bool Link::ack_wanted(Micros now) const {
  if (greet_ && now - greeted_us_ >= kGreetingUs) return true;
  for (const Receiver& r : receivers_)
    if (r.ack_now || r.ack_frames >= kAckEveryFrames || r.ack_bytes >= kAckEveryBytes || now >= r.ack_at) return true;
  return false;
}

void Link::fill(Outgoing& out) {
  FrameHeader& h = out.header;
  h.turn = turn_;
  out.lane = lane();
  h.incarnation = own_incarnation_;
  h.session = session_;
  h.acked_session = peer_session_;
  h.window = receive_window_;
  h.to_incarnation = peer_incarnation_;
  for (std::size_t c = 0; c < kChannels; ++c) {
    Receiver& r = receivers_[c];
    h.acknowledged[c] = r.expected;
    r.ack_frames = 0;
    r.ack_bytes = 0;
    r.ack_at = kNever;
    r.ack_now = false;
  }
  ++wire_pending_[static_cast<std::size_t>(lane())];
}

bool Link::next_segment(std::size_t channel, Micros now, Outgoing& out) {
  Sender& sender = senders_[channel];
  const std::uint64_t index = sender.cursor - sender.acked;
  if (index >= sender.segments.size()) return false;
  const std::uint64_t frames = channel == kProbeIndex ? kProbeWindowFrames : kWindowFrames;
  if (index >= std::min(frames, sender.burst)) return false;
  if (wire_pending(lane()) >= sends_allowed(channel)) return false;
  Segment& s = sender.segments[index];
  if (s.announced && sender.flight > 0 && sender.flight + s.length > window(channel)) return false;
  if (sender.sent == sender.acked) sender.progress_us = now;  // nothing was outstanding: the clock starts here
  out = Outgoing{};
  out.header.channel = static_cast<Channel>(channel);
  out.header.kind = s.announced ? FrameKind::kAnnounce : FrameKind::kInline;
  out.header.flags = s.flags;
  out.header.sequence = sender.cursor;
  out.header.message_bytes = s.owner->size();
  out.header.length = s.length;
  out.header.transfer = s.announced ? transfers_++ : 0;
  out.owner = s.owner;
  out.body = ByteView(*s.owner).subspan(s.offset, s.length);
  out.urgent = true;
  if (s.announced) sender.flight += s.length;
  s.repeated = sender.cursor < sender.sent;
  s.sent_us = now;
  if (s.repeated) ++counters_.retransmitted;
  sender.sent = std::max(sender.sent, ++sender.cursor);
  fill(out);
  return true;
}

bool Link::next(Micros now, Outgoing& out) {
  if (next_segment(kProbeIndex, now, out)) return true;
  if (next_segment(static_cast<std::size_t>(Channel::kControl), now, out)) return true;
  if (ack_wanted(now) && wire_pending(lane()) < kMaxWireSends) {
    out = Outgoing{};
    for (const Receiver& r : receivers_)
      out.urgent |= r.ack_frames >= kAckEveryFrames || r.ack_bytes >= kAckEveryBytes;
    if (greet_) {
      greet_ = false;
      greeted_us_ = now;
      out.urgent = true;
    }
    fill(out);
    return true;
  }
  return next_segment(kDataIndex, now, out);
}

void Link::wire_done(int lane) {
  int& pending = wire_pending_[static_cast<std::size_t>(lane)];
  TAJO_ASSERT(pending > 0);
  --pending;
}

void Link::acknowledge(std::size_t channel, std::uint64_t upto, Micros now) {
  Sender& sender = senders_[channel];
  if (upto <= sender.acked || upto > sender.sent) return;
  while (sender.acked < upto) {
    const Segment& s = sender.segments.front();
    if (s.announced && sender.cursor > sender.acked) sender.flight -= s.length;
    if (!s.repeated) sender.smooth_us += (now - s.sent_us - sender.smooth_us) / 8;
    if (s.announced && channel == kDataIndex && !s.repeated) {
      // Queues in switches and sockets are kept short, so that a probe passes within kMaxWireUs.
      if (now - s.sent_us > kMaxWireUs) {
        if (now - congested_us_ > kMaxWireUs) {
          congestion_window_ = std::max(kMinWindowBytes, congestion_window_ / 2);
          congested_us_ = now;
        }
      } else {
        congestion_window_ = std::min(kMaxWindowBytes, congestion_window_ + s.length / 4);
      }
    }
    queued_bytes_ -= s.length + kSegmentPrice;
    sender.segments.pop_front();
    ++sender.acked;
    sender.cursor = std::max(sender.cursor, sender.acked);
  }
  sender.progress_us = now;
  sender.stalls = 0;
  sender.burst = std::min(kWindowFrames, sender.burst * 2);
}

bool Link::on_header(const FrameHeader& header, Micros now) {
  const auto incarnation = static_cast<Incarnation>(header.session >> 32);
  if (header.session < peer_session_ || incarnation < peer_incarnation_) {
    ++counters_.stale;
    return false;
  }
  if (header.session > peer_session_) {
    peer_session_ = header.session;
    receivers_ = {};
    if (incarnation > peer_incarnation_) {
      // The peer has dropped all state: what was queued was meant for its earlier life.
      peer_incarnation_ = incarnation;
      begin_session(session_ + 1);
    }
  }
  peer_window_ = header.window;
  // The peer left a lane: it is of no use for our acknowledgements either.
  if (static_cast<std::int8_t>(header.turn - turn_) > 0) turn_ = header.turn;
  if (header.acked_session == session_)
    for (std::size_t c = 0; c < kChannels; ++c) acknowledge(c, header.acknowledged[c], now);
  if (header.to_incarnation != own_incarnation_) {
    ++counters_.stale;
    if (header.to_incarnation < own_incarnation_) greet_ = true;
    return false;
  }
  return header.kind != FrameKind::kAck;
}

void Link::on_segment(const FrameHeader& header, Bytes&& body, Micros now, std::vector<Delivered>& out) {
  if (header.session != peer_session_ || header.to_incarnation != own_incarnation_) return;  // it took its time
  accept(static_cast<std::size_t>(header.channel), header, std::move(body), now, out);
}

void Link::accept(std::size_t channel, const FrameHeader& header, Bytes&& body, Micros now, std::vector<Delivered>& out) {
  Receiver& r = receivers_[channel];
  ++r.ack_frames;
  r.ack_bytes += header.kind == FrameKind::kAnnounce ? header.length : 0;
  r.ack_at = std::min(r.ack_at, now + (header.kind == FrameKind::kAnnounce ? kAckBodyDelayUs : kAckDelayUs));
  if (header.sequence < r.expected || r.early.contains(header.sequence)) {
    ++counters_.duplicates;
    r.ack_now = true;
    return;
  }
  if (header.sequence >= r.expected + kWindowFrames) return;
  if (header.sequence > r.expected) {
    r.early.emplace(header.sequence, Arrived{header, std::move(body)});
    return;
  }
  deliver(r, Arrived{header, std::move(body)}, out);
  for (auto it = r.early.begin(); it != r.early.end() && it->first == r.expected; it = r.early.erase(it))
    deliver(r, std::move(it->second), out);
}

void Link::deliver(Receiver& r, Arrived&& arrived, std::vector<Delivered>& out) {
  const FrameHeader& h = arrived.header;
  ++r.expected;
  const FrameStamp stamp{h.world, h.incarnation, h.epoch, h.view};
  if ((h.flags & kFirstOfMessage) != 0 && (h.flags & kLastOfMessage) != 0) {
    out.push_back({h.channel, stamp, std::move(arrived.body)});
    return;
  }
  if ((h.flags & kFirstOfMessage) != 0) {
    r.message.clear();
    r.message.reserve(h.message_bytes);
  }
  r.message.insert(r.message.end(), arrived.body.begin(), arrived.body.end());
  if ((h.flags & kLastOfMessage) != 0) out.push_back({h.channel, stamp, std::exchange(r.message, Bytes{})});
}

Micros Link::stall_timeout(const Sender& sender) {
  const Micros first = std::max(kRetransmitAfterUs, 3 * std::min(sender.smooth_us, kMaxSmoothUs));
  return std::min(first << std::min(sender.stalls, 5), kMaxRetransmitUs);
}

void Link::rewind(Sender& sender) {
  sender.cursor = sender.acked;
  sender.flight = 0;
  sender.burst = kRestartFrames;
}

void Link::on_time(Micros now) {
  int change = 0;
  for (Sender& sender : senders_) {
    if (sender.sent == sender.acked || now - sender.progress_us < stall_timeout(sender)) continue;
    ++sender.stalls;
    sender.progress_us = now;
    const bool next_lane = sender.stalls % kStallsPerLane == 0;
    // Sends that MPI still holds are on their way: repeating them on the same lane would only lengthen the queue.
    if (next_lane || wire_pending(lane()) == 0) rewind(sender);
    if (next_lane) change = sender.stalls;
  }
  if (change == 0) return;
  ++turn_;
  ++counters_.lane_changes;
  for (Sender& sender : senders_) {
    if (sender.sent == sender.acked) continue;
    rewind(sender);
    sender.stalls = change;  // the channels share the lane: one of them left it for all
    sender.progress_us = now;
  }
}

Micros Link::next_timer() const {
  Micros at = kNever;
  for (const Sender& s : senders_)
    if (s.sent > s.acked) at = std::min(at, s.progress_us + stall_timeout(s));
  if (wire_pending(lane()) >= kMaxWireSends) return at;  // an acknowledgement could not leave now
  for (const Receiver& r : receivers_) at = std::min(at, r.ack_at);
  if (greet_) at = std::min(at, greeted_us_ + kGreetingUs);
  return at;
}

void Link::begin_session(std::uint64_t session) {
  session_ = session;
  for (Sender& sender : senders_) sender = Sender{};
  queued_bytes_ = 0;
}

void Link::restart_self(Incarnation own) {
  if (own <= own_incarnation_) return;
  own_incarnation_ = own;
  begin_session(first_session(own));
}

void Link::restart_peer(Incarnation peer) {
  if (peer > peer_incarnation_) {
    peer_incarnation_ = peer;
    receivers_ = {};
  }
  begin_session(session_ + 1);
}

}  // namespace tajo::mpi
