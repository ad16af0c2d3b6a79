// The link logic over a simulated wire that loses, delays and reorders: exactly once and in order whatever it does.
#include "link.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "tajo/common/random.hpp"

namespace tajo::mpi {
namespace {

struct Flying {
  Micros at;
  std::uint64_t order;
  bool to_b;
  FrameHeader header;
  Bytes body;
};

Bytes numbered(std::uint64_t n, std::size_t size) {
  Bytes b(std::max(size, sizeof n), static_cast<std::byte>(n));
  std::memcpy(b.data(), &n, sizeof n);
  return b;
}
std::uint64_t number_of(const Bytes& b) {
  std::uint64_t n = 0;
  std::memcpy(&n, b.data(), sizeof n);
  return n;
}

class LossyWire {
 public:
  explicit LossyWire(std::uint64_t seed) : random(seed) {}

  void pump(Link& from, bool to_b) {
    Link::Outgoing out;
    while (from.next(now, out)) {
      ++frames;
      const int lane = out.lane;
      if (lane != dead_lane) from.wire_done(lane);
      if (lane == dead_lane || random.chance(loss)) continue;
      flying.push_back({now + 20 + static_cast<Micros>(random.below(jitter)), order++, to_b, out.header,
                        Bytes(out.body.begin(), out.body.end())});
    }
  }
  /// Runs both ends until `until` or nothing is under way and no timer is set.
  void run(Micros until) {
    while (now < until) {
      a.on_time(now);
      b.on_time(now);
      pump(a, true);
      pump(b, false);
      Micros next = std::min(a.next_timer(), b.next_timer());
      for (const Flying& f : flying) next = std::min(next, f.at);
      if (next == Link::kNever) return;
      now = std::max(now + 1, next);
      for (std::size_t i = 0; i < flying.size();) {
        if (flying[i].at > now) {
          ++i;
          continue;
        }
        Flying f = std::move(flying[i]);
        flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(i));
        Link& to = f.to_b ? b : a;
        if (to.on_header(f.header, now)) to.on_segment(f.header, std::move(f.body), now, f.to_b ? at_b : at_a);
      }
    }
  }

  Random random;
  double loss = 0;
  std::uint64_t jitter = 50;
  int dead_lane = -1;
  Micros now = 1'000'000;
  std::uint64_t order = 0;
  std::uint64_t frames = 0;
  std::vector<Flying> flying;
  Link a{1, now};
  Link b{1, now};
  std::vector<Link::Delivered> at_a;
  std::vector<Link::Delivered> at_b;
};

void push(Link& link, Channel channel, std::uint64_t n, std::size_t size = 8) {
  link.push(channel, std::make_shared<const Bytes>(numbered(n, size)));
}

void expect_in_order(const std::vector<Link::Delivered>& got, Channel channel, std::uint64_t count) {
  std::uint64_t next = 0;
  for (const auto& d : got) {
    if (d.channel != channel) continue;
    EXPECT_EQ(number_of(d.payload), next++);
  }
  EXPECT_EQ(next, count);
}

TEST(Link, ExactlyOnceInOrderOverALossyReorderingWire) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    LossyWire wire(seed);
    wire.loss = 0.02 * static_cast<double>(seed % 10);
    wire.jitter = 1 + 400 * (seed % 3);
    for (std::uint64_t i = 0; i < 300; ++i) {
      push(wire.a, Channel::kControl, i, 8 + wire.random.below(6000));
      push(wire.b, Channel::kControl, i);
      if (i % 10 == 0) push(wire.a, Channel::kData, i / 10, wire.random.below(3 << 20));
      if (i % 20 == 0) push(wire.a, Channel::kProbe, i / 20);
    }
    wire.run(wire.now + 600'000'000);
    expect_in_order(wire.at_b, Channel::kControl, 300);
    expect_in_order(wire.at_a, Channel::kControl, 300);
    expect_in_order(wire.at_b, Channel::kData, 30);
    expect_in_order(wire.at_b, Channel::kProbe, 15);
    EXPECT_EQ(wire.a.queued_bytes(), 0U);
    EXPECT_EQ(wire.b.queued_bytes(), 0U);
  }
}

