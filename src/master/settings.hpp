#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tajo::master {

struct Setting {
  std::string name;
  std::string value;    ///< default
  std::string description;
  bool reported = false;  ///< clients are told of a change (ParameterStatus)
};

/// All session settings with a meaning here, by lower-case name: PostgreSQL's that clients set, and Tajo's.
const std::map<std::string, Setting>& known_settings();

/// The canonical form of a value; Error 22023 when it is out of range. Unknown names are kept as they are.
std::string check_setting(const std::string& name, const std::string& value);

/// Milliseconds of `250`, `10s`, `5min`, `1h`, `1d`; Error 22023.
long parse_milliseconds(const std::string& name, const std::string& value);

}  // namespace tajo::master
