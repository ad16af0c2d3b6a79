#pragma once
#include <string>
#include <vector>

namespace tajo::host {

/// Whether a name of masters or workers is the host that calls itself `host`: equal, `localhost`, or one is the other's
/// name with a domain.
bool same_host(const std::string& name, const std::string& host);

/// Slurm's compact form: `h[1-3,07],login` is h1, h2, h3, h07, login. One bracket a name; at most kMaxListedHosts names.
std::vector<std::string> expand_host_list(const std::string& list);
inline constexpr std::size_t kMaxListedHosts = 65536;

/// Where PATH has the program; empty when it has not.
std::string program_path(const std::string& name);

}  // namespace tajo::host
