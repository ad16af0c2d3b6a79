#include "statistics.hpp"

#include <gtest/gtest.h>

namespace tajo::plan {
namespace {

using data::Type;
using data::TypeId;

catalog::Table table(std::vector<data::ColumnStatistics> parts, std::uint64_t rows, Type type = Type::of(TypeId::kInt8)) {
  catalog::Table t;
  t.source.schema.columns.push_back({"k", type, false});
  for (data::ColumnStatistics& s : parts) {
    data::FragmentInfo f;
    f.rows = rows;
    f.columns.push_back(std::move(s));
    t.fragments.push_back(std::move(f));
  }
  return t;
}

data::ColumnStatistics part(std::int64_t min, std::int64_t max, std::uint64_t distinct, bool increasing, std::uint64_t nulls = 0) {
  data::ColumnStatistics s;
  s.min = min;
  s.max = max;
  s.distinct = distinct;
  s.strictly_increasing = increasing;
  s.nulls = nulls;
  return s;
}

TEST(TableStatistics, IncreasingDisjointFragmentsProveUniqueness) {
  EXPECT_TRUE(table_column_statistic(table({part(1, 100, 100, true), part(101, 200, 100, true)}, 100), 0).unique);
  EXPECT_TRUE(table_column_statistic(table({part(101, 200, 100, true), part(1, 100, 100, true)}, 100), 0).unique);
  EXPECT_FALSE(table_column_statistic(table({part(1, 100, 100, true), part(100, 200, 100, true)}, 100), 0).unique);
  EXPECT_FALSE(table_column_statistic(table({part(1, 100, 100, false)}, 100), 0).unique);
}

TEST(TableStatistics, BoundsAreProvedOnlyWhenEveryFragmentTells) {
  catalog::Table t = table({part(5, 10, 6, false), part(-3, 7, 6, false)}, 100);
  ColumnStatistic s = table_column_statistic(t, 0);
  EXPECT_TRUE(s.bounds.proved);
  EXPECT_EQ(-3, static_cast<std::int64_t>(s.bounds.lo));
  EXPECT_EQ(10, static_cast<std::int64_t>(s.bounds.hi));
  EXPECT_FALSE(s.bounds.may_be_null);
  data::FragmentInfo unopened;
  unopened.unknown_rows = true;
  unopened.bytes = 1000;
  t.fragments.push_back(unopened);
  s = table_column_statistic(t, 0);
  EXPECT_FALSE(s.bounds.proved);
  EXPECT_TRUE(s.bounds.may_be_null);
  EXPECT_FALSE(s.unique);
}

TEST(TableStatistics, DistinctCountsOfOverlappingFragmentsAreNotAddedUp) {
  // Each fragment shows nearly all of about 1,000 values.
  const ColumnStatistic same = table_column_statistic(table({part(1, 1000, 990, false), part(1, 1000, 992, false), part(1, 1000, 991, false)}, 5000), 0);
  EXPECT_NEAR(1000, same.distinct, 20);
  const ColumnStatistic cut = table_column_statistic(table({part(1, 1000, 900, false), part(1001, 2000, 900, false)}, 5000), 0);
  EXPECT_NEAR(1800, cut.distinct, 1);
  const ColumnStatistic touching = table_column_statistic(table({part(1, 1000, 900, false), part(1000, 2000, 900, false)}, 5000), 0);
  EXPECT_NEAR(1800, touching.distinct, 1);
}

TEST(TableStatistics, NullsCount) {
  const ColumnStatistic s = table_column_statistic(table({part(1, 10, 10, true, 25)}, 100), 0);
  EXPECT_DOUBLE_EQ(0.25, s.null_fraction);
  EXPECT_TRUE(s.bounds.may_be_null);
  EXPECT_FALSE(s.unique);
}

}  // namespace
}  // namespace tajo::plan
