#include "doctor_facts.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "doctor_hosts.hpp"
#include "tajo/common/config.hpp"

namespace tajo::host {
namespace {

namespace fs = std::filesystem;

std::int64_t hard_limit(decltype(RLIMIT_NOFILE) which) {
  rlimit limit{};
  if (::getrlimit(which, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return -1;
  return static_cast<std::int64_t>(limit.rlim_max);
}

/// Visits this user's processes; what vanishes or belongs to others is passed over.
template <class Visit>
void each_own_process(Visit visit) {
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", failed)) {
    const std::string name = entry.path().filename();
    struct stat info {};
    if (name.find_first_not_of("0123456789") != std::string::npos || ::stat(entry.path().c_str(), &info) != 0) continue;
    if (info.st_uid == ::getuid()) visit(entry.path());
  }
}

void look_at_shm(HostFacts& facts) {
  struct statvfs space {};
  if (::statvfs("/dev/shm", &space) == 0) {
    facts.shm_bytes = static_cast<std::int64_t>(space.f_blocks * space.f_frsize);
    facts.shm_free_bytes = static_cast<std::int64_t>(space.f_bavail * space.f_frsize);
  }
  std::set<std::string> mapped;
  each_own_process([&](const fs::path& process) {
    std::ifstream maps(process / "maps");
    for (std::string line; std::getline(maps, line);)
      if (const std::size_t at = line.find("/dev/shm/"); at != std::string::npos) mapped.insert(line.substr(at));
  });
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator("/dev/shm", failed)) {
    const std::string name = entry.path().filename();
    struct stat info {};
    if (!name.starts_with("sm_segment.") && !name.starts_with("tajo")) continue;
    if (::lstat(entry.path().c_str(), &info) != 0 || info.st_uid != ::getuid() || mapped.contains(entry.path())) continue;
    facts.shm_leftovers.push_back(entry.path());
    facts.shm_leftover_bytes += static_cast<std::int64_t>(info.st_blocks) * 512;
  }
}

void look_at_threads(HostFacts& facts) {
  facts.root = ::geteuid() == 0;
  facts.threads_limit = facts.root ? -1 : hard_limit(RLIMIT_NPROC);
  each_own_process([&](const fs::path& process) {
    std::error_code failed;
    for ([[maybe_unused]] const fs::directory_entry& task : fs::directory_iterator(process / "task", failed)) ++facts.threads_used;
  });
  std::ifstream group("/proc/self/cgroup");
  for (std::string line; std::getline(group, line);) {
    if (!line.starts_with("0::")) continue;
    std::ifstream limit("/sys/fs/cgroup" + line.substr(3) + "/pids.max");
    if (std::int64_t pids = 0; limit >> pids) facts.threads_limit = facts.threads_limit < 0 ? pids : std::min(facts.threads_limit, pids);
  }
}

bool port_is_busy(int port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return false;
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool busy = ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 1) != 0;
  ::close(listener);
  return busy;
}

/// Why files cannot be written below `path`, which need not exist yet.
std::string why_not_writable(fs::path path) {
  std::error_code failed;
  while (!fs::exists(path, failed) && path.has_parent_path() && path != path.parent_path()) path = path.parent_path();
  std::string probe = path / ".tajo-doctor-XXXXXX";
  if (::mkdtemp(probe.data()) == nullptr) return path.string() + ": " + std::strerror(errno);
  ::rmdir(probe.c_str());
  return {};
}

std::string number(std::int64_t value) { return value < 0 ? "unlimited" : std::to_string(value); }
std::string mib(std::int64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

constexpr std::int64_t kShmPerRank = std::int64_t{16} << 20;  ///< Open MPI's segment of a rank
constexpr std::int64_t kDescriptorsPerRank = 1024;            ///< files of tables, log, libraries
constexpr std::int64_t kDescriptorsPerPeer = 4;
constexpr std::int64_t kThreadsPerRank = 32;                  ///< besides cores and clients

Finding judge_shm(const std::string& host, const HostNeeds& needs, const HostFacts& facts) {
  const std::int64_t needed = kShmPerRank * needs.ranks;
  if (facts.shm_free_bytes < needed)
    return {Grade::kError, host, "/dev/shm", mib(facts.shm_free_bytes) + " free of " + mib(facts.shm_bytes) + ", " + mib(needed) + " needed",
            facts.shm_leftovers.empty() ? "mount it larger (mount -o remount,size=1g /dev/shm; docker run --shm-size=1g)"
                                        : "remove what earlier runs left: rm /dev/shm/sm_segment.*; or mount it larger"};
  if (!facts.shm_leftovers.empty())
    return {Grade::kWarning, host, "/dev/shm", std::to_string(facts.shm_leftovers.size()) + " files without a process, " + mib(facts.shm_leftover_bytes) +
            ", such as " + facts.shm_leftovers.front(), "no process of yours uses them: remove them"};
  return {Grade::kOk, host, "/dev/shm", mib(facts.shm_free_bytes) + " free", {}};
}

Finding judge_descriptors(const std::string& host, const HostNeeds& needs, const HostFacts& facts) {
  const std::int64_t needed = kDescriptorsPerRank + 2 * needs.max_connections + kDescriptorsPerPeer * needs.world_size;
  const std::string text = number(facts.descriptors) + " a process";
  if (facts.descriptors >= 0 && facts.descriptors < needed)
    return {facts.descriptors < needed / 2 ? Grade::kError : Grade::kWarning, host, "descriptors", text + ", " + std::to_string(needed) + " may be needed",
            "raise the hard limit (ulimit -Hn; /etc/security/limits.conf: * hard nofile 65536), or lower tajo.master.max-connections"};
  return {Grade::kOk, host, "descriptors", text, {}};
}

void judge_limits(std::vector<Finding>& out, const std::string& host, const HostNeeds& needs, const HostFacts& facts) {
  const std::size_t before = out.size();
  const std::int64_t threads = (kThreadsPerRank + facts.cores) * needs.ranks + needs.max_connections;
  if (facts.threads_limit >= 0 && facts.threads_limit - facts.threads_used < threads)
    out.push_back({Grade::kError, host, "limits", std::to_string(facts.threads_used) + " of " + std::to_string(facts.threads_limit) +
                   " processes and threads are in use, " + std::to_string(threads) + " more may be needed",
                   "raise it (ulimit -u; /etc/security/limits.conf: nproc; the cgroup's pids.max; docker run --pids-limit)"});
  if (facts.file_size >= 0)
    out.push_back({Grade::kError, host, "limits", "files may not be larger than " + mib(facts.file_size), "ulimit -f unlimited"});
  if (facts.infiniband && facts.locked_memory >= 0)
    out.push_back({Grade::kWarning, host, "limits", "InfiniBand, but only " + mib(facts.locked_memory) + " of memory may be locked",
                   "raise it (/etc/security/limits.conf: memlock unlimited; Slurm: PropagateResourceLimitsExcept=MEMLOCK)"});
  if (needs.worker_memory_bytes > facts.memory_bytes)
    out.push_back({Grade::kError, host, "memory", mib(static_cast<std::int64_t>(needs.worker_memory_bytes)) + " configured for its ranks, " +
                   mib(static_cast<std::int64_t>(facts.memory_bytes)) + " there", "lower tajo.worker.resource.memory-mb or the slots of the host"});
  if (out.size() == before)
    out.push_back({Grade::kOk, host, "limits", std::to_string(facts.cores) + " cores, " + mib(static_cast<std::int64_t>(facts.memory_bytes)) + " of memory, " +
                   number(facts.threads_limit) + " threads", {}});
}

Finding judge_slurm(const std::string& host, const HostNeeds& needs, const HostFacts& facts) {
  if (facts.allocation_hosts.empty())
    return {Grade::kOk, host, "Slurm", facts.slurm ? "here; this is no job of it" : "not here", {}};
  for (const std::string& wanted : needs.slurm_hosts) {
    const bool has = std::any_of(facts.allocation_hosts.begin(), facts.allocation_hosts.end(), [&](const std::string& have) { return same_host(wanted, have); });
    if (!has && wanted != "localhost")
      return {Grade::kError, host, "Slurm", wanted + " is not in this allocation", "let slurm/tajo-batch.sbatch or tajo-service.sbatch write masters and workers"};
  }
  return {Grade::kOk, host, "Slurm", "job of " + std::to_string(facts.allocation_hosts.size()) + " hosts", {}};
}

}  // namespace

HostNeeds needs_of(const Config& config, const std::string& host, const std::vector<std::string>& all_hosts) {
  HostNeeds needs;
  needs.ranks = 0;
  needs.world_size = config.world_size();
  for (const MasterLine& line : config.masters()) {
    if (!same_host(line.host, host)) continue;
    ++needs.ranks;
    needs.max_connections += config.integer("tajo.master.max-connections");
    needs.ports.emplace_back("tajo.master.client-rpc.address", line.client_port);
    needs.ports.emplace_back("tajo.master.info-http.address", line.http_port);
  }
  for (const WorkerLine& line : config.workers())
    if (same_host(line.host, host)) needs.ranks += line.slots;
  for (const WorkerLine& line : config.spare_lines())
    if (same_host(line.host, host)) needs.ranks += line.slots;
  needs.worker_memory_bytes = static_cast<std::uint64_t>(config.integer("tajo.worker.resource.memory-mb")) * static_cast<std::uint64_t>(needs.ranks) << 20;
  std::stringstream list(config.text("tajo.worker.tmpdir.locations"));
  for (std::string directory; std::getline(list, directory, ',');)
    needs.tmpdirs.push_back(directory.starts_with("file://") ? directory.substr(7) : directory);
  needs.slurm_hosts = all_hosts;
  return needs;
}

HostFacts gather_facts(const HostNeeds& needs) {
  HostFacts facts;
  look_at_shm(facts);
  facts.descriptors = hard_limit(RLIMIT_NOFILE);
  facts.file_size = hard_limit(RLIMIT_FSIZE);
  facts.locked_memory = hard_limit(RLIMIT_MEMLOCK);
  std::error_code failed;
  facts.infiniband = fs::exists("/sys/class/infiniband", failed) && !fs::is_empty("/sys/class/infiniband", failed);
  look_at_threads(facts);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) == 0) facts.cores = std::max(1, CPU_COUNT(&cores));
  facts.memory_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const auto& port : needs.ports)
    if (port_is_busy(port.second)) facts.busy_ports.push_back(port);
  for (const std::string& directory : needs.tmpdirs)
    if (std::string reason = why_not_writable(directory); !reason.empty()) facts.bad_directories.emplace_back(directory, reason);
  facts.slurm = !program_path("sbatch").empty();
  if (const char* nodes = std::getenv("SLURM_JOB_NODELIST")) facts.allocation_hosts = expand_host_list(nodes);
  return facts;
}

std::vector<Finding> judge(const std::string& host, const HostNeeds& needs, const HostFacts& facts) {
  std::vector<Finding> out;
  out.push_back(judge_shm(host, needs, facts));
  out.push_back(judge_descriptors(host, needs, facts));
  for (const auto& [key, port] : facts.busy_ports)
    out.push_back({Grade::kError, host, "ports", std::to_string(port) + " (" + key + ") is in use", "stop who listens there (ss -ltnp), or give another port in masters"});
  if (facts.busy_ports.empty() && !needs.ports.empty()) out.push_back({Grade::kOk, host, "ports", std::to_string(needs.ports.size()) + " free", {}});
  judge_limits(out, host, needs, facts);
  for (const auto& [directory, reason] : facts.bad_directories)
    out.push_back({Grade::kError, host, "tmpdir", directory + " cannot be written: " + reason, "set tajo.worker.tmpdir.locations to a directory of this host"});
  out.push_back(judge_slurm(host, needs, facts));
  return out;
}

}  // namespace tajo::host
