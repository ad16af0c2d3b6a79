#pragma once
#include <string>

namespace tajo::host {

/// What launch/start-tajo.sh needs to know of a configuration directory, as shell assignments (values quoted):
/// TAJO_PLAN_RANKS (HOST:COUNT in rank order), _WEB and _CLIENT (addresses of the masters), _LOCAL_PORTS (key=port of
/// masters on this host), _FIRST_PORT, _LOG_DIR, _TIMEOUT_S. Warnings go to stderr. Error as Config::load; 58000 for a
/// host whose name does not resolve and for a node-local rootdir with several hosts.
std::string launch_plan(const std::string& config_directory);

}  // namespace tajo::host
