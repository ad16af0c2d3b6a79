#include "tajo/data/value.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tajo/data/text.hpp"

namespace tajo::data {
namespace {

const Type kDate = Type::of(TypeId::kDate);
const Type kTimestamp = Type::of(TypeId::kTimestamp);
const Type kInterval = Type::of(TypeId::kInterval);
const Type kFloat8 = Type::of(TypeId::kFloat8);

std::string round_trip(std::string_view text, const Type& type) { return format_value(parse_value(text, type), type); }

std::string error_of(std::string_view text, const Type& type) {
  try {
    parse_value(text, type);
  } catch (const Error& e) {
    return e.sqlstate();
  }
  return "none";
}

TEST(Calendar, CountsDaysAsPostgres) {
  EXPECT_EQ(days_from_civil(1970, 1, 1), 0);
  EXPECT_EQ(days_from_civil(2000, 1, 1), 10957);
  EXPECT_EQ(days_from_civil(1582, 10, 4) + 1, days_from_civil(1582, 10, 5));  // proleptic: no gap
  int year = 0;
  unsigned month = 3;
  unsigned day_of_month = 1;
  for (int day = -719468; day < 200'000; ++day, ++day_of_month) {  // every day from 1 March of the year 0, by counting
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const unsigned last = month == 2 ? (leap ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    if (day_of_month > last) {
      day_of_month = 1;
      if (++month > 12) month = 1, ++year;
    }
    int y = 0;
    unsigned m = 0;
    unsigned d = 0;
    civil_from_days(day, y, m, d);
    ASSERT_TRUE(y == year && m == month && d == day_of_month) << day;
  }
  for (const int day : {-100'000'000, 100'000'000, 6'999'999, 7'000'000, -6'999'999, -7'000'001, -2'000'000, -719'528, -1, 0, 59, 60, 11'016, 2'000'000}) {
    int y = 0;
    unsigned m = 0;
    unsigned d = 0;
    civil_from_days(day, y, m, d);
    EXPECT_EQ(days_from_civil(y, m, d), day);
  }
}

TEST(ValueText, Dates) {
  EXPECT_EQ(round_trip("1998-12-01", kDate), "1998-12-01");
  EXPECT_EQ(round_trip("0044-03-15 BC", kDate), "0044-03-15 BC");
  EXPECT_EQ(round_trip("January 8, 1999", kDate), "1999-01-08");
  EXPECT_EQ(round_trip("8 Jan 1999", kDate), "1999-01-08");
  EXPECT_EQ(round_trip("1999-Jan-08", kDate), "1999-01-08");
  EXPECT_EQ(round_trip("19990108", kDate), "1999-01-08");
  EXPECT_EQ(round_trip("1/8/1999", kDate), "1999-01-08");
  EXPECT_EQ(round_trip("12345-01-01", kDate), "12345-01-01");
  EXPECT_EQ(round_trip(" 2000-02-29 ", kDate), "2000-02-29");
  EXPECT_EQ(error_of("1900-02-29", kDate), "22008");
  EXPECT_EQ(error_of("1999-13-01", kDate), "22008");
  EXPECT_EQ(error_of("hello", kDate), "22007");
  EXPECT_EQ(error_of("", kDate), "22007");
  EXPECT_EQ(error_of("1995--1-01", kDate), "22007");
}

TEST(ValueText, Timestamps) {
  EXPECT_EQ(round_trip("2001-02-03 04:05:06.789", kTimestamp), "2001-02-03 04:05:06.789");
  EXPECT_EQ(round_trip("2001-02-03", kTimestamp), "2001-02-03 00:00:00");
  EXPECT_EQ(round_trip("2001-02-03T04:05", kTimestamp), "2001-02-03 04:05:00");
  EXPECT_EQ(round_trip("1969-12-31 23:59:59.999999", kTimestamp), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(round_trip("2001-02-03 04:05:06 PM", kTimestamp), "2001-02-03 16:05:06");
  EXPECT_EQ(round_trip("2001-02-03 04:05:06+02", Type::of(TypeId::kTimestampTz)), "2001-02-03 02:05:06+00");
  EXPECT_EQ(round_trip("04:05:06.7", Type::of(TypeId::kTime)), "04:05:06.7");
  EXPECT_EQ(error_of("2001-02-03 25:00:00", kTimestamp), "22008");
}

TEST(ValueText, Intervals) {
  EXPECT_EQ(round_trip("1 year 2 mons 3 days 04:05:06", kInterval), "1 year 2 mons 3 days 04:05:06");
  EXPECT_EQ(round_trip("90 day", kInterval), "90 days");
  EXPECT_EQ(round_trip("-1 year 2 days", kInterval), "-1 years +2 days");
  EXPECT_EQ(round_trip("1.5 months", kInterval), "1 mon 15 days");
  EXPECT_EQ(round_trip("1.5 hours", kInterval), "01:30:00");
  EXPECT_EQ(round_trip("2 weeks ago", kInterval), "-14 days");
  EXPECT_EQ(round_trip("P1Y2M3DT4H5M6S", kInterval), "1 year 2 mons 3 days 04:05:06");
  EXPECT_EQ(round_trip("-04:05:06.25", kInterval), "-04:05:06.25");
  EXPECT_EQ(round_trip("3 4:05:06", kInterval), "3 days 04:05:06");
  EXPECT_EQ(round_trip("0", kInterval), "00:00:00");
  EXPECT_EQ(error_of("1 parsec", kInterval), "22007");
  EXPECT_EQ(compare_values(parse_value("1 month", kInterval), parse_value("30 days", kInterval), kInterval), 0);
}

TEST(ValueText, Numbers) {
  EXPECT_EQ(round_trip("0.1", kFloat8), "0.1");
  EXPECT_EQ(round_trip("1e15", kFloat8), "1e+15");
  EXPECT_EQ(round_trip("100000000000000", kFloat8), "100000000000000");
  EXPECT_EQ(round_trip("0.00001", kFloat8), "1e-05");
  EXPECT_EQ(round_trip("-1234.5", kFloat8), "-1234.5");
  EXPECT_EQ(round_trip("1e6", Type::of(TypeId::kFloat4)), "1e+06");
  EXPECT_EQ(round_trip("nan", kFloat8), "NaN");
  EXPECT_EQ(round_trip("-inf", kFloat8), "-Infinity");
  EXPECT_EQ(error_of("1e400", kFloat8), "22003");
  EXPECT_EQ(error_of("12x", kFloat8), "22P02");
  EXPECT_EQ(round_trip("-2147483648", Type::of(TypeId::kInt4)), "-2147483648");
  EXPECT_EQ(error_of("2147483648", Type::of(TypeId::kInt4)), "22003");
  EXPECT_EQ(error_of("99999999999999999999", Type::of(TypeId::kInt8)), "22003");
  EXPECT_EQ(error_of("1.5", Type::of(TypeId::kInt4)), "22P02");
  EXPECT_EQ(error_of("", Type::of(TypeId::kInt4)), "22P02");
  EXPECT_EQ(round_trip("yes", Type::of(TypeId::kBool)), "t");
  EXPECT_EQ(error_of("o", Type::of(TypeId::kBool)), "22P02");
}

TEST(ValueText, Decimals) {
  const Type money = Type::decimal(15, 2);
  EXPECT_EQ(round_trip("1234.565", money), "1234.57");  // half away from zero
  EXPECT_EQ(round_trip("-1234.565", money), "-1234.57");
  EXPECT_EQ(round_trip("-.5", money), "-0.50");
  EXPECT_EQ(round_trip("1.5e3", money), "1500.00");
  EXPECT_EQ(error_of("99999999999999.00", money), "22003");
  EXPECT_EQ(error_of("abc", money), "22P02");
  const Type wide = Type::decimal(38, 0);
  EXPECT_EQ(round_trip("99999999999999999999999999999999999999", wide), "99999999999999999999999999999999999999");
  EXPECT_EQ(error_of("100000000000000000000000000000000000000", wide), "22003");
  __int128 scaled = 0;
  int precision = 0;
  int scale = 0;
  ASSERT_TRUE(parse_decimal_literal("0.05", scaled, precision, scale));
  EXPECT_EQ(static_cast<int>(scaled), 5);
  EXPECT_EQ(precision, 2);
  EXPECT_EQ(scale, 2);
}

TEST(ValueText, TextAndBlob) {
  Type five = Type::of(TypeId::kVarchar);
  five.length = 5;
  EXPECT_EQ(round_trip("héllo", five), "héllo");
  EXPECT_EQ(round_trip("hello   ", five), "hello");
  EXPECT_EQ(error_of("hellooo", five), "22001");
  EXPECT_EQ(fit_text("hellooo", five, true), "hello");
  EXPECT_EQ(round_trip("\\xDEADbeef", Type::of(TypeId::kBlob)), "\\xdeadbeef");
  EXPECT_EQ(error_of("\\xABC", Type::of(TypeId::kBlob)), "22023");
}

TEST(Value, OrderAndBytes) {
  EXPECT_LT(compare_values(Value{}, std::int64_t{1}, Type::of(TypeId::kInt4)), 0);
  EXPECT_GT(compare_values(std::nan(""), 1e308, kFloat8), 0);
  EXPECT_LT(compare_values(std::string("Z"), std::string("a"), Type::of(TypeId::kText)), 0);
  ByteWriter out;
  const std::vector<Value> values = {Value{}, std::int64_t{-5}, static_cast<__int128>(1) << 100, 2.5, std::string("x")};
  for (const Value& v : values) put_value(out, v);
  const Bytes bytes = out.take();
  ByteReader in(bytes);
  for (const Value& v : values) EXPECT_TRUE(get_value(in) == v);
  EXPECT_TRUE(in.empty());
}

}  // namespace
}  // namespace tajo::data
