#include "tajo/worker/query_master.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace tajo::worker {
namespace {

using plan::Stage;
using plan::StageOutput;
using protocol::Tag;

constexpr Rank kSelf = 2;  // ranks 2, 3 and 4 are workers; the QueryMaster is on 2

class FakePort final : public protocol::ControlPort {
 public:
  struct Sent {
    Rank to;
    protocol::RunTask task;
  };
  Rank self() const override { return kSelf; }
  void send(Rank to, Bytes message) override {
    switch (static_cast<Tag>(message[0])) {
      case Tag::kRunTask: tasks.push_back({to, protocol::decode_run_task(message)}); break;
      case Tag::kPlan: plans.push_back(to); break;
      case Tag::kCancelTask: canceled.push_back(protocol::decode_task_tag(message)); break;
      case Tag::kAskAlive: asks.emplace_back(to, protocol::decode_query_tag(message).number); break;
      case Tag::kDropStage: dropped.push_back(protocol::decode_query_tag(message).number); break;
      default: break;
    }
  }
  std::vector<Sent> tasks;
  std::vector<Rank> plans;
  std::vector<TaskId> canceled;
  std::vector<std::uint16_t> dropped;
  std::vector<std::pair<Rank, std::uint16_t>> asks;
};

struct StageShape {
  std::vector<std::uint16_t> inputs;
  StageOutput::Kind output = StageOutput::Kind::kGather;
  Stage::Distribution distribution = Stage::Distribution::kOne;
  std::uint16_t partitions = 1;
  bool repeatable = true;
};

std::shared_ptr<const plan::PhysicalPlan> plan_of(const std::vector<StageShape>& shapes) {
  auto plan = std::make_shared<plan::PhysicalPlan>();
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    Stage stage;
    stage.number = static_cast<std::uint16_t>(i);
    stage.root = std::make_unique<plan::PhysicalNode>();
    stage.root->detail = plan::ValuesNode{};
    stage.inputs = shapes[i].inputs;
    stage.output.kind = shapes[i].output;
    stage.output.partitions = shapes[i].partitions;
    stage.distribution = shapes[i].distribution;
    stage.repeatable = shapes[i].repeatable;
    plan->stages.push_back(std::move(stage));
  }
  return plan;
}

class QueryMasterTest : public testing::Test {
 protected:
  void start(const std::vector<StageShape>& shapes, std::map<std::uint32_t, std::vector<data::Split>> splits = {}) {
    protocol::StartQuery start;
    start.query = {1'700'000'000'000, 1};
    start.attempt = 3;
    start.workers = {2, 3, 4};
    start.query_masters_lost = query_masters_lost;
    start.lost_under = lost_under;
    start.lost_unheard = lost_unheard;
    start.cut_for = cut_for;
    QueryMaster::Callbacks callbacks;
    callbacks.ask = [this] { ++asked; };
    callbacks.own_task = [this](const TaskId& task) {
      EXPECT_TRUE(std::none_of(port.tasks.begin(), port.tasks.end(), [&](const auto& sent) { return sent.task.id == task; })) << "told before";
      own.emplace_back(task.stage, task.task);
    };
    callbacks.finished = [this](protocol::QueryDone d, std::optional<protocol::SourceRef>) {
      ++finished;
      done = std::move(d);
    };
    master = std::make_unique<QueryMaster>(start, plan_of(shapes), std::move(splits), port, std::move(callbacks));
    master->on_workers({2, 3, 4});
  }

