#include "value_text.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace tajo::pgwire {
namespace {

template <class Put, class... Args>
std::string text(Put put, Args&&... args) {
  std::string out;
  put(out, std::forward<Args>(args)...);
  return out;
}

// Expectations below are PostgreSQL 15's own output.
TEST(ValueText, Floats) {
  EXPECT_EQ(text(put_float8_text, 0.1), "0.1");
  EXPECT_EQ(text(put_float8_text, 1e15), "1e+15");
  EXPECT_EQ(text(put_float8_text, 999999999999999.0), "999999999999999");
  EXPECT_EQ(text(put_float8_text, 0.0001), "0.0001");
  EXPECT_EQ(text(put_float8_text, 0.00001), "1e-05");
  EXPECT_EQ(text(put_float8_text, 1e100), "1e+100");
  EXPECT_EQ(text(put_float8_text, -0.0), "-0");
  EXPECT_EQ(text(put_float8_text, 5e-324), "5e-324");
  EXPECT_EQ(text(put_float4_text, 1e6F), "1e+06");
  EXPECT_EQ(text(put_float4_text, 123456.0F), "123456");
  EXPECT_EQ(text(put_float8_text, std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(text(put_float8_text, -std::numeric_limits<double>::infinity()), "-Infinity");
}

TEST(ValueText, Decimals) {
  EXPECT_EQ(text(put_decimal_text, 0, 2), "0.00");
  EXPECT_EQ(text(put_decimal_text, -5, 2), "-0.05");
  EXPECT_EQ(text(put_decimal_text, 12345, 0), "12345");
  EXPECT_EQ(text(put_decimal_text, 12345, 5), "0.12345");
  __int128 largest = 1;
  for (int i = 0; i < 38; ++i) largest *= 10;
  EXPECT_EQ(text(put_decimal_text, -(largest - 1), 10), "-9999999999999999999999999999.9999999999");
}

TEST(ValueText, DecimalBinary) {
  auto groups = [](__int128 scaled, int scale) {
    std::string out = text(put_decimal_binary, scaled, scale), list;
    for (std::size_t i = 0; i < out.size(); i += 2)
      list += std::to_string(static_cast<std::int16_t>(static_cast<unsigned char>(out[i]) << 8 | static_cast<unsigned char>(out[i + 1]))) + " ";
    return list;
  };
  // digits, weight, sign, scale, base-10000 digits
  EXPECT_EQ(groups(0, 2), "0 0 0 2 ");
  EXPECT_EQ(groups(12345678, 0), "2 1 0 0 1234 5678 ");
  EXPECT_EQ(groups(10000, 0), "1 1 0 0 1 ");
  EXPECT_EQ(groups(-105, 2), "2 0 16384 2 1 500 ");
  EXPECT_EQ(groups(1, 8), "1 -2 0 8 1 ");
}

TEST(ValueText, DatesAndTimes) {
  EXPECT_EQ(text(put_date_text, 0), "1970-01-01");
  EXPECT_EQ(text(put_date_text, -719'163), "0001-12-31 BC");
  EXPECT_EQ(text(put_date_text, 2'932'897), "10000-01-01");
  EXPECT_EQ(text(put_date_text, -2'440'588), "4714-11-24 BC");
  EXPECT_EQ(text(put_time_text, 86'399'999'999), "23:59:59.999999");
  EXPECT_EQ(text(put_timestamp_text, -1), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(text(put_timestamp_text, 1'500'000), "1970-01-01 00:00:01.5");
}

TEST(ValueText, Intervals) {
  auto interval = [](std::int32_t months, std::int32_t days, std::int64_t micros) {
    return text(put_interval_text, data::Interval{micros, days, months});
  };
  EXPECT_EQ(interval(0, 0, 0), "00:00:00");
  EXPECT_EQ(interval(14, 3, 14'706'700'000), "1 year 2 mons 3 days 04:05:06.7");
  EXPECT_EQ(interval(-1, 1, 0), "-1 mons +1 day");
  EXPECT_EQ(interval(0, -1, 3'600'000'000), "-1 days +01:00:00");
  EXPECT_EQ(interval(0, 0, -1'000'000), "-00:00:01");
}

TEST(ValueText, ZonesFollowTheirRules) {
  auto berlin = TimeZone::find("Europe/Berlin");
  ASSERT_NE(berlin, nullptr);
  constexpr std::int64_t kSecond = 1'000'000;
  EXPECT_EQ(text(put_timestamptz_text, 1'700'000'000 * kSecond, *berlin), "2023-11-14 23:13:20+01");
  EXPECT_EQ(text(put_timestamptz_text, 1'690'000'000 * kSecond, *berlin), "2023-07-22 06:26:40+02");
  EXPECT_EQ(text(put_timestamptz_text, 2'540'000'000 * kSecond, *berlin), "2050-06-28 05:33:20+02");   // beyond the file
  EXPECT_EQ(text(put_timestamptz_text, 2'555'000'000 * kSecond, *berlin), "2050-12-18 19:13:20+01");
  EXPECT_EQ(text(put_timestamptz_text, -3'000'000'000 * kSecond, *berlin), "1874-12-07 19:33:28+00:53:28");
  EXPECT_EQ(text(put_timestamptz_text, 0, *TimeZone::find("+05:30")), "1970-01-01 05:30:00+05:30");
  EXPECT_EQ(text(put_timestamptz_text, 0, *TimeZone::find("<-03>+03")), "1969-12-31 21:00:00-03");
  EXPECT_EQ(TimeZone::find("../etc/passwd"), nullptr);
  EXPECT_EQ(TimeZone::find("Nowhere/Land"), nullptr);
}

}  // namespace
}  // namespace tajo::pgwire
