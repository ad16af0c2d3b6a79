#include "plans.hpp"

#include <gtest/gtest.h>

namespace tajo::exec::test {
namespace {

Node window(Node child, std::vector<plan::WindowExpression> windows) {
  auto node = std::make_unique<plan::PhysicalNode>();
  node->id = 100'000;
  node->output = child->output;
  for (const plan::WindowExpression& w : windows) node->output.push_back({"", w.type, data::physical_of(w.type), {}});
  node->detail = plan::WindowNode{std::move(windows)};
  node->children.push_back(std::move(child));
  return node;
}

plan::WindowExpression over(std::string name, std::vector<ExpressionPtr> args, std::vector<ExpressionPtr> partition,
                            std::vector<plan::SortKey> order, data::Type type) {
  return {std::move(name), std::move(args), std::move(partition), std::move(order), type, {}};
}

const Rows kRows{{std::string("a"), std::int64_t{3}}, {std::string("b"), std::int64_t{7}}, {std::string("a"), std::int64_t{1}},
                 {std::string("a"), std::int64_t{3}}, {std::string("b"), Value{}},          {std::string("a"), std::int64_t{5}}};

TEST(WindowTest, NumbersWithinPartitions) {
  Bench bench(2);
  Node in = values({text(), int4()}, kRows);
  const std::vector<ExpressionPtr> part{column(in, 0)};
  const std::vector<plan::SortKey> order{ascending(column(in, 1))};
  const Rows rows = sorted(bench.run(window(std::move(in), {over("row_number", {}, part, order, int8()), over("rank", {}, part, order, int8()),
                                                            over("dense_rank", {}, part, order, int8())})));
  EXPECT_EQ(print(rows), "a|1|1|1|1|\na|3|2|2|2|\na|3|3|2|2|\na|5|4|4|3|\nb|NULL|2|2|2|\nb|7|1|1|1|\n");
}

TEST(WindowTest, NeighboursAndFrames) {
  Bench bench(2);
  Node in = values({text(), int4()}, kRows);
  const std::vector<ExpressionPtr> part{column(in, 0)};
  const std::vector<plan::SortKey> order{ascending(column(in, 1))};
  const auto value = column(in, 1);
  const Rows rows = sorted(bench.run(window(
      std::move(in), {over("lag", {value}, part, order, int4()), over("lead", {value, constant(1), constant(-1)}, part, order, int4()),
                      over("first_value", {value}, part, order, int4()), over("last_value", {value}, part, order, int4())})));
  // last_value sees up to the last peer; with equal keys lag differs between the peers.
  EXPECT_EQ(print(rows), "a|1|NULL|3|1|1|\na|3|1|3|1|3|\na|3|3|5|1|3|\na|5|3|-1|1|5|\nb|NULL|7|-1|7|NULL|\nb|7|NULL|NULL|7|7|\n");
}

TEST(WindowTest, AggregatesOverPeersPartitionAndAll) {
  Bench bench(2);
  Node in = values({text(), int4()}, kRows);
  const std::vector<ExpressionPtr> part{column(in, 0)};
  const std::vector<plan::SortKey> order{ascending(column(in, 1))};
  const auto value = column(in, 1);
  const Rows rows = sorted(bench.run(window(std::move(in), {over("sum", {value}, part, order, int8()), over("count", {}, {}, {}, int8()),
                                                            over("max", {value}, part, {}, int4())})));
  EXPECT_EQ(print(rows), "a|1|1|6|5|\na|3|7|6|5|\na|3|7|6|5|\na|5|12|6|5|\nb|NULL|7|6|7|\nb|7|7|6|7|\n");
}

TEST(WindowTest, ManyPartitionsOverSeveralBatches) {
  Bench bench(2);
  Node numbers = series(0, 99'999);
  const auto mod = functions::make_call("%", {column(numbers, 0), functions::make_constant(std::int64_t{1000}, int8())});
  const auto key = column(numbers, 0);
  const Rows rows = bench.run(window(std::move(numbers), {over("row_number", {}, {mod}, {ascending(key)}, int8())}));
  ASSERT_EQ(rows.size(), 100'000u);
  for (const Row& row : rows) ASSERT_EQ(std::get<std::int64_t>(row[1]), std::get<std::int64_t>(row[0]) / 1000 + 1);
}

}  // namespace
}  // namespace tajo::exec::test
