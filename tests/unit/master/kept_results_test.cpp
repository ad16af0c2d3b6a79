#include "tajo/master/kept_results.hpp"

#include <gtest/gtest.h>

namespace tajo::master {
namespace {

KeptResults::Reply reply_of(std::uint64_t number, bool returns_rows = true) {
  auto reply = std::make_shared<protocol::ClientReply>();
  reply->request_id = "r" + std::to_string(number);
  reply->query = QueryId{1, static_cast<std::uint32_t>(number)};
  reply->returns_rows = returns_rows;
  if (returns_rows) reply->blocks.push_back(std::make_shared<const Bytes>(Bytes(100)));
  return reply;
}

TEST(KeptResults, TheLatestAreSavedFirstAndOnce) {
  KeptResults kept;
  for (std::uint64_t n = 1; n <= 3; ++n) kept.keep(reply_of(n), 0);
  kept.keep(reply_of(4, false), 0);  // nothing to fetch
  for (std::uint64_t n = 3; n >= 1; --n) {
    auto next = kept.to_save();
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->request_id, "r" + std::to_string(n));
    kept.moved(next, "/staging/" + next->request_id);
  }
  EXPECT_EQ(kept.to_save(), nullptr);
  EXPECT_EQ(kept.by_request("r2")->result_path, "/staging/r2");
  EXPECT_TRUE(kept.by_query(QueryId{1, 2})->blocks.empty()) << "its rows are in the file";
}

TEST(KeptResults, NoMoreThanTheLatestAreSaved) {
  KeptResults kept;
  for (std::uint64_t n = 1; n <= KeptResults::kMaxSaved + 50; ++n) kept.keep(reply_of(n), 0);
  std::size_t saved = 0;
  for (auto next = kept.to_save(); next; next = kept.to_save(), ++saved) kept.moved(next, "/staging/" + next->request_id);
  EXPECT_EQ(saved, KeptResults::kMaxSaved);
  EXPECT_TRUE(kept.by_request("r1")->result_path.empty());
}

}  // namespace
}  // namespace tajo::master
