#include "shared_memory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <set>
#include <string>
#include <system_error>

#include "tajo/common/log.hpp"

namespace tajo::mpi {
namespace {

constexpr const char* kSharedMemory = "/dev/shm/";

/// 0 or an errno; posix_fallocate(3) gives back what it got when it cannot get all.
int take(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno;
  struct stat status {};
  int failed = ::fstat(fd, &status) != 0 ? errno : 0;
  if (failed == 0 && status.st_size > 0) failed = ::posix_fallocate(fd, 0, status.st_size);
  ::close(fd);
  return failed;
}

}  // namespace

void take_shared_memory(int rank) {
  const std::string mine = "." + std::to_string(rank);  // sm_segment.HOST.USER.JOB.RANK; the others' are theirs
  std::set<std::string> segments;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto at = line.find(kSharedMemory);
    if (at != std::string::npos && line.ends_with(mine)) segments.insert(line.substr(at));
  }
  for (const std::string& path : segments) {
    const int failed = take(path);
    if (failed == 0 || failed == ENOENT) continue;
    log_warn("mpi", path + ": " + std::system_category().message(failed) +
                        ": ranks of this host will die when it is full; give /dev/shm 16 MiB for each rank");
    return;
  }
}

}  // namespace tajo::mpi
