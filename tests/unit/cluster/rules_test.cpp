// The pure rules: which frames are heard, whom a view drops, when a hung loop ends its process.
#include <gtest/gtest.h>

#include "cluster_records.hpp"
#include "cover.hpp"
#include "messages.hpp"
#include "tajo/cluster/frame_gate.hpp"
#include "tajo/cluster/watchdog.hpp"
#include "tajo/common/error.hpp"

namespace tajo::cluster {
namespace {

View view_of_four() {
  View v{.number = 5, .epoch = 3, .world = 9, .members = {}};
  v.members = {{0, {Role::kActive, 1}}, {1, {Role::kBackup, 2}}, {2, {Role::kWorker, 1}}, {3, {Role::kWorker, 1}}};
  return v;
}

TEST(FrameGate, HearsMembersOfTheViewInThisEpoch) {
  FrameGate gate(9, view_of_four(), 3);
  EXPECT_EQ(gate.judge(1, {9, 2, 3, 5}), Verdict::kDeliver);
  EXPECT_EQ(gate.judge(1, {9, 2, 4, 6}), Verdict::kDeliver);
  EXPECT_TRUE(gate.ahead({9, 2, 4, 6}));
  EXPECT_EQ(gate.judge(1, {9, 2, 2, 5}), Verdict::kDrop) << "an epoch that is over";
  EXPECT_EQ(gate.judge(1, {8, 2, 3, 5}), Verdict::kDrop) << "another world";
  EXPECT_EQ(gate.judge(1, {9, 1, 3, 4}), Verdict::kEvicted) << "an earlier life";
  EXPECT_EQ(gate.judge(4, {9, 1, 3, 4}), Verdict::kEvicted);
  EXPECT_EQ(gate.judge(4, {9, 1, 3, 6}), Verdict::kEarly) << "a view this rank does not know";
  EXPECT_EQ(gate.judge(4, {9, 1, 3, 5}), Verdict::kDrop) << "it knows that it is outside";
  EXPECT_EQ(FrameGate(9, {}, 0).judge(0, {9, 1, 1, 1}), Verdict::kEarly) << "before the first view";
}

TEST(Cover, SmallestSetWithoutMe) {
  EXPECT_TRUE(smallest_cover({}, 0, {0, 1}).empty());
  EXPECT_EQ(smallest_cover({{0, 3}}, 0, {0, 1}), std::set<Rank>{3});
  EXPECT_EQ(smallest_cover({{3, 0}}, 3, {3}), std::set<Rank>{0}) << "also when I am the highest rank";
  EXPECT_EQ(smallest_cover({{2, 3}, {3, 4}, {3, 5}}, 0, {0}), std::set<Rank>{3});
  EXPECT_EQ(smallest_cover({{1, 4}}, 0, {0, 1}), std::set<Rank>{4}) << "no master rather than a master";
  EXPECT_EQ(smallest_cover({{4, 5}}, 0, {0}), std::set<Rank>{5}) << "the highest rank";
  EXPECT_EQ(smallest_cover({{2, 3}, {3, 2}}, 0, {0}).size(), 1u) << "either end says so";
}

TEST(Cover, ManyBadLinksAreCoveredGreedily) {
  std::set<std::pair<Rank, Rank>> bad;
  for (Rank a = 1; a < 40; ++a)
    for (Rank b = 40; b < 44; ++b) bad.emplace(a, b);
  std::set<Rank> out = smallest_cover(bad, 0, {0});
  EXPECT_EQ(out, (std::set<Rank>{40, 41, 42, 43}));
}

TEST(Watchdog, CountsItsOwnTicks) {
  Watchdog w;
  for (int i = 0; i < kWatchdogTicks - 1; ++i) EXPECT_FALSE(w.tick());
  w.turn();
  EXPECT_FALSE(w.tick());
  for (int i = 0; i < kWatchdogTicks - 1; ++i) EXPECT_FALSE(w.tick());
  EXPECT_TRUE(w.tick());
}

TEST(Records, ViewsClaimsAndLettersComeBack) {
  View v = view_of_four();
  EXPECT_EQ(decode_view(encode(v)), v);
  Bytes cut = encode(v);
  cut.resize(cut.size() - 1);
  EXPECT_THROW(decode_view(cut), Error);
  Claim c = decode_claim(encode(Claim{77, 2, Cause::kOrphan}));
  EXPECT_EQ(c.world, 77u);
  EXPECT_EQ(c.rank, 2);
  EXPECT_EQ(c.cause, Cause::kOrphan);
  Letter l{.kind = Kind::kProbe, .role = Role::kBackup, .epoch = 4, .view = 6, .number = 7, .second = 8, .ranks = {1, 2}};
  l.body = Bytes(5, std::byte{3});
  Bytes bytes = encode(l);
  EXPECT_EQ(bytes[0], kClusterTag);
  Letter back = decode_letter(bytes);
  EXPECT_EQ(back.ranks, l.ranks);
  EXPECT_EQ(back.body, l.body);
  EXPECT_EQ(back.second, 8u);
  for (std::size_t n = 0; n < bytes.size() - l.body.size(); ++n)
    EXPECT_THROW(decode_letter(ByteView(bytes).first(n)), Error) << n;
}

}  // namespace
}  // namespace tajo::cluster
