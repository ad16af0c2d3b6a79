#pragma once
#include <string>
#include <vector>

#include "tajo/catalog/types.hpp"
#include "tajo/plan/optimizer.hpp"
#include "tajo/plan/statement.hpp"

namespace tajo::planning_tests {

/// TPC-H with the statistics of scale factor `scale`, as COPY of tpchgen's files would leave them; no data. Tables of
/// more than `fragment_rows` rows have several fragments, cut along their sort order.
catalog::SnapshotPtr tpch_catalog(double scale, std::uint64_t fragment_rows = 8'388'608);
/// The same with two small tables t(a, b, c) and u(a, b, c) whose columns may be NULL, for rules.
catalog::SnapshotPtr small_catalog();

/// Parses and binds on a large stack. Errors as sql::bind.
plan::LogicalPlan bind_query(const std::string& sql, const catalog::SnapshotPtr& catalog);
plan::PhysicalPlan plan_query(const std::string& sql, const catalog::SnapshotPtr& catalog, const plan::PlannerSettings& settings);
std::string explain_text(const plan::PhysicalPlan& plan, bool global);
std::string tpch_query(int number);

}  // namespace tajo::planning_tests
