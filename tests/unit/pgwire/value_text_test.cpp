#include "value_text.hpp"

#include <gtest/gtest.h>

namespace tajo::pgwire {
namespace {

template <class Put, class... Args>
std::string text(Put put, Args&&... args) {
  std::string out;
  put(out, std::forward<Args>(args)...);
  return out;
}

// Expectations below are PostgreSQL 15's own output.
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