TEST(Link, PayloadsArriveUnchangedAtEverySizeAroundTheBounds) {
  LossyWire wire(7);
  wire.loss = 0.05;
  std::vector<Bytes> sent;
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, kInlineBytes - 1, kInlineBytes, kInlineBytes + 1, kChunkBytes - 1,
                           kChunkBytes, kChunkBytes + 1, kChunkBytes + kInlineBytes, 3 * kChunkBytes + 17}) {
    Bytes b(size);
    for (std::size_t i = 0; i < size; ++i) b[i] = static_cast<std::byte>(i * 31 + size);
    sent.push_back(b);
    wire.a.push(Channel::kData, std::make_shared<const Bytes>(std::move(b)));
  }
  wire.run(wire.now + 60'000'000);
  ASSERT_EQ(wire.at_b.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_TRUE(wire.at_b[i].payload == sent[i]) << i;
}

TEST(Link, NothingIsRepeatedOnAHealthyWire) {
  LossyWire wire(3);
  for (std::uint64_t i = 0; i < 2000; ++i) push(wire.a, Channel::kControl, i);
  wire.run(wire.now + 10'000'000);
  expect_in_order(wire.at_b, Channel::kControl, 2000);
  EXPECT_EQ(wire.a.counters().retransmitted, 0U);
  EXPECT_EQ(wire.a.counters().lane_changes, 0U);
  EXPECT_LT(wire.frames, 2000U + 2000U / 8);  // acknowledgements are shared
}

TEST(Link, ADeadLaneIsLeftAfterThreeStalls) {
  LossyWire wire(4);
  wire.dead_lane = 0;
  const Micros start = wire.now;
  for (std::uint64_t i = 0; i < 100; ++i) push(wire.a, Channel::kControl, i, 500);
  wire.run(wire.now + 30'000'000);
  expect_in_order(wire.at_b, Channel::kControl, 100);
  EXPECT_EQ(wire.a.lane(), 1);
  EXPECT_GE(wire.now - start, 7 * kRetransmitAfterUs);  // 150 + 300 + 600 ms
  EXPECT_LE(wire.a.wire_pending(0), kMaxWireSends);
}

TEST(Link, WhatIsInFlightToASilentPeerIsBounded) {
  Link link(1, 0);
  for (std::uint64_t i = 0; i < 1000; ++i) push(link, Channel::kData, i, 512 << 10);
  Link::Outgoing out;
  std::size_t bytes = 0;
  Micros now = 0;
  for (int turn = 0; turn < 100'000; ++turn, now += 1000) {
    link.on_time(now);
    while (link.next(now, out)) bytes += out.body.size();  // never completes, never answered
  }
  EXPECT_LT(bytes, std::size_t{64} << 20);  // of 500 MiB, in 100 s
  for (int lane = 0; lane < kLanes; ++lane) EXPECT_LE(link.wire_pending(lane), kMaxWireSends);
}

TEST(Link, AProbePassesQueuedData) {
  LossyWire wire(5);
  for (std::uint64_t i = 0; i < 100; ++i) push(wire.a, Channel::kData, i, 1 << 20);
  Link::Outgoing out;
  while (wire.a.next(wire.now, out)) wire.a.wire_done(out.lane);
  push(wire.a, Channel::kProbe, 0);
  ASSERT_TRUE(wire.a.next(wire.now, out));
  EXPECT_EQ(out.header.channel, Channel::kProbe);
}

TEST(Link, TheReceiverSetsTheByteWindow) {
  LossyWire wire(6);
  wire.b.set_receive_window(2 << 20);
  push(wire.b, Channel::kProbe, 0);
  wire.run(wire.now + 1'000'000);
  for (std::uint64_t i = 0; i < 20; ++i) push(wire.a, Channel::kData, i, 1 << 20);
  Link::Outgoing out;
  int announced = 0;
  while (wire.a.next(wire.now, out)) announced += out.header.kind == FrameKind::kAnnounce;
  EXPECT_EQ(announced * kChunkBytes, std::size_t{2} << 20);
}

