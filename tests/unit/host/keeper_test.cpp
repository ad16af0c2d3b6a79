#include "tajo/host/keeper.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

namespace tajo::host {
namespace {

namespace fs = std::filesystem;

/// Each rank is a real process with a front and a keeper; what it does is a function run in it.
struct KeeperTest : ::testing::Test {
  KeeperTest() {
    char name[] = "/tmp/tajo-keeper-XXXXXX";
    directory = ::mkdtemp(name);
    fs::create_directories(directory + "/requests");
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // keepers that lose their front end as children of this process
  }
  ~KeeperTest() override {
    if (HasFailure())
      for (pid_t pid : {read_pid("rank"), read_pid("keeper")})
        if (pid > 0) ::kill(pid, SIGKILL);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    fs::remove_all(directory);
  }

  pid_t start(const std::function<int(Kept&)>& rank) {
    const pid_t front = ::fork();
    if (front != 0) return front;
    Kept kept = Kept::detach({directory, "launch", 2});
    ::signal(SIGTERM, SIG_DFL);
    write("rank.pid", std::to_string(::getpid()));
    write("keeper.pid", std::to_string(::getppid()));
    ::_exit(rank(kept));
  }
  void write(const std::string& name, const std::string& text) const {
    const std::string temporary = directory + "/.new-" + std::to_string(::getpid());
    std::ofstream(temporary) << text;
    fs::rename(temporary, directory + "/" + name);
  }
  bool there(const std::string& name) const { return fs::exists(directory + "/" + name); }
  pid_t pid_of(const std::string& name) const {
    EXPECT_TRUE(until([&] { return there(name + ".pid"); }));
    return read_pid(name);
  }
  pid_t read_pid(const std::string& name) const {
    pid_t pid = 0;
    std::ifstream(directory + "/" + name + ".pid") >> pid;
    return pid;
  }
  static bool until(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  /// Ended, and reaped by its keeper (or by this process, when it has none).
  static bool gone(pid_t pid) {
    ::waitpid(pid, nullptr, WNOHANG);
    return ::kill(pid, 0) != 0;
  }
  static int end_of(pid_t front) {
    int status = 0;
    ::waitpid(front, &status, 0);
    return status;
  }
  static void sleep_for_long() {
    while (true) ::pause();
  }
  std::string directory;
};

TEST_F(KeeperTest, AnEndInGoodOrderIsTheFrontsToo) {
  const int status = end_of(start([this](Kept& kept) {
    kept.started(3, directory + "/log");
    until([this] { return there("rank-launch-3"); });
    return 0;
  }));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_FALSE(there("rank-launch-3"));
}

TEST_F(KeeperTest, AStatusBeforeTheWorldStandsIsPassedOnAndLaterAsASignal) {
  const int early = end_of(start([](Kept&) { return 7; }));
  EXPECT_TRUE(WIFEXITED(early) && WEXITSTATUS(early) == 7);
  // A launcher would end the whole job for the status of one rank.
  const int late = end_of(start([this](Kept& kept) {
    kept.started(0, directory + "/log");
    return 70;
  }));
  EXPECT_TRUE(WIFSIGNALED(late) && WTERMSIG(late) == SIGKILL);
}

TEST_F(KeeperTest, LeftoversOfAKilledRankAreRemoved) {
  write("socket", "");
  const pid_t front = start([this](Kept& kept) {
    kept.started(1, directory + "/log");
    kept.leaves(directory + "/socket");
    write("ready", "");
    sleep_for_long();
    return 0;
  });
  ASSERT_TRUE(until([this] { return there("ready") && there("rank-launch-1"); }));
  ::kill(pid_of("rank"), SIGKILL);
  EXPECT_TRUE(WIFSIGNALED(end_of(front)));
  EXPECT_FALSE(there("socket"));
  EXPECT_FALSE(there("rank-launch-1"));
}

TEST_F(KeeperTest, AStartThatIsGivenUpEndsTheRankAStandingOneOutlivesItsFront) {
  pid_t front = start([](Kept&) {
    sleep_for_long();
    return 0;
  });
  pid_t rank = pid_of("rank");
  ::kill(front, SIGKILL);
  end_of(front);
  EXPECT_TRUE(until([&] { return gone(rank); }));

  fs::remove(directory + "/rank.pid");
  front = start([this](Kept& kept) {
    kept.started(0, directory + "/log");
    sleep_for_long();
    return 0;
  });
  rank = pid_of("rank");
  ASSERT_TRUE(until([this] { return there("rank-launch-0"); }));
  ::kill(front, SIGKILL);
  end_of(front);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(::kill(rank, 0), 0);
  write("requests/replace-launch", "");
  EXPECT_TRUE(until([&] { return gone(rank); }));
  EXPECT_TRUE(until([this] { return !there("rank-launch-0"); }));
}

TEST_F(KeeperTest, ARequestToStopEndsEvenASuspendedRankThatDoesNotListen) {
  const pid_t front = start([this](Kept& kept) {
    ::signal(SIGTERM, SIG_IGN);
    kept.started(0, directory + "/log");
    sleep_for_long();
    return 0;
  });
  ASSERT_TRUE(until([this] { return there("rank-launch-0"); }));
  ::kill(pid_of("rank"), SIGSTOP);
  write("requests/stop", "");
  EXPECT_TRUE(until([this] { return there("stopping-launch-0"); }));
  EXPECT_TRUE(WIFSIGNALED(end_of(front)));
  EXPECT_FALSE(there("stopping-launch-0"));
}

TEST_F(KeeperTest, ARankNoticesTheDeathOfItsKeeper) {
  start([this](Kept& kept) {
    kept.started(0, directory + "/log");
    if (kept.keeper_lives()) write("kept", "");
    until([&kept] { return !kept.keeper_lives(); });
    write("alone", "");
    return 0;
  });
  ASSERT_TRUE(until([this] { return there("kept"); }));
  ::kill(pid_of("keeper"), SIGKILL);
  EXPECT_TRUE(until([this] { return there("alone"); }));
}

}  // namespace
}  // namespace tajo::host
