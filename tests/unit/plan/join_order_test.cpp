#include <gtest/gtest.h>

#include <bit>

#include "join_graph.hpp"

namespace tajo::plan {
namespace {

Relation relation(double rows) {
  Relation r;
  r.rows = r.base_rows = rows;
  return r;
}

void connect(JoinGraph& g, int a, double da, int b, double db) {
  Predicate p;
  p.left = RelationSet{1} << a;
  p.right = RelationSet{1} << b;
  p.refs = p.left | p.right;
  p.equality = true;
  p.equivalence = static_cast<int>(g.classes.size());
  g.classes.push_back({{{a, da}, {b, db}}, true});
  g.predicates.push_back(p);
}

/// A fact table with `n` dimensions.
JoinGraph star(int n) {
  JoinGraph g;
  g.relations.push_back(relation(1e6));
  for (int i = 1; i <= n; ++i) {
    g.relations.push_back(relation(10.0 * i));
    connect(g, 0, 1000, i, 1000);
  }
  return g;
}

void check_tree(const JoinGraph& g, const std::vector<JoinPlan>& plans, int index) {
  const JoinPlan& p = plans[static_cast<std::size_t>(index)];
  if (p.left < 0) {
    EXPECT_TRUE(std::has_single_bit(p.set));
    return;
  }
  const JoinPlan &l = plans[static_cast<std::size_t>(p.left)], &r = plans[static_cast<std::size_t>(p.right)];
  EXPECT_EQ(0U, l.set & r.set);
  EXPECT_EQ(p.set, l.set | r.set);
  EXPECT_NE(0, g.combine(l.set, r.set));
  check_tree(g, plans, p.left);
  check_tree(g, plans, p.right);
}

TEST(JoinOrder, CoversAllRelationsOfAStar) {
  for (int n : {1, 4, 8}) {
    JoinGraph g = star(n);
    std::vector<JoinPlan> plans;
    int best = -1;
    ASSERT_TRUE(order_exactly(g, plans, best));
    EXPECT_EQ(g.all(), plans[static_cast<std::size_t>(best)].set);
    check_tree(g, plans, best);
    // The most selective dimension comes first.
    const JoinPlan* p = &plans[static_cast<std::size_t>(best)];
    while (std::popcount(p->set) > 2) {
      const JoinPlan &l = plans[static_cast<std::size_t>(p->left)], &r = plans[static_cast<std::size_t>(p->right)];
      p = std::popcount(l.set) > std::popcount(r.set) ? &l : &r;
    }
    EXPECT_EQ(RelationSet{3}, p->set);
  }
}

TEST(JoinOrder, JoinsUnconnectedPartsBySmallestCrossProduct) {
  JoinGraph g;
  for (double rows : {1000.0, 10.0, 500.0}) g.relations.push_back(relation(rows));
  connect(g, 0, 100, 2, 100);
  std::vector<JoinPlan> plans;
  int best = -1;
  ASSERT_TRUE(order_exactly(g, plans, best));
  check_tree(g, plans, best);
  EXPECT_EQ(g.all(), plans[static_cast<std::size_t>(best)].set);
}

TEST(JoinOrder, AnAppendageWaitsForWhatItNeeds) {
  JoinGraph g = star(3);
  Relation semi = relation(50);
  semi.join = make_node(Kind::kJoin);
  semi.join->join_type = JoinType::kSemi;
  semi.needs = 0b0110;
  semi.factor = 0.1;
  semi.has_key = true;
  g.relations.push_back(std::move(semi));
  g.appendages = 0b10000;
  std::vector<JoinPlan> plans;
  int best = -1;
  ASSERT_TRUE(order_exactly(g, plans, best));
  check_tree(g, plans, best);
  EXPECT_EQ(g.all(), plans[static_cast<std::size_t>(best)].set);
  order_greedily(g, plans, best);
  check_tree(g, plans, best);
  EXPECT_EQ(g.all(), plans[static_cast<std::size_t>(best)].set);
}

TEST(JoinOrder, ManyRelationsAreOrderedGreedily) {
  JoinGraph g = star(40);
  std::vector<JoinPlan> plans;
  int best = -1;
  EXPECT_FALSE(order_exactly(g, plans, best));
  order_greedily(g, plans, best);
  check_tree(g, plans, best);
  EXPECT_EQ(g.all(), plans[static_cast<std::size_t>(best)].set);
}

TEST(JoinOrder, TwoKeysBetweenTwoTablesDoNotMultiply) {
  JoinGraph g;
  g.relations.push_back(relation(6e6));
  g.relations.push_back(relation(8e5));
  connect(g, 0, 2e5, 1, 2e5);
  connect(g, 0, 1e4, 1, 1e4);
  bool keyed = false;
  EXPECT_NEAR(6e6, g.rows(1, 6e6, 2, 8e5, 1, keyed), 1);
  EXPECT_TRUE(keyed);
}

}  // namespace
}  // namespace tajo::plan
