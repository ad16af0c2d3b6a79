#include "tajo/master/query_coordinator.hpp"

#include <gtest/gtest.h>

namespace tajo::master {
namespace {

constexpr Rank kMaster = 0, kWorker = 1;
constexpr QueryId kQuery{1'700'000'000'000, 1};

class GrantPort final : public protocol::ControlPort {
 public:
  Rank self() const override { return kMaster; }
  void send(Rank to, Bytes message) override {
    if (static_cast<protocol::Tag>(message[0]) == protocol::Tag::kStartQuery) {
      granted.push_back(to);
      last = protocol::decode_start_query(message);
    }
    if (static_cast<protocol::Tag>(message[0]) == protocol::Tag::kRunOwnTasks) agreed.push_back(to);
  }
  std::vector<Rank> granted, agreed;
  protocol::StartQuery last;
};

class QueryCoordinatorTest : public testing::Test {
 protected:
  QueryCoordinatorTest() {
    cluster::View view;
    view.number = 1;
    view.epoch = 1;
    view.members[kMaster] = {cluster::Role::kActive, 1};
    view.members[kWorker] = {cluster::Role::kWorker, 1};
    coordinator.on_active(1, 0);
    coordinator.on_view(view, 0);
    QueryJob job;
    job.id = kQuery;
    job.epoch = job.submitted_epoch = 1;
    job.done = [this](protocol::QueryDone) { ++ended; };
    coordinator.submit(std::move(job), 0);
  }
  void heartbeats(int count, bool with_query) {
    protocol::Heartbeat h;
    if (with_query) h.queries.emplace_back().query = kQuery;
    for (int i = 0; i < count; ++i) coordinator.on_heartbeat(kWorker, h);
  }
  GrantPort port;
  QueryCoordinator coordinator{port};
  int ended = 0;
};

TEST_F(QueryCoordinatorTest, AQueryThatItsQueryMasterDoesNotNameIsGrantedAgain) {
  ASSERT_EQ(port.granted, std::vector<Rank>{kWorker});
  heartbeats(kUnheardHeartbeats - 1, false);
  EXPECT_EQ(port.granted.size(), 1u);
  heartbeats(1, false);
  EXPECT_EQ(port.granted.size(), 2u);
}

TEST_F(QueryCoordinatorTest, AQueryThatIsNamedIsNot) {
  for (int i = 0; i < 4; ++i) {
    heartbeats(1, true);
    heartbeats(kUnheardHeartbeats - 1, false);
  }
  EXPECT_EQ(port.granted.size(), 1u);
}

TEST_F(QueryCoordinatorTest, AQueryThatComesAfterTheEndOfItsEpochEnds) {
  coordinator.on_passive();
  EXPECT_EQ(ended, 1);
  auto submit = [this](Epoch epoch) {
    QueryJob job;
    job.id = {kQuery.start_ms, kQuery.number + 1};
    job.epoch = job.submitted_epoch = epoch;
    job.done = [this](protocol::QueryDone done) {
      ++ended;
      ASSERT_TRUE(done.error);
      EXPECT_EQ(done.error->sqlstate, sqlstate::kOutcomeUnknown) << "the statement asks the successor";
    };
    coordinator.submit(std::move(job), 1);
  };
  submit(1);
  EXPECT_EQ(ended, 2);
  coordinator.on_active(3, 2);
  submit(1);
  EXPECT_EQ(ended, 3);
  coordinator.on_tick(3);
  EXPECT_EQ(port.granted.size(), 1u) << "it went to nobody";
}

/// One master, five workers that leave one after the other; how the query is told is the test's.
class LostQueryMasters : public testing::Test {
 protected:
  LostQueryMasters() {
    view.number = view.epoch = 1;
    view.members[kMaster] = {cluster::Role::kActive, 1};
    for (Rank rank = 1; rank <= 5; ++rank) view.members[rank] = {cluster::Role::kWorker, 1};
    coordinator.on_active(1, 0);
    coordinator.on_view(view, 0);
  }
  void submit(bool one_task, QueryLosses losses = {}, bool adopt = false) {
    QueryJob job;
    job.id = kQuery;
    job.epoch = job.submitted_epoch = 1;
    job.one_task = one_task;
    job.adopt = adopt;
    job.losses = losses;
    job.lost = [this](const QueryLosses& l) { told.push_back(l); };
    job.done = [this](protocol::QueryDone d) { done = std::move(d); };
    coordinator.submit(std::move(job), 0);
  }
  void report(std::set<protocol::TaskNumber> own_tasks, bool asks, protocol::TaskLosses lost_under = {}) {
    protocol::Heartbeat h;
    protocol::RunningQuery r;
    r.query = kQuery;
    r.attempt = port.last.attempt;
    r.own_tasks = std::move(own_tasks);
    r.lost_under = std::move(lost_under);
    r.asks = asks;
    h.queries.push_back(r);
    coordinator.on_heartbeat(port.granted.back(), h);
  }
  void not_started(Rank worker, std::uint16_t attempt) {
    protocol::QueryDone d;
    d.query = kQuery;
    d.attempt = attempt;
    d.error = protocol::to_text(Error("53200", "out of memory"));
    d.not_started = true;
    coordinator.on_query_done(worker, d);
  }
  void lose() {
    ++view.number;
    view.members.erase(port.granted.back());
    coordinator.on_view(view, 0);
  }
  GrantPort port;
  QueryCoordinator coordinator{port};
  cluster::View view;
  std::vector<QueryLosses> told;
  std::optional<protocol::QueryDone> done;
};

TEST_F(LostQueryMasters, WhatAWorkerCannotStartAnotherDoes) {
  submit(false);
  not_started(port.granted.back(), port.last.attempt);
  ASSERT_EQ(port.granted.size(), 2u);
  EXPECT_NE(port.granted[0], port.granted[1]);
  EXPECT_EQ(port.last.attempt, 1);
  not_started(port.granted[0], 0);  // told again before the acknowledgement came
  EXPECT_EQ(port.granted.size(), 2u);
  protocol::QueryDone good;
  good.query = kQuery;
  good.attempt = 1;
  good.rows = 7;
  coordinator.on_query_done(port.granted[1], good);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->rows, 7u);
  EXPECT_TRUE(told.empty()) << "no worker was lost";
}

TEST_F(LostQueryMasters, WhatNoWorkerCanStartFailsWithItsError) {
  submit(false);
  for (int i = 0; i < 5; ++i) {
    ASSERT_FALSE(done);
    not_started(port.granted.back(), port.last.attempt);
  }
  ASSERT_TRUE(done && done->error);
  EXPECT_EQ(done->error->sqlstate, "53200");
  EXPECT_EQ((std::set<Rank>(port.granted.begin(), port.granted.end())), (std::set<Rank>{1, 2, 3, 4, 5})) << "each was asked once";
  EXPECT_EQ(port.granted.size(), 5u);
}

TEST_F(LostQueryMasters, ACanceledQueryIsNotStartedElsewhere) {
  submit(false);
  coordinator.cancel(kQuery);
  not_started(port.granted.back(), port.last.attempt);
  EXPECT_TRUE(done);
  EXPECT_EQ(port.granted.size(), 1u);
}

TEST_F(LostQueryMasters, TwoUnderTheOnlyTaskEndTheQuery) {
  submit(true);
  lose();
  EXPECT_FALSE(done);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told.back().query_masters, 1);
  EXPECT_EQ(told.back().under_tasks, (protocol::TaskLosses{{{0, 0}, 1}}));
  EXPECT_EQ(told.back().cut_for, 5u);
  EXPECT_EQ(port.last.query_masters_lost, 1);
  EXPECT_EQ(port.last.lost_under, told.back().under_tasks);
  EXPECT_EQ(port.last.cut_for, 5u) << "though there are four now";
  lose();
  ASSERT_TRUE(done && done->error);
  EXPECT_EQ(done->error->sqlstate, "58000");
  EXPECT_EQ(port.granted.size(), 2u);
}

