// The shell as a user meets it: the real program, a real server in a process of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tajo/common/clock.hpp"

namespace tajo::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kTsql = std::string(TAJO_BIN_DIR) + "/tsql";

/// A child process with its output in a pipe, or on a terminal of its own.
class Child {
 public:
  Child(const std::vector<std::string>& words, bool terminal, const std::string& directory) {
    int ends[2] = {-1, -1};
    if (!terminal && ::pipe(ends) != 0) std::abort();
    pid_ = terminal ? ::forkpty(&fd_, nullptr, nullptr, nullptr) : ::fork();
    if (pid_ == 0) {
      if (!terminal) {
        ::dup2(ends[1], 1);
        ::dup2(ends[1], 2);
        ::dup2(::open("/dev/null", O_RDONLY), 0);
        ::close(ends[0]);
        ::close(ends[1]);
      }
      ::setenv("TAJO_PID_DIR", directory.c_str(), 1);
      ::setenv("HOME", directory.c_str(), 1);
      ::setenv("TERM", "xterm", 1);
      std::vector<char*> argv;
      for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    if (!terminal) {
      ::close(ends[1]);
      fd_ = ends[0];
    }
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(fd_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Reads until `text` appears (true) or the end or the time limit comes.
  bool until(const std::string& text, int limit_ms = 10'000) {
    Micros limit = boottime_us() + limit_ms * 1000;
    while (output.find(text, seen_) == std::string::npos) {
      pollfd waiting{fd_, POLLIN, 0};
      auto left = static_cast<int>((limit - boottime_us()) / 1000);
      char buffer[4096];
      if (left <= 0 || ::poll(&waiting, 1, left) <= 0) return false;
      ssize_t got = ::read(fd_, buffer, sizeof buffer);
      if (got <= 0) return false;
      output.append(buffer, static_cast<std::size_t>(got));
    }
    seen_ = output.find(text, seen_) + text.size();
    return true;
  }
  void type(const std::string& text) { ASSERT_EQ(::write(fd_, text.data(), text.size()), static_cast<ssize_t>(text.size())); }
  /// Ctrl-D, once: typed while the line editor switches the terminal's mode it counts all the same.
  void leave() { type("\x04"); }
  void kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  int status() {
    until("there is no such text", 10'000);  // to the end of its output
    int status = 0;
    pid_t ended = 0;
    for (int i = 0; i < 200 && ended == 0; ++i) {
      ended = ::waitpid(pid_, &status, WNOHANG);
      if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (ended == 0) return -2;  // it hangs: the destructor ends it
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string output;

 private:
  pid_t pid_ = -1;
  int fd_ = -1;
  std::size_t seen_ = 0;
};

class Tsql : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/tajo-tsql-test-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    start("0");
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  void start(const std::string& port) {
    server_ = std::make_unique<Child>(std::vector<std::string>{TAJO_FAKE_SERVER, directory_, port}, false, directory_);
    ASSERT_TRUE(server_->until("ready ")) << server_->output;
    ASSERT_TRUE(server_->until("\n"));
    port_ = server_->output.substr(6, server_->output.find('\n') - 6);
  }
  std::unique_ptr<Child> tsql(std::vector<std::string> words, bool terminal = false) {
    words.insert(words.begin(), kTsql);
    return std::make_unique<Child>(words, terminal, directory_);
  }
  std::string write(const std::string& text) {
    std::ofstream(directory_ + "/script.sql") << text;
    return directory_ + "/script.sql";
  }
  std::string directory_, port_;
  std::unique_ptr<Child> server_;
};

TEST_F(Tsql, CommandsPrintInTajosForm) {
  auto t = tsql({"-c", "SELECT rows 2; CREATE TABLE x", "-c", "INSERT INTO x"});
  EXPECT_EQ(t->status(), 0);
  EXPECT_THAT(t->output, HasSubstr("n,  t\n-------------------------------\n0,  this is the text of row 0\n1,  this is the text of row 1\n(2 rows, "));
  EXPECT_THAT(t->output, HasSubstr(" sec, 52 B selected)\nOK\n(1 rows, "));
  EXPECT_THAT(t->output, HasSubstr(" sec, inserted)\n"));
}

TEST_F(Tsql, ErrorsGoOnUnlessToldToStop) {
  auto t = tsql({"-c", "SELECT error; SELECT 1"});
  EXPECT_EQ(t->status(), 1);
  EXPECT_THAT(t->output, HasSubstr("ERROR: column \"error\" does not exist\nLINE 1: SELECT error\n               ^\nDETAIL: No such thing.\nHINT: Look again.\n"));
  EXPECT_THAT(t->output, HasSubstr("?column?"));
  auto stop = tsql({"-conf", "ON_ERROR_STOP=true", "-c", "SELECT error; SELECT 1"});
  EXPECT_EQ(stop->status(), 1);
  EXPECT_THAT(stop->output, Not(HasSubstr("?column?")));
}

TEST_F(Tsql, FilesWithParametersMetaCommandsAndCopy) {
  auto t = tsql({"-f", write("-- a comment\nSELECT rows ${n}\n;\n\\c\nCOPY t FROM STDIN;\n1\ta\n2\tb;\n\\.\nSELECT 1"), "-param", "n=3"});
  EXPECT_EQ(t->status(), 0) << t->output;
  EXPECT_THAT(t->output, HasSubstr("(3 rows, "));
  EXPECT_THAT(t->output, HasSubstr("You are now connected to database \"default\" as user"));
  EXPECT_THAT(t->output, HasSubstr("(2 rows, "));  // copied
  EXPECT_THAT(t->output, HasSubstr("(1 rows, "));
}

TEST_F(Tsql, NoMasterIsAnErrorThatSaysWhere) {
  auto t = tsql({"-h", "127.0.0.1:1,127.0.0.1:2", "-c", "SELECT 1"});
  EXPECT_EQ(t->status(), 2);
  EXPECT_THAT(t->output, HasSubstr("port 1 failed"));
  EXPECT_THAT(t->output, HasSubstr("port 2 failed"));
  EXPECT_EQ(tsql({"--nonsense"})->status(), 2);
}

TEST_F(Tsql, ALostMasterIsFoundAgainAndTheStatementGoesOn) {
  auto t = tsql({"-p", port_, "-c", "SELECT sleep 1500; SELECT 1"});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  server_->kill();
  ASSERT_TRUE(t->until("connection lost, reconnecting")) << t->output;
  start(port_);
  EXPECT_EQ(t->status(), 0) << t->output;
  EXPECT_THAT(t->output, HasSubstr("woke\n(1 rows"));
  EXPECT_THAT(t->output, HasSubstr("?column?"));
}

TEST_F(Tsql, AnotherMasterOfTheListTakesOver) {
  Child second({TAJO_FAKE_SERVER, directory_, "0"}, false, directory_);
  ASSERT_TRUE(second.until("ready "));
  ASSERT_TRUE(second.until("\n"));
  auto t = tsql({"-p", port_, "-c", "SELECT sleep 1000"});  // finds the second by its socket in TAJO_PID_DIR
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  Micros killed = boottime_us();
  server_->kill();
  EXPECT_EQ(t->status(), 0) << t->output;
  EXPECT_THAT(t->output, HasSubstr("woke"));
  EXPECT_LT(boottime_us() - killed, 3'000'000);
}

TEST_F(Tsql, TerminalHasPromptsHistoryAndProgress) {
  {
    auto t = tsql({"-p", port_}, true);
    ASSERT_TRUE(t->until("Try \\? for help.")) << t->output;
    ASSERT_TRUE(t->until("default> "));
    t->type("SELECT\n");
    ASSERT_TRUE(t->until("> ")) << t->output;
    t->type("sleep 1300;\n");
    ASSERT_TRUE(t->until("42%  123456 rows  ")) << t->output;
    ASSERT_TRUE(t->until("woke")) << t->output;
    t->type("\\q\n");
    EXPECT_EQ(t->status(), 0);
  }
  std::ifstream history(directory_ + "/.tajo_history");
  std::string text{std::istreambuf_iterator<char>(history), {}};
  EXPECT_THAT(text, HasSubstr("sleep"));
}

TEST_F(Tsql, CtrlCKillsTheStatementNotTheShell) {
  auto t = tsql({"-p", port_}, true);
  ASSERT_TRUE(t->until("default> "));
  t->type("SELECT sleep 30000;\n");
  ASSERT_TRUE(t->until("42%")) << t->output;
  t->type("\x03");
  ASSERT_TRUE(t->until("KILL: q_1700000000000_0001")) << t->output;
  t->type("SELECT 1;\n");
  ASSERT_TRUE(t->until("?column?")) << t->output;
  ASSERT_TRUE(t->until("default> ")) << t->output;
  t->leave();
  EXPECT_EQ(t->status(), 0) << t->output;
}

TEST_F(Tsql, PagesStopAtQ) {
  auto t = tsql({"-p", port_}, true);
  ASSERT_TRUE(t->until("default> "));
  t->type("SELECT rows 250;\n");
  ASSERT_TRUE(t->until("(100/250 rows, continue... 'q' is quit)")) << t->output;
  t->type("\n");
  ASSERT_TRUE(t->until("(200/250 rows, continue... 'q' is quit)")) << t->output;
  t->type("q\n");
  ASSERT_TRUE(t->until("(250 rows, ")) << t->output;
  EXPECT_THAT(t->output, Not(HasSubstr("row 200")));
}

}  // namespace
}  // namespace tajo::testing
