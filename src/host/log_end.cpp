#include "tajo/host/log_end.hpp"

#include <unistd.h>

#include <charconv>
#include <fstream>

#include "tajo/common/clock.hpp"
#include "tajo/journal/posix_log_files.hpp"

namespace tajo::host {
namespace {

/// Names the clock: CLOCK_BOOTTIME is one for all processes since a boot that are of one time namespace.
std::string clock_name() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  char link[64];
  const ssize_t n = ::readlink("/proc/self/ns/time", link, sizeof link);
  const std::string space(link, n > 0 ? static_cast<std::size_t>(n) : 0);  // time:[4026531834]
  const auto number = space.find_first_of("0123456789");
  return boot + "." + (number == std::string::npos ? "" : space.substr(number, space.find(']') - number));
}

cluster::NodeConfig::EndSeen look(const Config& config) {
  cluster::NodeConfig::EndSeen seen;
  seen.hash = journal::PosixLogFiles::newest_slot_hash(config.rootdir() + "/system/log");
  seen.at = boottime_us();  // after the look: the slot was there by then
  return seen;
}

template <class Number>
bool take(std::string_view& text, Number& out) {
  const auto end = text.find('@');
  if (end == std::string_view::npos) return false;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + end, out);
  if (error != std::errc{} || stop != text.data() + end) return false;
  text.remove_prefix(end + 1);
  return true;
}

}  // namespace

std::string log_end_word(const Config& config) {
  const auto seen = look(config);
  return seen.hash == 0 ? std::string() : std::to_string(seen.hash) + "@" + std::to_string(seen.at) + "@" + clock_name();
}

cluster::NodeConfig::EndSeen log_end_seen(const Config& config, const std::string& word) {
  auto seen = look(config);
  cluster::NodeConfig::EndSeen earlier;
  std::string_view rest = word;
  if (take(rest, earlier.hash) && take(rest, earlier.at) && rest == clock_name() && earlier.hash == seen.hash &&
      earlier.at < seen.at)
    seen.at = earlier.at;
  return seen;
}

}  // namespace tajo::host
