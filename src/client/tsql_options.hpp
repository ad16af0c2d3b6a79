#pragma once
#include <string>
#include <utility>
#include <vector>

namespace tajo::client {

struct TsqlOptions {
  std::vector<std::string> commands;  ///< -c
  std::string file;                   ///< -f
  std::string host, port, user, database = "default";
  bool background = false;            ///< -B: no terminal handling
  std::vector<std::pair<std::string, std::string>> settings;    ///< -conf
  std::vector<std::pair<std::string, std::string>> parameters;  ///< -param
};

/// Takes Tajo's spelling (`-conf k=v`, `-param k=v`, `-help`). On -help or a mistake prints and returns false with
/// `status` set.
bool parse_tsql_options(const std::vector<std::string>& arguments, TsqlOptions& options, int& status);

/// Replaces `${name}` in a script.
std::string fill_parameters(std::string text, const std::vector<std::pair<std::string, std::string>>& parameters);

}  // namespace tajo::client
