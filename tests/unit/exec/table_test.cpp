#include "plans.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace tajo::exec::test {
namespace {

namespace fs = std::filesystem;

class TableTest : public ::testing::Test {
 protected:
  TableTest() : directory_(fs::temp_directory_path() / ("tajo-exec-table-" + std::to_string(::getpid()))) {
    fs::create_directories(directory_);
  }
  ~TableTest() override { fs::remove_all(directory_); }

  TaskSpec writing(Node root) {
    plan::StageOutput output;
    output.kind = plan::StageOutput::Kind::kTable;
    TaskSpec spec = bench_.spec(std::move(root), output);
    plan::WriteTarget target;
    target.source.location = directory_.string();
    target.source.schema.columns = {{"n", int8()}};
    std::const_pointer_cast<plan::PhysicalPlan>(spec.plan)->write = target;
    return spec;
  }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory_), fs::directory_iterator{})); }

  const fs::path directory_;
  Bench bench_{2};
};

TEST_F(TableTest, FragmentsHoldAllRows) {
  const TaskResult result = bench_.run_task(writing(series(1, 300'000)));
  ASSERT_FALSE(result.error) << result.error->what();
  EXPECT_EQ(result.rows, 300'000u);
  std::uint64_t rows = 0;
  for (const data::FragmentInfo& f : result.fragments) {
    rows += f.rows;
    EXPECT_TRUE(fs::exists(directory_ / f.path)) << f.path;
  }
  EXPECT_EQ(rows, 300'000u);
  EXPECT_EQ(files(), result.fragments.size());
}

TEST_F(TableTest, NoRowsNoFile) {
  const TaskResult result = bench_.run_task(writing(series(1, 0)));
  ASSERT_FALSE(result.error);
  EXPECT_TRUE(result.fragments.empty());
  EXPECT_EQ(files(), 0u);
}

TEST_F(TableTest, FailureLeavesNoFile) {
  bench_.add_table("t", {int8()}, {Rows(200'000, Row{std::int64_t{1}}), Rows(200'000, Row{std::int64_t{2}})});
  bench_.storage.tables["t"].fail_after_batches = 150;
  // The first pipeline's lanes finish their fragments before the scan fails.
  const TaskResult result = bench_.run_task(writing(union_all(series(1, 10), bench_.scan("t", {int8()}))));
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->sqlstate(), sqlstate::kIoError);
  EXPECT_TRUE(result.fragments.empty());
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace tajo::exec::test
