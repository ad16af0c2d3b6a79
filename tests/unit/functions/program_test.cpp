// Programs and filters over batches: every vector form, NULLs, lazy branches, errors, adaptive order.
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "evaluate.hpp"
#include "tajo/common/random.hpp"
#include "tajo/data/load.hpp"
#include "tajo/functions/bounds.hpp"

namespace tajo::functions {
namespace {

using data::Physical;
using data::Stored;
using data::Str;
using data::Type;
using data::TypeId;
using data::Vector;
using Ints = std::vector<std::optional<std::int64_t>>;
using Texts = std::vector<std::optional<std::string>>;

/// Batches whose columns come in a chosen form; the same rows whatever the form.
struct Table {
  data::Arena arena;
  data::Batch batch;
  std::vector<Physical> physical;
  std::vector<std::unique_ptr<data::Dictionary>> dictionaries;
  std::vector<std::unique_ptr<std::vector<Str>>> entries;

  explicit Table(std::size_t rows) {
    batch.rows = static_cast<std::uint32_t>(rows);
    batch.selection = {nullptr, batch.rows};
    batch.arena = &arena;
  }
  void add(Vector v) {
    batch.columns.push_back(v);
    physical.push_back(v.type);
  }
  template <class T>
  void ints(Physical type, const Ints& values) {
    Vector v;
    v.type = type;
    auto* out = arena.array<T>(values.size() + 1);
    auto* valid = data::allocate_valid(arena, batch.rows);
    bool null = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
      out[i] = static_cast<T>(values[i].value_or(0));
      if (values[i]) valid[i >> 6] |= std::uint64_t{1} << (i & 63);
      else null = true;
    }
    v.data = out;
    v.valid = null ? valid : nullptr;
    add(v);
  }
  template <class T>
  void stored(Physical type, Stored width, const Ints& values, std::int64_t spare) {
    Vector v;
    v.form = Vector::Form::kStored;
    v.type = type;
    v.stored = width;
    auto* out = arena.array<T>(values.size() + 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
      out[i] = static_cast<T>(values[i].value_or(spare));
      if (!values[i]) v.has_null_value = true;
    }
    v.null_value = spare;
    v.data = out;
    add(v);
  }
  void texts(const Texts& values, bool coded) {
    Vector v;
    v.type = Physical::kStr;
    if (!coded) {
      auto* out = arena.array<Str>(values.size() + 1);
      auto* valid = data::allocate_valid(arena, batch.rows);
      for (std::size_t i = 0; i < values.size(); ++i) {
        out[i] = values[i] ? arena.copy(*values[i]) : Str();
        if (values[i]) valid[i >> 6] |= std::uint64_t{1} << (i & 63);
      }
      v.data = out;
      v.valid = valid;
      return add(v);
    }
    entries.push_back(std::make_unique<std::vector<Str>>());
    auto& list = *entries.back();
    auto* out = arena.array<std::uint8_t>(values.size() + 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i]) {
        out[i] = 255;
        continue;
      }
      std::size_t code = 0;
      while (code < list.size() && list[code].view() != *values[i]) ++code;
      if (code == list.size()) list.push_back(arena.copy(*values[i]));
      out[i] = static_cast<std::uint8_t>(code);
    }
    static std::uint64_t next_id = 1;
    dictionaries.push_back(std::make_unique<data::Dictionary>(data::Dictionary{next_id++, list, false, nullptr}));
    v.form = Vector::Form::kStored;
    v.stored = Stored::kU8;
    v.has_null_value = true;
    v.null_value = 255;
    v.data = out;
    v.dictionary = dictionaries.back().get();
    add(v);
  }
};

std::vector<std::string> evaluate(Table& table, const ExpressionPtr& e) {
  const auto program = Program::compile({&e, 1}, table.physical, {});
  const auto state = program->state();
  Vector out;
  state->run(table.batch, {&out, 1});
  std::vector<std::string> rows;
  for (std::uint32_t i = 0; i < table.batch.selection.count; ++i)
    rows.push_back(data::format_value(data::value_at(out, table.batch.selection[i], e->type), e->type));
  return rows;
}

std::vector<int> filter(Table& table, const ExpressionPtr& e) {
  const auto program = Program::compile({&e, 1}, table.physical, {});
  const auto state = program->state();
  std::vector<int> rows;
  for (int round = 0; round < 40; ++round) {  // through several reorderings
    const data::Selection out = state->filter(table.batch);
    std::vector<int> now;
    for (std::uint32_t i = 0; i < out.count; ++i) now.push_back(static_cast<int>(out[i]));
    if (round > 0) {
      EXPECT_EQ(now, rows);
    }
    rows = now;
  }
  return rows;
}

