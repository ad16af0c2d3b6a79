#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tajo/common/error.hpp"
#include "tpch_catalog.hpp"

namespace tajo::planning_tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string planned(const std::string& sql, int workers = 1, bool forced = false, std::vector<std::string> off = {}) {
  plan::PlannerSettings s;
  s.workers = workers;
  s.force_distributed = forced;
  s.disabled_rules = std::move(off);
  const std::string text = explain_text(plan_query(sql, small_catalog(), s), forced);
  if (std::getenv("TAJO_SHOW_PLANS") != nullptr) std::cout << sql << "\n" << text << "\n";
  return text;
}

TEST(Rules, OuterJoinWithARejectingPredicateIsInner) {
  EXPECT_THAT(planned("SELECT t.id FROM t LEFT JOIN u ON t.a = u.a WHERE u.b > 3"), HasSubstr("Hash Inner Join"));
  EXPECT_THAT(planned("SELECT t.id FROM t LEFT JOIN u ON t.a = u.a WHERE u.b IS NULL"), Not(HasSubstr("Inner")));
  EXPECT_THAT(planned("SELECT t.id FROM t FULL JOIN u ON t.a = u.a WHERE u.b > 3 AND t.b > 3"), HasSubstr("Hash Inner Join"));
  EXPECT_THAT(planned("SELECT t.id, u.id FROM t LEFT JOIN u ON t.a = u.a WHERE u.b > 3", 1, false, {"outer_to_inner"}), Not(HasSubstr("Inner")));
}

TEST(Rules, PredicatesHoldForEqualColumns) {
  const std::string text = planned("SELECT count(*) FROM t, u WHERE t.a = u.a AND t.a = 7");
  EXPECT_EQ(2, [&] {
    int n = 0;
    for (std::size_t at = text.find("a = 7"); at != std::string::npos; at = text.find("a = 7", at + 1)) ++n;
    return n;
  }()) << text;
}

TEST(Rules, CommonFactorsLeaveAnOr) {
  EXPECT_THAT(planned("SELECT count(*) FROM t, u WHERE (t.a = u.a AND t.b = 1) OR (t.a = u.a AND t.b = 2)"), AllOf(HasSubstr("Hash Inner Join"), Not(HasSubstr("Nested Loop"))));
}

TEST(Unnesting, ExistsAndInBecomeSemiJoins) {
  EXPECT_THAT(planned("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND u.b <> t.b)"), HasSubstr("Semi Join"));
  EXPECT_THAT(planned("SELECT id FROM t WHERE a IN (SELECT a FROM u WHERE u.b = t.b)"), HasSubstr("Semi Join"));
  EXPECT_THAT(planned("SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.a = t.a)"), HasSubstr("Anti Join"));
}

TEST(Unnesting, NotInMindsNulls) {
  EXPECT_THAT(planned("SELECT id FROM t WHERE a NOT IN (SELECT a FROM u)"), HasSubstr("Hash Anti Join (null-aware)"));
  EXPECT_THAT(planned("SELECT id FROM t WHERE n NOT IN (SELECT n FROM u)"), AllOf(HasSubstr("Anti Join"), Not(HasSubstr("null-aware"))));
  // Correlated: the correlation decides which rows are candidates, the comparison may be NULL.
  EXPECT_THAT(planned("SELECT id FROM t WHERE a NOT IN (SELECT a FROM u WHERE u.id = t.id)"), AllOf(HasSubstr("Anti Join"), HasSubstr("Residual"), Not(HasSubstr("null-aware"))));
  EXPECT_THAT(planned("SELECT id, a IN (SELECT a FROM u) FROM t"), HasSubstr("Hash Mark Join (null-aware)"));
  EXPECT_THAT(planned("SELECT id FROM t WHERE a IN (SELECT a FROM u) OR b = 1"), AllOf(HasSubstr("Hash Mark Join"), Not(HasSubstr("null-aware"))));
}

TEST(Unnesting, NullAwareJoinsAreBroadcast) {
  EXPECT_THAT(planned("SELECT id FROM t WHERE a NOT IN (SELECT a FROM u)", 2, true), AllOf(HasSubstr("null-aware"), HasSubstr("broadcast")));
}

TEST(Unnesting, ScalarAggregateBecomesAGrouping) {
  EXPECT_THAT(planned("SELECT id FROM t WHERE n = (SELECT min(n) FROM u WHERE u.a = t.a)"), AllOf(HasSubstr("Hash Inner Join"), HasSubstr("Group Key: a")));
  // A missing group counts 0 rows: the comparison must not drop it.
  EXPECT_THAT(planned("SELECT id FROM t WHERE (SELECT count(*) FROM u WHERE u.a = t.a) = 0"), AllOf(Not(HasSubstr("Inner")), HasSubstr("COALESCE")));
  EXPECT_THAT(planned("SELECT id, (SELECT count(*) + t.b FROM u WHERE u.a = t.a) FROM t"), HasSubstr("COALESCE"));
}

TEST(Unnesting, ScalarSubqueryWithoutAggregateChecksForOneRow) {
  EXPECT_THAT(planned("SELECT id, (SELECT n FROM u WHERE u.a = t.a) FROM t"), HasSubstr("Hash Single Join"));
  EXPECT_THAT(planned("SELECT t.n, (SELECT n FROM u WHERE u.id = t.id) FROM t"), Not(HasSubstr("Single")));
}

