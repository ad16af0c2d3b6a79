#include "doctor_process.hpp"

#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tajo/common/clock.hpp"

namespace tajo::host {
namespace {

constexpr Micros kTermUs = 300'000;  ///< between TERM and KILL

/// In the child: no allocation, another thread may have held the heap's lock.
[[noreturn]] void become(char* const* words, int output) {
  ::setpgid(0, 0);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::execvp(words[0], words);
  ::_exit(127);
}

/// Waits for the child until `end_us`; true when it has ended.
bool reap(pid_t child, Micros end_us, int& status) {
  for (;;) {
    if (::waitpid(child, &status, WNOHANG) == child) return true;
    if (boottime_us() >= end_us) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace

Output run_program(const std::vector<std::string>& command, Micros limit_us, const std::function<void(const std::string&)>& on_line) {
  Output out;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return out;
  const Micros end = boottime_us() + limit_us;
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) become(words.data(), ends[1]);
  ::close(ends[1]);
  std::string line;
  for (;;) {
    const Micros left = end - boottime_us();
    pollfd wait{ends[0], POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left / 1000 + 1)) == 0) {
      out.timed_out = true;
      break;
    }
    char piece[4096];
    const ssize_t n = ::read(ends[0], piece, sizeof piece);
    if (n <= 0) break;
    out.text.append(piece, std::min(static_cast<std::size_t>(n), kMaxOutputBytes - std::min(kMaxOutputBytes, out.text.size())));
    for (const char c : std::string_view(piece, static_cast<std::size_t>(n))) {
      if (c != '\n') {
        line += c;
        continue;
      }
      if (on_line) on_line(line);
      line.clear();
    }
  }
  ::close(ends[0]);
  int status = 0;
  if (!reap(child, out.timed_out ? 0 : end, status)) {
    ::kill(-child, SIGTERM);
    if (!reap(child, boottime_us() + kTermUs, status)) {
      ::kill(-child, SIGKILL);
      ::waitpid(child, &status, 0);
    }
  }
  ::kill(-child, SIGKILL);  // what it may have left in its group
  out.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return out;
}

bool has_network() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return true;
  bool found = false;
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next)
    found |= i->ifa_addr != nullptr && i->ifa_addr->sa_family == AF_INET && (i->ifa_flags & IFF_LOOPBACK) == 0;
  ::freeifaddrs(list);
  return found;
}

}  // namespace tajo::host
