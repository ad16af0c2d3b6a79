// A small cluster in one process over real files: what a commit says must stand after its master is gone.
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "tajo/cluster/cluster_node.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/journal/posix_log_files.hpp"
#include "tajo/journal/slot.hpp"

namespace tajo::cluster {
namespace {

using journal::RecordKind;

struct Words final : journal::StateMachine {
  void apply(const journal::Record& r) override { words.emplace_back(as_text(r.payload)); }
  Bytes snapshot() const override {
    ByteWriter out;
    for (const std::string& w : words) out.text(w);
    return out.take();
  }
  void restore(ByteView snapshot) override {
    words.clear();
    for (ByteReader in(snapshot); !in.empty();) words.push_back(in.text());
  }
  std::vector<std::string> words;
};

struct World;

struct Process final : NodeListener, MessagePort {
  Process(World& w, NodeConfig config, const std::string& directory);
  void send(Rank to, Lane, Bytes payload) override;
  void set_stamp(const Stamp& s) override { stamp = s; }
  void reset_peer(Rank, Incarnation) override {}
  void expect_peer(Rank, Incarnation) override {}
  void on_view(const View&, Role) override {}
  void on_active(Epoch) override { active = true; }
  void on_passive() override { active = false; }
  void on_evicted() override {}
  void on_exit(const std::string& reason) override { exit_reason = reason; }
  void turn();

