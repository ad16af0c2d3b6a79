#include "tajo/functions/aggregate.hpp"

#include <gtest/gtest.h>

#include "evaluate.hpp"
#include "tajo/common/random.hpp"
#include "tajo/data/load.hpp"

namespace tajo::functions {
namespace {

using data::Physical;
using data::Str;
using data::Type;
using data::TypeId;
using data::Vector;

AggregateCall call_of(AggregateKind kind, Type type, ExpressionPtr arg = nullptr) {
  AggregateCall call;
  call.kind = kind;
  call.type = type;
  call.physical = data::physical_of(type);
  if (arg) call.args = {std::move(arg)};
  return call;
}

struct Fixture {
  data::Arena arena;
  data::Arena strings;
  std::vector<AggregateCall> calls;
  std::vector<AggregateInput> inputs;
  std::uint32_t rows = 0;

  template <class T>
  Vector flat(Physical type, const std::vector<T>& values, const std::vector<bool>& valid = {}) {
    Vector v;
    v.type = type;
    auto* out = arena.array<T>(values.size());
    std::copy(values.begin(), values.end(), out);
    v.data = out;
    if (!valid.empty()) {
      auto* bits = data::allocate_valid(arena, static_cast<std::uint32_t>(valid.size()));
      for (std::size_t i = 0; i < valid.size(); ++i)
        if (valid[i]) bits[i >> 6] |= std::uint64_t{1} << (i & 63);
      v.valid = bits;
    }
    rows = static_cast<std::uint32_t>(values.size());
    return v;
  }
  void add(AggregateCall call, Vector arg = {}) {
    calls.push_back(std::move(call));
    AggregateInput in;
    in.args[0] = arg;
    inputs.push_back(in);
  }
};

std::string result(const AggregateSet& set, const Fixture& f, std::size_t call, const std::byte* group, data::Arena& arena) {
  const Vector v = set.finish(call, &group, 1, arena);
  EXPECT_EQ(v.type, f.calls[call].physical);
  return data::format_value(data::value_at(v, 0, f.calls[call].type), f.calls[call].type);
}

TEST(Aggregate, Types) {
  EXPECT_EQ(data::type_name(aggregate_type("sum", {Type::of(TypeId::kInt4)}, false)), "INT8");
  EXPECT_EQ(data::type_name(aggregate_type("sum", {Type::decimal(15, 2)}, false)), "DECIMAL(38,2)");
  EXPECT_EQ(data::type_name(aggregate_type("avg", {Type::decimal(15, 2)}, false)), "DECIMAL(38,16)");
  EXPECT_EQ(data::type_name(aggregate_type("avg", {Type::of(TypeId::kFloat4)}, false)), "FLOAT8");
  EXPECT_EQ(data::type_name(aggregate_type("count", {}, false)), "INT8");
  EXPECT_THROW(aggregate_type("sum", {Type::of(TypeId::kText)}, false), Error);
  EXPECT_TRUE(is_aggregate("stddev_pop"));
  EXPECT_FALSE(is_aggregate("upper"));
}

/// All ways of updating give one answer, with and without NULLs, wide and narrow, over one and many groups.
TEST(Aggregate, AllDoorsAgree) {
  Random random(3);
  for (const bool nulls : {false, true}) {
    for (const std::uint32_t group_count : {1U, 4U, 500U}) {
      Fixture f;
      std::vector<std::int64_t> money;
      std::vector<std::int32_t> small;
      std::vector<double> real;
      std::vector<bool> valid;
      std::vector<std::uint32_t> numbers;
      for (int i = 0; i < 1500; ++i) {
        money.push_back(static_cast<std::int64_t>(random.below(1'000'000)) - 500'000);
        small.push_back(static_cast<std::int32_t>(random.below(100)));
        real.push_back(static_cast<double>(random.below(1000)));
        valid.push_back(!nulls || random.chance(0.8));
        numbers.push_back(static_cast<std::uint32_t>(random.below(group_count)));
      }
      const Type decimal_sum = Type::decimal(38, 2);
      const ExpressionPtr m = make_column(0, Type::decimal(15, 2), Physical::kI64);
      const ExpressionPtr s = make_column(1, Type::of(TypeId::kInt4), Physical::kI32);
      const ExpressionPtr r = make_column(2, Type::of(TypeId::kFloat8), Physical::kF64);
      const Vector vm = f.flat(Physical::kI64, money, nulls ? valid : std::vector<bool>{});
      const Vector vs = f.flat(Physical::kI32, small, nulls ? valid : std::vector<bool>{});
      const Vector vr = f.flat(Physical::kF64, real, nulls ? valid : std::vector<bool>{});
      f.add(call_of(AggregateKind::kCountStar, Type::of(TypeId::kInt8)));
      f.add(call_of(AggregateKind::kSum, decimal_sum, m), vm);
      f.add(call_of(AggregateKind::kSum, Type::of(TypeId::kInt8), s), vs);
      f.add(call_of(AggregateKind::kCount, Type::of(TypeId::kInt8), s), vs);
      f.add(call_of(AggregateKind::kMin, Type::decimal(15, 2), m), vm);
      f.add(call_of(AggregateKind::kMax, Type::of(TypeId::kInt4), s), vs);
      const bool with_reals = group_count == 500;
      if (with_reals) f.add(call_of(AggregateKind::kSum, Type::of(TypeId::kFloat8), r), vr);
      const AggregateSet set(f.calls);
      std::vector<std::uint16_t> some;
      for (std::uint16_t i = 0; i < 1500; ++i)
        if (i % 3 != 0) some.push_back(i);
      const data::Selection selection{some.data(), static_cast<std::uint32_t>(some.size())};
      std::vector<std::uint32_t> own;
      for (const std::uint16_t row : some) own.push_back(numbers[row]);
      const auto table = [&] { return static_cast<std::byte*>(std::memset(f.arena.allocate(group_count * set.row_size()), 0, group_count * set.row_size())); };
      std::byte* by_pointer = table();
      std::byte* dense = table();
      std::byte* combined = table();
      std::vector<std::byte*> groups;
      for (const std::uint32_t g : own) groups.push_back(by_pointer + g * set.row_size());
      set.update(f.inputs, selection, groups.data(), f.strings);
      set.update_dense(f.inputs, selection, own.data(), dense, group_count, f.strings);
      std::byte* halves[] = {table(), table()};
      for (std::uint32_t half = 0; half < 2; ++half) {
        const std::uint32_t from = half == 0 ? 0 : selection.count / 2;
        const std::uint32_t n = half == 0 ? selection.count / 2 : selection.count - from;
        set.update_dense(f.inputs, {some.data() + from, n}, own.data() + from, halves[half], group_count, f.strings);
        for (std::uint32_t g = 0; g < group_count; ++g) set.combine(combined + g * set.row_size(), halves[half] + g * set.row_size(), f.strings);
      }
      for (std::uint32_t g = 0; g < group_count; g += 7) {
        __int128 sum = 0;
        std::int64_t sum_small = 0, count = 0, count_small = 0, least = INT64_MAX, most = -1;
        double sum_real = 0;
        for (std::size_t i = 0; i < some.size(); ++i) {
          const std::uint16_t row = some[i];
          if (own[i] != g) continue;
          ++count;
          if (!valid[row]) continue;
          ++count_small;
          sum += money[row];
          sum_small += small[row];
          sum_real += real[row];
          least = std::min(least, money[row]);
          most = std::max<std::int64_t>(most, small[row]);
        }
        for (const std::byte* base : {by_pointer, dense, combined}) {
          const std::byte* group = base + g * set.row_size();
          const bool any = count_small > 0;
          EXPECT_EQ(result(set, f, 0, group, f.arena), std::to_string(count));
          EXPECT_EQ(result(set, f, 1, group, f.arena), any ? data::format_decimal(sum, 2) : "NULL");
          EXPECT_EQ(result(set, f, 2, group, f.arena), any ? std::to_string(sum_small) : "NULL");
          EXPECT_EQ(result(set, f, 3, group, f.arena), std::to_string(count_small));
          EXPECT_EQ(result(set, f, 4, group, f.arena), any ? data::format_decimal(least, 2) : "NULL");
          EXPECT_EQ(result(set, f, 5, group, f.arena), any ? std::to_string(most) : "NULL");
          if (!with_reals) continue;
          EXPECT_EQ(result(set, f, 6, group, f.arena), any ? data::format_value(sum_real, Type::of(TypeId::kFloat8)) : "NULL");
        }
        if (group_count == 1) {
          std::byte* single = table();
          set.update_single(f.inputs, selection, single, f.strings);
          for (std::size_t c = 0; c < f.calls.size(); ++c)
            EXPECT_EQ(result(set, f, c, single, f.arena), result(set, f, c, by_pointer, f.arena));
        }
      }
    }
  }
}

TEST(Aggregate, TextBoolFilterAndEmpty) {
  Fixture f;
  const Type text_type = Type::of(TypeId::kText);
  const ExpressionPtr s = make_column(0, text_type, Physical::kStr);
  const ExpressionPtr b = make_column(1, Type::of(TypeId::kBool), Physical::kBool);
  const Vector words = f.flat<Str>(Physical::kStr, {Str("pear"), Str("a very long word indeed"), Str("zebra"), Str()}, {true, true, true, false});
  const Vector flags = f.flat<std::uint8_t>(Physical::kBool, {1, 0, 1, 1});
  f.add(call_of(AggregateKind::kMin, text_type, s), words);
  f.add(call_of(AggregateKind::kMax, text_type, s), words);
  f.add(call_of(AggregateKind::kBoolAnd, Type::of(TypeId::kBool), b), flags);
  f.add(call_of(AggregateKind::kBoolOr, Type::of(TypeId::kBool), b), flags);
  f.add(call_of(AggregateKind::kStringAgg, text_type, s), words);
  f.calls.back().args.push_back(text(", "));
  f.inputs.back().args[1] = data::constant_vector(std::string(", "), Physical::kStr, f.arena);
  f.add(call_of(AggregateKind::kCountStar, Type::of(TypeId::kInt8)));
  f.calls.back().filter = b;
  f.inputs.back().filter = &flags;
  const AggregateSet set(f.calls);
  auto* group = static_cast<std::byte*>(std::memset(f.arena.allocate(set.row_size()), 0, set.row_size()));
  EXPECT_EQ(result(set, f, 0, group, f.arena), "NULL");
  EXPECT_EQ(result(set, f, 5, group, f.arena), "0");
  std::byte* groups[] = {group, group, group, group};
  set.update(f.inputs, {nullptr, 4}, groups, f.strings);
  EXPECT_EQ(result(set, f, 0, group, f.arena), "a very long word indeed");
  EXPECT_EQ(result(set, f, 1, group, f.arena), "zebra");
  EXPECT_EQ(result(set, f, 2, group, f.arena), "f");
  EXPECT_EQ(result(set, f, 3, group, f.arena), "t");
  EXPECT_EQ(result(set, f, 4, group, f.arena), "pear, a very long word indeed, zebra");
  EXPECT_EQ(result(set, f, 5, group, f.arena), "3");
}

TEST(Aggregate, OverflowAndSingleCalls) {
  Fixture f;
  const AggregateCall sum = call_of(AggregateKind::kSum, Type::decimal(38, 0), make_column(0, Type::decimal(38, 0), Physical::kI128));
  const Vector v = f.flat<__int128>(Physical::kI128, {data::power_of_ten(37) * 6, data::power_of_ten(37) * 6});
  auto* group = static_cast<std::byte*>(std::memset(f.arena.allocate(accumulator_size(sum)), 0, accumulator_size(sum)));
  std::byte* groups[] = {group, group};
  update_accumulators(sum, {&v, 1}, {nullptr, 2}, groups, f.strings);
  const std::byte* finished = group;
  EXPECT_THROW(finish_accumulators(sum, &finished, 1, f.arena), Error);
  EXPECT_EQ(merge_kind(AggregateKind::kCountStar), AggregateKind::kSumCounts);
}

}  // namespace
}  // namespace tajo::functions
