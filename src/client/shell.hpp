#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cluster_connection.hpp"
#include "line_source.hpp"
#include "progress_watch.hpp"
#include "shell_settings.hpp"

namespace tajo::client {

/// Runs statements and backslash commands against one cluster.
class Shell {
 public:
  Shell(ConnectOptions options, bool terminal);

  void connect() { connection_.connect(); }
  ShellSettings& settings() { return settings_; }
  ClusterConnection& connection() { return connection_; }

  /// All of a source. False when something failed (ON_ERROR_STOP: at once).
  bool run_script(LineSource& source);
  void run_interactive(LineSource& source);
  /// Sets a shell or session variable. False (with the error shown) when the server refuses.
  bool set_variable(const std::string& name, const std::string& value);
  bool run_statement(const std::string& sql);
  /// As set_variable, but says nothing when it works (-conf).
  bool set_quietly(const std::string& name, const std::string& value);

 private:
  bool run_lines(LineSource& source, bool interactive);
  std::string copy_line();

  // meta_commands.cpp
  bool meta_command(const std::string& line);
  bool list_relations();
  bool describe_relation(const std::string& name);
  bool list_functions(const std::string& name);
  bool show_variables();
  bool change_database(const std::string& name);
  bool switch_flag(bool& flag, const std::string& value, const char* name);

  ClusterConnection connection_;
  ShellSettings settings_;
  std::unique_ptr<ProgressWatch> progress_;
  LineSource* source_ = nullptr;
  bool quit_ = false;
};

/// `ERROR: …`, the line with a mark under the position, detail and hint, on stderr.
void show_error(const StatementError& error, const std::string& sql);

}  // namespace tajo::client
