#include "tsql_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "tajo/client/admin.hpp"

namespace tajo::client {
namespace {

constexpr int kWrongArguments = 2;

std::pair<std::string, std::string> key_value(const std::string& text, const std::string& option) {
  std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw CLI::ValidationError(option, "wants NAME=VALUE, not \"" + text + "\"");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace

bool parse_tsql_options(const std::vector<std::string>& arguments, TsqlOptions& options, int& status) {
  CLI::App app("SQL shell of Tajo for HPC", "tsql");
  app.set_help_flag("--help", "show this help (also -help)");
  bool version = false, reconnect = true;
  std::vector<std::string> settings, parameters;
  std::string database;
  app.add_option("-c,--command", options.commands, "run the statements and exit; may be repeated")->allow_extra_args(false);
  app.add_option("-f,--file", options.file, "run the statements of a file and exit (-: standard input)");
  app.add_option("-h,--host", options.host, "masters to try: host[:port],… or the directory of a Unix socket (default: TAJO_PID_DIR)");
  app.add_option("-p,--port", options.port, "port or ports (default 26002)");
  app.add_option("-U,--username", options.user, "user (default: the login name)");
  app.add_option("-d,--dbname", database, "database (default: default)");
  app.add_flag("-B,--background", options.background, "no terminal handling");
  app.add_option("--conf", settings, "-conf NAME=VALUE: set a session variable")->allow_extra_args(false);
  app.add_option("--param", parameters, "-param NAME=VALUE: replaces ${NAME} in the statements")->allow_extra_args(false);
  app.add_flag("--reconnect", reconnect, "accepted: tsql always connects again");
  app.add_flag("--version", version, "show the version");
  app.add_option("database", options.database, "database");
  std::vector<std::string> words;
  for (const std::string& word : arguments) {
    bool tajo_spelling = word == "-conf" || word == "-param" || word == "-help" || word == "-reconnect";
    words.push_back(tajo_spelling ? "-" + word : word);
  }
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app.parse(words);
    for (const std::string& text : settings) options.settings.push_back(key_value(text, "-conf"));
    for (const std::string& text : parameters) options.parameters.push_back(key_value(text, "-param"));
  } catch (const CLI::ParseError& error) {
    status = app.exit(error) == 0 ? 0 : kWrongArguments;
    return false;
  }
  if (!database.empty()) options.database = database;
  if (version) {
    std::printf("%s\n", version_text().c_str());
    status = 0;
    return false;
  }
  return true;
}

std::string fill_parameters(std::string text, const std::vector<std::pair<std::string, std::string>>& parameters) {
  for (const auto& [name, value] : parameters) {
    const std::string mark = "${" + name + "}";
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
  }
  return text;
}

}  // namespace tajo::client