  /// The tasks of a stage that were handed out and not yet answered, oldest first; taken from the list.
  std::vector<FakePort::Sent> take(std::uint16_t stage) {
    std::vector<FakePort::Sent> out;
    std::erase_if(port.tasks, [&](const FakePort::Sent& s) {
      if (s.task.id.stage != stage) return false;
      out.push_back(s);
      return true;
    });
    return out;
  }
  FakePort::Sent take_one(std::uint16_t stage) {
    auto all = take(stage);
    EXPECT_EQ(all.size(), 1u) << "of stage " << stage;
    return all.empty() ? FakePort::Sent{} : all.front();
  }
  void complete(const FakePort::Sent& sent, bool in_line = false) {
    protocol::TaskDone d;
    d.id = sent.task.id;
    d.rows = 1;
    if (in_line) d.inline_output = std::make_shared<const Bytes>(Bytes{1});
    master->on_task_done(sent.to, std::move(d));
  }
  void error(const FakePort::Sent& sent, std::string_view state) {
    protocol::TaskDone d;
    d.id = sent.task.id;
    d.error = protocol::to_text(Error(state, "a failure"));
    master->on_task_done(sent.to, std::move(d));
  }
  void lose(Rank rank) {
    std::set<Rank> left = {2, 3, 4};
    left.erase(rank);
    leave(left);
  }
  void leave(const std::set<Rank>& workers) {
    master->on_workers(workers);
    all_answer();
  }
  /// Those who are asked whether they live say so.
  void all_answer() {
    for (const auto& [rank, round] : std::exchange(port.asks, {})) master->on_alive(rank, round);
  }

  /// Stage 0, by one task, into two partitions; stage 1 reads them; stage 2 is the result.
  static std::vector<StageShape> two_consumers(bool repeatable) {
    return {{{}, StageOutput::Kind::kHash, Stage::Distribution::kOne, 2, repeatable},
            {{0}, StageOutput::Kind::kGather, Stage::Distribution::kPartitions, 1, repeatable},
            {{1}, StageOutput::Kind::kResult}};
  }
  FakePort port;
  std::unique_ptr<QueryMaster> master;
  int finished = 0, asked = 0;
  std::uint16_t query_masters_lost = 0;
  protocol::TaskLosses lost_under;
  bool lost_unheard = false;
  std::uint32_t cut_for = 0;
  std::vector<protocol::TaskNumber> own;  ///< tasks it told of
  protocol::QueryDone done;
};

TEST_F(QueryMasterTest, TasksThatSendNoReportAreHandedOutAgainUnderTheSameName) {
  start(two_consumers(true));
  const auto first = take_one(0);
  const std::uint64_t mark = master->progress_mark();
  master->repeat_running();
  const auto again = take_one(0);
  EXPECT_EQ(again.task.id, first.task.id);
  EXPECT_EQ(master->progress_mark(), mark);
  EXPECT_NE(master->waits_for().find(first.task.id.str()), std::string::npos);
  complete(again);
  EXPECT_GT(master->progress_mark(), mark);
}

TEST_F(QueryMasterTest, StagesRunInOrderAndTheResultHere) {
  start(two_consumers(true));
  auto producer = take_one(0);
  EXPECT_TRUE(take(1).empty());
  complete(producer);
  auto consumers = take(1);
  ASSERT_EQ(consumers.size(), 2u);
  EXPECT_EQ(consumers[0].task.inputs.at(0).front().task, producer.task.id);
  complete(consumers[0]);
  complete(consumers[1]);
  EXPECT_FALSE(port.dropped.empty());
  auto root = take_one(2);
  EXPECT_EQ(root.to, kSelf);
  complete(root);
  EXPECT_EQ(finished, 1);
  EXPECT_FALSE(done.error);
  EXPECT_EQ(done.attempt, 3);
}

TEST_F(QueryMasterTest, LostOutputOfARepeatableStageIsMadeAgainAlone) {
  start(two_consumers(true));
  auto producer = take_one(0);
  complete(producer);
  auto consumers = take(1);
  ASSERT_EQ(consumers.size(), 2u);
  // The first consumer is done elsewhere; the second runs on when its producer's worker goes.
  const auto& [first, second] = std::tie(consumers[0], consumers[1]);
  complete(first, true);
  lose(producer.to);
  auto again = take_one(0);
  EXPECT_NE(again.to, producer.to);
  EXPECT_NE(again.task.id.attempt, producer.task.id.attempt);
  complete(again);
  if (second.to == producer.to) {
    complete(take_one(1));
  } else {
    EXPECT_TRUE(take(1).empty()) << "the second consumer has the lost attempt in its hands";
    protocol::TaskDone d;
    d.id = second.task.id;
    d.lost_output = producer.task.id;
    master->on_task_done(second.to, d);
    auto retried = take_one(1);
    EXPECT_EQ(retried.task.id.task, second.task.id.task);
    EXPECT_EQ(retried.task.inputs.at(0).front().task, again.task.id);
    complete(retried);
  }
  complete(take_one(2));
  EXPECT_EQ(finished, 1);
  EXPECT_FALSE(done.error);
}

