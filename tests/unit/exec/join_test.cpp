#include "plans.hpp"

#include <gtest/gtest.h>

#include "tajo/common/random.hpp"

namespace tajo::exec::test {
namespace {

using plan::JoinType;

const std::vector<data::Type> kTypes{int4(), text(), int8()};

/// key (NULLs, repeats), text key, payload.
Rows random_rows(std::uint64_t seed, std::size_t n, std::int64_t domain, double nulls) {
  Random random(seed);
  Rows rows;
  for (std::size_t i = 0; i < n; ++i) {
    const auto key = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(domain)));
    rows.push_back({random.chance(nulls) ? Value{} : Value{key * 1'000'003 % 2'000'000'011},
                    random.chance(nulls) ? Value{} : Value{"a key that is long enough " + std::to_string(key % 5)},
                    static_cast<std::int64_t>(random.below(100))});
  }
  return rows;
}

struct Spec {
  std::vector<std::uint32_t> keys;
  bool residual = false;   ///< probe payload < build payload
  bool null_aware = false;
};

/// TRUE 1, FALSE 0, NULL -1: whether two rows join.
int joins(const Row& a, const Row& b, const Spec& spec) {
  int result = 1;
  for (const std::uint32_t k : spec.keys) {
    if (data::is_null(a[k]) || data::is_null(b[k])) result = result == 0 ? 0 : -1;
    else if (a[k] != b[k]) result = 0;
  }
  if (spec.residual && !(std::get<std::int64_t>(a[2]) < std::get<std::int64_t>(b[2]))) result = 0;
  return result;
}

Rows reference(JoinType type, const Rows& probe, const Rows& build, const Spec& spec) {
  Rows out;
  std::vector<bool> hit(build.size(), false);
  const Row nulls(kTypes.size());
  const auto both = [](Row a, const Row& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  for (const Row& p : probe) {
    bool any = false, unknown = false;
    for (std::size_t b = 0; b < build.size(); ++b) {
      const int match = joins(p, build[b], spec);
      unknown |= match < 0;
      if (match <= 0) continue;
      any = hit[b] = true;
      if (type == JoinType::kInner || type == JoinType::kLeft || type == JoinType::kRight || type == JoinType::kFull) out.push_back(both(p, build[b]));
    }
    if (!any && (type == JoinType::kLeft || type == JoinType::kFull)) out.push_back(both(p, nulls));
    if (type == JoinType::kSemi && any) out.push_back(p);
    if (type == JoinType::kAnti && !any && !(spec.null_aware && unknown)) out.push_back(p);
    if (type == JoinType::kMark)
      out.push_back(both(p, {any ? Value{std::int64_t{1}} : spec.null_aware && unknown ? Value{} : Value{std::int64_t{0}}}));
  }
  for (std::size_t b = 0; b < build.size(); ++b) {
    if ((type == JoinType::kRight || type == JoinType::kFull) && !hit[b]) out.push_back(both(nulls, build[b]));
    if (type == JoinType::kRightSemi && hit[b]) out.push_back(build[b]);
    if (type == JoinType::kRightAnti && !hit[b]) out.push_back(build[b]);
  }
  return out;
}

std::vector<Rows> cut(const Rows& rows, std::size_t pieces) {
  std::vector<Rows> out(pieces);
  for (std::size_t i = 0; i < rows.size(); ++i) out[i % pieces].push_back(rows[i]);
  return out;
}

void check(JoinType type, const Rows& probe, const Rows& build, const Spec& spec, const std::string& what) {
  Bench bench(2);
  bench.add_table("p", kTypes, cut(probe, 3));
  bench.add_table("b", kTypes, cut(build, 2));
  Node p = bench.scan("p", kTypes), b = bench.scan("b", kTypes);
  const auto residual = spec.residual ? functions::make_call("<", {column(p, b, 2), column(p, b, 5)}) : nullptr;
  Node join = hash_join(type, std::move(p), std::move(b), spec.keys, spec.keys, residual);
  std::get<plan::HashJoinNode>(join->detail).null_aware = spec.null_aware;
  const Rows got = sorted(bench.run(std::move(join)));
  const Rows expected = sorted(reference(type, probe, build, spec));
  ASSERT_EQ(got.size(), expected.size()) << what << " type " << static_cast<int>(type);
  EXPECT_TRUE(got == expected) << what << " type " << static_cast<int>(type);
}

constexpr JoinType kAll[] = {JoinType::kInner, JoinType::kLeft, JoinType::kRight, JoinType::kFull, JoinType::kSemi,
                             JoinType::kAnti, JoinType::kMark, JoinType::kRightSemi, JoinType::kRightAnti};

TEST(HashJoinTest, EveryTypeAgainstNestedLoops) {
  const Rows probe = random_rows(1, 900, 60, 0.1), build = random_rows(2, 300, 80, 0.1);
  for (const JoinType type : kAll) {
    check(type, probe, build, {{0}}, "integer key");
    check(type, probe, build, {{0}, true}, "integer key, residual");
    check(type, probe, build, {{0, 1}}, "two keys");
    check(type, probe, build, {{1}, true}, "text key, residual");
    check(type, probe, {}, {{0}}, "empty build");
    check(type, {}, build, {{0}}, "empty probe");
  }
}

TEST(HashJoinTest, DenseKeysUseAnArray) {
  Rows probe, build;
  for (std::int64_t i = 0; i < 5000; ++i) probe.push_back({i % 1300 - 20, {}, i});
  for (std::int64_t i = 0; i < 1200; ++i) build.push_back({i, {}, i * 2});
  for (const JoinType type : kAll) {
    check(type, probe, build, {{0}}, "dense unique");
    check(type, probe, build, {{0}, true}, "dense unique, residual");
  }
  for (std::int64_t i = 0; i < 600; ++i) build.push_back({i, {}, i * 3});
  for (const JoinType type : kAll) check(type, probe, build, {{0}}, "dense repeated");
}

TEST(HashJoinTest, SeveralIntegersAreOneNumber) {
  const std::vector<data::Type> types{int4(), int8(), int4()};
  Random random(17);
  const auto rows = [&](std::size_t n, std::uint64_t a, std::uint64_t b) {
    Rows out;
    for (std::size_t i = 0; i < n; ++i)
      out.push_back({random.chance(0.05) ? Value{} : Value{static_cast<std::int64_t>(random.below(a)) - 3},
                     random.chance(0.05) ? Value{} : Value{static_cast<std::int64_t>(random.below(b)) * 1'000'000'007}, std::int64_t{1}});
    return out;
  };
  for (const std::uint64_t b : {5, 4000}) {
    const Rows probe = rows(3000, 12, b), build = rows(700, 9, b);
    for (const JoinType type : kAll) {
      Bench bench(2);
      bench.add_table("p", types, cut(probe, 3));
      bench.add_table("b", types, cut(build, 2));
      Node join = hash_join(type, bench.scan("p", types), bench.scan("b", types), {0, 1}, {0, 1});
      const Rows got = sorted(bench.run(std::move(join)));
      const Rows expected = sorted(reference(type, probe, build, {{0, 1}}));
      EXPECT_TRUE(got == expected) << b << " type " << static_cast<int>(type);
    }
  }
}

TEST(HashJoinTest, KeysAtTheEndsOfTheirRange) {
  const Rows ends{{INT64_MIN}, {INT64_MAX}, {std::int64_t{-1}}, {std::int64_t{0}}, {Value{}}};
  for (const Rows& build : {ends, Rows{{INT64_MAX}}, Rows{{INT64_MIN}, {std::int64_t{0}}}}) {
    Bench bench;
    const Rows got = sorted(bench.run(hash_join(JoinType::kInner, values({int8()}, ends), values({int8()}, build), {0}, {0})));
    Rows expected;
    for (const Row& row : build)
      if (!data::is_null(row[0])) expected.push_back({row[0], row[0]});
    EXPECT_EQ(print(got), print(sorted(expected)));
  }
}

TEST(HashJoinTest, NotInKnowsNull) {
  const Rows probe = random_rows(3, 200, 10, 0.2);
  const Rows with_null = random_rows(4, 20, 10, 0.3), without = random_rows(5, 20, 10, 0.0);
  for (const JoinType type : {JoinType::kAnti, JoinType::kMark})
    for (const Rows& build : {with_null, without, Rows{}, Rows{{Value{}, Value{}, std::int64_t{1}}}})
      check(type, probe, build, {{0}, false, true}, "null aware");
}

TEST(HashJoinTest, OneRowWithManyMatches) {
  Rows build;
  for (std::int64_t i = 0; i < 20'000; ++i) build.push_back({std::int64_t{7}, std::string("x"), i % 50});
  Rows probe = random_rows(6, 50, 10, 0.0);
  probe.push_back({std::int64_t{7}, std::string("x"), std::int64_t{49}});
  probe.push_back({std::int64_t{7}, std::string("x"), std::int64_t{3}});
  for (const JoinType type : {JoinType::kInner, JoinType::kLeft, JoinType::kSemi, JoinType::kFull}) {
    check(type, probe, build, {{0}}, "skewed");
    check(type, probe, build, {{0}, true}, "skewed, residual");
  }
}

TEST(HashJoinTest, SingleRefusesASecondMatch) {
  for (const bool repeated : {false, true}) {
    Bench bench;
    Rows build{{std::int64_t{1}}, {std::int64_t{2}}};
    if (repeated) build.push_back({std::int64_t{2}});
    Node join = hash_join(JoinType::kSingle, values({int4()}, {{std::int64_t{2}}, {std::int64_t{5}}, {Value{}}}), values({int4()}, build), {0}, {0});
    const TaskSpec spec = bench.spec(std::move(join));
    const TaskResult result = bench.run_task(spec);
    if (repeated) {
      ASSERT_TRUE(result.error);
      EXPECT_EQ(result.error->sqlstate(), "21000");
    } else {
      ASSERT_FALSE(result.error) << result.error->what();
      EXPECT_EQ(sorted(bench.rows_of(spec.id)), sorted({{std::int64_t{2}, std::int64_t{2}}, {std::int64_t{5}, {}}, {Value{}, {}}}));
    }
  }
}

TEST(HashJoinTest, RuntimeFilterDropsRowsAtTheScan) {
  Bench bench;
  Rows probe, build;
  for (std::int64_t i = 0; i < 20'000; ++i) probe.push_back({i, {}, i});
  for (std::int64_t i = 0; i < 20'000; i += 500) build.push_back({i, {}, i});
  for (const std::int64_t spread : {std::int64_t{1}, std::int64_t{1'000'003}}) {  // a bitmap, a Bloom filter
    Rows p = probe, b = build;
    for (Rows* rows : {&p, &b})
      for (Row& row : *rows) row[0] = std::get<std::int64_t>(row[0]) * spread % 2'000'000'011;
    bench.add_table("p", kTypes, cut(p, 2));
    bench.add_table("b", kTypes, cut(b, 1));
    Node scan = bench.scan("p", kTypes);
    const std::uint32_t scan_id = scan->id;
    std::get<plan::ScanNode>(scan->detail).runtime_filters.push_back({3, 0});
    Node join = hash_join(JoinType::kInner, std::move(scan), bench.scan("b", kTypes), {0}, {0});
    std::get<plan::HashJoinNode>(join->detail).runtime_filters = {3};
    const TaskResult result = bench.run_task(bench.spec(std::move(join)));
    ASSERT_FALSE(result.error) << result.error->what();
    EXPECT_EQ(result.rows, 40u);
    for (const NodeCounters& c : result.counters)
      if (c.node == scan_id) { EXPECT_LT(c.rows, 1000u); }
  }
}

TEST(NestedLoopJoinTest, EveryTypeAgainstTheReference) {
  const Rows probe = random_rows(11, 25, 30, 0.1);
  for (const std::size_t builds : {std::size_t{0}, std::size_t{3}, std::size_t{2100}}) {
    const Rows build = random_rows(12, builds, 30, 0.1);
    for (const JoinType type : kAll) {
      for (const bool predicate : {true, false}) {
        Bench bench(2);
        bench.add_table("p", kTypes, cut(probe, 3));
        bench.add_table("b", kTypes, cut(build, 2));
        Node p = bench.scan("p", kTypes), b = bench.scan("b", kTypes);
        const auto less = predicate ? functions::make_call("<", {column(p, b, 2), column(p, b, 5)}) : nullptr;
        const Rows got = sorted(bench.run(nested_loop_join(type, std::move(p), std::move(b), less)));
        const Rows expected = sorted(reference(type, probe, build, {{}, predicate}));
        ASSERT_EQ(got.size(), expected.size()) << static_cast<int>(type) << " " << builds << " " << predicate;
        EXPECT_TRUE(got == expected) << static_cast<int>(type) << " " << builds << " " << predicate;
      }
    }
  }
}

TEST(NestedLoopJoinTest, MarkIsNullWhereOnlyNullWasCompared) {
  Bench bench;
  Node p = values({int4()}, {{std::int64_t{1}}, {std::int64_t{2}}, {Value{}}});
  Node b = values({int4()}, {{std::int64_t{1}}, {Value{}}});
  const auto same = functions::make_call("=", {column(p, b, 0), column(p, b, 1)});
  const Rows rows = sorted(bench.run(nested_loop_join(JoinType::kMark, std::move(p), std::move(b), same)));
  EXPECT_EQ(rows, sorted({{std::int64_t{1}, std::int64_t{1}}, {std::int64_t{2}, {}}, {Value{}, {}}}));
}

}  // namespace
}  // namespace tajo::exec::test
