#include "tajo/master/session_holders.hpp"

#include <gtest/gtest.h>

namespace tajo::master {
namespace {

constexpr Micros kStart = 1'000'000'000, kSecond = 1'000'000, kKept = 60 * kSecond;

class Holders : public ::testing::Test {
 protected:
  Holders() { holders.begin(kStart); }
  void hold(Rank master, const std::string& session, Micros at) { holders.hold(master, std::span(&session, 1), at); }
  std::set<std::string> expired(Micros at) { return holders.expired({"a", "b"}, kKept, at); }
  SessionHolders holders;
};

TEST_F(Holders, ASessionThatIsHeldNeverExpires) {
  for (Micros t = kStart; t < kStart + 10 * kKept; t += kHoldPeriodUs) {
    hold(1, "a", t);
    hold(2, "b", t);
    EXPECT_TRUE(expired(t).empty());
  }
}

TEST_F(Holders, OneThatWasLeftStaysForItsTime) {
  hold(1, "a", kStart);
  hold(2, "b", kStart + kKept);
  holders.leave(1, "a", kStart + 30 * kSecond);
  EXPECT_TRUE(expired(kStart + 30 * kSecond + kKept - 1).empty());
  EXPECT_EQ(expired(kStart + 30 * kSecond + kKept), std::set<std::string>{"a"});
}

TEST_F(Holders, OneThatIsTakenUpAtAnotherMasterIsHeld) {
  hold(1, "a", kStart);
  hold(2, "a", kStart + kSecond);
  EXPECT_TRUE(holders.held("a", 1, kStart + 2 * kSecond));
  holders.leave(1, "a", kStart + 2 * kSecond);  // heard late
  EXPECT_TRUE(holders.held("a", 1, kStart + 2 * kSecond));
  EXPECT_FALSE(holders.held("a", 2, kStart + 2 * kSecond));
}

TEST_F(Holders, AGoodbyeEndsWhatNobodyElseHolds) {
  holders.take(1, "a", kStart);
  EXPECT_TRUE(holders.goodbye(1, "a", kStart));
  EXPECT_TRUE(holders.goodbye(1, "never held", kStart));
}

TEST_F(Holders, AGoodbyeWhereTheClientWasBeforeIsNotTheEnd) {
  holders.take(1, "a", kStart);
  holders.take(2, "a", kStart + 1);
  EXPECT_FALSE(holders.goodbye(1, "a", kStart + 2));
  holders.leave(2, "a", kStart + 20 * kSecond);
  EXPECT_TRUE(expired(kStart + 20 * kSecond).empty());
}

TEST_F(Holders, AGoodbyeWhereTheClientIsEndsItAsSoonAsTheOthersNotice) {
  holders.take(1, "a", kStart);
  holders.take(2, "a", kStart + 1);
  EXPECT_FALSE(holders.goodbye(2, "a", kStart + 2));
  hold(1, "a", kStart + 19 * kSecond);
  EXPECT_TRUE(expired(kStart + 20 * kSecond).empty());
  holders.leave(1, "a", kStart + 20 * kSecond);
  EXPECT_EQ(expired(kStart + 20 * kSecond), std::set<std::string>{"a"});
}

TEST_F(Holders, WhoComesBackAfterAGoodbyeKeepsIt) {
  holders.take(1, "a", kStart);
  holders.take(2, "a", kStart + 1);
  EXPECT_FALSE(holders.goodbye(2, "a", kStart + 2));
  holders.take(2, "a", kStart + 3);
  holders.leave(1, "a", kStart + 20 * kSecond);
  holders.leave(2, "a", kStart + 20 * kSecond);
  EXPECT_TRUE(expired(kStart + 20 * kSecond).empty());
}

TEST_F(Holders, AVisitHoldsNothingButItsTimeCounts) {
  hold(2, "b", kStart + kKept);
  holders.visit("a", kStart + 30 * kSecond);
  EXPECT_FALSE(holders.held("a", kNoRank, kStart + 30 * kSecond));
  EXPECT_TRUE(expired(kStart + 30 * kSecond + kKept - 1).empty());
  EXPECT_EQ(expired(kStart + 30 * kSecond + kKept), std::set<std::string>{"a"});
}

TEST_F(Holders, AVisitAfterAGoodbyeKeepsIt) {
  hold(1, "a", kStart + 20 * kSecond);
  hold(1, "b", kStart + 20 * kSecond);
  holders.take(2, "a", kStart + 20 * kSecond);
  EXPECT_FALSE(holders.goodbye(2, "a", kStart + 20 * kSecond));
  holders.visit("a", kStart + 21 * kSecond);
  holders.leave(1, "a", kStart + 22 * kSecond);
  EXPECT_TRUE(expired(kStart + 23 * kSecond).empty());
}

TEST_F(Holders, AMasterThatFellSilentHoldsNothing) {
  hold(1, "a", kStart);
  EXPECT_TRUE(holders.held("a", 2, kStart + kHeldUs - 1));
  EXPECT_FALSE(holders.held("a", 2, kStart + kHeldUs));
  EXPECT_EQ(expired(kStart + kKept), (std::set<std::string>{"a", "b"}));
}

TEST_F(Holders, ANewEpochKnowsNobodysTimeAlone) {
  holders.leave(1, "a", kStart);
  holders.begin(kStart + kKept);
  EXPECT_TRUE(expired(kStart + kKept).empty());
  EXPECT_TRUE(expired(kStart + 2 * kKept - 1).empty());
  EXPECT_FALSE(expired(kStart + 2 * kKept).empty());
}

TEST_F(Holders, NothingExpiresBeforeTheMastersHadTimeToTell) {
  EXPECT_TRUE(holders.expired({"a"}, 0, kStart + kHeldUs - 1).empty());
  EXPECT_FALSE(holders.longest_alone({"a"}, kStart + kHeldUs - 1));
}

TEST_F(Holders, TheOneLongestAloneMakesRoom) {
  const Micros now = kStart + 100 * kSecond;
  hold(1, "c", now);
  holders.leave(1, "a", kStart + 20 * kSecond);
  holders.leave(1, "b", kStart + 10 * kSecond);
  EXPECT_EQ(holders.longest_alone({"a", "b", "c"}, now), "b");
  EXPECT_EQ(holders.longest_alone({"c"}, now), std::nullopt);
}

}  // namespace
}  // namespace tajo::master