TEST_F(QueryMasterTest, LostOutputOfANonRepeatableStageRestartsAllItsConsumers) {
  start(two_consumers(false));
  auto producer = take_one(0);
  complete(producer);
  auto consumers = take(1);
  ASSERT_EQ(consumers.size(), 2u);
  complete(consumers[0], true);
  lose(producer.to);
  EXPECT_TRUE(take(1).empty());
  complete(take_one(0));
  auto again = take(1);
  ASSERT_EQ(again.size(), 2u) << "also the one that was complete: it had read the other attempt";
  for (const auto& sent : again) complete(sent, true);
  complete(take_one(2));
  EXPECT_EQ(finished, 1);
  EXPECT_FALSE(done.error);
}

TEST_F(QueryMasterTest, ConsumersWhoseOtherInputsWereDroppedGetThemAgain) {
  // 0: not repeatable, read by 1 and 4. 2 is read by 1 alone. 3 reads 1: when it is complete, 1 is closed as 2 is.
  // Rank 2's tasks are answered; stage 4 keeps stage 0 open.
  start({{{}, StageOutput::Kind::kBroadcast, Stage::Distribution::kOne, 1, false},
         {{0, 2}, StageOutput::Kind::kGather, Stage::Distribution::kOne, 1, false},
         {{}, StageOutput::Kind::kGather},
         {{1}, StageOutput::Kind::kGather, Stage::Distribution::kOne, 1, false},
         {{0}, StageOutput::Kind::kGather, Stage::Distribution::kOne, 1, false},
         {{3, 4}, StageOutput::Kind::kResult}});
  auto zero = take_one(0);
  complete(take_one(2));
  complete(zero);
  complete(take_one(1));
  complete(take_one(3), true);
  EXPECT_NE(std::find(port.dropped.begin(), port.dropped.end(), 1), port.dropped.end());
  EXPECT_NE(std::find(port.dropped.begin(), port.dropped.end(), 2), port.dropped.end());
  take(4);
  lose(zero.to);
  // All of it runs again, once, and the query comes to its end.
  std::map<std::uint16_t, int> ran;
  for (int round = 0; round < 20 && finished == 0; ++round) {
    auto sent = std::exchange(port.tasks, {});
    for (const auto& s : sent) {
      ++ran[s.task.id.stage];
      complete(s);
    }
  }
  EXPECT_EQ(finished, 1);
  EXPECT_FALSE(done.error);
  for (std::uint16_t stage = 0; stage < 6; ++stage) EXPECT_EQ(ran[stage], 1) << "stage " << stage;
}

TEST_F(QueryMasterTest, InlineOutputsOutliveTheirWorker) {
  start(two_consumers(false));
  auto producer = take_one(0);
  complete(producer, true);
  auto consumers = take(1);
  ASSERT_EQ(consumers.size(), 2u);
  lose(producer.to);
  EXPECT_TRUE(take(0).empty());
  for (const auto& sent : consumers)
    if (sent.to != producer.to) complete(sent, true);
  for (const auto& sent : take(1)) {
    EXPECT_NE(sent.task.inputs.at(0).front().inline_output, nullptr);
    complete(sent, true);
  }
  complete(take_one(2));
  EXPECT_EQ(finished, 1);
  EXPECT_FALSE(done.error);
}

TEST_F(QueryMasterTest, AnswersOfOlderAttemptsAreIgnored) {
  start({{{}, StageOutput::Kind::kResult}});
  auto first = take_one(0);
  error(first, "53200");
  auto second = take_one(0);
  complete(first);
  EXPECT_EQ(finished, 0);
  protocol::TaskDone d;
  d.id = second.task.id;
  master->on_task_done(second.to + 1, d);
  EXPECT_EQ(finished, 0) << "another rank cannot answer for it";
  complete(second);
  EXPECT_EQ(finished, 1);
  complete(second);
  EXPECT_EQ(finished, 1);
}

