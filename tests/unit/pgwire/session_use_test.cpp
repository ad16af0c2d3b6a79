#include "session_use.hpp"

#include <gtest/gtest.h>

namespace tajo::pgwire {
namespace {

using End = SessionUse::End;

TEST(SessionUse, AClientThatSaysGoodbyeEndsItsSession) {
  SessionUse uses;
  const auto only = uses.begin("a");
  EXPECT_TRUE(uses.used("a"));
  EXPECT_EQ(uses.end("a", only, true), End::kClosed);
  EXPECT_FALSE(uses.used("a"));
}

TEST(SessionUse, AConnectionThatBreaksLeavesIt) {
  SessionUse uses;
  EXPECT_EQ(uses.end("a", uses.begin("a"), false), End::kLeft);
}

TEST(SessionUse, TheOldConnectionsEndIsNotTheSessionsEnd) {
  SessionUse uses;
  const auto old = uses.begin("a");
  const auto newer = uses.begin("a");
  EXPECT_EQ(uses.end("a", old, true), End::kUsed);
  EXPECT_EQ(uses.end("a", newer, false), End::kLeft);
}

TEST(SessionUse, AGoodbyeCountsThoughTheBrokenOneIsNoticedLater) {
  SessionUse uses;
  const auto broken = uses.begin("a");
  const auto newer = uses.begin("a");
  EXPECT_EQ(uses.end("a", newer, true), End::kUsed);
  EXPECT_EQ(uses.end("a", broken, false), End::kClosed);
}

TEST(SessionUse, WhoComesAfterAGoodbyeKeepsIt) {
  SessionUse uses;
  const auto broken = uses.begin("a");
  EXPECT_EQ(uses.end("a", uses.begin("a"), true), End::kUsed);
  const auto third = uses.begin("a");
  EXPECT_EQ(uses.end("a", broken, false), End::kUsed);
  EXPECT_EQ(uses.end("a", third, false), End::kLeft);
}

}  // namespace
}  // namespace tajo::pgwire