TEST(Unnesting, TheGeneralMethodHandlesTheRest) {
  planned("SELECT id FROM t WHERE a = (SELECT max(u.a) FROM u WHERE u.b < t.b)");
  planned("SELECT id FROM t WHERE EXISTS (SELECT count(*) FROM u WHERE u.a = t.a HAVING count(*) > 2)");
  planned("SELECT id, (SELECT n FROM u WHERE u.a = t.a ORDER BY n LIMIT 1) FROM t");
  planned("SELECT id FROM t WHERE a IN (SELECT a FROM u WHERE u.b = t.b UNION SELECT a FROM v WHERE v.b > t.b)");
  planned("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a AND EXISTS (SELECT 1 FROM v WHERE v.b = u.b AND v.c = t.c))");
  planned("SELECT id FROM t WHERE n > (SELECT sum(u.n * t.b) FROM u WHERE u.a = t.a)");
  planned("SELECT t.id, x.s FROM t, LATERAL (SELECT sum(n) AS s FROM u WHERE u.a = t.a) x");
  planned("SELECT t.id, x.n FROM t LEFT JOIN LATERAL (SELECT n FROM u WHERE u.a > t.a LIMIT 2) x ON true");
  EXPECT_THROW(planned("SELECT id, (SELECT n FROM u WHERE u.a > o.a ORDER BY n LIMIT 1) FROM (SELECT id, a FROM t LIMIT 3) o"), Error);
}

TEST(Aggregates, AreSplitIntoBaseOnes) {
  EXPECT_THAT(planned("SELECT avg(n), sum(n), count(n), count(*) FROM t"), HasSubstr("Aggregates: sum(n), count(*)\n"));
  EXPECT_THAT(planned("SELECT b, count(DISTINCT a), sum(n) FROM t GROUP BY b"), Not(HasSubstr("DISTINCT")));
  EXPECT_THAT(planned("SELECT count(DISTINCT a), count(DISTINCT b) FROM t"), HasSubstr("count(DISTINCT a), count(DISTINCT b)"));
  EXPECT_THAT(planned("SELECT stddev(n), variance(n), avg(n) FROM t"), HasSubstr("sum_squares"));
}

TEST(Aggregates, KeysThatOthersDetermineAreNotHashed) {
  EXPECT_THAT(planned("SELECT id, c, n, count(*) FROM t GROUP BY id, c, n"), HasSubstr("Group Key: id\n"));
  EXPECT_THAT(planned("SELECT a, c, count(*) FROM t GROUP BY a, c"), HasSubstr("Group Key: a, c\n"));
}

TEST(Stages, AggregatesHaveTwoPhases) {
  const std::string text = planned("SELECT id, count(*) FROM t GROUP BY id ORDER BY 2 DESC LIMIT 3", 2, true);
  EXPECT_THAT(text, AllOf(HasSubstr("Top 3"), HasSubstr("gather"), HasSubstr("tasks over splits")));
}

TEST(Stages, OuterJoinsThatKeepTheBuildSideArePartitioned) {
  EXPECT_THAT(planned("SELECT t.id, u.id FROM t FULL JOIN u ON t.a = u.a", 2, true), AllOf(HasSubstr("hash(a)"), Not(HasSubstr("broadcast"))));
}

TEST(Stages, LimitIsNotRepeatable) {
  EXPECT_THAT(planned("SELECT count(*) FROM (SELECT id FROM t LIMIT 10) x JOIN u ON x.id = u.id", 2, true), HasSubstr("not repeatable"));
}

TEST(SetOperations, HaveTheirForms) {
  EXPECT_THAT(planned("SELECT a FROM t INTERSECT SELECT a FROM u"), AllOf(HasSubstr("Union All"), HasSubstr("sum_counts")));
  EXPECT_THAT(planned("SELECT a FROM t EXCEPT ALL SELECT a FROM u"), HasSubstr("row_number"));
  EXPECT_THAT(planned("SELECT a FROM t UNION SELECT a FROM u"), HasSubstr("Group Key: a"));
}

TEST(Joins, FullJoinNeedsAnEquality) {
  EXPECT_THROW(planned("SELECT t.id FROM t FULL JOIN u ON t.a < u.a"), Error);
}

TEST(Joins, UnusedUniqueSideOfALeftJoinGoes) {
  EXPECT_THAT(planned("SELECT t.n FROM t LEFT JOIN u ON t.a = u.id"), Not(HasSubstr("Join")));
  EXPECT_THAT(planned("SELECT t.n FROM t LEFT JOIN u ON t.a = u.a"), HasSubstr("Join"));
}

TEST(Shapes, ConstantsAndEmptyInputs) {
  planned("SELECT 1");
  planned("SELECT count(*) FROM t");
  planned("SELECT id FROM t WHERE false");
  EXPECT_THAT(planned("SELECT id FROM t WHERE 1 = 2 LIMIT 5"), HasSubstr("Values (0)"));
  planned("VALUES (1, 'x'), (2, NULL)");
  planned("SELECT id, random() FROM t ORDER BY 2 LIMIT 3", 2, true);
  planned("SELECT x FROM generate_series(1, 10) g(x)");
  planned("SELECT id, row_number() OVER (PARTITION BY a ORDER BY n), sum(n) OVER () FROM t", 2, true);
  planned("SELECT a, string_agg(c, ',' ORDER BY c) FROM t GROUP BY a", 2, true);
}

}  // namespace
}  // namespace tajo::planning_tests
