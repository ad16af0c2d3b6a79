#include <filesystem>
#include <fstream>
#include <sstream>

#include "sql_test.hpp"

namespace tajo::sql {
namespace {

std::filesystem::path queries() { return TAJO_TPCH_QUERIES; }

class TpchTest : public SqlTest, public ::testing::WithParamInterface<int> {
 protected:
  std::string text() {
    char name[8];
    std::snprintf(name, sizeof name, "q%02d.sql", GetParam());
    std::ifstream in(queries() / name);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
  }
};

TEST_P(TpchTest, Binds) {
  const auto statements = split_script(text());
  ASSERT_EQ(statements.size(), 1u);
  const plan::Statement s = sql::bind(*parse(statements[0]), context_);
  const plan::LogicalPlan& p = std::get<plan::SelectStatement>(s.body).query;
  EXPECT_EQ(check(p), "") << print(p);
}

INSTANTIATE_TEST_SUITE_P(All, TpchTest, ::testing::Range(1, 23));

}  // namespace
}  // namespace tajo::sql
