#include "rank_resources.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "tajo/common/log.hpp"
#include "tajo/exchange/spill_file.hpp"

namespace tajo {
namespace {

constexpr double kMemoryShare = 0.6;  ///< of the host, for all ranks on it
constexpr std::size_t kSpillFloorBytes = 512 << 10;  ///< of a table or run: a few blocks and a directory

/// 0: not set.
std::uint64_t from_environment(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

std::uint64_t host_memory_bytes() {
  std::uint64_t bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (std::FILE* limit = std::fopen("/sys/fs/cgroup/memory.max", "re")) {
    unsigned long long cgroup = 0;
    if (std::fscanf(limit, "%llu", &cgroup) == 1 && cgroup > 0) bytes = std::min<std::uint64_t>(bytes, cgroup);
    std::fclose(limit);
  }
  if (const std::uint64_t given = from_environment("TAJO_HOST_MEMORY_MB"); given != 0) bytes = std::min(bytes, given << 20);  // what a job may use
  return bytes;
}

int affinity_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  const int slurm = static_cast<int>(from_environment("SLURM_CPUS_ON_NODE"));  // a site may not bind what it gives to a job
  return std::max(1, slurm > 0 ? std::min(slurm, CPU_COUNT(&set)) : CPU_COUNT(&set));
}

std::vector<std::string> prepare_tmpdirs(const Config& config) {
  std::vector<std::string> tmpdirs;
  std::stringstream list(config.text("tajo.worker.tmpdir.locations"));
  for (std::string directory; std::getline(list, directory, ',');) {
    if (directory.starts_with("file://")) directory.erase(0, 7);
    std::error_code ignored;
    std::filesystem::create_directories(directory, ignored);
    if (config.boolean("tajo.worker.tmpdir.cleanup-at-startup")) {
      const std::size_t left = exchange::remove_left_spill_files(directory);
      if (left != 0) log_info("worker", "removed " + std::to_string(left) + " spill files that a killed process left in \"" + directory + "\"");
    }
    tmpdirs.push_back(directory);
  }
  return tmpdirs;
}

}  // namespace

worker::DiskSpace disk_space(const std::vector<std::string>& directories) {
  worker::DiskSpace sum;
  std::set<unsigned long> counted;
  for (const std::string& directory : directories) {
    struct statvfs space {};
    if (::statvfs(directory.c_str(), &space) != 0 || !counted.insert(space.f_fsid).second) continue;
    sum.bytes += std::uint64_t{space.f_blocks} * space.f_frsize;
    sum.used_bytes += std::uint64_t{space.f_blocks - space.f_bfree} * space.f_frsize;
  }
  return sum;
}

RankResources resources_of(const Config& config, const RankPlace& place) {
  RankResources r;
  const auto ranks_here = static_cast<std::uint64_t>(place.ranks_here);
  r.cores = config.integer("tajo.worker.resource.cpu-cores");
  if (r.cores == 0) r.cores = std::max(1, affinity_cores() / std::max(1, place.workers_here));
  r.memory_bytes = static_cast<std::uint64_t>(config.integer("tajo.worker.resource.memory-mb")) << 20;
  if (r.memory_bytes == 0) r.memory_bytes = static_cast<std::uint64_t>(kMemoryShare * static_cast<double>(host_memory_bytes())) / ranks_here;
  r.memory_bytes = std::min(r.memory_bytes, host_memory_bytes() / ranks_here);
  r.tmpdirs = prepare_tmpdirs(config);
  return r;
}

exchange::OutputStoreConfig RankResources::outputs() const {
  exchange::OutputStoreConfig c;
  c.memory_bytes = memory_bytes / 2;
  c.operators = operators;
  c.total_bytes = memory_bytes;
  c.tmpdirs = tmpdirs;
  return c;
}

exec::EngineConfig RankResources::engine(const Config& config) const {
  exec::EngineConfig c;
  c.threads = static_cast<int>(cores);
  c.memory_bytes = memory_bytes - memory_bytes / 8;
  c.memory_in_use = operators;
  c.spill_floor_bytes = kSpillFloorBytes;
  c.tmpdirs = tmpdirs;
  if (const long kb = config.integer("tajo.worker.spill.after-kb"); kb > 0) c.spill_after_bytes = static_cast<std::size_t>(kb) << 10;
  c.warehouse_directory = config.path("tajo.warehouse.directory");
  return c;
}

void raise_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace tajo