TEST_F(LostQueryMasters, WhatWasCountedInAnEarlierEpochCounts) {
  submit(true, {1, {{{0, 0}, 1}}, false, 5});
  EXPECT_EQ(port.last.query_masters_lost, 1);
  lose();
  ASSERT_TRUE(done && done->error);
  EXPECT_EQ(done->error->sqlstate, "58000");
}

TEST_F(LostQueryMasters, OnlyThoseUnderTasksCount) {
  submit(false);
  for (int i = 0; i < 2; ++i) {
    report({}, false);
    lose();
  }
  report({{1, 0}}, true);
  EXPECT_EQ(port.agreed, std::vector<Rank>{port.granted.back()});
  report({{1, 0}}, false);
  EXPECT_EQ(port.agreed.size(), 1u);
  lose();
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told.back().query_masters, 3);
  EXPECT_EQ(told.back().under_tasks, (protocol::TaskLosses{{{1, 0}, 1}}));
  EXPECT_FALSE(done);
  report({{1, 0}}, true);
  lose();
  ASSERT_TRUE(done && done->error);
}

TEST_F(LostQueryMasters, OneThatWasNotHeardCountsOnceForEachTask) {
  submit(false);
  lose();
  lose();  // two that fall together
  ASSERT_FALSE(done);
  EXPECT_TRUE(told.back().unheard && told.back().under_tasks.empty());
  EXPECT_TRUE(port.last.lost_unheard);
  report({}, false);
  lose();
  ASSERT_FALSE(done);
  report({{1, 0}}, true);
  lose();
  ASSERT_TRUE(done && done->error);
  EXPECT_EQ(done->error->sqlstate, "58000");
}

