#include "shell_settings.hpp"

#include <algorithm>

#include "tajo/common/error.hpp"

namespace tajo::client {

const std::map<std::string, std::string>& ShellSettings::kDefaults() {
  static const std::map<std::string, std::string> defaults{
      {"CLI_COLUMNS", "120"},          {"CLI_NULL_CHAR", ""},           {"CLI_PAGE_ROWS", "100"},
      {"CLI_PAGING_ENABLED", "true"},  {"CLI_DISPLAY_ERROR_TRACE", "true"}, {"ON_ERROR_STOP", "false"}};
  return defaults;
}

void ShellSettings::set(const std::string& name, const std::string& value) {
  const std::string& standard = kDefaults().at(name);
  std::string folded = value;
  std::ranges::transform(folded, folded.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  bool is_switch = standard == "true" || standard == "false";
  bool is_number = !standard.empty() && std::isdigit(static_cast<unsigned char>(standard[0])) != 0;
  if (is_switch) {
    if (folded == "on" || folded == "1") folded = "true";
    if (folded == "off" || folded == "0") folded = "false";
    if (folded != "true" && folded != "false") throw Error(sqlstate::kInvalidParameter, name + " is true or false");
    values_[name] = folded;
  } else if (is_number && (value.empty() || value.size() > 9 || value.find_first_not_of("0123456789") != std::string::npos || std::stoul(value) == 0)) {
    throw Error(sqlstate::kInvalidParameter, name + " is a positive number");
  } else {
    values_[name] = value;
  }
}

}  // namespace tajo::client
