#include "tajo/common/failpoint.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace tajo {
namespace {

namespace fs = std::filesystem;

/// The environment is read once a process: one directory for all tests.
const fs::path& directory() {
  static const fs::path path = [] {
    const fs::path made = fs::temp_directory_path() / ("tajo-failpoint-test-" + std::to_string(::getpid()));
    fs::create_directory(made);
    ::setenv("TAJO_FAULTS", made.c_str(), 1);
    return made;
  }();
  return path;
}

void arm(const std::string& name, const std::string& action) { std::ofstream(directory() / name) << action; }
fs::path hit(const std::string& point) { return directory() / (point + "." + std::to_string(::getpid()) + ".hit"); }

struct FaultAt : testing::Test {
  FaultAt() { directory(); }
  static void TearDownTestSuite() { fs::remove_all(directory()); }
};

TEST_F(FaultAt, NothingHappensWhereNothingIsArmed) {
  EXPECT_EQ(fault_at("quiet").error, 0);
  EXPECT_FALSE(fs::exists(hit("quiet")));
}

TEST_F(FaultAt, ReturnsWhatTheFileSaysUntilItIsRemovedAndLeavesAHit) {
  arm("write", "error 28");
  EXPECT_EQ(fault_at("write").error, 28);
  EXPECT_EQ(fault_at("write").error, 28);
  EXPECT_TRUE(fs::exists(hit("write")));
  fs::remove(directory() / "write");
  EXPECT_EQ(fault_at("write").error, 0);
  arm("write." + std::to_string(::getpid()), "short");
  EXPECT_TRUE(fault_at("write").short_write);
  arm("lookup", "stale");
  EXPECT_TRUE(fault_at("lookup").stale);
  arm("clock", "shift -3600");
  EXPECT_EQ(fault_at("clock").seconds, -3600);
}

TEST_F(FaultAt, OnceIsTakenByOneCall) {
  arm("single", "error 5 once");
  EXPECT_EQ(fault_at("single").error, 5);
  EXPECT_EQ(fault_at("single").error, 0);
}

TEST_F(FaultAt, OfAnotherProcessIsNotMine) {
  arm("other." + std::to_string(::getpid() + 1), "error 5");
  EXPECT_EQ(fault_at("other").error, 0);
}

TEST_F(FaultAt, HoldWaitsUntilTheFileIsGone) {
  arm("held", "hold");
  std::thread release([] {
    while (!fs::exists(hit("held"))) std::this_thread::yield();
    fs::remove(directory() / "held");
  });
  fault_at("held");
  release.join();
  EXPECT_FALSE(fs::exists(directory() / "held"));
}

}  // namespace
}  // namespace tajo
