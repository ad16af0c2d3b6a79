#include "plans.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "tajo/common/random.hpp"

namespace tajo::exec::test {
namespace {

using functions::AggregateKind;

const std::vector<data::Type> kTypes{int4(), text(), int8()};

std::vector<Rows> random_fragments(std::uint64_t seed, std::size_t n, std::uint64_t keys, std::uint64_t texts, double nulls) {
  Random random(seed);
  std::vector<Rows> fragments(4);
  for (std::size_t i = 0; i < n; ++i)
    fragments[i % 4].push_back({random.chance(nulls) ? Value{} : Value{static_cast<std::int64_t>(random.below(keys))},
                                random.chance(nulls) ? Value{} : Value{"text number " + std::to_string(random.below(texts))},
                                random.chance(nulls) ? Value{} : Value{static_cast<std::int64_t>(random.below(1000)) - 500}});
  return fragments;
}

/// count(*), count(v), sum(v), min(v), max(t) by the keys.
std::vector<functions::AggregateCall> calls_over(const Node& in) {
  return {call(AggregateKind::kCountStar, {}, int8()), call(AggregateKind::kCount, {column(in, 2)}, int8()),
          call(AggregateKind::kSum, {column(in, 2)}, decimal(38, 0)), call(AggregateKind::kMin, {column(in, 2)}, int8()),
          call(AggregateKind::kMax, {column(in, 1)}, text())};
}

Rows reference(const std::vector<Rows>& fragments, const std::vector<std::uint32_t>& keys) {
  struct Group {
    std::int64_t rows = 0, values = 0, sum = 0;
    std::optional<std::int64_t> min;
    std::optional<std::string> max;
  };
  std::map<Row, Group> groups;
  if (keys.empty()) groups[{}];
  for (const Rows& fragment : fragments) {
    for (const Row& row : fragment) {
      Row key;
      for (const std::uint32_t k : keys) key.push_back(row[k]);
      Group& g = groups[key];
      ++g.rows;
      if (!data::is_null(row[2])) {
        const std::int64_t v = std::get<std::int64_t>(row[2]);
        ++g.values;
        g.sum += v;
        g.min = g.min ? std::min(*g.min, v) : v;
      }
      if (!data::is_null(row[1])) g.max = g.max ? std::max(*g.max, std::get<std::string>(row[1])) : std::get<std::string>(row[1]);
    }
  }
  Rows out;
  for (const auto& [key, g] : groups) {
    Row row = key;
    row.insert(row.end(), {g.rows, g.values, g.values == 0 ? Value{} : Value{static_cast<__int128>(g.sum)}, g.min ? Value{*g.min} : Value{},
                           g.max ? Value{*g.max} : Value{}});
    out.push_back(std::move(row));
  }
  return out;
}

void check(const std::vector<Rows>& fragments, const std::vector<std::uint32_t>& keys, bool text_codes, const std::string& what) {
  Bench bench(2);
  bench.add_table("t", kTypes, fragments, text_codes);
  Node scan = bench.scan("t", kTypes);
  std::vector<ExpressionPtr> key_expressions;
  for (const std::uint32_t k : keys) key_expressions.push_back(column(scan, k));
  auto calls = calls_over(scan);
  const Rows got = sorted(bench.run(aggregate(std::move(scan), key_expressions, calls)));
  const Rows expected = sorted(reference(fragments, keys));
  ASSERT_EQ(got.size(), expected.size()) << what;
  EXPECT_TRUE(got == expected) << what << '\n' << (got.size() < 20 ? print(got) + "expected\n" + print(expected) : "");
}

TEST(AggregateTest, AgainstAMap) {
  for (const bool codes : {false, true}) {
    check(random_fragments(1, 20'000, 50, 6, 0.1), {0}, codes, "few integer keys");
    check(random_fragments(2, 20'000, 50, 6, 0.1), {1}, codes, "few texts");
    check(random_fragments(3, 20'000, 50, 6, 0.1), {0, 1}, codes, "two keys");
    check(random_fragments(4, 20'000, 50, 3000, 0.1), {1}, codes, "many texts");
    check(random_fragments(5, 20'000, 50, 6, 0.1), {}, codes, "no keys");
  }
  check(random_fragments(6, 300'000, 1'000'000'000, 6, 0.01), {0}, false, "hardly any repetition");
  check(random_fragments(7, 100'000, 20'000, 6, 0.01), {0}, false, "many groups");
  check({{}, {}}, {}, false, "no rows, no keys");
  check({{}, {}}, {0}, false, "no rows");
}

TEST(AggregateTest, NarrowBoundsIndexAnArray) {
  Bench bench(2);
  const auto fragments = random_fragments(8, 20'000, 50, 6, 0.1);
  bench.add_table("t", kTypes, fragments);
  Node scan = bench.scan("t", kTypes);
  scan->output[0].bounds = {0, 49, true, true};
  auto calls = calls_over(scan);
  const auto key = column(scan, 0);
  EXPECT_EQ(sorted(bench.run(aggregate(std::move(scan), {key}, calls))), sorted(reference(fragments, {0})));
}

TEST(AggregateTest, PartialAndFinalMakeTheSameAsSingle) {
  Bench bench(2);
  const auto fragments = random_fragments(9, 20'000, 50, 6, 0.1);
  bench.add_table("t", kTypes, fragments);
  Node scan = bench.scan("t", kTypes);
  auto calls = calls_over(scan);
  const auto key = column(scan, 0);
  Node partial = aggregate(std::move(scan), {key}, calls, plan::AggregateNode::Phase::kPartial);
  std::vector<functions::AggregateCall> merges;
  for (std::uint32_t c = 0; c < calls.size(); ++c) merges.push_back(call(functions::merge_kind(calls[c].kind), {column(partial, 1 + c)}, calls[c].type));
  const auto merged_key = column(partial, 0);
  EXPECT_EQ(sorted(bench.run(aggregate(std::move(partial), {merged_key}, merges, plan::AggregateNode::Phase::kFinal))), sorted(reference(fragments, {0})));
}

TEST(AggregateTest, DistinctAndFilter) {
  Bench bench(2);
  const auto fragments = random_fragments(10, 30'000, 20, 40, 0.1);
  bench.add_table("t", kTypes, fragments);
  for (const bool keyed : {true, false}) {
    Node scan = bench.scan("t", kTypes);
    auto count_distinct = call(AggregateKind::kCount, {column(scan, 1)}, int8());
    count_distinct.distinct = true;
    auto sum_distinct = call(AggregateKind::kSum, {column(scan, 2)}, decimal(38, 0));
    sum_distinct.distinct = true;
    sum_distinct.filter = functions::make_call("<", {column(scan, 2), constant(0)});
    auto filtered = call(AggregateKind::kCountStar, {}, int8());
    filtered.filter = functions::make_call("<", {column(scan, 2), constant(0)});
    auto all = call(AggregateKind::kCountStar, {}, int8());
    std::vector<ExpressionPtr> keys;
    if (keyed) keys.push_back(column(scan, 0));
    const Rows got = sorted(bench.run(aggregate(std::move(scan), keys, {all, count_distinct, sum_distinct, filtered})));
    struct Group {
      std::int64_t rows = 0, below = 0;
      std::set<std::string> texts;
      std::set<std::int64_t> values;
    };
    std::map<Row, Group> groups;
    for (const Rows& fragment : fragments)
      for (const Row& row : fragment) {
        Group& g = groups[keyed ? Row{row[0]} : Row{}];
        ++g.rows;
        if (!data::is_null(row[1])) g.texts.insert(std::get<std::string>(row[1]));
        if (!data::is_null(row[2]) && std::get<std::int64_t>(row[2]) < 0) {
          ++g.below;
          g.values.insert(std::get<std::int64_t>(row[2]));
        }
      }
    Rows expected;
    for (const auto& [key, g] : groups) {
      __int128 sum = 0;
      for (const std::int64_t v : g.values) sum += v;
      Row row = key;
      row.insert(row.end(), {g.rows, static_cast<std::int64_t>(g.texts.size()), sum, g.below});
      expected.push_back(row);
    }
    EXPECT_EQ(print(got), print(sorted(expected)));
  }
}

TEST(AggregateTest, OverflowIsAnError) {
  Bench bench;
  Node in = values({int8()}, {{INT64_MAX}, {std::int64_t{1}}});
  auto sum = call(AggregateKind::kSum, {column(in, 0)}, int8());
  const TaskResult result = bench.run_task(bench.spec(aggregate(std::move(in), {}, {sum})));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->sqlstate(), sqlstate::kNumericOutOfRange);
}

}  // namespace
}  // namespace tajo::exec::test
