#pragma once
#include <string>

#include "tajo/common/config.hpp"

namespace tajo::host {

/// What launch/start-tajo.sh needs to know of a configuration directory, as shell assignments (values quoted):
/// TAJO_PLAN_HOSTS, _RANKS (HOST:COUNT in rank order), _WEB and _CLIENT (addresses of the masters), _LOCAL_PORTS (key=port of
/// masters on this host), _FIRST_PORT, _LOCAL (1: the first master is on this host), _NETWORK, _HA_DIR, _LOG_DIR, _LOG_END (log_end.hpp), _TIMEOUT_S. Warnings go to stderr. Error 58000 for a
/// host whose name does not resolve and for a node-local rootdir with several hosts.
std::string launch_plan(const Config& config);

}  // namespace tajo::host
