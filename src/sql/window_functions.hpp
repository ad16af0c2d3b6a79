#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tajo::sql {

/// Functions that exist only with OVER, and how many arguments they take.
struct WindowFunction {
  std::size_t least, most;
};
inline const WindowFunction* window_function(const std::string& name) {
  static const std::unordered_map<std::string_view, WindowFunction> kFunctions = {
      {"row_number", {0, 0}}, {"rank", {0, 0}}, {"dense_rank", {0, 0}},  {"percent_rank", {0, 0}}, {"cume_dist", {0, 0}}, {"ntile", {1, 1}},
      {"lag", {1, 3}},        {"lead", {1, 3}}, {"first_value", {1, 1}}, {"last_value", {1, 1}},   {"nth_value", {2, 2}}};
  const auto at = kFunctions.find(name);
  return at == kFunctions.end() ? nullptr : &at->second;
}

}  // namespace tajo::sql