  World& world;
  Rank rank;
  Stamp stamp;
  bool alive = true;
  bool active = false;
  std::string exit_reason;
  std::mutex mutex;
  std::deque<std::function<void()>> posted;
  Words machine;
  std::unique_ptr<journal::PosixLogFiles> files;
  std::unique_ptr<ClusterNode> node;
};

struct World {
  struct Frame {
    Rank from, to;
    Stamp stamp;
    Bytes payload;
  };
  explicit World(int masters, int workers, std::string dir, bool force = false) : directory(std::move(dir)) {
    NodeConfig c;
    for (Rank r = 0; r < masters; ++r) c.masters.push_back(r);
    for (Rank r = masters; r < masters + workers; ++r) c.workers.push_back(r);
    c.world = static_cast<std::uint64_t>(boottime_us());
    c.force = force;
    for (Rank r = 0; r < masters + workers; ++r) {
      c.self = r;
      c.seed = c.world + static_cast<std::uint64_t>(r);
      ranks.push_back(std::make_unique<Process>(*this, c, directory));
    }
    for (auto& p : ranks) p->node->start();
  }
  template <class F>
  bool run_until(F condition, Micros limit = 8'000'000) {
    Micros end = boottime_us() + limit;
    while (!condition()) {
      if (boottime_us() > end) return false;
      for (auto frames = std::exchange(wire, {}); auto& f : frames) {
        Process& p = *ranks[static_cast<std::size_t>(f.to)];
        if (p.alive) p.node->on_frame(f.from, f.stamp, std::move(f.payload));
      }
      for (auto& p : ranks)
        if (p->alive) p->turn();
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    return true;
  }
  Process* active() {
    for (auto& p : ranks)
      if (p->alive && p->node->role() == Role::kActive) return p.get();
    return nullptr;
  }
  bool commit(const std::string& word) {
    std::optional<Outcome> outcome;
    active()->node->propose({.records = {{RecordKind::kCatalog, Bytes(as_bytes(word).begin(), as_bytes(word).end())}}},
                            [&](Outcome o) { outcome = o; });
    return run_until([&] { return outcome.has_value(); }) && *outcome == Outcome::kCommitted;
  }
  void kill(Process& p) {
    p.alive = false;
    std::erase_if(wire, [&](const Frame& f) { return f.from == p.rank; });
    for (auto& other : ranks)
      if (other->alive) other->node->on_suspect(p.rank);
  }
  std::string directory;
  std::deque<Frame> wire;
  std::vector<std::unique_ptr<Process>> ranks;
};

Process::Process(World& w, NodeConfig config, const std::string& directory) : world(w), rank(config.self) {
  files = journal::PosixLogFiles::open(directory, rank, [this](std::function<void()> f) {
    std::lock_guard lock(mutex);
    posted.push_back(std::move(f));
  });
  node = std::make_unique<ClusterNode>(config, *files, *this, *this, boottime_us);
  node->add_machine("words", {RecordKind::kCatalog}, machine);
}

void Process::send(Rank to, Lane, Bytes payload) { world.wire.push_back({rank, to, stamp, std::move(payload)}); }

void Process::turn() {
  std::deque<std::function<void()>> due;
  {
    std::lock_guard lock(mutex);
    due.swap(posted);
  }
  for (auto& f : due) f();
  if (node->next_wakeup() <= boottime_us()) node->on_tick();
}

struct RealFiles : ::testing::Test {
  RealFiles() {
    char name[] = "/tmp/tajo-cluster-XXXXXX";
    directory = mkdtemp(name);
  }
  ~RealFiles() override { std::filesystem::remove_all(directory); }
  std::string directory;
};

TEST_F(RealFiles, AcknowledgedSurvivesTheActiveAndTheWorld) {
  std::vector<std::string> acked;
  {
    World w(2, 2, directory);
    ASSERT_TRUE(w.run_until([&] { return w.active() != nullptr; }));
    EXPECT_EQ(w.active()->rank, 0);
    for (int i = 0; i < 20; ++i) {
      std::string word = "w" + std::to_string(i);
      ASSERT_TRUE(w.commit(word));
      acked.push_back(word);
    }
    Micros before = boottime_us();
    w.kill(*w.ranks[0]);
    ASSERT_TRUE(w.run_until([&] { return w.active() != nullptr; }));
    RecordProperty("takeover_us", std::to_string(boottime_us() - before));
    EXPECT_EQ(w.active()->rank, 1);
    EXPECT_EQ(w.ranks[1]->machine.words, acked);
    ASSERT_TRUE(w.commit("after"));
    acked.push_back("after");
    std::optional<bool> proved;
    w.active()->node->prove_read([&](bool ok) { proved = ok; });
    ASSERT_TRUE(w.run_until([&] { return proved.has_value(); }));
    EXPECT_TRUE(*proved);
  }
  World next(1, 1, directory);
  ASSERT_TRUE(next.run_until([&] { return next.active() != nullptr; }));
  EXPECT_EQ(next.active()->machine.words, acked);
  EXPECT_GE(next.active()->node->epoch(), 3u);
}

TEST_F(RealFiles, RowsEndAndANewcomerStartsFromTheSnapshot) {
  std::vector<std::string> acked;
  {
    World w(2, 1, directory);
    for (auto& p : w.ranks) p->node->set_row_limits(8, 1u << 20);
    ASSERT_TRUE(w.run_until([&] { return w.active() != nullptr; }));
    for (int i = 0; i < 60; ++i) {
      acked.push_back("row word " + std::to_string(i));
      ASSERT_TRUE(w.commit(acked.back()));
      w.run_until([] { return false; }, 3000);
    }
    EXPECT_GE(w.active()->node->counters().rows_closed, 3u);
    ASSERT_TRUE(w.run_until([&] { return w.ranks[1]->machine.words == acked; }));
  }
  std::size_t rows = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    rows += journal::row_number(entry.path().filename().string()) != 0 ? 1 : 0;
  EXPECT_LE(rows, 4u);
  World next(1, 0, directory);
  ASSERT_TRUE(next.run_until([&] { return next.active() != nullptr; }));
  EXPECT_EQ(next.active()->machine.words, acked);
}

TEST_F(RealFiles, NothingFollowsALastProposal) {
  World w(2, 1, directory);
  ASSERT_TRUE(w.run_until([&] { return w.active() != nullptr; }));
  ASSERT_TRUE(w.commit("before"));
  ASSERT_TRUE(w.run_until([&] { return w.ranks[1]->machine.words.size() == 1; }));
  ClusterNode& node = *w.active()->node;
  auto proposal = [](const char* word, bool last) {
    ByteView text = as_bytes(word);
    return Proposal{.records = {{RecordKind::kCatalog, Bytes(text.begin(), text.end())}}, .last = last};
  };
  std::optional<Outcome> with, last, late;
  node.propose(proposal("with it", false), [&](Outcome o) { with = o; });
  node.propose(proposal("the last", true), [&](Outcome o) { last = o; });
  node.propose(proposal("late", false), [&](Outcome o) { late = o; });
  EXPECT_EQ(late, Outcome::kNotActive);
  ASSERT_TRUE(w.run_until([&] { return with && last; }));
  EXPECT_EQ(*with, Outcome::kCommitted);
  EXPECT_EQ(*last, Outcome::kCommitted);
  std::optional<Outcome> after;
  node.propose(proposal("after", false), [&](Outcome o) { after = o; });
  EXPECT_EQ(after, Outcome::kNotActive);
  w.ranks[1]->node->abstain_for(700'000);
  const Micros told = boottime_us();
  w.kill(*w.ranks[0]);
  ASSERT_TRUE(w.run_until([&] { return w.active() != nullptr; })) << "the log is left to another world only for a while";
  EXPECT_GE(boottime_us() - told, 700'000);
  EXPECT_EQ(w.active()->machine.words, (std::vector<std::string>{"before", "with it", "the last"}));
}

TEST_F(RealFiles, StateRidesWithASlotAndNeedsNoneOfItsOwn) {
  World w(1, 1, directory);
  ASSERT_TRUE(w.run_until([&] { return w.active() != nullptr; }));
  ClusterNode& node = *w.active()->node;
  auto propose = [&](const char* word, journal::Durability durability, std::optional<Outcome>& outcome) {
    ByteView text = as_bytes(word);
    node.propose({.records = {{RecordKind::kCatalog, Bytes(text.begin(), text.end())}}, .durability = durability},
                 [&outcome](Outcome o) { outcome = o; });
  };
  std::optional<Outcome> state, commit, alone;
  propose("state", journal::Durability::kState, state);
  propose("commit", journal::Durability::kCommit, commit);
  ASSERT_TRUE(w.run_until([&] { return commit.has_value(); }));
  EXPECT_EQ(state, Outcome::kCommitted) << "it was proposed before";
  EXPECT_EQ(w.active()->machine.words, (std::vector<std::string>{"state", "commit"}));
  propose("alone", journal::Durability::kState, alone);
  ASSERT_TRUE(w.run_until([&] { return alone.has_value(); })) << "with no slot to ride with it gets one after a while";
  EXPECT_EQ(alone, Outcome::kCommitted);
}

TEST_F(RealFiles, WhatRestsOnAnAbsentWorkerIsRefused) {
  World w(1, 1, directory);
  ASSERT_TRUE(w.run_until([&] { return w.active() != nullptr; }));
  std::optional<Outcome> outcome;
  Proposal p{.records = {{RecordKind::kCatalog, Bytes(3)}}};
  p.members = {{1, 2}};  // another incarnation than the view's
  w.active()->node->propose(std::move(p), [&](Outcome o) { outcome = o; });
  ASSERT_TRUE(w.run_until([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome, Outcome::kStaleMember);
  EXPECT_TRUE(w.active()->machine.words.empty());
}

TEST_F(RealFiles, HandoverKeepsTheOldActiveAsBackup) {
  World w(2, 1, directory);
  ASSERT_TRUE(w.run_until([&] { return w.active() != nullptr; }));
  ASSERT_TRUE(w.commit("before"));
  std::optional<bool> done;
  w.active()->node->hand_over(1, [&](bool ok) { done = ok; });
  ASSERT_TRUE(w.run_until([&] { return done.has_value(); }));
  EXPECT_TRUE(*done);
  ASSERT_TRUE(w.run_until([&] { return w.ranks[1]->node->role() == Role::kActive; }));
  ASSERT_TRUE(w.run_until([&] { return w.ranks[0]->node->role() == Role::kBackup; }));
  ASSERT_TRUE(w.commit("later"));
}

TEST_F(RealFiles, ASecondWorldSupersedesTheFirst) {
  World first(1, 1, directory);
  ASSERT_TRUE(first.run_until([&] { return first.active() != nullptr; }));
  ASSERT_TRUE(first.commit("one"));
  World second(1, 1, directory, true);
  ASSERT_TRUE(second.run_until([&] { return second.active() != nullptr; }));
  ASSERT_TRUE(second.commit("two"));
  std::optional<Outcome> outcome;
  first.ranks[0]->node->propose({.records = {{RecordKind::kCatalog, Bytes(3)}}}, [&](Outcome o) { outcome = o; });
  ASSERT_TRUE(first.run_until([&] { return !first.ranks[0]->exit_reason.empty(); }));
  EXPECT_EQ(*outcome, Outcome::kSuperseded);
}

}  // namespace
}  // namespace tajo::cluster
