#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include "tajo/common/thread.hpp"
#include "tajo/master/crash_notes.hpp"

namespace tajo::master {
namespace {

namespace fs = std::filesystem;

class CrashNotesTest : public ::testing::Test {
 protected:
  // A sanitizer's own handlers would report and exit where a signal is to end the process. Before the first CrashNotes.
  static void SetUpTestSuite() {
    for (int number : {SIGSEGV, SIGBUS}) ::signal(number, SIG_DFL);
  }
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "tajo-notes-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(directory_); }

  /// Runs `work` in a process of its own that has a note; the signal that ended it, 0: it ended by itself.
  int ends_with(const std::function<void()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(20);
      CrashNotes notes(directory_, 7, 3);
      Thread planner("planner", std::size_t{1} << 20, work);
      planner.join();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
  std::string directory_;
};

int deeper(volatile int* from) {
  volatile int here[64] = {};
  here[0] = *from + 1;
  if (here[0] < 0) return 0;  // never reached: the stack ends before
  return deeper(here) + here[0];
}

TEST_F(CrashNotesTest, FaultOfAPlanningThreadIsNoted) {
  EXPECT_EQ(ends_with([] {
              PlanningScope scope("session#4", 0x1234);
              ::raise(SIGSEGV);
            }),
            SIGSEGV);
  CrashNotes successor(directory_, 7, 4);
  EXPECT_FALSE(successor.names("session#4", 0x1234)) << "nothing was loaded yet";
  successor.load();
  EXPECT_TRUE(successor.names("session#4", 1));
  EXPECT_TRUE(successor.names("another", 0x1234)) << "the same text under another id";
  EXPECT_FALSE(successor.names("another", 1));
}

TEST_F(CrashNotesTest, AbortIsNoted) {
  EXPECT_EQ(ends_with([] {
              PlanningScope scope("aborts", 1);
              std::abort();
            }),
            SIGABRT);
  CrashNotes successor(directory_, 7, 4);
  successor.load();
  EXPECT_TRUE(successor.names("aborts", 0));
}

TEST_F(CrashNotesTest, UsedUpStackIsNoted) {
  EXPECT_EQ(ends_with([] {
              PlanningScope scope("recurses", 2);
              volatile int zero = 0;
              ::_exit(deeper(&zero));
            }),
            SIGSEGV);
  CrashNotes successor(directory_, 7, 4);
  successor.load();
  EXPECT_TRUE(successor.names("recurses", 0));
}

TEST_F(CrashNotesTest, InnocentStatementsAreNotNoted) {
  // A crash after planning has ended, and a signal that another process sent.
  EXPECT_EQ(ends_with([] {
              { PlanningScope scope("planned", 3); }
              ::raise(SIGSEGV);
            }),
            SIGSEGV);
  EXPECT_EQ(ends_with([] {
              PlanningScope scope("bystander", 4);
              const pid_t self = ::getpid();
              if (::fork() == 0) {
                ::kill(self, SIGSEGV);
                ::_exit(0);
              }
              ::pause();
            }),
            SIGSEGV);
  CrashNotes successor(directory_, 7, 4);
  successor.load();
  EXPECT_FALSE(successor.names("planned", 3));
  EXPECT_FALSE(successor.names("bystander", 4));
}

TEST_F(CrashNotesTest, SweepKeepsWhatMayStillBeAsked) {
  { CrashNotes other_world(directory_, 6, 1); }
  ends_with([] {
    PlanningScope scope("crashes", 5);
    ::raise(SIGBUS);
  });
  { CrashNotes silent_master(directory_, 7, 2); }
  CrashNotes active(directory_, 7, 4);
  auto count = [this] { return std::distance(fs::directory_iterator(directory_), fs::directory_iterator()); };
  EXPECT_EQ(count(), 4);
  const std::int64_t now_ms = std::int64_t{::time(nullptr)} * 1000;
  active.sweep(now_ms);
  EXPECT_EQ(count(), 3) << "the empty note of another world is gone";
  active.load();
  EXPECT_TRUE(active.names("crashes", 0));
  active.sweep(now_ms + CrashNotes::kKeepNotesMs + 5000);
  EXPECT_EQ(count(), 2) << "so is the old one";
  active.discard();
  EXPECT_EQ(count(), 1);
}

}  // namespace
}  // namespace tajo::master