TEST_F(QueryMasterTest, WrittenFragmentsOutliveTheirWriter) {
  std::vector<data::Split> splits(3);
  for (auto& s : splits) s.rows = kRowsPerTask;
  start({{{}, StageOutput::Kind::kTable, Stage::Distribution::kSplits}}, {{0, splits}});
  auto tasks = take(0);
  ASSERT_EQ(tasks.size(), 3u);
  protocol::TaskDone d;
  d.id = tasks[0].task.id;
  d.fragments.resize(1);
  d.rows = 5;
  master->on_task_done(tasks[0].to, d);
  lose(tasks[0].to);
  EXPECT_TRUE(take(0).empty());
  for (std::size_t i : {1u, 2u}) {
    d.id = tasks[i].task.id;
    master->on_task_done(tasks[i].to, d);
  }
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(done.fragments.size(), 3u);
  EXPECT_EQ(done.rows, 15u);
}

TEST_F(QueryMasterTest, ATaskThatTakesItsWorkersAlongFailsTheQuery) {
  start({{{}, StageOutput::Kind::kGather}, {{0}, StageOutput::Kind::kResult}});
  auto first = take_one(0);
  std::set<Rank> left = {2, 3, 4};
  left.erase(first.to);
  leave(left);
  auto second = take_one(0);
  EXPECT_NE(second.to, first.to);
  EXPECT_EQ(finished, 0);
  left.erase(second.to);
  leave(left);
  EXPECT_EQ(finished, 1);
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->sqlstate, "58000");
}

TEST_F(QueryMasterTest, WorkersThatFallTogetherCountOnce) {
  start({{{}, StageOutput::Kind::kGather}, {{0}, StageOutput::Kind::kResult}});
  const auto first = take_one(0);
  std::set<Rank> left = {2, 3, 4};
  left.erase(first.to);
  master->on_workers(left);
  EXPECT_TRUE(take(0).empty()) << "who is left may have fallen too";
  ASSERT_EQ(port.asks.size(), 1u) << "the other one, not this rank";
  const auto late = port.asks.front();
  left.erase(late.first);
  leave(left);
  EXPECT_EQ(finished, 0);
  EXPECT_EQ(take_one(0).to, kSelf);
  master->on_alive(late.first, late.second);
  EXPECT_TRUE(take(0).empty()) << "an answer to an earlier question";
}

TEST_F(QueryMasterTest, AQuestionThatWasDroppedIsAskedAgain) {
  start({{{}, StageOutput::Kind::kGather}, {{0}, StageOutput::Kind::kResult}});
  const auto first = take_one(0);
  std::set<Rank> left = {2, 3, 4};
  left.erase(first.to);
  master->on_workers(left);
  port.asks.clear();
  master->repeat_running();
  all_answer();
  const auto second = take_one(0);
  EXPECT_TRUE(second.to != first.to && second.to != kSelf);
  master->repeat_running();
  EXPECT_TRUE(port.asks.empty()) << "all have answered";
}

TEST_F(QueryMasterTest, ATaskThatLostItsWorkerDoesNotComeHere) {
  start({{{}, StageOutput::Kind::kGather}, {{0}, StageOutput::Kind::kResult}});
  lose(take_one(0).to);
  EXPECT_NE(take_one(0).to, kSelf);
}

TEST_F(QueryMasterTest, AfterALostQueryMasterTasksRunHereOnlyWhenTheActiveKnows) {
  query_masters_lost = 1;
  start({{{}, StageOutput::Kind::kGather, Stage::Distribution::kPartitions, 3}, {{0}, StageOutput::Kind::kResult}});
  for (const auto& sent : take(0)) {
    EXPECT_NE(sent.to, kSelf);
    complete(sent);
  }
  EXPECT_TRUE(take(1).empty());
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(master->progress().asks);
  EXPECT_EQ(master->progress().own_tasks, (std::set<protocol::TaskNumber>{{1, 0}})) << "what it asks for";
  EXPECT_TRUE(own.empty());
  master->run_own_tasks();
  master->run_own_tasks();
  auto root = take_one(1);
  EXPECT_EQ(root.to, kSelf);
  EXPECT_FALSE(master->progress().asks);
  EXPECT_EQ(master->progress().own_tasks, (std::set<protocol::TaskNumber>{{1, 0}}));
  EXPECT_EQ(own, (std::vector<protocol::TaskNumber>{{1, 0}}));
  complete(root);
  EXPECT_EQ(finished, 1);
}

