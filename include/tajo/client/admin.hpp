#pragma once
#include <string>
#include <vector>

namespace tajo::client {

class ClusterConnection;

/// The subcommands of `tajo`; each prints Tajo's own texts and returns an exit status. The forms with a connection
/// serve the shell's `\admin` and `\haadmin`; the others take `-h HOST -p PORT` and connect by themselves.
int run_admin(ClusterConnection& connection, const std::vector<std::string>& arguments);
int run_admin(const std::vector<std::string>& arguments);
int run_haadmin(ClusterConnection& connection, const std::vector<std::string>& arguments);
int run_haadmin(const std::vector<std::string>& arguments);
/// Reads the local configuration, not the cluster's.
int run_getconf(const std::vector<std::string>& arguments);
std::string version_text();

}  // namespace tajo::client
