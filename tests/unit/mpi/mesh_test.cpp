// Meshes over a wire inside one process, each on a thread of its own as in a rank.
#include "mesh.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <thread>

#include "tajo/common/clock.hpp"

namespace tajo::mpi {
namespace {

struct Item {
  Rank from;
  int lane;
  bool body;
  std::uint32_t transfer;
  Bytes bytes;
};

/// Carries frames and bodies between ranks of this process; requests towards a dead rank fail.
class Exchange {
 public:
  explicit Exchange(int ranks) : inbox_(static_cast<std::size_t>(ranks)), dead_(static_cast<std::size_t>(ranks)) {}
  void put(Rank to, Item item) {
    const std::lock_guard lock(mutex_);
    inbox_[static_cast<std::size_t>(to)].push_back(std::move(item));
  }
  std::vector<Item> take(Rank rank) {
    const std::lock_guard lock(mutex_);
    return std::exchange(inbox_[static_cast<std::size_t>(rank)], {});
  }
  void kill(Rank rank) { dead_[static_cast<std::size_t>(rank)] = true; }
  bool is_dead(Rank rank) const { return dead_[static_cast<std::size_t>(rank)]; }

 private:
  std::mutex mutex_;
  std::vector<std::vector<Item>> inbox_;
  std::vector<std::atomic<bool>> dead_;
};

class Port final : public Wire {
 public:
  Port(Exchange& net, Rank rank) : net_(net), rank_(rank) {}
  void send_frame(Rank to, int lane, const FrameHeader& header, ByteView body, bool report) override {
    Bytes frame(sizeof header + body.size());
    std::memcpy(frame.data(), &header, sizeof header);
    std::copy(body.begin(), body.end(), frame.begin() + sizeof header);
    net_.put(to, {rank_, lane, false, 0, std::move(frame)});
    sent_.push_back({to, lane, report});
  }
  void send_body(Rank to, int lane, std::uint32_t transfer, std::shared_ptr<const Bytes>, ByteView body) override {
    net_.put(to, {rank_, lane, true, transfer, Bytes(body.begin(), body.end())});
    sent_.push_back({to, lane, true});
  }
  void expect_body(Rank from, int lane, const FrameHeader& announce) override { expected_.push_back({from, lane, announce}); }
  int bodies_under_way() const override { return static_cast<int>(expected_.size()); }
  int poll(WireEvents& events) override {
    int n = 0;
    for (const Sent& s : std::exchange(sent_, {})) {
      if (s.report) events.on_sent(s.to, s.lane);
      if (net_.is_dead(s.to)) events.on_failure(s.to);
      ++n;
    }
    for (Item& i : net_.take(rank_)) {
      ++n;
      if (i.body)
        bodies_.push_back(std::move(i));
      else
        events.on_frame(i.from, i.lane, i.bytes);
    }
    for (std::size_t e = 0; e < expected_.size();) {
      const Expected x = expected_[e];
      const auto it = std::find_if(bodies_.begin(), bodies_.end(), [&](const Item& i) {
        return i.from == x.from && i.lane == x.lane && i.transfer == x.announce.transfer;
      });
      if (it == bodies_.end()) {
        ++e;
        continue;
      }
      Bytes body = std::move(it->bytes);
      bodies_.erase(it);
      expected_.erase(expected_.begin() + static_cast<std::ptrdiff_t>(e));
      events.on_body(x.from, x.announce, std::move(body));
      ++n;
    }
    return n;
  }

 private:
  struct Sent {
    Rank to;
    int lane;
    bool report;
  };
  struct Expected {
    Rank from;
    int lane;
    FrameHeader announce;
  };
  Exchange& net_;
  Rank rank_;
  std::vector<Sent> sent_;
  std::deque<Item> bodies_;
  std::vector<Expected> expected_;
};

class MeshTest : public testing::Test {
 protected:
  static constexpr int kRanks = 3;
  void SetUp() override {
    std::vector<DoorbellAddress> addresses;
    std::vector<std::unique_ptr<Doorbell>> bells;
    for (int r = 0; r < kRanks; ++r) {
      bells.push_back(std::make_unique<Doorbell>());
      addresses.push_back(bells.back()->address());
    }
    for (Rank r = 0; r < kRanks; ++r) {
      auto& bell = bells[static_cast<std::size_t>(r)];
      bell->connect(addresses);
      meshes.push_back(std::make_unique<Mesh>(r, kRanks, 42, std::make_unique<Port>(net, r), std::move(bell)));
      for (Channel c : {Channel::kProbe, Channel::kControl, Channel::kData})
        meshes.back()->on_message(c, [this, r](Message&& m) {
          const std::lock_guard lock(mutex);
          got[r].push_back(std::move(m));
        });
    }
  }
  void TearDown() override {
    for (auto& m : meshes) m->stop();
    for (auto& t : threads) t.join();
  }
  void run(Rank r) {
    threads.emplace_back([this, r] { meshes[static_cast<std::size_t>(r)]->run(); });
  }
  Mesh& mesh(Rank r) { return *meshes[static_cast<std::size_t>(r)]; }
  template <class Condition>
  bool eventually(Condition condition) {
    for (const Micros end = boottime_us() + 20'000'000; boottime_us() < end; std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
      const std::lock_guard lock(mutex);
      if (condition()) return true;
    }
    return false;
  }

