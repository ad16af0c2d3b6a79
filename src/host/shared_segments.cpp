#include "shared_segments.hpp"

#include <unistd.h>

#include <cctype>
#include <fstream>

namespace tajo::host {
namespace {

namespace fs = std::filesystem;
constexpr const char* kDirectory = "/dev/shm";
constexpr const char* kName = "sm_segment.";  ///< HOST.UID.JOB.RANK follow

bool is_number(const std::string& text) {
  for (unsigned char c : text)
    if (std::isdigit(c) == 0) return false;
  return !text.empty();
}

std::set<std::string> opened_by(const std::string& pid) {
  std::set<std::string> found;
  std::error_code ignored;
  const std::string prefix = std::string(kDirectory) + "/" + kName;
  for (auto it = fs::directory_iterator("/proc/" + pid + "/fd", ignored); it != fs::directory_iterator(); it.increment(ignored))
    if (std::string path = fs::read_symlink(it->path(), ignored).string(); path.starts_with(prefix)) found.insert(std::move(path));
  return found;
}

}  // namespace

std::set<std::string> segments_of(const std::string& pid) {
  std::set<std::string> found;
  std::ifstream maps("/proc/" + pid + "/maps");
  const std::string prefix = std::string(kDirectory) + "/" + kName;
  for (std::string line; std::getline(maps, line);)
    if (auto at = line.find(prefix); at != std::string::npos) found.insert(line.substr(at, line.find(' ', at) - at));
  return found;
}

std::set<std::string> segments_without_user(fs::file_time_type since) {
  std::set<std::string> found;
  std::error_code ignored;
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const std::string prefix = std::string(kName) + host + "." + std::to_string(::getuid()) + ".";
  for (auto it = fs::directory_iterator(kDirectory, ignored); it != fs::directory_iterator(); it.increment(ignored))
    if (it->path().filename().string().starts_with(prefix) && fs::last_write_time(it->path(), ignored) >= since) found.insert(it->path().string());
  if (found.empty()) return found;
  for (auto it = fs::directory_iterator("/proc", ignored); it != fs::directory_iterator(); it.increment(ignored)) {
    const std::string pid = it->path().filename().string();
    if (!is_number(pid)) continue;
    for (const std::string& used : segments_of(pid)) found.erase(used);
    for (const std::string& used : opened_by(pid)) found.erase(used);
  }
  return found;
}

}  // namespace tajo::host
