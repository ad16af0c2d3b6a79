#include "prune.hpp"

#include "table_fixture.hpp"

namespace tajo::storage::testing {
namespace {

using data::Type;
using data::TypeId;
using data::Value;
using functions::Expression;
using functions::ExpressionPtr;

ExpressionPtr make(Expression::Kind kind, std::vector<ExpressionPtr> args, const std::string& function = {}) {
  auto e = std::make_shared<Expression>();
  e->kind = kind;
  e->args = std::move(args);
  e->function = function;
  e->type = Type::of(TypeId::kBool);
  return e;
}
ExpressionPtr column(std::uint32_t position, TypeId id) {
  auto e = std::make_shared<Expression>();
  e->kind = Expression::Kind::kColumn;
  e->column = position;
  e->type = Type::of(id);
  return e;
}
ExpressionPtr constant(Value v, TypeId id) {
  auto e = std::make_shared<Expression>();
  e->constant = std::move(v);
  e->type = Type::of(id);
  return e;
}
ExpressionPtr compare(const std::string& op, std::int64_t v) {
  return make(Expression::Kind::kCall, {column(0, TypeId::kInt8), constant(v, TypeId::kInt8)}, op);
}
ExpressionPtr compare_text(const std::string& op, const std::string& v) {
  return make(Expression::Kind::kCall, {column(1, TypeId::kText), constant(v, TypeId::kText)}, op);
}

class Prune : public TableTest {
 protected:
  /// Ten blocks: k ascending with NULLs in the last block only, t = "b<block>…".
  Prune() {
    std::vector<Row> rows;
    for (std::int64_t i = 0; i < 10 * std::int64_t{data::kBlockRows}; ++i) {
      bool last = i / data::kBlockRows == 9;
      rows.push_back({last ? Value() : Value(i), Value("b" + std::to_string(i / data::kBlockRows) + std::string(40, 'x'))});
    }
    info_ = write(schema_, rows);
  }
  /// Blocks that a filter leaves, as a text of digits.
  std::string blocks(ExpressionPtr filter) {
    auto r = request(schema_, {info_});
    r.filters = {std::move(filter)};
    std::string out;
    for (const data::Split& s : storage_->splits(r, 1))
      for (std::uint32_t b = 0; b < s.blocks; ++b) out += std::to_string(s.first_block + b);
    return out;
  }
  data::Schema schema_{{{"k", Type::of(TypeId::kInt8)}, {"t", Type::of(TypeId::kText)}}};
  data::FragmentInfo info_;
};

TEST_F(Prune, KeepsTheBlocksThatMayMatchAndNoOthers) {
  constexpr std::int64_t kB = data::kBlockRows;
  EXPECT_EQ(blocks(compare("=", 3 * kB)), "3");
  EXPECT_EQ(blocks(compare("=", 9 * kB)), "");
  EXPECT_EQ(blocks(compare("<", kB)), "0");
  EXPECT_EQ(blocks(compare("<=", kB)), "01");
  EXPECT_EQ(blocks(compare(">", 8 * kB - 1)), "8");
  EXPECT_EQ(blocks(compare(">=", 8 * kB - 1)), "78");
  EXPECT_EQ(blocks(make(Expression::Kind::kCall, {constant(Value(2 * kB), TypeId::kInt8), column(0, TypeId::kInt8)}, ">")), "01");
  EXPECT_EQ(blocks(make(Expression::Kind::kAnd, {compare(">=", kB), compare("<", 2 * kB)})), "1");
  EXPECT_EQ(blocks(make(Expression::Kind::kOr, {compare("<", 5), compare_text("=", "b9" + std::string(40, 'x'))})), "09");
  auto in = make(Expression::Kind::kInList, {column(0, TypeId::kInt8), constant(Value(5 * kB), TypeId::kInt8),
                                             constant(Value(), TypeId::kInt8), constant(Value(7 * kB), TypeId::kInt8)});
  EXPECT_EQ(blocks(in), "57");
  EXPECT_EQ(blocks(make(Expression::Kind::kIsNull, {column(0, TypeId::kInt8)})), "9");
  EXPECT_EQ(blocks(make(Expression::Kind::kNot, {make(Expression::Kind::kIsNull, {column(0, TypeId::kInt8)})})), "012345678");
  EXPECT_EQ(blocks(compare_text("like", "b4x%")), "4");
  EXPECT_EQ(blocks(compare_text(">", "b8" + std::string(40, 'x'))), "89");
  EXPECT_EQ(blocks(make(Expression::Kind::kCall, {column(0, TypeId::kInt8)}, "volatile_thing")), "0123456789");
}

TEST_F(Prune, CastsAreSeenThroughOnlyWhereTheyKeepTheOrder) {
  auto wide = std::make_shared<Expression>(*make(Expression::Kind::kCast, {column(0, TypeId::kInt4)}));
  wide->type = Type::of(TypeId::kInt8);
  EXPECT_EQ(blocks(make(Expression::Kind::kCall, {wide, constant(Value(std::int64_t{5}), TypeId::kInt8)}, "=")), "0");
  auto text = std::make_shared<Expression>(*wide);
  text->type = Type::of(TypeId::kText);
  EXPECT_EQ(blocks(make(Expression::Kind::kCall, {text, constant(Value(std::string("5")), TypeId::kText)}, "=")), "0123456789");
  // A date against a timestamp: other measures.
  auto day = column(0, TypeId::kDate);
  EXPECT_EQ(blocks(make(Expression::Kind::kCall, {day, constant(Value(std::int64_t{5}), TypeId::kTimestamp)}, "=")), "0123456789");
}

TEST_F(Prune, WholeFragmentsByTheManifestWithoutTheFile) {
  std::filesystem::remove(path("a.h5"));
  EXPECT_EQ(blocks(compare(">", 1'000'000'000)), "");
  EXPECT_THROW(blocks(compare(">", 5)), Error);
}

TEST_F(Prune, SplitsAreAboutAsLargeAsAskedFor) {
  auto r = request(schema_, {info_});
  EXPECT_EQ(storage_->splits(r, 4 * data::kBlockRows).size(), 3U);
  EXPECT_EQ(storage_->splits(r, 1).size(), 10U);
  EXPECT_EQ(storage_->splits(r, 1 << 30).size(), 1U);
}

}  // namespace
}  // namespace tajo::storage::testing
