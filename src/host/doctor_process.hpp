#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tajo/common/ids.hpp"

namespace tajo::host {

struct Output {
  int status = -1;  ///< exit status; -1 when it did not start or was ended by a signal
  bool timed_out = false;
  std::string text;  ///< stdout and stderr, at most kMaxOutputBytes
};
inline constexpr std::size_t kMaxOutputBytes = std::size_t{1} << 20;

/// Runs a program in a process group of its own; each finished line goes to `on_line` (may be empty) as it comes. After
/// `limit_us` the group gets TERM, then KILL. Blocks the caller.
Output run_program(const std::vector<std::string>& command, Micros limit_us, const std::function<void(const std::string&)>& on_line);

/// Whether an interface other than the loopback has an IPv4 address.
bool has_network();

}  // namespace tajo::host
