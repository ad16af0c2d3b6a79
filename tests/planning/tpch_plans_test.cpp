#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "tpch_catalog.hpp"

namespace tajo::planning_tests {
namespace {

plan::PlannerSettings cluster(int workers) {
  plan::PlannerSettings s;
  s.workers = workers;
  s.threads_per_worker = 2;
  return s;
}

class TpchPlans : public testing::TestWithParam<int> {};

/// Every query becomes a plan that passes the plan checks, for every shape of cluster and with every rule off.
TEST_P(TpchPlans, AreValidForEveryShape) {
  const auto catalog = tpch_catalog(1);
  const std::string sql = tpch_query(GetParam());
  for (int workers : {1, 2, 4}) {
    const plan::PhysicalPlan p = plan_query(sql, catalog, cluster(workers));
    EXPECT_EQ(workers == 1, p.stages.size() == 1);
    if (const char* show = std::getenv("TAJO_SHOW_PLANS"); show != nullptr && std::atoi(show) == workers)
      std::cout << "Q" << GetParam() << " (" << p.planning_us << " us)\n" << explain_text(p, workers > 1) << "\n";
  }
  plan::PlannerSettings forced = cluster(2);
  forced.force_distributed = true;
  plan_query(sql, tpch_catalog(0.01), forced);
  for (const char* rule : {"fold", "or_factors", "push_down", "outer_to_inner", "implied_predicates", "mark_to_semi", "join_order", "group_keys",
                           "right_semi", "join_elimination", "runtime_filters"}) {
    forced.disabled_rules = {rule};
    EXPECT_NO_THROW(plan_query(sql, catalog, forced)) << "without rule " << rule;
  }
}

INSTANTIATE_TEST_SUITE_P(All, TpchPlans, testing::Range(1, 23));

TEST(PlanningTime, IsPrinted) {
  const auto catalog = tpch_catalog(1);
  for (int q : {1, 2, 5, 8, 9, 21}) {
    const std::string sql = tpch_query(q);
    double best = 1e9;
    for (int i = 0; i < 20; ++i) {
      plan::LogicalPlan bound = bind_query(sql, catalog);
      const auto start = std::chrono::steady_clock::now();
      plan::optimize(std::move(bound), cluster(1));
      best = std::min(best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::cout << "Q" << q << " optimised in " << best << " ms\n";
  }
}

}  // namespace
}  // namespace tajo::planning_tests