TEST(Link, ANewIncarnationGetsNothingMeantForTheOldOne) {
  LossyWire wire(8);
  push(wire.a, Channel::kControl, 0);
  wire.run(wire.now + 1'000'000);
  wire.b = Link(2, wire.now);  // evicted, all state dropped, back with the next incarnation
  wire.at_b.clear();
  push(wire.a, Channel::kControl, 77);
  wire.run(wire.now + 30'000'000);
  EXPECT_TRUE(wire.at_b.empty());
  EXPECT_EQ(wire.a.peer_incarnation(), 2U);  // learned from its greeting
  EXPECT_EQ(wire.a.queued_bytes(), 0U);
  push(wire.a, Channel::kControl, 0);
  push(wire.b, Channel::kControl, 1);
  wire.at_a.clear();
  wire.run(wire.now + 1'000'000);
  expect_in_order(wire.at_b, Channel::kControl, 1);
  ASSERT_EQ(wire.at_a.size(), 1U);
  EXPECT_EQ(number_of(wire.at_a[0].payload), 1U);
}

TEST(Link, WhatIsSentToAnExpectedIncarnationReachesItThoughItHasSentNothingYet) {
  LossyWire wire(10);
  push(wire.a, Channel::kControl, 7);
  wire.run(wire.now + 1'000'000);
  wire.b = Link(2, wire.now);
  wire.at_b.clear();
  wire.a.restart_peer(2);  // the view says so
  for (std::uint64_t i = 0; i < 5; ++i) push(wire.a, Channel::kControl, i);
  wire.run(wire.now + 30'000'000);
  expect_in_order(wire.at_b, Channel::kControl, 5);
}

TEST(Link, RestartTowardsAPeerForgetsTheQueueAndGoesOn) {
  LossyWire wire(9);
  for (std::uint64_t i = 0; i < 5; ++i) push(wire.a, Channel::kControl, i);
  wire.run(wire.now + 1'000'000);
  wire.at_b.clear();
  wire.dead_lane = 0;
  push(wire.a, Channel::kControl, 99);
  wire.run(wire.now + 100'000);
  wire.a.restart_peer(1);
  EXPECT_EQ(wire.a.queued_bytes(), 0U);
  wire.dead_lane = -1;
  for (std::uint64_t i = 0; i < 5; ++i) push(wire.a, Channel::kControl, i);
  wire.run(wire.now + 5'000'000);
  expect_in_order(wire.at_b, Channel::kControl, 5);
}

TEST(Link, FramesOfAnEarlierIncarnationOfThePeerAreStale) {
  Link b(1, 0);
  b.restart_peer(3);
  Link old(2, 0);
  push(old, Channel::kControl, 1);
  Link::Outgoing out;
  ASSERT_TRUE(old.next(0, out));
  EXPECT_FALSE(b.on_header(out.header, 0));
  EXPECT_EQ(b.counters().stale, 1U);
}

TEST(Frame, WhatIsNoFrameIsRefused) {
  FrameHeader h;
  Bytes raw(sizeof h);
  std::memcpy(raw.data(), &h, sizeof h);
  EXPECT_TRUE(parse_frame(raw));
  EXPECT_FALSE(parse_frame(ByteView(raw).first(50)));
  h.length = kChunkBytes + 1;
  std::memcpy(raw.data(), &h, sizeof h);
  EXPECT_FALSE(parse_frame(raw));
  h = {};
  h.kind = FrameKind::kInline;
  h.length = 10;
  std::memcpy(raw.data(), &h, sizeof h);
  EXPECT_FALSE(parse_frame(raw));
}

}  // namespace
}  // namespace tajo::mpi
