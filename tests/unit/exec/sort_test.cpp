#include "plans.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tajo/common/random.hpp"

namespace tajo::exec::test {
namespace {

const std::vector<data::Type> kTypes{int4(), text(), float8()};

std::vector<Rows> random_fragments(std::uint64_t seed, std::size_t n) {
  Random random(seed);
  std::vector<Rows> fragments(3);
  for (std::size_t i = 0; i < n; ++i) {
    std::string s = "common prefix ";
    s.resize(random.below(16));
    s += static_cast<char>('a' + random.below(4));
    fragments[i % 3].push_back({random.chance(0.1) ? Value{} : Value{static_cast<std::int64_t>(random.below(40)) - 20},
                                random.chance(0.1) ? Value{} : Value{s},
                                random.chance(0.1) ? Value{} : Value{(random.uniform() - 0.5) * 1e6}});
  }
  return fragments;
}

int compare(const Value& a, const Value& b, bool descending, bool nulls_first) {
  if (data::is_null(a) || data::is_null(b)) {
    if (data::is_null(a) && data::is_null(b)) return 0;
    return data::is_null(a) == nulls_first ? -1 : 1;
  }
  const int order = a < b ? -1 : b < a ? 1 : 0;
  return descending ? -order : order;
}

struct Key {
  std::uint32_t column;
  bool descending, nulls_first;
};

void expect_order(const Rows& rows, const std::vector<Key>& keys) {
  for (std::size_t i = 1; i < rows.size(); ++i) {
    int order = 0;
    for (const Key& k : keys) {
      order = compare(rows[i - 1][k.column], rows[i][k.column], k.descending, k.nulls_first);
      if (order != 0) break;
    }
    ASSERT_LE(order, 0) << "row " << i;
  }
}

const std::vector<std::vector<Key>> kOrders{{{0, false, false}}, {{0, true, true}, {1, false, false}}, {{1, false, true}, {2, true, false}},
                                            {{1, true, true}},  {{2, false, false}, {0, false, false}, {1, true, false}}};

std::vector<plan::SortKey> sort_keys(const Node& in, const std::vector<Key>& keys) {
  std::vector<plan::SortKey> out;
  for (const Key& k : keys) out.push_back({column(in, k.column), k.descending, k.nulls_first});
  return out;
}

Rows flat(const std::vector<Rows>& fragments) {
  Rows out;
  for (const Rows& f : fragments) out.insert(out.end(), f.begin(), f.end());
  return out;
}

TEST(SortTest, EveryOrderAndAllRows) {
  const auto fragments = random_fragments(1, 40'000);
  for (const auto& keys : kOrders) {
    Bench bench(2);
    bench.add_table("t", kTypes, fragments);
    Node scan = bench.scan("t", kTypes);
    const auto by = sort_keys(scan, keys);
    const Rows rows = bench.run(sort(std::move(scan), by));
    expect_order(rows, keys);
    EXPECT_EQ(sorted(rows), sorted(flat(fragments)));
  }
}

TEST(SortTest, FloatsInPostgresOrder) {
  Bench bench;
  Node in = values({float8()}, {{NAN}, {-0.5}, {INFINITY}, {Value{}}, {-INFINITY}, {2.0}});
  const auto key = column(in, 0);
  const Rows rows = bench.run(sort(std::move(in), {ascending(key)}));
  EXPECT_EQ(print(rows), print({{-INFINITY}, {-0.5}, {2.0}, {INFINITY}, {NAN}, {Value{}}}));
}

TEST(TopNTest, SameAsSortAndLimit) {
  const auto fragments = random_fragments(2, 20'000);
  for (const auto& keys : kOrders) {
    for (const auto& [limit, offset] : std::vector<std::pair<std::int64_t, std::int64_t>>{{10, 0}, {10, 7}, {3000, 100}, {0, 0}, {100'000, 5}}) {
      Bench bench(2);
      bench.add_table("t", kTypes, fragments);
      Node scan = bench.scan("t", kTypes);
      const auto by = sort_keys(scan, keys);
      const Rows top = bench.run(top_n(std::move(scan), by, limit, offset));
      expect_order(top, keys);
      Rows all = flat(fragments);
      std::sort(all.begin(), all.end(), [&](const Row& a, const Row& b) {
        for (const Key& k : keys)
          if (const int order = compare(a[k.column], b[k.column], k.descending, k.nulls_first); order != 0) return order < 0;
        return false;
      });
      const std::size_t begin = std::min<std::size_t>(all.size(), static_cast<std::size_t>(offset));
      const std::size_t end = std::min<std::size_t>(all.size(), static_cast<std::size_t>(offset + limit));
      ASSERT_EQ(top.size(), end - begin);
      // Ties may come in any order: the keys have to agree.
      for (std::size_t i = 0; i < top.size(); ++i)
        for (const Key& k : keys) ASSERT_EQ(top[i][k.column], all[begin + i][k.column]) << i;
    }
  }
}

TEST(TopNTest, DescendingInputInAscendingOrderStaysSmall) {
  Bench bench(1, std::size_t{64} << 20);
  Node numbers = series(3'000'000, 1, -1);
  const auto key = column(numbers, 0);
  const Rows rows = bench.run(top_n(std::move(numbers), {ascending(key)}, 5));
  EXPECT_EQ(rows, (Rows{{std::int64_t{1}}, {std::int64_t{2}}, {std::int64_t{3}}, {std::int64_t{4}}, {std::int64_t{5}}}));
}

TEST(SortTest, OrderStaysThroughStepsAbove) {
  Bench bench(2);
  Node numbers = series(1, 100'000);
  const auto key = column(numbers, 0);
  Node sorted_numbers = sort(std::move(numbers), {descending(key)});
  const auto even = functions::make_call("=", {functions::make_call("%", {column(sorted_numbers, 0), functions::make_constant(std::int64_t{2}, int8())}),
                                               functions::make_constant(std::int64_t{0}, int8())});
  const Rows rows = bench.run(limit(filter(std::move(sorted_numbers), {even}), 20'000, 5000));
  ASSERT_EQ(rows.size(), 20'000u);
  for (std::size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i][0], Value(static_cast<std::int64_t>(90'000 - 2 * i)));
}

}  // namespace
}  // namespace tajo::exec::test
