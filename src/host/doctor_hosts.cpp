#include "doctor_hosts.hpp"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace tajo::host {
namespace {

/// `1-3` or `07` between brackets; keeps leading zeros.
void expand_range(const std::string& range, const std::string& before, const std::string& after, std::vector<std::string>& out) {
  const std::size_t dash = range.find('-');
  const std::string first = range.substr(0, dash);
  const long from = std::atol(first.c_str()), to = dash == std::string::npos ? from : std::atol(range.c_str() + dash + 1);
  for (long n = from; n <= to && out.size() < kMaxListedHosts; ++n) {
    std::string digits = std::to_string(n);
    if (digits.size() < first.size()) digits.insert(0, first.size() - digits.size(), '0');
    out.push_back(before + digits + after);
  }
}

void expand_name(const std::string& name, std::vector<std::string>& out) {
  const std::size_t open = name.find('['), close = name.find(']', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) {
    if (!name.empty()) out.push_back(name);
    return;
  }
  std::stringstream ranges(name.substr(open + 1, close - open - 1));
  for (std::string range; std::getline(ranges, range, ',');) expand_range(range, name.substr(0, open), name.substr(close + 1), out);
}

}  // namespace

bool same_host(const std::string& name, const std::string& host) {
  return name == host || name == "localhost" || name == "127.0.0.1" || name.starts_with(host + ".") || host.starts_with(name + ".");
}

std::vector<std::string> expand_host_list(const std::string& list) {
  std::vector<std::string> out;
  std::string name;
  int depth = 0;
  for (char c : list) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c == ',' && depth == 0) {
      expand_name(name, out);
      name.clear();
    } else {
      name += c;
    }
  }
  expand_name(name, out);
  return out;
}

std::string program_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::stringstream directories(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  for (std::string directory; std::getline(directories, directory, ':');)
    if (std::string file = directory + "/" + name; ::access(file.c_str(), X_OK) == 0) return file;
  return {};
}

}  // namespace tajo::host
