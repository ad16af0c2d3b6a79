#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace tajo::host {

/// Paths of the segments of shared memory (Open MPI's btl/sm) that a process has mapped; `pid` may be "self".
std::set<std::string> segments_of(const std::string& pid);

/// Those of this host and user that were made since `since` and that no process has open or mapped: left by ranks that
/// ended while they started MPI, by a signal or of their own accord. One that is just made is open.
std::set<std::string> segments_without_user(std::filesystem::file_time_type since);

}  // namespace tajo::host
