#pragma once
#include <string>
#include <vector>

#include "tajo/common/ids.hpp"

namespace tajo::host {

/// What start-tajo.sh runs commands on other hosts with: TAJO_LAUNCH_AGENT, else ssh; the words before HOST COMMAND. Empty
/// inside a Slurm job without an agent of its own, where mpirun starts processes by srun.
std::vector<std::string> launch_agent();

inline constexpr std::size_t kMaxReached = 64;  ///< hosts that are asked; of a longer list the first

struct Silent {
  std::string host;
  std::string says;  ///< the agent's words, if it had any
};

/// Runs `true` by the agent on each of the hosts that is not this one, on all at once, and says which did not answer within
/// the limit. Blocks the caller; any thread.
std::vector<Silent> silent_hosts(const std::vector<std::string>& agent, const std::vector<std::string>& hosts, Micros limit_us);

}  // namespace tajo::host