TEST_F(QueryMasterTest, ItTellsWhichTasksBeginHere) {
  start({{{}, StageOutput::Kind::kGather}, {{}, StageOutput::Kind::kGather}, {{}, StageOutput::Kind::kGather}, {{0, 1, 2}, StageOutput::Kind::kResult}});
  std::vector<FakePort::Sent> scans;
  for (std::uint16_t stage = 0; stage < 3; ++stage) scans.push_back(take_one(stage));
  ASSERT_EQ(scans[2].to, kSelf) << "the others first";
  EXPECT_EQ(own, (std::vector<protocol::TaskNumber>{{2, 0}}));
  EXPECT_EQ(master->progress().own_tasks, (std::set<protocol::TaskNumber>{{2, 0}}));
  for (const auto& sent : scans) complete(sent);
  EXPECT_EQ(own, (std::vector<protocol::TaskNumber>{{2, 0}, {3, 0}})) << "the result's, too";
  EXPECT_EQ(master->progress().own_tasks, (std::set<protocol::TaskNumber>{{3, 0}}));
  EXPECT_EQ(asked, 0);
}

TEST_F(QueryMasterTest, ARankThatIsPromotedKeepsItsTasksAndMakesTheResult) {
  start({{{}, StageOutput::Kind::kGather}, {{}, StageOutput::Kind::kGather}, {{}, StageOutput::Kind::kGather}, {{0, 1, 2}, StageOutput::Kind::kResult}});
  const auto other = take_one(0), another = take_one(1), here = take_one(2);
  ASSERT_EQ(here.to, kSelf);
  leave({3, 4});
  EXPECT_TRUE(take(2).empty()) << "it runs on";
  EXPECT_TRUE(master->progress().lost_under.empty());
  for (const auto& sent : {other, another, here}) complete(sent);
  const auto result = take_one(3);
  EXPECT_EQ(result.to, kSelf) << "whose outputs it collects";
  complete(result);
  EXPECT_EQ(finished, 1);
  EXPECT_FALSE(done.error);
}

TEST_F(QueryMasterTest, OneLostUnheardCountsForEachTask) {
  query_masters_lost = 1;
  lost_unheard = true;
  start({{{}, StageOutput::Kind::kGather}, {{}, StageOutput::Kind::kGather}, {{0, 1}, StageOutput::Kind::kResult}});
  EXPECT_TRUE(take(0).empty()) << "first who lives";
  all_answer();
  take(0);
  EXPECT_TRUE(master->progress().lost_under.empty()) << "the active knows";
  const auto second = take_one(1);
  std::set<Rank> left = {2, 3, 4};
  left.erase(second.to);
  leave(left);
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->sqlstate, "58000");
}

TEST_F(QueryMasterTest, WorkersLostUnderAnEarlierQueryMasterCount) {
  query_masters_lost = 1;
  lost_under = {{{0, 0}, 1}};
  start({{{}, StageOutput::Kind::kGather}, {{0}, StageOutput::Kind::kResult}});
  EXPECT_EQ(master->progress().lost_under, lost_under);
  EXPECT_TRUE(take(0).empty()) << "first who lives";
  all_answer();
  const auto second = take_one(0);
  EXPECT_NE(second.to, kSelf);
  std::set<Rank> left = {2, 3, 4};
  left.erase(second.to);
  leave(left);
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->sqlstate, "58000");
}

TEST_F(QueryMasterTest, ASuccessorKnowsWhatWasLostUnderWhichTask) {
  start({{{}, StageOutput::Kind::kGather}, {{}, StageOutput::Kind::kGather}, {{0, 1}, StageOutput::Kind::kResult}});
  take(0);
  lose(take_one(1).to);
  EXPECT_EQ(master->progress().lost_under, (protocol::TaskLosses{{{1, 0}, 1}}));
}

TEST_F(QueryMasterTest, TheSystemsFailuresAreRetriedTheQuerysOwnAreNot) {
  start({{{}, StageOutput::Kind::kResult}});
  for (int i = 0; i < 3; ++i) error(take_one(0), "58030");
  EXPECT_EQ(finished, 0);
  error(take_one(0), "58030");
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(done.error->sqlstate, "58030");

  finished = 0;
  start({{{}, StageOutput::Kind::kResult}});
  error(take_one(0), sqlstate::kDivisionByZero);
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(done.error->sqlstate, sqlstate::kDivisionByZero);
}

