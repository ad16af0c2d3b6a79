// Every operator gives the same rows whether it spills or not: lanes that spill after each batch, and memory so small that
// partitions are divided again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "plans.hpp"
#include "tajo/common/random.hpp"

namespace tajo::exec::test {
namespace {

using functions::AggregateKind;
using plan::JoinType;

const std::vector<data::Type> kTypes{int4(), text(), int8()};

/// The file whose being there lets the next write to a spill file find the disk full.
std::string full_disk_file() { return "/tmp/tajo-spill-test-full." + std::to_string(::getpid()); }
const bool kArmed = [] {
  ::setenv("TAJO_FAILPOINT", ("spill_full:1:" + full_disk_file()).c_str(), 1);
  return true;
}();

class SpillTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/tajo-spill-test-XXXXXX";
    directory = ::mkdtemp(name.data());
  }
  void TearDown() override {
    EXPECT_TRUE(std::filesystem::is_empty(directory));  // files have no names
    std::filesystem::remove_all(directory);
  }
  /// Threads keep nothing beyond a batch.
  EngineConfig always() const {
    EngineConfig config;
    config.tmpdirs = {directory};
    config.spill_after_bytes = 1;
    return config;
  }
  /// Little for all, less for sure.
  EngineConfig scarce(std::size_t bytes, std::size_t floor) const {
    EngineConfig config;
    config.tmpdirs = {directory};
    config.memory_bytes = bytes;
    config.spill_floor_bytes = floor;
    return config;
  }
  std::string directory;
};