TEST_F(LostQueryMasters, AWordThatATaskBeginsIsEnough) {
  submit(false);
  for (int i = 0; i < 2; ++i) {
    ASSERT_FALSE(done);
    TaskId task{kQuery, 1, static_cast<std::uint16_t>(port.last.attempt << 8 | 1), 0};
    coordinator.on_own_task(port.granted.back(), task);
    lose();  // before the next heartbeat
  }
  ASSERT_TRUE(done && done->error);
  EXPECT_EQ(done->error->sqlstate, "58000");
  EXPECT_EQ(port.granted.size(), 2u);
}

TEST_F(LostQueryMasters, WhatWasToldBeforeTheQueryIsTakenUpCounts) {
  protocol::Heartbeat h;
  protocol::RunningQuery& r = h.queries.emplace_back();
  r.query = kQuery;
  r.attempt = 6;
  r.own_tasks = {{1, 0}};
  coordinator.on_heartbeat(2, h);
  submit(false, {1, {{{1, 0}, 1}}, false, 5}, true);
  EXPECT_TRUE(port.granted.empty()) << "it runs on rank 2";
  ++view.number;
  view.members.erase(2);
  coordinator.on_view(view, 0);
  ASSERT_TRUE(done && done->error);
  EXPECT_EQ(done->error->sqlstate, "58000");
}

TEST_F(LostQueryMasters, WordsOfOthersAndOfTasksThatEndedDoNotCount) {
  submit(false);
  const TaskId mine{kQuery, 1, static_cast<std::uint16_t>(port.last.attempt << 8 | 1), 0};
  coordinator.on_own_task(static_cast<Rank>(port.granted.back() + 1), mine);
  TaskId earlier = mine;
  earlier.attempt += 1 << 8;
  coordinator.on_own_task(port.granted.back(), earlier);
  coordinator.on_own_task(port.granted.back(), mine);
  report({}, false);
  lose();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told.back().under_tasks.empty());
}

TEST_F(LostQueryMasters, DifferentTasksDoNotEndIt) {
  submit(false);
  for (std::uint32_t task = 0; task < 3; ++task) {
    report({{0, task}}, false);
    lose();
  }
  EXPECT_FALSE(done);
}

TEST_F(LostQueryMasters, WhatAQueryMasterHadCountedGoesOn) {
  submit(false);
  report({}, false, {{{0, 3}, 1}});
  lose();
  EXPECT_EQ(port.last.lost_under, (protocol::TaskLosses{{{0, 3}, 1}}));
}

TEST_F(LostQueryMasters, FourLostForOtherReasonsDoNotEndIt) {
  submit(false);
  for (int i = 0; i < kMaxQueryMasterRestarts; ++i) lose();
  EXPECT_FALSE(done);
  EXPECT_EQ(port.granted.size(), 5u);
  EXPECT_TRUE(told.back().under_tasks.empty());
}

}  // namespace
}  // namespace tajo::master
