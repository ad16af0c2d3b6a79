#include <gtest/gtest.h>

#include "tajo/master/age_clock.hpp"
#include "tajo/master/kept_results.hpp"
#include "tajo/master/query_coordinator.hpp"
#include "tajo/master/query_state.hpp"

namespace tajo::master {
namespace {

KeptResults::Reply reply(std::uint32_t number, std::size_t bytes = 0) {
  auto out = std::make_shared<protocol::ClientReply>();
  out->request_id = "r" + std::to_string(number);
  out->query = {1000, number};
  if (bytes > 0) out->blocks.push_back(std::make_shared<const Bytes>(bytes));
  return out;
}

TEST(KeptResults, MovesTheOldestAndDropsBeyondItsBounds) {
  constexpr std::size_t kPiece = std::size_t{4} << 20;
  KeptResults kept;
  for (std::uint32_t i = 0; i < 17; ++i) kept.keep(reply(i, kPiece), i);
  ASSERT_TRUE(kept.by_query({1000, 0}));
  auto oldest = kept.to_move();
  ASSERT_TRUE(oldest);
  EXPECT_EQ(oldest->request_id, "r0");
  kept.moved(oldest, "/staging/q/RESULT");
  EXPECT_FALSE(kept.to_move()) << "64 MiB may stay";
  EXPECT_EQ(kept.by_request("r0")->result_path, "/staging/q/RESULT");
  EXPECT_TRUE(kept.by_request("r0")->blocks.empty());
  for (std::uint32_t i = 17; i < 26; ++i) kept.keep(reply(i, kPiece), i);
  EXPECT_FALSE(kept.by_request("r0"));
  EXPECT_FALSE(kept.by_query({1000, 1}));
  EXPECT_TRUE(kept.by_query({1000, 25}));
  kept.drop_before(25);
  EXPECT_FALSE(kept.by_request("r24"));
  EXPECT_TRUE(kept.by_request("r25"));
}

TEST(KeptResults, TheLatestOutcomeOfARequestCounts) {
  KeptResults kept;
  auto failed = reply(1);
  kept.keep(failed, 0);
  auto again = std::make_shared<protocol::ClientReply>(*reply(2));
  again->request_id = "r1";
  kept.keep(again, 1);
  EXPECT_EQ(kept.by_request("r1")->query.number, 2u);
  EXPECT_FALSE(kept.by_query({1000, 1}));
  for (std::uint32_t i = 3; i < 3 + KeptResults::kMaxKept; ++i) kept.keep(reply(i), 2);
  EXPECT_FALSE(kept.by_request("r1"));
}

journal::Record record(Bytes payload) {
  journal::Record r;
  r.kind = journal::RecordKind::kQuery;
  r.payload = std::move(payload);
  return r;
}

QueryRecord query(std::uint32_t number, std::int64_t finished_ms) {
  QueryRecord q;
  q.id = {1000, number};
  q.request_id = "r" + std::to_string(number);
  q.sql = "SELECT " + std::to_string(number);
  q.state = "QUERY_SUCCEEDED";
  q.started_ms = 1;
  q.finished_ms = finished_ms;
  q.returns_rows = true;
  q.starts = 2;
  q.result_bytes = 7;
  q.digest = 42;
  return q;
}

TEST(QueryState, OldEndsLeaveByARecord) {
  QueryState state;
  for (std::uint32_t i = 1; i <= 5; ++i) state.apply(record(QueryState::finished_record(query(i, i * 100))));
  QueryRecord running = query(9, 0);
  state.apply(record(QueryState::submitted_record(running)));
  state.apply(record(QueryState::expired_record(300)));
  EXPECT_FALSE(state.find({1000, 2}));
  EXPECT_FALSE(state.find_request("r2"));
  EXPECT_TRUE(state.find({1000, 3}));
  EXPECT_TRUE(state.find({1000, 9})) << "what runs stays";
  EXPECT_EQ(state.oldest_finished_ms(), 300);
  QueryState successor;
  successor.restore(state.snapshot());
  auto found = successor.find({1000, 3});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->returns_rows);
  EXPECT_EQ(found->starts, 2u);
  EXPECT_EQ(found->result_bytes, 7u);
  EXPECT_EQ(found->digest, 42u);
  EXPECT_EQ(successor.snapshot(), state.snapshot());
}

TEST(QueryState, TheNewestTimeOfOtherEpochs) {
  QueryState state;
  EXPECT_FALSE(state.newest_started_ms(5));
  for (std::uint32_t i = 1; i <= 3; ++i) {
    QueryRecord q = query(i, i == 3 ? 0 : 100);
    q.started_ms = 10 * i;
    q.epoch = i;
    state.apply(record(i == 3 ? QueryState::submitted_record(q) : QueryState::finished_record(q)));
  }
  EXPECT_EQ(state.newest_started_ms(3), 20);
  EXPECT_EQ(state.newest_started_ms(4), 30);
  EXPECT_FALSE(state.newest_started_ms(1));
}

constexpr std::int64_t kHourMs = 3'600'000;
constexpr Micros kHour = kHourMs * 1000;

TEST(AgeClock, FollowsTheWallClock) {
  AgeClock clock(100 * kHour, kHour);
  EXPECT_EQ(clock.now_ms(103 * kHour, 4 * kHour), 103 * kHourMs);
  clock.begin(102 * kHourMs, 4 * kHour);
  EXPECT_EQ(clock.now_ms(104 * kHour, 6 * kHour), 104 * kHourMs);
}

TEST(AgeClock, AJumpAheadMakesNothingOld) {
  AgeClock clock(100 * kHour, kHour);
  EXPECT_EQ(clock.now_ms(500 * kHour, 2 * kHour), 101 * kHourMs);
  EXPECT_EQ(clock.now_ms(50 * kHour, 2 * kHour), 50 * kHourMs);
}

TEST(AgeClock, ASuccessorThatWasAheadFromTheStartBelievesTheLog) {
  AgeClock clock(500 * kHour, kHour);
  clock.begin(100 * kHourMs, 2 * kHour);
  EXPECT_EQ(clock.now_ms(501 * kHour, 3 * kHour), 101 * kHourMs);
  clock.begin(std::nullopt, 2 * kHour);
  EXPECT_EQ(clock.now_ms(502 * kHour, 3 * kHour), 502 * kHourMs);
}

TEST(QueryState, LossesOfARunningQueryAreKept) {
  QueryState state;
  QueryRecord running = query(1, 0), other = query(2, 0);
  for (const QueryRecord& q : {running, other}) state.apply(record(QueryState::submitted_record(q)));
  const Bytes before = state.snapshot();
  running.losses = {2, {{{1, 7}, 1}}, true, 12};
  state.apply(record(QueryState::submitted_record(running)));
  QueryState successor;
  successor.restore(state.snapshot());
  for (const QueryState* s : {&state, &successor}) {
    EXPECT_EQ(s->find({1000, 1})->losses.query_masters, 2);
    EXPECT_EQ(s->find({1000, 1})->losses.under_tasks, (protocol::TaskLosses{{{1, 7}, 1}}));
    EXPECT_TRUE(s->find({1000, 1})->losses.unheard);
    EXPECT_EQ(s->find({1000, 1})->losses.cut_for, 12u);
    EXPECT_EQ(s->find({1000, 2})->losses.query_masters, 0);
    EXPECT_EQ(s->running().size(), 2u);
  }
  EXPECT_EQ(QueryState::decode(QueryState::submitted_record(running)).id, running.id);
  running.finished_ms = 9;
  state.apply(record(QueryState::finished_record(running)));
  EXPECT_LT(state.snapshot().size(), before.size() + 16) << "those of ended queries are not";
}

TEST(QueryState, ASuccessStaysTheOutcomeOfItsRequestWhenAnEarlierTrysEndComesLate) {
  QueryRecord first = query(1, 10), second = query(2, 20);
  first.request_id = second.request_id = "r";
  first.state = "QUERY_FAILED";
  first.sqlstate = "53100";
  second.state = "QUERY_SUCCEEDED";
  QueryState state;
  state.apply(record(QueryState::finished_record(second)));
  state.apply(record(QueryState::finished_record(first)));
  EXPECT_EQ(state.find_request("r")->id, second.id);
  QueryState restored;
  restored.restore(state.snapshot());
  EXPECT_EQ(restored.find_request("r")->id, second.id);
}

TEST(QueryState, LongStatementsAreCutAndTheHistoryBounded) {
  QueryState state;
  QueryRecord q = query(1, 1);
  q.sql = "SELECT '" + std::string(QueryState::kMaxFinishedSqlBytes - 9, 'x') + "ßßß'";
  q.parameters = {"p"};
  state.apply(record(QueryState::finished_record(q)));
  auto kept = state.find(q.id);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->sql.size(), QueryState::kMaxFinishedSqlBytes - 1) << "not within a character";
  EXPECT_TRUE(kept->parameters.empty());
  for (std::uint32_t i = 2; i < 1'200; ++i) {
    q.id.number = i;
    q.request_id = "r" + std::to_string(i);
    state.apply(record(QueryState::finished_record(q)));
  }
  EXPECT_LE(state.snapshot().size(), QueryState::kMaxFinishedBytes);
  EXPECT_FALSE(state.find({1000, 1}));
  EXPECT_TRUE(state.find({1000, 1'199}));
}

class Port : public protocol::ControlPort {
 public:
  Rank self() const override { return 0; }
  void send(Rank to, Bytes message) override {
    if (static_cast<protocol::Tag>(message[0]) == protocol::Tag::kQueryDoneAck) acknowledged.push_back(to);
    if (static_cast<protocol::Tag>(message[0]) == protocol::Tag::kStartQuery) attempts = protocol::decode_start_query(message).max_task_attempts;
  }
  std::vector<Rank> acknowledged;
  std::uint32_t attempts = 0;
};

TEST(QueryCoordinator, AQueryMasterKeepsAResultUntilItIsReleased) {
  Port port;
  QueryCoordinator coordinator(port, 7);
  cluster::View view;
  view.number = view.epoch = 1;
  view.members[0].role = cluster::Role::kActive;
  view.members[1].role = cluster::Role::kWorker;
  coordinator.on_active(1, 0);
  coordinator.on_view(view, 0);
  coordinator.on_heartbeat(1, {});
  coordinator.on_tick(1);
  int ended = 0;
  QueryJob job;
  job.id = {1000, 1};
  job.epoch = job.submitted_epoch = 1;
  job.hold_result = true;
  job.done = [&ended](protocol::QueryDone) { ++ended; };
  coordinator.submit(std::move(job), 1);
  EXPECT_EQ(port.attempts, 7u) << "tajo.task.max-attempts";
  protocol::QueryDone done;
  done.query = {1000, 1};
  coordinator.on_query_done(1, done);
  coordinator.on_query_done(1, done);  // repeated until it is acknowledged
  EXPECT_EQ(ended, 1);
  EXPECT_TRUE(port.acknowledged.empty());
  coordinator.release({1000, 1});
  coordinator.release({1000, 1});
  EXPECT_EQ(port.acknowledged, std::vector<Rank>{1});
}

}  // namespace
}  // namespace tajo::master
