#pragma once
#include <string>
#include <vector>

#include "cluster_connection.hpp"

namespace tajo::client {

/// `-h HOST -p PORT -U USER` taken out of a subcommand's arguments.
struct RemoteArguments {
  ConnectOptions options;
  std::vector<std::string> rest;
};
/// Throws Error 22023 for a missing or wrong value.
RemoteArguments take_remote_arguments(const std::vector<std::string>& arguments);

}  // namespace tajo::client
