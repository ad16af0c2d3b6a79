#include "validate.hpp"

#include <gtest/gtest.h>

#include "tajo/common/error.hpp"
#include "tajo/plan/optimizer.hpp"

namespace tajo::plan {
namespace {

using data::Type;
using data::TypeId;

catalog::TablePtr numbers() {
  auto t = std::make_shared<catalog::Table>();
  t->name = "numbers";
  t->source.schema.columns = {{"k", Type::of(TypeId::kInt4), true}, {"v", Type::of(TypeId::kInt8), false}};
  data::FragmentInfo f;
  f.rows = 10;
  t->fragments.push_back(f);
  return t;
}

/// SELECT k, v FROM numbers WHERE v = k
LogicalPlan query() {
  LogicalPlan p;
  p.columns = {{"k", "numbers", Type::of(TypeId::kInt4)}, {"v", "numbers", Type::of(TypeId::kInt8)}};
  auto scan = std::make_unique<LogicalNode>();
  scan->kind = LogicalNode::Kind::kScan;
  scan->table = numbers();
  scan->ids = {0, 1};
  scan->scan_columns = {0, 1};
  auto filter = std::make_unique<LogicalNode>();
  filter->kind = LogicalNode::Kind::kFilter;
  filter->predicate = functions::make_call("=", {functions::make_column(1, p.columns[1].type, data::Physical::kI64),
                                                 functions::make_column(0, p.columns[0].type, data::Physical::kI32)});
  filter->children.push_back(std::move(scan));
  p.root = std::move(filter);
  p.outputs = {0, 1};
  p.names = {"k", "v"};
  return p;
}

TEST(Validate, AcceptsWhatTheOptimiserMakes) {
  const PhysicalPlan p = optimize(query(), {});
  EXPECT_NO_THROW(validate(p));
  EXPECT_EQ(2U, p.result.size());
}

TEST(Validate, RejectsBrokenReferences) {
  PhysicalPlan p = optimize(query(), {});
  std::get<ScanNode>(p.stages[0].root->detail).filters = {functions::make_column(7, Type::of(TypeId::kBool), data::Physical::kBool)};
  EXPECT_THROW(validate(p), Error);
}

TEST(Validate, RejectsAnotherPhysicalType) {
  PhysicalPlan p = optimize(query(), {});
  p.stages[0].root->output[0].physical = data::Physical::kI64;
  EXPECT_THROW(validate(p), Error);
}

TEST(OptimizeWrite, CastsToTheTargetsColumns) {
  WriteTarget target;
  target.table = 7;
  target.source.schema.columns = {{"a", Type::of(TypeId::kInt8), false}, {"b", Type::decimal(38, 2), false}};
  const PhysicalPlan p = optimize_write(query(), target, {});
  ASSERT_TRUE(p.write.has_value());
  const Stage& last = p.stages.back();
  EXPECT_EQ(StageOutput::Kind::kTable, last.output.kind);
  EXPECT_EQ(data::Physical::kI64, last.root->output[0].physical);
  EXPECT_EQ(data::Physical::kI128, last.root->output[1].physical);
  target.source.schema.columns.pop_back();
  EXPECT_THROW(optimize_write(query(), target, {}), Error);
}

}  // namespace
}  // namespace tajo::plan
