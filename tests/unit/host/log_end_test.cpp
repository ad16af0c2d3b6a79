#include "tajo/host/log_end.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tajo/common/clock.hpp"
#include "tajo/journal/slot.hpp"

namespace tajo::host {
namespace {

namespace fs = std::filesystem;

struct LogEnd : ::testing::Test {
  LogEnd() {
    char name[] = "/tmp/tajo-log-end-XXXXXX";
    directory = ::mkdtemp(name);
    std::ofstream(directory + "/tajo-site.xml") << "<configuration><property><name>tajo.rootdir</name><value>file://" << directory << "</value></property></configuration>";
    std::ofstream(directory + "/masters") << "localhost\n";
    std::ofstream(directory + "/workers") << "localhost\n";
    row = directory + "/system/log/" + journal::row_name(1, 0);
    fs::create_directories(row);
  }
  ~LogEnd() override { fs::remove_all(directory); }
  void win(std::int64_t index, std::uint64_t hash) const {
    ASSERT_EQ(::symlink(journal::Slot{1, 1, 100, hash, 1}.str().c_str(), (row + "/" + journal::slot_name(index)).c_str()), 0);
  }
  std::string directory, row;
};

TEST_F(LogEnd, CountsFromTheFirstLookWhileNothingComes) {
  const Config config = Config::load(directory);
  EXPECT_EQ(log_end_word(config), "");
  EXPECT_EQ(log_end_seen(config, "").hash, 0u);
  win(0, 77);
  const std::string first = log_end_word(config);
  const Micros after = boottime_us();
  const auto seen = log_end_seen(config, first);
  EXPECT_EQ(seen.hash, 77u);
  EXPECT_LE(seen.at, after) << "of the first look";
  EXPECT_GE(log_end_seen(config, "").at, after) << "of its own";
  win(1, 78);
  const auto later = log_end_seen(config, first);
  EXPECT_EQ(later.hash, 78u);
  EXPECT_GE(later.at, after) << "a slot came since";
}

TEST_F(LogEnd, AWordOfAnotherMachineOrTimeSaysNothing) {
  const Config config = Config::load(directory);
  win(0, 77);
  const std::string word = log_end_word(config);
  const Micros after = boottime_us();
  const std::string future = "77@" + std::to_string(after + 3'600'000'000) + word.substr(word.rfind('@'));
  for (const std::string& other : {word + "x", std::string("77@1@"), std::string("77@1"), std::string("@@"), std::string("77@1@another-boot"), future}) {
    const auto seen = log_end_seen(config, other);
    EXPECT_EQ(seen.hash, 77u) << other;
    EXPECT_GE(seen.at, after) << other;
    EXPECT_LE(seen.at, boottime_us()) << other;
  }
}

}  // namespace
}  // namespace tajo::host
