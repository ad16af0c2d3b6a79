#include "tajo/common/failpoint.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

namespace tajo {
namespace {

struct Failpoint {
  std::string name, file;
  std::atomic<long> left{0};

  Failpoint() {
    const char* text = std::getenv("TAJO_FAILPOINT");
    if (text == nullptr) return;
    std::string_view all(text);
    const auto colon = all.find(':');
    name = all.substr(0, colon);
    long count = 1;
    if (colon != std::string_view::npos) {
      const std::string_view rest = all.substr(colon + 1);
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
      const auto used = static_cast<std::size_t>(end - rest.data());
      if (error == std::errc() && used < rest.size()) file = rest.substr(used + 1);
    }
    left = count;
  }
};

Failpoint& the_failpoint() {
  static Failpoint failpoint;
  return failpoint;
}

const std::string& faults_directory() {
  static const std::string directory = [] {
    const char* text = std::getenv("TAJO_FAULTS");
    return std::string(text == nullptr ? "" : text);
  }();
  return directory;
}

constexpr auto kHoldPoll = std::chrono::milliseconds(2);
constexpr std::size_t kFaultBytes = 64;  // a line of two words and a number

/// What the file says; empty when there is none.
std::string read_fault(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char text[kFaultBytes];
  const ssize_t n = ::read(fd, text, sizeof text);
  ::close(fd);
  return {text, n > 0 ? static_cast<std::size_t>(n) : 0};
}

Fault carry_out(const std::string& path, const std::string& text) {
  std::istringstream in(text);
  std::string action;
  long number = 0;
  in >> action;
  if (action == "error" || action == "shift" || action == "delay") in >> number;
  Fault fault;
  if (action == "error") fault.error = static_cast<int>(number);
  if (action == "shift") fault.seconds = number;
  fault.short_write = action == "short";
  fault.stale = action == "stale";
  if (action == "delay") std::this_thread::sleep_for(std::chrono::milliseconds(number));
  if (action == "kill") ::kill(::getpid(), SIGKILL);
  if (action == "stop") ::kill(::getpid(), SIGSTOP);
  while (action == "hold" && ::access(path.c_str(), F_OK) == 0) std::this_thread::sleep_for(kHoldPoll);
  return fault;
}

}  // namespace

Fault fault_at(std::string_view point) {
  const std::string& directory = faults_directory();
  if (directory.empty()) return {};
  const std::string all = directory + "/" + std::string(point), own = all + "." + std::to_string(::getpid());
  for (const std::string& path : {own, all}) {
    const std::string text = read_fault(path);
    if (text.empty()) continue;
    if (text.find("once") != std::string::npos && ::unlink(path.c_str()) != 0) continue;
    const int hit = ::open((own + ".hit").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (hit >= 0) ::close(hit);
    return carry_out(path, text);
  }
  return {};
}

bool failpoint_named(std::string_view name) {
  const Failpoint& f = the_failpoint();
  return !f.name.empty() && f.name == name;
}

bool failpoint(std::string_view name) {
  if (!failpoint_named(name)) return false;
  Failpoint& f = the_failpoint();
  if (!f.file.empty() && ::access(f.file.c_str(), F_OK) != 0) return false;
  if (f.left.fetch_sub(1) != 1) return false;
  if (f.file.empty() || ::unlink(f.file.c_str()) == 0) return true;
  f.left = 1;  // another process was faster: this one waits for the next file
  return false;
}

}  // namespace tajo