TEST_F(QueryMasterTest, TheSystemsFailuresAreRetriedElsewhere) {
  start(two_consumers(true));
  std::set<Rank> met;
  for (int i = 0; i < 3; ++i) {  // one worker is out of descriptors, another too, the third is well
    auto sent = take_one(0);
    EXPECT_TRUE(met.insert(sent.to).second) << "rank " << sent.to << " was asked again";
    if (i < 2) error(sent, "53000");
    else complete(sent);
  }
  EXPECT_EQ(met, (std::set<Rank>{2, 3, 4}));
  EXPECT_EQ(finished, 0);
  EXPECT_EQ(take(1).size(), 2u);
}

TEST_F(QueryMasterTest, WithoutAnElsewhereItIsTriedAtTheSameWorker) {
  start(two_consumers(true));
  lose(2);
  lose(3);
  port.tasks.clear();
  leave({4});
  master->repeat_running();
  auto sent = take_one(0);
  error(sent, "53000");
  EXPECT_EQ(take_one(0).to, sent.to);
}

TEST_F(QueryMasterTest, OutputsLostWithoutEndFailTheQuery) {
  start({{{}, StageOutput::Kind::kGather}, {{0}, StageOutput::Kind::kResult}});
  for (int i = 0; i <= kMaxTaskStarts && finished == 0; ++i) {
    auto producer = take_one(0);
    complete(producer);
    auto consumer = take_one(1);
    protocol::TaskDone d;
    d.id = consumer.task.id;
    d.lost_output = producer.task.id;
    master->on_task_done(consumer.to, d);
  }
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(done.error->sqlstate, "58000");
}

TEST_F(QueryMasterTest, CancelEndsItOnce) {
  start(two_consumers(true));
  auto producer = take_one(0);
  master->cancel(Error(sqlstate::kQueryCanceled, "canceling statement due to user request"));
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(done.error->sqlstate, sqlstate::kQueryCanceled);
  complete(producer);
  master->cancel(Error(sqlstate::kQueryCanceled, "again"));
  EXPECT_EQ(finished, 1);
  EXPECT_TRUE(take(1).empty());
}

TEST_F(QueryMasterTest, RunningTasksAreHandedOutAgainUnderTheirOwnNames) {
  start({{.inputs = {}, .output = StageOutput::Kind::kResult}});
  auto first = take_one(0);
  master->repeat_running();
  auto again = take_one(0);
  EXPECT_EQ(again.to, first.to);
  EXPECT_EQ(again.task.id, first.task.id);
  complete(again);
  complete(again);  // told twice, counted once
  EXPECT_EQ(finished, 1);
  master->repeat_running();
  EXPECT_TRUE(take(0).empty());
}

TEST_F(QueryMasterTest, AWorkerThatLostThePlanIsSentItAgain) {
  start({{.inputs = {}, .output = StageOutput::Kind::kResult}});
  auto first = take_one(0);
  const auto sent = std::count(port.plans.begin(), port.plans.end(), first.to);
  protocol::TaskDone refused;
  refused.id = first.task.id;
  refused.canceled = true;
  master->on_task_done(first.to, std::move(refused));
  auto again = take_one(0);
  EXPECT_EQ(std::count(port.plans.begin(), port.plans.end(), again.to), sent + (again.to == first.to ? 1 : 0));
  complete(again);
  EXPECT_EQ(finished, 1);
}

TEST_F(QueryMasterTest, WithoutWorkersItWaitsForOne) {
  start({{{}, StageOutput::Kind::kGather}, {{0}, StageOutput::Kind::kResult}});
  ASSERT_NE(take_one(0).to, kSelf);
  master->on_workers({});
  EXPECT_TRUE(take(0).empty());
  EXPECT_EQ(finished, 0);
  master->on_workers({5});
  auto sent = take_one(0);
  EXPECT_EQ(sent.to, 5);
  complete(sent);
  complete(take_one(1));
  EXPECT_EQ(finished, 1);
}

}  // namespace
}  // namespace tajo::worker
