#include <gtest/gtest.h>

#include <limits>

#include "tajo/data/text.hpp"

namespace tajo::data {
namespace {

template <class Append, class... Args>
std::string text(Append append, Args&&... args) {
  std::string out;
  append(out, std::forward<Args>(args)...);
  return out;
}
template <class Float>
std::string text_of_float(Float value) {
  std::string out;
  append_float(out, value);
  return out;
}

// Expectations are PostgreSQL 15's own output.
TEST(AppendText, Floats) {
  EXPECT_EQ(text_of_float(0.1), "0.1");
  EXPECT_EQ(text_of_float(1e15), "1e+15");
  EXPECT_EQ(text_of_float(999999999999999.0), "999999999999999");
  EXPECT_EQ(text_of_float(0.0001), "0.0001");
  EXPECT_EQ(text_of_float(0.00001), "1e-05");
  EXPECT_EQ(text_of_float(1e100), "1e+100");
  EXPECT_EQ(text_of_float(-0.0), "-0");
  EXPECT_EQ(text_of_float(5e-324), "5e-324");
  EXPECT_EQ(text_of_float(1e6F), "1e+06");
  EXPECT_EQ(text_of_float(123456.0F), "123456");
  EXPECT_EQ(text_of_float(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(text_of_float(-std::numeric_limits<double>::infinity()), "-Infinity");
}

TEST(AppendText, Decimals) {
  EXPECT_EQ(text(append_decimal, 0, 2), "0.00");
  EXPECT_EQ(text(append_decimal, -5, 2), "-0.05");
  EXPECT_EQ(text(append_decimal, 12345, 0), "12345");
  EXPECT_EQ(text(append_decimal, 12345, 5), "0.12345");
  __int128 largest = 1;
  for (int i = 0; i < 38; ++i) largest *= 10;
  EXPECT_EQ(text(append_decimal, -(largest - 1), 10), "-9999999999999999999999999999.9999999999");
}

TEST(AppendText, DatesAndTimes) {
  EXPECT_EQ(text(append_date, 0), "1970-01-01");
  EXPECT_EQ(text(append_date, -719'163), "0001-12-31 BC");
  EXPECT_EQ(text(append_date, 2'932'897), "10000-01-01");
  EXPECT_EQ(text(append_date, -2'440'588), "4714-11-24 BC");
  EXPECT_EQ(text(append_time, 86'399'999'999), "23:59:59.999999");
  EXPECT_EQ(text(append_timestamp, -1, false), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(text(append_timestamp, 1'500'000, false), "1970-01-01 00:00:01.5");
}

TEST(AppendText, Intervals) {
  auto interval = [](std::int32_t months, std::int32_t days, std::int64_t micros) {
    return text(append_interval, Interval{micros, days, months});
  };
  EXPECT_EQ(interval(0, 0, 0), "00:00:00");
  EXPECT_EQ(interval(14, 3, 14'706'700'000), "1 year 2 mons 3 days 04:05:06.7");
  EXPECT_EQ(interval(-1, 1, 0), "-1 mons +1 day");
  EXPECT_EQ(interval(0, -1, 3'600'000'000), "-1 days +01:00:00");
  EXPECT_EQ(interval(0, 0, -1'000'000), "-00:00:01");
}

}  // namespace
}  // namespace tajo::data