std::vector<Rows> random_fragments(std::uint64_t seed, std::size_t n, std::uint64_t keys, double nulls) {
  Random random(seed);
  std::vector<Rows> fragments(3);
  for (std::size_t i = 0; i < n; ++i)
    fragments[i % 3].push_back({random.chance(nulls) ? Value{} : Value{static_cast<std::int64_t>(random.below(keys)) * 3 - 50},
                                random.chance(nulls) ? Value{} : Value{"a text of number " + std::to_string(random.below(keys))},
                                random.chance(nulls) ? Value{} : Value{static_cast<std::int64_t>(random.below(100'000)) - 500}});
  return fragments;
}

struct Outcome {
  Rows rows;
  std::uint64_t spilled = 0;
};

using Plan = std::function<Node(Bench&)>;

Outcome run(const EngineConfig& config, const std::vector<std::pair<std::string, std::vector<Rows>>>& tables, const Plan& plan) {
  Bench bench(config);
  for (const auto& [name, fragments] : tables) bench.add_table(name, kTypes, fragments);
  TaskSpec spec = bench.spec(plan(bench));
  const TaskId id = spec.id;
  const TaskResult result = bench.run_task(std::move(spec));
  if (result.error) throw *result.error;
  Outcome out;
  out.rows = bench.rows_of(id);
  for (const NodeCounters& c : result.counters) out.spilled += c.spilled_bytes;
  EXPECT_EQ(bench.engine->memory_in_use(), 0u);
  return out;
}

/// The same plan with plenty of memory and with the given configuration; `ordered`: the order has to agree, too.
void check(const EngineConfig& config, const std::vector<std::pair<std::string, std::vector<Rows>>>& tables, const Plan& plan, const std::string& what,
           bool ordered = false, bool surely_spills = true) {
  Outcome expected = run({}, tables, plan);
  Outcome got = run(config, tables, plan);
  EXPECT_EQ(expected.spilled, 0u) << what;
  if (surely_spills) {
    EXPECT_GT(got.spilled, 0u) << what;
  }
  if (!ordered) {
    expected.rows = sorted(std::move(expected.rows));
    got.rows = sorted(std::move(got.rows));
  }
  ASSERT_EQ(got.rows.size(), expected.rows.size()) << what;
  EXPECT_TRUE(got.rows == expected.rows) << what;
}

Node grouping(Bench& bench, const std::vector<std::uint32_t>& keys, bool distinct) {
  Node scan = bench.scan("t", kTypes);
  std::vector<ExpressionPtr> expressions;
  for (const std::uint32_t k : keys) expressions.push_back(column(scan, k));
  std::vector<functions::AggregateCall> calls{
      call(AggregateKind::kCountStar, {}, int8()), call(AggregateKind::kSum, {column(scan, 2)}, decimal(38, 0)),
      call(AggregateKind::kMin, {column(scan, 2)}, int8()), call(AggregateKind::kMax, {column(scan, 1)}, text())};
  if (distinct) {
    calls.push_back(call(AggregateKind::kCount, {column(scan, 1)}, int8()));
    calls.back().distinct = true;
    calls.push_back(call(AggregateKind::kSum, {column(scan, 2)}, decimal(38, 0)));
    calls.back().distinct = true;
  }
  return aggregate(std::move(scan), std::move(expressions), std::move(calls));
}

TEST_F(SpillTest, AggregationSpillsAfterEveryBatch) {
  const auto fragments = random_fragments(1, 30'000, 3'000, 0.05);
  for (const bool distinct : {false, true})
    for (const std::vector<std::uint32_t>& keys : std::vector<std::vector<std::uint32_t>>{{0}, {1}, {0, 1}, {2}})
      check(always(), {{"t", fragments}}, [&](Bench& b) { return grouping(b, keys, distinct); }, "keys " + std::to_string(keys[0]) + (distinct ? " distinct" : ""));
  check(always(), {{"t", fragments}}, [&](Bench& b) { return grouping(b, {}, true); }, "no keys, distinct");
  check(always(), {{"t", random_fragments(2, 9'000, 20, 0.1)}}, [&](Bench& b) { return grouping(b, {0}, false); }, "few groups");
}

TEST_F(SpillTest, AggregationDividesPartitionsThatDoNotFit) {
  const auto fragments = random_fragments(3, 150'000, 1'000'000, 0.01);
  for (const bool distinct : {false, true})
    for (const std::vector<std::uint32_t>& keys : std::vector<std::vector<std::uint32_t>>{{0}, {1}})
      check(scarce(1 << 20, 320 << 10), {{"t", fragments}}, [&](Bench& b) { return grouping(b, keys, distinct); }, "keys " + std::to_string(keys[0]) + (distinct ? " distinct" : ""));
}

TEST_F(SpillTest, OneGroupWithAllRowsAndAllValues) {
  auto fragments = random_fragments(4, 60'000, 100'000, 0);
  for (Rows& rows : fragments)
    for (Row& row : rows) row[0] = Value{std::int64_t{7}};
  check(scarce(1 << 20, 320 << 10), {{"t", fragments}}, [&](Bench& b) { return grouping(b, {0}, true); }, "one group");
}

TEST_F(SpillTest, JoinsOfEveryType) {
  const auto probe = random_fragments(5, 12'000, 3'000, 0.05);
  const auto build = random_fragments(6, 8'000, 2'500, 0.05);
  for (const JoinType type : {JoinType::kInner, JoinType::kLeft, JoinType::kRight, JoinType::kFull, JoinType::kSemi, JoinType::kAnti, JoinType::kMark,
                              JoinType::kRightSemi, JoinType::kRightAnti}) {
    for (const std::vector<std::uint32_t>& keys : std::vector<std::vector<std::uint32_t>>{{0}, {1}, {2}, {0, 1}}) {
      for (const bool residual : {false, true}) {
        const Plan plan = [&](Bench& b) {
          Node p = b.scan("p", kTypes), t = b.scan("b", kTypes);
          ExpressionPtr condition;
          if (residual) condition = functions::make_call("<", {column(p, t, 2), column(p, t, 5)});
          return hash_join(type, std::move(p), std::move(t), keys, keys, std::move(condition));
        };
        const std::string what = "type " + std::to_string(static_cast<int>(type)) + " keys " + std::to_string(keys.front()) + "/" +
                                 std::to_string(keys.size()) + (residual ? " residual" : "");
        check(always(), {{"p", probe}, {"b", build}}, plan, what + " always");
        // Joins that ask for existence keep keys only: little.
        if (!residual) check(scarce(256 << 10, 320 << 10), {{"p", probe}, {"b", build}}, plan, what + " scarce", false, false);
      }
    }
  }
}

TEST_F(SpillTest, NullAwareAntiAndMarkJoins) {
  const auto probe = random_fragments(7, 5'000, 3'000, 0.05);
  for (const double nulls : {0.0, 0.05})
    for (const JoinType type : {JoinType::kAnti, JoinType::kMark})
      check(always(), {{"p", probe}, {"b", random_fragments(8, 3'000, 2'500, nulls)}}, [&](Bench& b) {
        Node join = hash_join(type, b.scan("p", kTypes), b.scan("b", kTypes), {0}, {0});
        std::get<plan::HashJoinNode>(join->detail).null_aware = true;
        return join;
      }, "type " + std::to_string(static_cast<int>(type)));
}

TEST_F(SpillTest, JoinDividesPartitionsAndStandsOneKey) {
  const auto probe = random_fragments(9, 40'000, 60'000, 0), build = random_fragments(10, 120'000, 60'000, 0);
  for (const std::uint32_t key : {0U, 1U})
    check(scarce(1 << 20, 320 << 10), {{"p", probe}, {"b", build}}, [&](Bench& b) { return hash_join(JoinType::kFull, b.scan("p", kTypes), b.scan("b", kTypes), {key}, {key}); },
          "key " + std::to_string(key));
  std::vector<Rows> one{Rows(60'000, Row{Value{std::int64_t{4}}, Value{std::string("a text of number 1")}, Value{std::int64_t{5}}})};
  const std::vector<Rows> few{{{Value{std::int64_t{4}}, Value{}, Value{}}, {Value{std::int64_t{3}}, Value{}, Value{}}}};
  for (const JoinType type : {JoinType::kInner, JoinType::kRight, JoinType::kRightSemi, JoinType::kRightAnti})
    check(scarce(1 << 20, 320 << 10), {{"p", few}, {"b", one}}, [&](Bench& b) { return hash_join(type, b.scan("p", kTypes), b.scan("b", kTypes), {0}, {0}); },
          "one key, type " + std::to_string(static_cast<int>(type)));
  try {
    run(scarce(1 << 20, 320 << 10), {{"p", few}, {"b", one}}, [&](Bench& b) { return hash_join(JoinType::kLeft, b.scan("p", kTypes), b.scan("b", kTypes), {0}, {0}); });
    FAIL() << "a left join whose build side has one key beyond memory cannot be";
  } catch (const Error& e) {
    EXPECT_EQ(e.sqlstate(), sqlstate::kOutOfMemory);
    EXPECT_NE(e.detail().find("hash join of query q_"), std::string::npos) << e.detail();
  }
}

TEST_F(SpillTest, JoinsOverJoinsAndLimits) {
  const auto a = random_fragments(11, 6'000, 2'000, 0.02), b = random_fragments(12, 3'000, 2'000, 0.02);
  const Plan chain = [&](Bench& bench) {
    Node inner = hash_join(JoinType::kLeft, bench.scan("a", kTypes), bench.scan("b", kTypes), {0}, {0});
    Node outer = hash_join(JoinType::kInner, std::move(inner), bench.scan("b", kTypes), {1}, {1});
    std::vector<ExpressionPtr> keys{column(outer, 1)};
    std::vector<functions::AggregateCall> calls{call(AggregateKind::kCountStar, {}, int8()), call(AggregateKind::kSum, {column(outer, 5)}, decimal(38, 0))};
    return aggregate(std::move(outer), std::move(keys), std::move(calls));
  };
  check(always(), {{"a", a}, {"b", b}}, chain, "chain");
  check(scarce(1 << 20, 320 << 10), {{"a", a}, {"b", b}}, chain, "chain, scarce", false, false);
  const Outcome limited = run(always(), {{"a", a}, {"b", b}}, [&](Bench& bench) { return limit(chain(bench), 5); });
  EXPECT_EQ(limited.rows.size(), 5u);
}

TEST_F(SpillTest, SortsByManyRuns) {
  const auto fragments = random_fragments(13, 60'000, 50'000, 0.02);
  const Plan plan = [&](Bench& b) {
    Node scan = b.scan("t", kTypes);
    std::vector<plan::SortKey> keys{descending(column(scan, 1)), ascending(column(scan, 0)), ascending(column(scan, 2))};
    return sort(std::move(scan), std::move(keys));
  };
  check(always(), {{"t", fragments}}, plan, "always", true);  // more runs than are merged at once
  check(scarce(3 << 20, 512 << 10), {{"t", fragments}}, plan, "scarce", true);
}

TEST_F(SpillTest, WindowsOverSpilledRuns) {
  const auto fragments = random_fragments(14, 30'000, 2'000, 0.02);
  const Plan plan = [&](Bench& b) {
    Node scan = b.scan("t", kTypes);
    auto node = std::make_unique<plan::PhysicalNode>();
    node->id = 100'000;
    node->output = scan->output;
    plan::WindowNode windows;
    const std::vector<ExpressionPtr> part{column(scan, 1)};
    const std::vector<plan::SortKey> order{ascending(column(scan, 2)), ascending(column(scan, 0))};
    windows.windows.push_back({"row_number", {}, part, order, int8(), {}});
    windows.windows.push_back({"sum", {column(scan, 2)}, part, order, decimal(38, 0), {}});
    windows.windows.push_back({"lag", {column(scan, 2)}, part, order, int8(), {}});
    for (const plan::WindowExpression& w : windows.windows) node->output.push_back({"", w.type, data::physical_of(w.type), {}});
    node->detail = std::move(windows);
    node->children.push_back(std::move(scan));
    return node;
  };
  check(always(), {{"t", fragments}}, plan, "always");
  check(scarce(3 << 20, 512 << 10), {{"t", fragments}}, plan, "scarce");
}

TEST_F(SpillTest, FullDiskEndsTheQueryOnly) {
  const auto fragments = random_fragments(15, 20'000, 20'000, 0);
  Bench bench(always());
  bench.add_table("t", kTypes, fragments);
  std::ofstream(full_disk_file()).put('x');
  const TaskResult full = bench.run_task(bench.spec(grouping(bench, {0}, false)));
  ASSERT_TRUE(full.error);
  EXPECT_EQ(full.error->sqlstate(), sqlstate::kDiskFull) << full.error->what();
  EXPECT_FALSE(std::filesystem::exists(full_disk_file()));
  EXPECT_EQ(bench.engine->memory_in_use(), 0u);
  EXPECT_FALSE(bench.run_task(bench.spec(grouping(bench, {0}, false))).error);
}

TEST_F(SpillTest, AnotherDirectoryTakesOver) {
  EngineConfig config = always();
  config.tmpdirs = {directory + "/absent", directory};
  check(config, {{"t", random_fragments(16, 9'000, 9'000, 0)}}, [&](Bench& b) { return grouping(b, {0}, false); }, "two directories");
  config.tmpdirs = {directory + "/absent"};
  EXPECT_THROW(run(config, {{"t", random_fragments(16, 9'000, 9'000, 0)}}, [&](Bench& b) { return grouping(b, {0}, false); }), Error);
}

}  // namespace
}  // namespace tajo::exec::test
