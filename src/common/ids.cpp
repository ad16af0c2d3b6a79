#include "tajo/common/ids.hpp"

#include <charconv>
#include <cstdio>

namespace tajo {

std::string QueryId::str() const {
  char text[48];
  std::snprintf(text, sizeof text, "q_%llu_%04u", static_cast<unsigned long long>(start_ms), number);
  return text;
}

QueryId QueryId::parse(std::string_view text) {
  QueryId id;
  if (!text.starts_with("q_")) return {};
  const char* end = text.data() + text.size();
  auto [after_ms, e1] = std::from_chars(text.data() + 2, end, id.start_ms);
  if (e1 != std::errc() || after_ms == end || *after_ms != '_') return {};
  auto [after_number, e2] = std::from_chars(after_ms + 1, end, id.number);
  if (e2 != std::errc() || after_number != end) return {};
  return id;
}

std::string TaskId::str() const {
  return "t" + query.str().substr(1) + "_" + std::to_string(stage) + "_" + std::to_string(task) + "_" +
         std::to_string(attempt);
}

}  // namespace tajo