  Exchange net{kRanks};
  std::vector<std::unique_ptr<Mesh>> meshes;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::map<Rank, std::vector<Message>> got;
};

Bytes numbered(std::uint32_t thread, std::uint32_t number, std::size_t size) {
  Bytes b(std::max<std::size_t>(size, 8));
  std::memcpy(b.data(), &thread, 4);
  std::memcpy(b.data() + 4, &number, 4);
  return b;
}

TEST_F(MeshTest, ManyThreadsEachKeepTheirOrder) {
  for (Rank r = 0; r < kRanks; ++r) run(r);
  constexpr std::uint32_t kEach = 2000;
  std::vector<std::thread> senders;
  for (std::uint32_t t = 0; t < 4; ++t)
    senders.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < kEach; ++i) mesh(0).send(1, Channel::kControl, numbered(t, i, i % 50 == 0 ? 700'000 : 16));
    });
  for (auto& s : senders) s.join();
  ASSERT_TRUE(eventually([&] { return got[1].size() == 4 * kEach; }));
  std::array<std::uint32_t, 4> next{};
  for (const Message& m : got[1]) {
    std::uint32_t thread = 0;
    std::uint32_t number = 0;
    std::memcpy(&thread, m.payload.data(), 4);
    std::memcpy(&number, m.payload.data() + 4, 4);
    EXPECT_EQ(number, next[thread]++);
    EXPECT_EQ(m.source, 0);
    EXPECT_EQ(m.stamp.world, 42U);
  }
}

TEST_F(MeshTest, DataIsRefusedPastTheBoundAndWelcomeAgain) {
  std::atomic<int> writable{0};
  mesh(0).on_writable([&](Rank r) { writable += r == 1; });
  run(0);  // rank 1 does not run yet
  int taken = 0;
  while (taken < 1000 && mesh(0).send(1, Channel::kData, Bytes(1 << 20))) ++taken;
  EXPECT_EQ(taken, static_cast<int>(kMaxQueuedBytesPerPeer >> 20) - 1);  // each has a price beside its bytes
  EXPECT_TRUE(mesh(0).send(1, Channel::kControl, Bytes(10)));             // control passes
  EXPECT_TRUE(mesh(0).send(2, Channel::kData, Bytes(10)));                // others are not concerned
  EXPECT_EQ(writable, 0);
  run(1);
  EXPECT_TRUE(eventually([&] { return writable > 0 && got[1].size() == static_cast<std::size_t>(taken) + 1; }));
  EXPECT_TRUE(mesh(0).send(1, Channel::kData, Bytes(1 << 20)));
}

TEST_F(MeshTest, AFailedPeerIsReportedOnceAndOthersGoOn) {
  std::atomic<int> suspects{0};
  mesh(0).on_suspect([&](Rank r) { suspects += r == 2 ? 1 : 100; });
  run(0);
  run(1);
  net.kill(2);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(mesh(0).send(2, Channel::kData, Bytes(1 << 20)));  // to nowhere, and without filling anything
    mesh(0).send(1, Channel::kControl, Bytes(8));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(eventually([&] { return got[1].size() == 100; }));
  EXPECT_EQ(suspects, 1);
  EXPECT_GT(mesh(0).silence_us(2), mesh(0).silence_us(1));
}

TEST_F(MeshTest, ToItselfAndWithTheStampOfTheMoment) {
  run(0);
  run(1);
  mesh(0).set_stamp({0, 1, 7, 9});
  mesh(0).send(0, Channel::kControl, Bytes(3));
  mesh(0).send(1, Channel::kControl, Bytes(4));
  ASSERT_TRUE(eventually([&] { return got[0].size() == 1 && got[1].size() == 1; }));
  for (Rank r : {0, 1}) {
    EXPECT_EQ(got[r][0].stamp.epoch, 7U);
    EXPECT_EQ(got[r][0].stamp.view, 9U);
    EXPECT_EQ(got[r][0].stamp.world, 42U);
    EXPECT_EQ(got[r][0].stamp.incarnation, 1U);
  }
}

TEST_F(MeshTest, ANewIncarnationStartsAfresh) {
  run(0);
  run(1);
  mesh(0).send(1, Channel::kControl, Bytes(1));
  ASSERT_TRUE(eventually([&] { return got[1].size() == 1; }));
  mesh(1).set_stamp({0, 2, 7, 9});
  mesh(1).send(0, Channel::kControl, Bytes(2));
  ASSERT_TRUE(eventually([&] { return got[0].size() == 1; }));
  EXPECT_EQ(got[0][0].stamp.incarnation, 2U);
  mesh(0).send(1, Channel::kControl, Bytes(3));
  ASSERT_TRUE(eventually([&] { return got[1].size() == 2; }));
  EXPECT_EQ(got[1][1].payload.size(), 3U);
}

TEST_F(MeshTest, ASleepingMeshIsWokenAndRestsMeanwhile) {
  run(0);
  run(1);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const MeshCounters before = mesh(1).counters();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_LT(mesh(1).counters().turns - before.turns, 2000U);  // a spinning one makes millions
  mesh(0).send(1, Channel::kProbe, Bytes(1));
  EXPECT_TRUE(eventually([&] { return got[1].size() == 1; }));
  EXPECT_GE(mesh(0).counters().bells, 1U);
}

}  // namespace
}  // namespace tajo::mpi