const Type kInt4 = Type::of(TypeId::kInt4);
const Type kText = Type::of(TypeId::kText);
const Type kMoney = Type::decimal(15, 2);
using Strings = std::vector<std::string>;

TEST(Program, NullsAndThreeValues) {
  Table t(4);
  t.ints<std::int32_t>(Physical::kI32, {1, std::nullopt, 3, 0});
  const ExpressionPtr a = make_column(0, kInt4, Physical::kI32);
  EXPECT_EQ(evaluate(t, make_call("+", {a, int4(1)})), (Strings{"2", "NULL", "4", "1"}));
  EXPECT_EQ(evaluate(t, make_is_null(a)), (Strings{"f", "t", "f", "f"}));
  const ExpressionPtr big = make_call(">", {a, int4(2)});
  EXPECT_EQ(evaluate(t, make_or({big, make_is_null(a)})), (Strings{"f", "t", "t", "f"}));
  EXPECT_EQ(evaluate(t, make_and({big, make_call("=", {a, a})})), (Strings{"f", "NULL", "t", "f"}));
  EXPECT_EQ(evaluate(t, make_not(big)), (Strings{"t", "NULL", "f", "t"}));
  EXPECT_EQ(evaluate(t, make_coalesce({a, int4(9)})), (Strings{"1", "9", "3", "0"}));
  EXPECT_EQ(evaluate(t, make_in_list({a, int4(1), int4(3)})), (Strings{"t", "NULL", "t", "f"}));
  EXPECT_EQ(evaluate(t, make_in_list({a, int4(1), null()})), (Strings{"t", "NULL", "NULL", "NULL"}));
}

TEST(Program, ErrorsOnlyWhereRowsAreEvaluated) {
  Table t(4);
  t.ints<std::int32_t>(Physical::kI32, {1, 2, 0, std::nullopt});
  const ExpressionPtr a = make_column(0, kInt4, Physical::kI32);
  const ExpressionPtr inverse = make_call("/", {int4(10), a});
  EXPECT_THROW(evaluate(t, inverse), Error);
  EXPECT_EQ(evaluate(t, make_case({make_call("<>", {a, int4(0)}), inverse, int4(-1)})), (Strings{"10", "5", "-1", "-1"}));
  EXPECT_EQ(evaluate(t, make_case({make_call("=", {int4(1), int4(2)}), make_call("/", {int4(1), int4(0)}), a})),
            (Strings{"1", "2", "0", "NULL"}));
  EXPECT_EQ(evaluate(t, make_and({make_call("<>", {a, int4(0)}), make_call(">", {inverse, int4(7)})})),
            (Strings{"t", "f", "f", "NULL"}));
  EXPECT_EQ(filter(t, make_and({make_call("<>", {a, int4(0)}), make_call(">", {inverse, int4(3)})})), (std::vector<int>{0, 1}));
  const std::uint16_t rows[] = {0, 1};
  t.batch.selection = {rows, 2};
  EXPECT_EQ(evaluate(t, inverse), (Strings{"10", "5"}));
}

TEST(Program, TermsOverDictionaries) {
  const Texts values = {"PROMO x", "STANDARD y", std::nullopt, "PROMO z and a long tail", "STANDARD y"};
  for (const bool coded : {false, true}) {
    Table t(values.size());
    t.texts(values, coded);
    t.ints<std::int64_t>(Physical::kI64, {100, 200, 300, 400, std::nullopt});
    const ExpressionPtr s = make_column(0, kText, Physical::kStr);
    const ExpressionPtr n = make_column(1, Type::of(TypeId::kInt8), Physical::kI64);
    const ExpressionPtr promo = make_call("like", {s, literal("PROMO%")});
    EXPECT_EQ(evaluate(t, promo), (Strings{"t", "f", "NULL", "t", "f"}));
    EXPECT_EQ(evaluate(t, make_case({promo, n, int4(0)})), (Strings{"100", "0", "0", "400", "0"}));
    EXPECT_EQ(evaluate(t, make_call("substr", {s, int4(1), int4(2)})), (Strings{"PR", "ST", "NULL", "PR", "ST"}));
    EXPECT_EQ(evaluate(t, make_coalesce({make_call("upper", {s}), text("none")})),
              (Strings{"PROMO X", "STANDARD Y", "none", "PROMO Z AND A LONG TAIL", "STANDARD Y"}));
    EXPECT_EQ(filter(t, promo), (std::vector<int>{0, 3}));
    EXPECT_EQ(filter(t, make_not(promo)), (std::vector<int>{1, 4}));
    EXPECT_EQ(filter(t, make_or({make_is_null(s), promo})), (std::vector<int>{0, 2, 3}));
    EXPECT_EQ(filter(t, make_call("=", {s, literal("STANDARD y")})), (std::vector<int>{1, 4}));
    EXPECT_EQ(filter(t, make_call("<>", {s, literal("STANDARD y")})), (std::vector<int>{0, 3}));
    EXPECT_EQ(filter(t, make_in_list({s, literal("STANDARD y"), literal("PROMO x")})), (std::vector<int>{0, 1, 4}));
    EXPECT_EQ(filter(t, make_and({promo, make_call(">", {n, int4(100)})})), (std::vector<int>{3}));
  }
}

