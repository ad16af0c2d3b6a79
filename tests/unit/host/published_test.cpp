#include "tajo/host/published.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "tajo/host/last_words.hpp"

namespace tajo::host {
namespace {

namespace fs = std::filesystem;

struct Published : ::testing::Test {
  Published() {
    char name[] = "/tmp/tajo-published-XXXXXX";
    directory = ::mkdtemp(name);
    fs::create_directories(directory + "/requests");
  }
  ~Published() override { fs::remove_all(directory); }
  static bool until(const std::function<bool()>& condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  std::string directory;
};

TEST_F(Published, AnEndpointIsThereUntilItIsWithdrawnAndTheActiveRemovesThoseOfOthers) {
  Publisher backup(directory, {"h2", 26002, 26080, 12, 1, 77, "new", 0, ""}, [](Request) {});
  std::ofstream(directory + "/master-old-4") << Endpoint{"h9", 1, 2, 3, 4, 5, "old", 1, "active"}.text();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(published_endpoints(directory).size(), 1u) << "before its first view a rank publishes nothing";
  for (const char* name : {"/new-old-4", "/new-new-9", "/new-new-2"}) std::ofstream(directory + name) << "host";  // killed while they wrote
  backup.update(5, "backup", {0, 1}, 0);
  EXPECT_TRUE(until([this] { return published_endpoints(directory).size() == 2; }));
  backup.update(6, "active", {0, 1, 2, 3}, 2);
  EXPECT_TRUE(until([this] {
    auto all = published_endpoints(directory);
    return all.size() == 1 && all[0].host == "h2" && all[0].state == "active" && all[0].epoch == 6 && all[0].world == 77 &&
           all[0].client_port == 26002 && all[0].pid == 12 && all[0].launch == "new" && all[0].members == 4 && all[0].workers == 2;
  }));
  EXPECT_TRUE(until([this] { return !fs::exists(directory + "/new-old-4") && !fs::exists(directory + "/new-new-9"); }));
  EXPECT_TRUE(fs::exists(directory + "/new-new-2")) << "a member may be writing it";
  backup.load(2, 3, true);
  EXPECT_TRUE(until([this] {
    auto all = published_endpoints(directory);
    return all.size() == 1 && all[0].running == 2 && all[0].inside == 3 && all[0].paused;
  }));
  backup.withdraw();
  EXPECT_TRUE(published_endpoints(directory).empty());
}

TEST_F(Published, RequestsAreForALaunchOrForAll) {
  EXPECT_EQ(requested(directory, "a"), Request::kNone);
  std::ofstream(directory + "/requests/stop-b") << "";
  EXPECT_EQ(requested(directory, "a"), Request::kNone);
  EXPECT_EQ(requested(directory, "b"), Request::kStop);
  std::ofstream(directory + "/requests/replace-b") << "";
  EXPECT_EQ(requested(directory, "b"), Request::kReplace);
  std::atomic<Request> told{Request::kNone};
  Publisher publisher(directory, {"h1", 26002, 26080, 12, 0, 77, "a", 0, ""}, [&](Request request) { told = request; });
  for (const auto& [name, request] : {std::pair{"drain-a", Request::kDrain}, {"close-a", Request::kClose}, {"stop", Request::kStop}}) {
    std::ofstream(directory + "/requests/" + name) << "";
    EXPECT_TRUE(until([&] { return told == request; })) << name;
  }
  fs::remove_all(directory + "/requests");
  EXPECT_TRUE(until([&] { return told == Request::kNone; })) << "taken back";
}

TEST(LastWordsTest, AreHeardByTheirLaunch) {
  std::vector<bool> heard;
  LastWordsListener listener("a", [&](bool everybody) { heard.push_back(everybody); });
  for (const LastWords& words : {LastWords{"b", true}, LastWords{"a", false}, LastWords{"a", true}})
    listener.apply({0, 1, journal::RecordKind::kLastWords, encode(words)});
  EXPECT_EQ(heard, (std::vector<bool>{false, true}));
}

}  // namespace
}  // namespace tajo::host
