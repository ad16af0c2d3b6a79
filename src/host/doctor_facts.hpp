#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "doctor_finding.hpp"

namespace tajo {
class Config;
}

namespace tajo::host {

/// What the configuration asks of one host.
struct HostNeeds {
  int ranks = 1;  ///< of the cluster on this host
  int world_size = 1;
  long max_connections = 0;  ///< 0: no master here
  std::uint64_t worker_memory_bytes = 0;  ///< of all ranks here; 0: they take what there is
  std::vector<std::pair<std::string, int>> ports;  ///< key and port of the masters here
  std::vector<std::string> tmpdirs;
  std::vector<std::string> slurm_hosts;  ///< hosts of masters and workers, to compare with an allocation
};
HostNeeds needs_of(const Config& config, const std::string& host, const std::vector<std::string>& all_hosts);

/// What a host has. Limits: -1 is unlimited.
struct HostFacts {
  std::int64_t shm_bytes = 0, shm_free_bytes = 0;
  std::int64_t shm_leftover_bytes = 0;  ///< of this user's files that no process of his has mapped
  std::vector<std::string> shm_leftovers;
  std::int64_t descriptors = 0;      ///< hard limit; tajod raises its own to it
  std::int64_t file_size = -1;       ///< of one file
  std::int64_t locked_memory = -1;
  bool infiniband = false;
  std::int64_t threads_limit = -1, threads_used = 0;  ///< the tighter of `ulimit -u` and the cgroup's pids.max
  bool root = false;                 ///< whom `ulimit -u` does not bind
  int cores = 1;
  std::uint64_t memory_bytes = 0;
  std::vector<std::pair<std::string, int>> busy_ports;
  std::vector<std::pair<std::string, std::string>> bad_directories;  ///< path, reason
  std::vector<std::string> allocation_hosts;  ///< of the Slurm job this runs in; empty when in none
  bool slurm = false;                ///< sbatch is here
};
/// Looks at this host. May block on the filesystem.
HostFacts gather_facts(const HostNeeds& needs);

/// Compares; pure. At least one finding per subject, each that is not kOk with its remedy.
std::vector<Finding> judge(const std::string& host, const HostNeeds& needs, const HostFacts& facts);

}  // namespace tajo::host
