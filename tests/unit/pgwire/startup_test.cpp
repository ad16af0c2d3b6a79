#include "startup.hpp"

#include <gtest/gtest.h>

#include "message.hpp"

namespace tajo::pgwire {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

TEST(Options, BothSpellingsAndEscapedBlanks) {
  EXPECT_EQ(parse_options("-c a=b --c=d -ce=f"), (Settings{{"a", "b"}, {"c", "d"}, {"e", "f"}}));
  EXPECT_EQ(parse_options("-c a=b\\ c\\\\d"), (Settings{{"a", "b c\\d"}}));
  EXPECT_EQ(parse_options("  "), Settings{});
  for (const char* bad : {"-x", "-c", "-c a", "word", "--=b"}) EXPECT_THROW(parse_options(bad), Error) << bad;
}

TEST(Utf8, WhatPostgresRefuses) {
  for (const char* good : {"", "plain ascii, longer than eight bytes", "grüße", "€", "😀 end"}) EXPECT_NO_THROW(check_utf8(good));
  for (std::string bad : {std::string("a\0b", 3), std::string("\xff"), std::string("\xc0\xaf"), std::string("\xed\xa0\x80"),
                          std::string("\xf4\x90\x80\x80"), std::string("12345678\xc3"), std::string("\xe2\x82")})
    EXPECT_THROW(check_utf8(bad), Error);
}

TEST(Body, ReadsAreBounded) {
  BodyReader body(std::string_view("\0\1ab\0x", 6));
  EXPECT_EQ(body.i16(), 1);
  EXPECT_EQ(body.text(), "ab");
  EXPECT_THROW(body.i32(), Error);
  EXPECT_THROW(body.text(), Error);
  EXPECT_THROW(body.expect_end(), Error);
}

}  // namespace
}  // namespace tajo::pgwire