/// The same predicates over every width and selection, against a plain loop.
TEST(Filter, EveryWidthAgreesWithAPlainLoop) {
  Random random(42);
  for (const std::uint32_t rows : {1U, 63U, 64U, 700U, 2048U}) {
    for (const bool nulls : {false, true}) {
      Ints x;
      Ints y;
      for (std::uint32_t i = 0; i < rows; ++i) {
        x.push_back(nulls && random.chance(0.2) ? std::nullopt : std::optional<std::int64_t>(random.below(100)));
        y.push_back(nulls && random.chance(0.2) ? std::nullopt : std::optional<std::int64_t>(random.below(100)));
      }
      const ExpressionPtr a = make_column(0, kMoney, Physical::kI64);
      const ExpressionPtr b = make_column(1, kMoney, Physical::kI64);
      const auto cents = [](int v) { return make_constant(std::int64_t{v}, kMoney); };
      struct Case {
        ExpressionPtr e;
        std::function<bool(std::int64_t, std::int64_t)> holds;
      };
      const Case cases[] = {
          {make_call("<", {a, cents(24)}), [](auto p, auto) { return p < 24; }},
          {make_call("=", {a, cents(7)}), [](auto p, auto) { return p == 7; }},
          {make_call("<>", {a, cents(7)}), [](auto p, auto) { return p != 7; }},
          {make_and({make_call(">=", {a, cents(5)}), make_call("<=", {a, cents(7)})}), [](auto p, auto) { return p >= 5 && p <= 7; }},
          {make_and({make_call(">", {a, cents(2)}), make_call("<", {b, cents(3)})}), [](auto p, auto q) { return p > 2 && q < 3; }},
          {make_call("<", {a, b}), [](auto p, auto q) { return p < q; }},
          {make_call(">=", {a, b}), [](auto p, auto q) { return p >= q; }},
          {make_and({make_call("<", {b, cents(10)}), make_call("<>", {a, b}), make_call("<", {a, cents(90)})}),
           [](auto p, auto q) { return q < 10 && p != q && p < 90; }},
          {make_call(">", {a, cents(1000)}), [](auto, auto) { return false; }},
          {make_call("<", {a, cents(100000)}), [](auto, auto) { return true; }},
      };
      std::vector<std::unique_ptr<Table>> tables;
      const auto table = [&](auto&& fill) {
        tables.push_back(std::make_unique<Table>(rows));
        fill(*tables.back());
      };
      table([&](Table& t) { t.ints<std::int64_t>(Physical::kI64, x), t.ints<std::int64_t>(Physical::kI64, y); });
      table([&](Table& t) { t.stored<std::int8_t>(Physical::kI64, Stored::kI8, x, -128), t.stored<std::int8_t>(Physical::kI64, Stored::kI8, y, 127); });
      table([&](Table& t) { t.stored<std::uint8_t>(Physical::kI64, Stored::kU8, x, 255), t.stored<std::uint16_t>(Physical::kI64, Stored::kU16, y, 100); });
      table([&](Table& t) { t.stored<std::int16_t>(Physical::kI64, Stored::kI16, x, 100), t.stored<std::int32_t>(Physical::kI64, Stored::kI32, y, -1); });
      table([&](Table& t) { t.stored<std::uint32_t>(Physical::kI64, Stored::kU32, x, 100), t.stored<std::int64_t>(Physical::kI64, Stored::kI64, y, INT64_MIN); });
      for (auto& t : tables) {
        std::vector<std::uint16_t> some;
        for (std::uint32_t i = 0; i < rows; ++i)
          if (random.chance(0.1)) some.push_back(static_cast<std::uint16_t>(i));
        for (const bool selected : {false, true}) {
          t->batch.selection = selected ? data::Selection{some.data(), static_cast<std::uint32_t>(some.size())} : data::Selection{nullptr, rows};
          for (const Case& c : cases) {
            std::vector<int> expected;
            for (std::uint32_t i = 0; i < t->batch.selection.count; ++i) {
              const std::uint32_t row = t->batch.selection[i];
              std::vector<std::uint32_t> used;
              collect_columns(*c.e, used);
              bool known = true;
              for (const std::uint32_t column : used) known = known && (column == 0 ? x : y)[row].has_value();
              if (known && c.holds(x[row].value_or(0), y[row].value_or(0))) expected.push_back(static_cast<int>(row));
            }
            ASSERT_EQ(filter(*t, c.e), expected) << to_string(*c.e);
          }
        }
      }
    }
  }
}

