#include "tajo/common/failpoint.hpp"

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <string>

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

}  // namespace

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
