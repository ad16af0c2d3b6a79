#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace tajo::client {

/// What the shell itself obeys (`\set`); the other session variables live in the server.
class ShellSettings {
 public:
  bool knows(const std::string& name) const { return values_.contains(name); }
  /// Throws Error 22023 for a value of the wrong kind.
  void set(const std::string& name, const std::string& value);
  void unset(const std::string& name) { values_[name] = kDefaults().at(name); }
  const std::map<std::string, std::string>& all() const { return values_; }

  const std::string& null_text() const { return values_.at("CLI_NULL_CHAR"); }
  bool stop_on_error() const { return values_.at("ON_ERROR_STOP") == "true"; }
  bool paging() const { return values_.at("CLI_PAGING_ENABLED") == "true"; }
  std::uint64_t page_rows() const { return std::stoull(values_.at("CLI_PAGE_ROWS")); }

  bool expanded = false;    ///< \x
  bool timing = false;      ///< \timing
  bool terminal = false;    ///< paging, progress bar and line editing make sense

 private:
  static const std::map<std::string, std::string>& kDefaults();
  std::map<std::string, std::string> values_ = kDefaults();
};

}  // namespace tajo::client
