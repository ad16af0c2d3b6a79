#include "tajo/client/tsql.hpp"

#include <signal.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "shell.hpp"
#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"
#include "tsql_options.hpp"

namespace tajo::client {
namespace {

constexpr int kStatementFailed = 1;
constexpr int kNoConnection = 2;

void on_interrupt(int) {
  int saved = errno;
  ClusterConnection::cancel_current();
  errno = saved;
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a read at the prompt returns
  ::sigaction(SIGINT, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

std::unique_ptr<LineSource> script_source(const TsqlOptions& options) {
  if (options.parameters.empty()) return open_file_source(options.file);
  std::ifstream file;
  if (options.file != "-") {
    file.open(options.file);
    if (!file) throw Error(sqlstate::kIoError, "cannot read file " + options.file);
  }
  std::istream& in = options.file == "-" ? std::cin : file;
  std::string text{std::istreambuf_iterator<char>(in), {}};
  return open_text_source(fill_parameters(std::move(text), options.parameters));
}

int run(const TsqlOptions& options) {
  bool stdin_terminal = ::isatty(STDIN_FILENO) == 1;
  bool commands = !options.commands.empty() || !options.file.empty();
  bool interactive = !commands && stdin_terminal && !options.background;
  ConnectOptions connect;
  connect.hosts = options.host.empty() ? default_hosts(options.port) : parse_hosts(options.host, options.port);
  connect.user = options.user.empty() ? user_name() : options.user;
  connect.database = options.database;
  connect.ask_password = stdin_terminal && !options.background;
  Shell shell(std::move(connect), !options.background && ::isatty(STDERR_FILENO) == 1);
  shell.settings().terminal = interactive && ::isatty(STDOUT_FILENO) == 1;
  try {
    shell.connect();
  } catch (const Error& error) {
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return kNoConnection;
  }
  for (const auto& [name, value] : options.settings)
    if (!shell.set_quietly(name, value)) return kStatementFailed;
  if (interactive) {
    auto source = open_terminal_source();
    shell.run_interactive(*source);
    return 0;
  }
  bool good = true;
  for (const std::string& command : options.commands) {
    auto source = open_text_source(fill_parameters(command, options.parameters));
    good = shell.run_script(*source) && good;
  }
  if (!options.file.empty()) good = shell.run_script(*script_source(options)) && good;
  if (!commands) good = shell.run_script(*open_file_source("-"));
  return good ? 0 : kStatementFailed;
}

}  // namespace

int run_tsql(const std::vector<std::string>& arguments) {
  std::setlocale(LC_ALL, "");
  TsqlOptions options;
  int status = 0;
  if (!parse_tsql_options(arguments, options, status)) return status;
  catch_interrupts();
  try {
    return run(options);
  } catch (const Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return kNoConnection;
  }
}

}  // namespace tajo::client
