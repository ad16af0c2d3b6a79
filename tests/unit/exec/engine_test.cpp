#include "plans.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace tajo::exec::test {
namespace {

using Clock = std::chrono::steady_clock;

Rows numbers(std::int64_t n) {
  Rows rows;
  for (std::int64_t i = 0; i < n; ++i) rows.push_back({i, i % 7 == 0 ? Value{} : Value{i * 2}});
  return rows;
}

TEST(EngineTest, ValuesPassThroughWithNulls) {
  Bench bench;
  const Rows rows{{std::int64_t{1}, std::string("a")}, {{}, std::string("a text longer than twelve bytes")}, {std::int64_t{3}, {}}};
  EXPECT_EQ(bench.run(values({int4(), text()}, rows)), rows);
  EXPECT_EQ(bench.run(values({int4(), text()}, {})), Rows{});
}

TEST(EngineTest, SeriesRunsUpAndDown) {
  Bench bench;
  const Rows up = bench.run(series(1, 200'000));
  ASSERT_EQ(up.size(), 200'000u);
  std::int64_t sum = 0;
  for (const Row& row : up) sum += std::get<std::int64_t>(row[0]);
  EXPECT_EQ(sum, 200'000LL * 200'001 / 2);
  EXPECT_EQ(bench.run(series(5, 1, -2)), (Rows{{std::int64_t{5}}, {std::int64_t{3}}, {std::int64_t{1}}}));
  EXPECT_TRUE(bench.run(series(1, 0)).empty());
  EXPECT_EQ(bench.run(series(INT64_MAX - 1, INT64_MAX)).size(), 2u);
}

TEST(EngineTest, ScanOfSeveralFragmentsGivesEveryRowOnce) {
  Bench bench(3);
  std::vector<Rows> fragments;
  Rows all;
  for (std::int64_t f = 0; f < 9; ++f) {
    Rows rows;
    for (std::int64_t i = 0; i < 5000; ++i) rows.push_back({f * 5000 + i, {}});
    all.insert(all.end(), rows.begin(), rows.end());
    fragments.push_back(std::move(rows));
  }
  bench.add_table("t", {int4(), int4()}, std::move(fragments));
  TaskSpec spec = bench.spec(bench.scan("t", {int4(), int4()}));
  const TaskId id = spec.id;
  const TaskResult result = bench.run_task(std::move(spec));
  ASSERT_FALSE(result.error) << result.error->what();
  EXPECT_EQ(result.rows, 45'000u);
  EXPECT_EQ(result.rows_read, 45'000u);
  EXPECT_EQ(sorted(bench.rows_of(id)), sorted(all));
  EXPECT_EQ(bench.engine->running(), 0);
  EXPECT_EQ(bench.engine->memory_in_use(), 0u);
  ASSERT_EQ(result.counters.size(), 1u);
  EXPECT_EQ(result.counters[0].rows, 45'000u);
}

TEST(EngineTest, LimitStopsTheScanEarly) {
  Bench bench(2);
  bench.storage.batch_rows = 100;
  bench.add_table("t", {int4(), int4()}, {numbers(100'000), numbers(100'000)});
  EXPECT_EQ(bench.run(limit(bench.scan("t", {int4(), int4()}), 250, 30)).size(), 250u);
  EXPECT_LT(bench.storage.batches_given.load(), 100u);
  EXPECT_EQ(bench.run(limit(bench.scan("t", {int4(), int4()}), 0)).size(), 0u);
  EXPECT_EQ(bench.run(limit(values({int4()}, {{std::int64_t{1}}, {std::int64_t{2}}, {std::int64_t{3}}}), -1, 1)).size(), 2u);
}

TEST(EngineTest, UnionAllKeepsBothSides) {
  Bench bench;
  const Rows rows = bench.run(union_all(series(1, 70'000), union_all(series(70'001, 100'000), series(1, 0))));
  EXPECT_EQ(rows.size(), 100'000u);
}

TEST(EngineTest, FilterAndProject) {
  Bench bench;
  bench.add_table("t", {int4(), int4()}, {numbers(10'000)});
  Node scan = bench.scan("t", {int4(), int4()});
  const auto small = functions::make_call("<", {column(scan, 0), constant(10)});
  const auto known = functions::make_not(functions::make_is_null(column(scan, 1)));
  const auto sum = functions::make_call("+", {column(scan, 0), column(scan, 1)});
  const Rows rows = bench.run(project(filter(std::move(scan), {small, known}), {sum}));
  Rows expected;
  for (std::int64_t i = 0; i < 10; ++i)
    if (i % 7 != 0) expected.push_back({i * 3});
  EXPECT_EQ(sorted(rows), expected);
}

TEST(EngineTest, ErrorOfAnyThreadEndsTheTaskOnce) {
  Bench bench(3);
  bench.add_table("t", {int4(), int4()}, {numbers(50'000), numbers(50'000), numbers(50'000), numbers(50'000)});
  bench.storage.tables["t"].fail_after_batches = 20;
  const TaskResult result = bench.run_task(bench.spec(bench.scan("t", {int4(), int4()})));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->sqlstate(), sqlstate::kIoError);
  EXPECT_EQ(bench.outputs.unsealed_drops.load(), 1);
  EXPECT_EQ(bench.engine->memory_in_use(), 0u);
}

TEST(EngineTest, DivisionByZeroInAnExpression) {
  Bench bench;
  Node one = values({int4(), int4()}, {{std::int64_t{1}, std::int64_t{0}}});
  const auto quotient = functions::make_call("/", {column(one, 0), column(one, 1)});
  const TaskResult result = bench.run_task(bench.spec(project(std::move(one), {quotient})));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->sqlstate(), sqlstate::kDivisionByZero);
}

TEST(EngineTest, CancelEndsALongTaskSoon) {
  Bench bench(2);
  TaskSpec spec = bench.spec(sort(union_all(series(1, INT64_MAX / 2), series(1, 10)), {}));
  // A sort of endless input without output: only cancel (or memory) ends it.
  const TaskId id = spec.id;
  const TaskResult result = bench.wait([&](auto done) {
    bench.engine->submit(std::move(spec), std::move(done));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(bench.engine->running(), 1);
    bench.engine->cancel_query(id.query);
  });
  EXPECT_TRUE(result.canceled);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(bench.engine->memory_in_use(), 0u);
}

TEST(EngineTest, RefusedMemoryNamesOperatorAndQuery) {
  Bench bench(2, std::size_t{8} << 20);
  Node numbers = series(1, 10'000'000);
  const auto key = column(numbers, 0);
  const TaskResult result = bench.run_task(bench.spec(sort(std::move(numbers), {ascending(key)})));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->sqlstate(), sqlstate::kOutOfMemory);
  EXPECT_NE(result.error->detail().find("sort of query q_"), std::string::npos) << result.error->detail();
  EXPECT_EQ(bench.engine->memory_in_use(), 0u);
}

TEST(EngineTest, BlockedOutputParksAndGoesOn) {
  Bench bench(2);
  bench.outputs.block_every = 3;
  bench.add_table("t", {int4(), int4()}, {numbers(20'000), numbers(20'000)});
  Node scan = bench.scan("t", {int4(), int4()});
  plan::StageOutput output;
  output.kind = plan::StageOutput::Kind::kHash;
  output.keys = {column(scan, 0)};
  output.partitions = 5;
  TaskSpec spec = bench.spec(std::move(scan), output);
  const TaskId id = spec.id;
  const TaskResult result = bench.run_task(std::move(spec));
  ASSERT_FALSE(result.error) << result.error->what();
  Rows all;
  std::map<std::int64_t, int> home;
  for (std::uint16_t p = 0; p < 5; ++p) {
    const Rows part = bench.rows_of(id, p);
    EXPECT_GT(part.size(), 4000u);
    for (const Row& row : part) {
      const auto [at, fresh] = home.emplace(std::get<std::int64_t>(row[0]), p);
      EXPECT_EQ(at->second, p);
    }
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(all.size(), 40'000u);
  EXPECT_EQ(home.size(), 20'000u);
}

class ExchangeTest : public ::testing::Test {
 protected:
  /// A plan whose second stage reads what two tasks of the first have given.
  TaskSpec consumer(Node (*root)(Node input), std::vector<plan::SortKey> merge_keys) {
    auto plan = std::make_shared<plan::PhysicalPlan>();
    plan::Stage producer;
    producer.output.kind = plan::StageOutput::Kind::kGather;
    producer.root = values({int4()}, {});
    auto input = std::make_unique<plan::PhysicalNode>();
    input->detail = plan::ExchangeInputNode{0, std::move(merge_keys)};
    input->output = producer.root->output;
    plan::Stage stage;
    stage.number = 1;
    stage.inputs = {0};
    stage.root = root(std::move(input));
    plan->stages.push_back(std::move(producer));
    plan->stages.push_back(std::move(stage));
    TaskSpec spec;
    spec.plan = plan;
    spec.id = TaskId{QueryId{7, 7}, 1, 0, 0};
    for (std::uint32_t t = 0; t < 3; ++t) {
      const TaskId from{QueryId{7, 7}, 0, 0, t};
      auto sealed = std::make_shared<FakeOutputs::Sealed>();
      sealed->types = {Physical::kI32};
      sealed->partitions.resize(1);
      for (std::int64_t i = 0; i < 500; ++i) sealed->partitions[0].push_back({i * 3 + t});
      bench.outputs.sealed[from] = sealed;
      spec.inputs[0].push_back(exchange::OutputSource{0, from, nullptr});
    }
    return spec;
  }
  Bench bench{2};
};

TEST_F(ExchangeTest, BlockedInputIsReadToItsEnd) {
  bench.outputs.block_every = 4;
  TaskSpec spec = consumer([](Node input) { return input; }, {});
  const TaskId id = spec.id;
  const TaskResult result = bench.run_task(std::move(spec));
  ASSERT_FALSE(result.error) << result.error->what();
  EXPECT_EQ(result.rows, 1500u);
  EXPECT_EQ(sorted(bench.rows_of(id)).back(), (Row{std::int64_t{1499}}));
}

TEST_F(ExchangeTest, SortedInputsAreMerged) {
  bench.outputs.block_every = 5;
  const plan::SortKey key = ascending(functions::make_column(0, int4(), Physical::kI32));
  TaskSpec spec = consumer([](Node input) { return limit(std::move(input), 1400, 10); }, {key});
  const TaskId id = spec.id;
  const TaskResult result = bench.run_task(std::move(spec));
  ASSERT_FALSE(result.error) << result.error->what();
  const Rows rows = bench.rows_of(id);
  ASSERT_EQ(rows.size(), 1400u);
  for (std::size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i][0], Value(static_cast<std::int64_t>(i + 10)));
}

TEST_F(ExchangeTest, LostOutputIsNotTheTasksFault) {
  TaskSpec spec = consumer([](Node input) { return input; }, {});
  bench.outputs.lost = spec.inputs[0][1].task;
  const TaskResult result = bench.run_task(std::move(spec));
  EXPECT_FALSE(result.error);
  EXPECT_FALSE(result.canceled);
  ASSERT_TRUE(result.lost_output);
  EXPECT_EQ(*result.lost_output, *bench.outputs.lost);
}

TEST(EngineTest, ManyQueriesAtOnce) {
  Bench bench(2);
  bench.add_table("t", {int4(), int4()}, {numbers(20'000), numbers(20'000)});
  std::atomic<int> left{40};
  std::atomic<int> wrong{0};
  for (int q = 0; q < 40; ++q) {
    TaskSpec spec = bench.spec(bench.scan("t", {int4(), int4()}));
    bench.engine->submit(std::move(spec), [&](TaskResult r) {
      if (r.error || r.rows != 40'000) ++wrong;
      --left;
    });
  }
  while (left.load() != 0) std::this_thread::yield();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(EngineTest, OneRowCostsLittle) {
  Bench bench(2);
  constexpr int kRuns = 200;
  std::vector<TaskSpec> specs;
  for (int i = 0; i < kRuns; ++i) specs.push_back(bench.spec(values({int4()}, {{std::int64_t{1}}})));
  std::atomic<int> done{0};
  const auto start = Clock::now();
  for (int i = 0; i < kRuns; ++i) {
    bench.engine->submit(std::move(specs[static_cast<std::size_t>(i)]), [&](TaskResult) { done.fetch_add(1); });
    while (done.load() == i) std::this_thread::yield();
  }
  const double us = std::chrono::duration<double, std::micro>(Clock::now() - start).count() / kRuns;
  RecordProperty("microseconds", std::to_string(us));
  std::printf("submit to done of one row: %.1f us\n", us);
}

}  // namespace
}  // namespace tajo::exec::test
