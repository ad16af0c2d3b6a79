#include "binary_parameter.hpp"

#include <gtest/gtest.h>

#include "tajo/common/error.hpp"
#include "value_text.hpp"

namespace tajo::pgwire {
namespace {

std::string bytes(std::initializer_list<int> list) {
  std::string out;
  for (const int b : list) out += static_cast<char>(b);
  return out;
}

TEST(BinaryParameter, ReadsNumbersDatesAndText) {
  EXPECT_EQ(binary_parameter_text(16, bytes({1}), 1), "t");
  EXPECT_EQ(binary_parameter_text(21, bytes({0xff, 0xfe}), 1), "-2");
  EXPECT_EQ(binary_parameter_text(23, bytes({0, 0, 1, 0}), 1), "256");
  EXPECT_EQ(binary_parameter_text(20, bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), 1), "-1");
  EXPECT_EQ(binary_parameter_text(701, bytes({0x3f, 0xf8, 0, 0, 0, 0, 0, 0}), 1), "1.5");
  EXPECT_EQ(binary_parameter_text(1082, bytes({0, 0, 0, 1}), 1), "2000-01-02");
  EXPECT_EQ(binary_parameter_text(1114, bytes({0, 0, 0, 0, 0, 0, 0, 1}), 1), "2000-01-01 00:00:00.000001");
  EXPECT_EQ(binary_parameter_text(1184, bytes({0, 0, 0, 0, 0, 0, 0, 0}), 1), "2000-01-01 00:00:00+00");
  EXPECT_EQ(binary_parameter_text(25, "text", 1), "text");
  EXPECT_EQ(binary_parameter_text(17, bytes({0, 0xab}), 1), "\\x00ab");
}

TEST(BinaryParameter, NumericsComeBackAsTheyWereWritten) {
  const auto round_trip = [](__int128 scaled, int scale) {
    std::string out;
    put_decimal_binary(out, scaled, scale);
    return binary_parameter_text(1700, out, 1);
  };
  EXPECT_EQ(round_trip(0, 0), "0");
  EXPECT_EQ(round_trip(0, 2), "0.00");
  EXPECT_EQ(round_trip(5, 2), "0.05");
  EXPECT_EQ(round_trip(-12345, 2), "-123.45");
  EXPECT_EQ(round_trip(10'000'000, 0), "10000000");
  EXPECT_EQ(round_trip(1, 10), "0.0000000001");
  EXPECT_EQ(round_trip(static_cast<__int128>(9'999'999'999'999'999) * 10'000 + 1, 4), "9999999999999999.0001");
}

TEST(BinaryParameter, RefusesWrongLengthsAndOtherTypes) {
  const auto state = [](std::uint32_t oid, const std::string& value) {
    try {
      binary_parameter_text(oid, value, 1);
    } catch (const Error& e) {
      return std::string(e.sqlstate());
    }
    return std::string();
  };
  EXPECT_EQ(state(23, bytes({0, 1})), "22P03");
  EXPECT_EQ(state(23, bytes({0, 1, 2, 3, 4})), "22P03");
  EXPECT_EQ(state(1700, bytes({0, 5, 0, 0, 0, 0, 0, 0})), "22P03");
  EXPECT_EQ(state(1186, bytes({0})), "22P03");
  EXPECT_EQ(state(1007, bytes({0, 0, 0, 0})), "0A000");
}

}  // namespace
}  // namespace tajo::pgwire
