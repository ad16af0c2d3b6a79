// Answers as PostgreSQL 15 gives them.
#include <gtest/gtest.h>

#include "evaluate.hpp"

namespace tajo::functions {
namespace {

using data::Type;
using data::TypeId;

TEST(Arithmetic, Integers) {
  EXPECT_EQ(call("+", {int4(2), int4(3)}), "5");
  EXPECT_EQ(call("/", {int4(-7), int4(2)}), "-3");
  EXPECT_EQ(call("%", {int4(-7), int4(2)}), "-1");
  EXPECT_EQ(call("+", {int4(2147483647), int4(1)}), "22003");
  EXPECT_EQ(call("+", {int8(2147483647), int4(1)}), "2147483648");
  EXPECT_EQ(call("*", {int8(INT64_MAX), int8(2)}), "22003");
  EXPECT_EQ(call("/", {int4(1), int4(0)}), "22012");
  EXPECT_EQ(call("-", {int4(INT32_MIN)}), "22003");
  EXPECT_EQ(call("+", {int4(1), literal("2")}), "3");
  EXPECT_EQ(call("+", {int4(1), literal("x")}), "22P02");
  EXPECT_EQ(call("+", {int4(1), null()}), "NULL");
}

TEST(Arithmetic, Decimals) {
  EXPECT_EQ(call("+", {decimal("1.10"), decimal("2.205")}), "3.305");
  EXPECT_EQ(call("*", {decimal("1.10"), decimal("0.05")}), "0.0550");
  EXPECT_EQ(call("-", {int4(1), decimal("0.05")}), "0.95");
  EXPECT_EQ(call("/", {decimal("10"), decimal("4")}), "2.5000000000000000");
  EXPECT_EQ(call("/", {decimal("2"), decimal("3")}), "0.6666666666666667");
  EXPECT_EQ(call("/", {decimal("-2"), decimal("3")}), "-0.6666666666666667");
  EXPECT_EQ(call("/", {decimal("1.5"), decimal("0")}), "22012");
  EXPECT_EQ(call("%", {decimal("5.5"), int4(2)}), "1.5");
  EXPECT_EQ(call("*", {decimal("99999999999999999999"), decimal("99999999999999999999")}), "22003");
  EXPECT_EQ(call("+", {decimal("0.1"), float8(0.25)}), "0.35");
  const ExpressionPtr price = make_column(0, Type::decimal(15, 2), data::Physical::kI64);
  const ExpressionPtr revenue = make_call("*", {price, make_call("-", {int4(1), price})});
  EXPECT_EQ(data::type_name(revenue->type), "DECIMAL(31,4)");
}

TEST(Comparison, AcrossTypes) {
  EXPECT_EQ(call("<", {int4(1), decimal("1.5")}), "t");
  EXPECT_EQ(call("=", {decimal("1.50"), decimal("1.5")}), "t");
  EXPECT_EQ(call("<", {date("1995-01-01"), literal("1995-01-02")}), "t");
  EXPECT_EQ(call("<", {date("1995-01-01"), literal("never")}), "22007");
  EXPECT_EQ(call("<", {date("1995-01-01"), timestamp("1995-01-01 00:00:01")}), "t");
  EXPECT_EQ(call("=", {int4(1), text("1")}), "42883");
  EXPECT_EQ(call("=", {null(), int4(1)}), "NULL");
  EXPECT_EQ(call("=", {interval("1 month"), interval("30 days")}), "t");
  EXPECT_EQ(call("<>", {text("a"), literal("a")}), "f");
  EXPECT_EQ(call("<", {text("Z"), text("a")}), "t");
  EXPECT_EQ(call("is_distinct_from", {null(), int4(1)}), "t");
}

TEST(Comparison, ConstantsTakeTheColumnsType) {
  const ExpressionPtr discount = make_column(0, Type::decimal(15, 2), data::Physical::kI64);
  const ExpressionPtr shipped = make_column(1, Type::of(TypeId::kDate), data::Physical::kI32);
  const std::vector<std::string> names = {"discount", "shipped"};
  EXPECT_EQ(to_string(*make_call("<", {discount, int4(24)}), &names), "discount < 24.00");
  EXPECT_EQ(to_string(*make_call(">", {discount, decimal("0.065")}), &names), "discount > 0.06");
  EXPECT_EQ(to_string(*make_call("<", {discount, decimal("0.065")}), &names), "discount <= 0.06");
  EXPECT_EQ(to_string(*make_call(">=", {int4(1), discount}), &names), "discount <= 1.00");
  const ExpressionPtr end = make_call("-", {date("1998-12-01"), interval("90 day")});
  EXPECT_EQ(to_string(*make_call("<=", {shipped, end}), &names), "shipped <= date '1998-09-02'");
}

TEST(Text, Functions) {
  EXPECT_EQ(call("upper", {text("abc")}), "ABC");
  EXPECT_EQ(call("substr", {text("alphabet"), int4(3)}), "phabet");
  EXPECT_EQ(call("substring", {text("alphabet"), int4(3), int4(2)}), "ph");
  EXPECT_EQ(call("substr", {text("alphabet"), int4(-1), int4(4)}), "al");
  EXPECT_EQ(call("substr", {text("alphabet"), int4(2), int4(-1)}), "22011");
  EXPECT_EQ(call("substr", {text("héllo"), int4(2), int4(2)}), "él");
  EXPECT_EQ(call("length", {text("héllo")}), "5");
  EXPECT_EQ(call("octet_length", {text("héllo")}), "6");
  EXPECT_EQ(call("btrim", {text("  x ")}), "x");
  EXPECT_EQ(call("ltrim", {text("zzzytest"), text("xyz")}), "test");
  EXPECT_EQ(call("rtrim", {text("testxxzx"), text("xyz")}), "test");
  EXPECT_EQ(call("||", {text("a"), int4(1)}), "a1");
  EXPECT_EQ(call("||", {text("a"), null()}), "NULL");
  EXPECT_EQ(call("concat", {text("a"), null(), int4(2)}), "a2");
  EXPECT_EQ(call("concat_ws", {text(","), text("a"), null(), text("b")}), "a,b");
  EXPECT_EQ(call("replace", {text("abcabc"), text("b"), text("XX")}), "aXXcaXXc");
  EXPECT_EQ(call("position", {text("high"), text("ig")}), "2");
  EXPECT_EQ(call("left", {text("abcde"), int4(-2)}), "abc");
  EXPECT_EQ(call("right", {text("abcde"), int4(2)}), "de");
  EXPECT_EQ(call("lpad", {text("hi"), int4(5), text("xy")}), "xyxhi");
  EXPECT_EQ(call("rpad", {text("hi"), int4(1)}), "h");
  EXPECT_EQ(call("repeat", {text("ab"), int4(3)}), "ababab");
  EXPECT_EQ(call("reverse", {text("abé")}), "éba");
  EXPECT_EQ(call("split_part", {text("a~b~c"), text("~"), int4(2)}), "b");
  EXPECT_EQ(call("split_part", {text("a~b~c"), text("~"), int4(-1)}), "c");
  EXPECT_EQ(call("ascii", {text("é")}), "233");
  EXPECT_EQ(call("chr", {int4(8364)}), "€");
  EXPECT_EQ(call("md5", {text("abc")}), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(call("starts_with", {text("alphabet"), text("alph")}), "t");
  EXPECT_EQ(call("initcap", {text("hi THOMAS")}), "Hi Thomas");
  EXPECT_EQ(call("translate", {text("12345"), text("143"), text("ax")}), "a2x5");
  EXPECT_EQ(call("to_hex", {int4(-1)}), "ffffffff");
  EXPECT_EQ(call("no_such", {int4(1)}), "42883");
}

TEST(Text, Patterns) {
  const auto like = [](const char* s, const char* p) { return call("like", {text(s), text(p)}); };
  EXPECT_EQ(like("PROMO BURNISHED COPPER", "PROMO%"), "t");
  EXPECT_EQ(like("MEDIUM POLISHED BRASS", "%BRASS"), "t");
  EXPECT_EQ(like("the special packages requests", "%special%requests%"), "t");
  EXPECT_EQ(like("requests special", "%special%requests%"), "f");
  EXPECT_EQ(like("abc", "a_c"), "t");
  EXPECT_EQ(like("aéc", "a_c"), "t");
  EXPECT_EQ(like("ac", "a_c"), "f");
  EXPECT_EQ(like("abab", "ab"), "f");
  EXPECT_EQ(like("aab", "%ab"), "t");
  EXPECT_EQ(like("aXbab", "a%b_b"), "t");
  EXPECT_EQ(like("aXbb", "a%b_b"), "f");
  EXPECT_EQ(like("10%", "10\\%"), "t");
  EXPECT_EQ(like("10x", "10\\%"), "f");
  EXPECT_EQ(like("", "%"), "t");
  EXPECT_EQ(like("", ""), "t");
  EXPECT_EQ(like("a", "_%_"), "f");
  EXPECT_EQ(like("abcbc", "a%bc"), "t");
  EXPECT_EQ(like("abcbc", "%b%c%"), "t");
  EXPECT_EQ(like("x", "a\\"), "22025");
  EXPECT_EQ(call("ilike", {text("ABC"), text("%b%")}), "t");
  EXPECT_EQ(call("not like", {text("abc"), text("b%")}), "t");
  EXPECT_EQ(call("~", {text("abcd"), text("a.*d$")}), "t");
  EXPECT_EQ(call("~*", {text("ABC"), text("^b")}), "f");
  EXPECT_EQ(call("~", {text("a"), text("(")}), "2201B");
  EXPECT_EQ(call("regexp_replace", {text("Thomas"), text(".[mN]a."), text("M")}), "ThM");
  EXPECT_EQ(call("regexp_replace", {text("foobarbaz"), text("b(..)"), text("X\\1Y"), text("g")}), "fooXarYXazY");
}

TEST(Math, Functions) {
  EXPECT_EQ(call("round", {decimal("42.4382"), int4(2)}), "42.44");
  EXPECT_EQ(call("round", {decimal("-2.5")}), "-3");
  EXPECT_EQ(call("round", {decimal("1234.56"), int4(-2)}), "1200");
  EXPECT_EQ(call("round", {float8(2.5)}), "2");
  EXPECT_EQ(call("trunc", {decimal("42.4382"), int4(2)}), "42.43");
  EXPECT_EQ(call("ceil", {decimal("-42.8")}), "-42");
  EXPECT_EQ(call("floor", {decimal("-42.8")}), "-43");
  EXPECT_EQ(call("ceil", {float8(-42.8)}), "-42");
  EXPECT_EQ(call("abs", {decimal("-17.4")}), "17.4");
  EXPECT_EQ(call("abs", {int4(INT32_MIN)}), "22003");
  EXPECT_EQ(call("sqrt", {int4(2)}), "1.4142135623730951");
  EXPECT_EQ(call("sqrt", {float8(-1)}), "2201F");
  EXPECT_EQ(call("ln", {float8(0)}), "2201E");
  EXPECT_EQ(call("power", {float8(9), float8(3)}), "729");
  EXPECT_EQ(call("mod", {int4(9), int4(4)}), "1");
  EXPECT_EQ(call("div", {int4(9), int4(4)}), "2");
  EXPECT_EQ(call("greatest", {int4(1), null(), int4(3)}), "3");
  EXPECT_EQ(call("least", {int4(1), decimal("0.5")}), "0.5");
  EXPECT_EQ(call("nullif", {int4(1), int4(1)}), "NULL");
  EXPECT_EQ(call("degrees", {float8(0.5)}), "28.64788975654116");
}

TEST(Datetime, Arithmetic) {
  EXPECT_EQ(call("+", {date("2001-09-28"), int4(7)}), "2001-10-05");
  EXPECT_EQ(call("+", {date("1993-07-01"), interval("3 month")}), "1993-10-01 00:00:00");
  EXPECT_EQ(call("+", {date("2001-01-31"), interval("1 month")}), "2001-02-28 00:00:00");
  EXPECT_EQ(call("-", {date("1998-12-01"), interval("90 day")}), "1998-09-02 00:00:00");
  EXPECT_EQ(call("-", {date("2001-10-01"), date("2001-09-28")}), "3");
  EXPECT_EQ(call("-", {date("2001-10-01"), literal("2001-09-28")}), "3");
  EXPECT_EQ(call("-", {timestamp("2001-09-29 03:00"), timestamp("2001-09-27 12:00")}), "1 day 15:00:00");
  EXPECT_EQ(call("*", {interval("1 day"), int4(21)}), "21 days");
  EXPECT_EQ(call("/", {interval("1 hour"), float8(1.5)}), "00:40:00");
  EXPECT_EQ(call("extract", {literal("year"), date("1995-03-15")}), "1995");
  EXPECT_EQ(call("extract", {literal("second"), timestamp("2001-02-16 20:38:40.12")}), "40.120000");
  EXPECT_EQ(call("extract", {literal("week"), date("2005-01-01")}), "53");
  EXPECT_EQ(call("extract", {literal("dow"), date("2001-02-18")}), "0");
  EXPECT_EQ(call("extract", {literal("century"), date("2000-12-16")}), "20");
  EXPECT_EQ(call("extract", {literal("epoch"), timestamp("1970-01-02 00:00:00.5")}), "86400.500000");
  EXPECT_EQ(call("date_part", {literal("quarter"), date("2001-02-16")}), "1");
  EXPECT_EQ(call("date_part", {literal("nonsense"), date("2001-02-16")}), "22023");
  EXPECT_EQ(call("date_trunc", {literal("hour"), timestamp("2001-02-16 20:38:40")}), "2001-02-16 20:00:00");
  EXPECT_EQ(call("date_trunc", {literal("week"), timestamp("2001-02-16 20:38:40")}), "2001-02-12 00:00:00");
  EXPECT_EQ(call("age", {timestamp("2001-04-10"), timestamp("1957-06-13")}), "43 years 9 mons 27 days");
  EXPECT_EQ(call("make_date", {int4(2013), int4(7), int4(15)}), "2013-07-15");
  EXPECT_EQ(call("make_date", {int4(2013), int4(2), int4(30)}), "22008");
  EXPECT_EQ(call("to_char", {timestamp("2002-04-20 17:31:12"), text("HH12:MI:SS Day, DD FMMonth YYYY")}),
            "05:31:12 Saturday , 20 April 2002");
  EXPECT_EQ(call("to_char", {int4(125), text("999")}), " 125");
  EXPECT_EQ(call("to_char", {decimal("-125.8"), text("999D99S")}), "125.80-");
  EXPECT_EQ(call("to_char", {decimal("1485"), text("9,999")}), " 1,485");
  EXPECT_EQ(call("to_date", {text("05 Dec 2000"), text("DD Mon YYYY")}), "2000-12-05");
}

TEST(Cast, BetweenFamilies) {
  const auto cast = [](const ExpressionPtr& e, Type type) {
    try {
      return show(make_cast(e, type));
    } catch (const Error& error) {
      return error.sqlstate();
    }
  };
  EXPECT_EQ(cast(float8(2.5), Type::of(TypeId::kInt4)), "2");
  EXPECT_EQ(cast(float8(3.5), Type::of(TypeId::kInt4)), "4");
  EXPECT_EQ(cast(float8(1e10), Type::of(TypeId::kInt4)), "22003");
  EXPECT_EQ(cast(decimal("2.5"), Type::of(TypeId::kInt4)), "3");
  EXPECT_EQ(cast(decimal("-2.5"), Type::of(TypeId::kInt8)), "-3");
  EXPECT_EQ(cast(int4(300), Type::of(TypeId::kInt1)), "22003");
  EXPECT_EQ(cast(int4(12345), Type::decimal(4, 0)), "22003");
  EXPECT_EQ(cast(decimal("1.005"), Type::decimal(10, 2)), "1.01");
  EXPECT_EQ(cast(float8(0.1), Type::decimal(10, 5)), "0.10000");
  EXPECT_EQ(cast(decimal("0.1"), Type::of(TypeId::kFloat8)), "0.1");
  EXPECT_EQ(cast(text("42"), Type::of(TypeId::kInt4)), "42");
  EXPECT_EQ(cast(text("4x"), Type::of(TypeId::kInt4)), "22P02");
  EXPECT_EQ(cast(int4(1), Type::of(TypeId::kBool)), "t");
  EXPECT_EQ(cast(boolean(true), Type::of(TypeId::kText)), "true");
  EXPECT_EQ(cast(boolean(true), Type::of(TypeId::kDate)), "42846");
  EXPECT_EQ(cast(timestamp("2001-02-03 04:05:06"), Type::of(TypeId::kDate)), "2001-02-03");
  EXPECT_EQ(cast(date("2001-02-03"), Type::of(TypeId::kTimestamp)), "2001-02-03 00:00:00");
  Type three = Type::of(TypeId::kVarchar);
  three.length = 3;
  EXPECT_EQ(cast(text("abcdef"), three), "abc");
  EXPECT_EQ(cast(int4(12345), three), "123");
  EXPECT_EQ(call("+", {make_assignment_cast(text("ab"), three), int4(1)}), "42883");
  EXPECT_THROW(evaluate_constant(*make_assignment_cast(text("abcd"), three)), Error);
}

}  // namespace
}  // namespace tajo::functions