TEST(Bounds, PickWidths) {
  const ExpressionPtr price = make_column(0, kMoney, Physical::kI64);
  const ExpressionPtr discount = make_column(1, kMoney, Physical::kI64);
  const ExpressionPtr revenue = make_call("*", {price, make_call("-", {int4(1), discount})});
  const data::Bounds known[] = {{90000, 10494950, true, false}, {0, 10, true, false}};
  const ExpressionPtr narrowed = narrow(revenue, known);
  EXPECT_EQ(revenue->physical, Physical::kI128);
  EXPECT_EQ(narrowed->physical, Physical::kI64);
  EXPECT_TRUE(narrowed->bounds.proved);
  EXPECT_FALSE(narrowed->bounds.may_be_null);
  EXPECT_TRUE(narrowed->bounds.hi == static_cast<__int128>(10494950) * 100);
  EXPECT_FALSE(can_fail(*narrowed));
  Table t(2);
  t.ints<std::int64_t>(Physical::kI64, {100000, 10494950});
  t.stored<std::int8_t>(Physical::kI64, Stored::kI8, {4, 10}, -1);
  EXPECT_EQ(evaluate(t, narrowed), (Strings{"960.0000", "94454.5500"}));
  EXPECT_EQ(evaluate(t, revenue), evaluate(t, narrowed));
  EXPECT_EQ(derive_bounds(*make_call("+", {make_column(0, kInt4, Physical::kI32), int4(1)}), {}).proved, false);
}

TEST(Hash, SameForAllWidths) {
  Table t(3);
  t.ints<std::int64_t>(Physical::kI64, {5, std::nullopt, -7});
  t.ints<std::int32_t>(Physical::kI32, {5, std::nullopt, -7});
  t.stored<std::int8_t>(Physical::kI64, Stored::kI8, {5, std::nullopt, -7}, 99);
  std::uint64_t first[3];
  std::uint64_t other[3];
  hash_rows({&t.batch.columns[0], 1}, t.batch.selection, first);
  for (std::size_t c = 1; c < 3; ++c) {
    hash_rows({&t.batch.columns[c], 1}, t.batch.selection, other);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(first[i], other[i]);
  }
  Table s(3);
  s.texts({"one", std::nullopt, "a text of more than twelve"}, false);
  s.texts({"one", std::nullopt, "a text of more than twelve"}, true);
  hash_rows({&s.batch.columns[0], 1}, s.batch.selection, first);
  hash_rows({&s.batch.columns[1], 1}, s.batch.selection, other);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(first[i], other[i]);
}

TEST(Expression, EqualHashText) {
  const ExpressionPtr a = make_column(0, kInt4, Physical::kI32);
  const ExpressionPtr x = make_call("+", {a, int4(1)}, 5);
  const ExpressionPtr y = make_call("+", {a, int4(1)}, 9);
  EXPECT_TRUE(equal(*x, *y));
  EXPECT_EQ(hash(*x), hash(*y));
  EXPECT_FALSE(equal(*x, *make_call("+", {a, int4(2)})));
  EXPECT_TRUE(is_volatile(*make_call("random", {})));
  EXPECT_TRUE(is_constant(*make_call("now", {})));
  const std::vector<std::string> names = {"a"};
  EXPECT_EQ(to_string(*make_and({make_call(">", {a, int4(1)}), make_not(make_is_null(a))}), &names), "(a > 1) AND (a IS NOT NULL)");
  EvaluationSettings settings;
  settings.now_us = 86'400'000'000;
  EXPECT_EQ(data::format_value(evaluate_constant(*make_call("current_date", {}), settings), Type::of(TypeId::kDate)), "1970-01-02");
}

}  // namespace
}  // namespace tajo::functions
