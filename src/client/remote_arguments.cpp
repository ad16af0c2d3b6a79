#include "remote_arguments.hpp"

#include <unistd.h>

#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"

namespace tajo::client {

RemoteArguments take_remote_arguments(const std::vector<std::string>& arguments) {
  RemoteArguments remote;
  std::string host, port;
  remote.options.user = user_name();
  remote.options.ask_password = ::isatty(STDIN_FILENO) == 1;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    std::string* target = word == "-h" || word == "--host" ? &host : word == "-p" || word == "--port" ? &port : word == "-U" ? &remote.options.user : nullptr;
    if (target == nullptr) {
      remote.rest.push_back(word);
    } else {
      if (i + 1 == arguments.size()) throw Error(sqlstate::kInvalidParameter, "missing value for " + word);
      *target = arguments[++i];
    }
  }
  remote.options.hosts = host.empty() ? default_hosts(port) : parse_hosts(host, port);
  return remote;
}

}  // namespace tajo::client
