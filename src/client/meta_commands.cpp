// The backslash commands of the shell.
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "help_text.hpp"
#include "result_printer.hpp"
#include "shell.hpp"
#include "statement_splitter.hpp"
#include "tajo/client/admin.hpp"
#include "tajo/common/error.hpp"

namespace tajo::client {
namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::string unquoted(const std::string& text) {
  bool quoted = text.size() >= 2 && text.front() == text.back() && (text.front() == '\'' || text.front() == '"');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

bool Shell::meta_command(const std::string& line) {
  std::vector<std::string> words = words_of(line);
  std::string command = words[0].substr(1);
  while (!command.empty() && command.back() == ';') command.pop_back();
  auto word = [&](std::size_t i) {
    std::string text = i < words.size() ? words[i] : "";
    while (!text.empty() && text.back() == ';') text.pop_back();
    return text;
  };
  std::vector<std::string> rest(words.begin() + 1, words.end());
  try {
    if (command == "q") {
      quit_ = true;
      return true;
    }
    if (command == "?" || command == "help") return show_help(word(1));
    if (command == "copyright") return std::fputs(copyright_text(), stdout) >= 0;
    if (command == "version") return std::printf("%s\n", version_text().c_str()) >= 0;
    if (command == "l") {
      for (const auto& row : connection_.rows("SELECT db_name FROM information_schema.databases ORDER BY db_name"))
        std::printf("%s\n", row[0].c_str());
      return true;
    }
    if (command == "c") return change_database(unquoted(word(1)));
    if (command == "d") return word(1).empty() ? list_relations() : describe_relation(unquoted(word(1)));
    if (command == "df") return list_functions(word(1));
    if (command == "x") return switch_flag(settings_.expanded, word(1), "Expanded display");
    if (command == "timing") return switch_flag(settings_.timing, word(1), "Timing");
    if (command == "set") {
      if (words.size() == 1) return show_variables();
      if (words.size() == 2) throw Error(sqlstate::kInvalidParameter, "usage: \\set [[NAME] VALUE]");
      std::size_t value = line.find(words[1], words[0].size()) + words[1].size();
      return set_variable(words[1], unquoted(trimmed(std::string_view(line).substr(value))));
    }
    if (command == "unset") {
      if (words.size() != 2) throw Error(sqlstate::kInvalidParameter, "usage: \\unset NAME");
      if (settings_.knows(word(1))) {
        settings_.unset(word(1));
        return true;
      }
      return run_statement("RESET " + quote_setting(word(1)));
    }
    if (command == "!") {
      std::fflush(stdout);
      std::string shell_line = trimmed(line.substr(2));
      // the shell's own words go to bash as they are
      ::setenv("TAJO_SHELL_LINE", shell_line.c_str(), 1);
      return std::system("bash -c \"$TAJO_SHELL_LINE\"") == 0;
    }
    if (command == "admin") return run_admin(connection_, rest) == 0;
    if (command == "haadmin") return run_haadmin(connection_, rest) == 0;
    if (command == "getconf") return run_getconf(rest) == 0;
    std::fprintf(stderr, "ERROR: Invalid command: \\%s. Try \\? for help.\n", command.c_str());
    return false;
  } catch (const Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return false;
  }
}

bool Shell::list_relations() {
  auto rows = connection_.rows("SELECT table_name FROM information_schema.tables WHERE table_catalog = " +
                               quote_literal(connection_.options().database) + " ORDER BY table_name");
  for (const auto& row : rows) std::printf("%s\n", row[0].c_str());
  if (rows.empty()) std::printf("No Relation Found\n");
  return true;
}

bool Shell::describe_relation(const std::string& given) {
  std::string database = connection_.options().database, name = given;
  if (std::size_t dot = given.find('.'); dot != std::string::npos) {
    database = given.substr(0, dot);
    name = given.substr(dot + 1);
  }
  std::string where = " WHERE table_catalog = " + quote_literal(database) + " AND table_name = " + quote_literal(name);
  auto tables = connection_.rows("SELECT path, data_format, num_rows, num_bytes FROM information_schema.tables" + where);
  if (tables.empty()) {
    std::printf("Did not find any relation named \"%s\"\n", given.c_str());
    return false;
  }
  const auto& table = tables[0];
  std::printf("\ntable name: %s.%s\ntable uri: %s\nstore type: %s\n", database.c_str(), name.c_str(), table[0].c_str(), table[1].c_str());
  std::printf("number of rows: %s\n", table[2].empty() ? "unknown" : table[2].c_str());
  std::printf("volume: %s\n", table[3].empty() ? "unknown" : readable_bytes(std::stoull(table[3])).c_str());
  std::printf("Options:\n\nschema:\n");
  for (const auto& column : connection_.rows("SELECT column_name, tajo_type FROM information_schema.columns" + where + " ORDER BY ordinal_position"))
    std::printf("%s\t%s\n", column[0].c_str(), column[1].c_str());
  std::printf("\n");
  return true;
}

bool Shell::list_functions(const std::string& name) {
  std::string where = name.empty() ? "" : " WHERE function_name = " + quote_literal(name);
  return run_statement("SELECT function_name AS \"Name\", result_type AS \"Result type\", argument_types AS \"Argument types\", "
                       "description AS \"Description\", function_type AS \"Type\" FROM information_schema.functions" +
                       where + " ORDER BY 1, 3");
}

bool Shell::show_variables() {
  for (const auto& [name, value] : settings_.all()) std::printf("'%s'='%s'\n", name.c_str(), value.c_str());
  for (const auto& row : connection_.rows("SELECT name, value FROM information_schema.session ORDER BY name"))
    std::printf("'%s'='%s'\n", row[0].c_str(), row[1].c_str());
  return true;
}

bool Shell::set_variable(const std::string& name, const std::string& value) {
  if (settings_.knows(name)) {
    settings_.set(name, value);
    return true;
  }
  return run_statement("SET " + quote_setting(name) + " = " + quote_literal(value));
}

bool Shell::set_quietly(const std::string& name, const std::string& value) {
  if (settings_.knows(name)) return set_variable(name, value);
  try {
    connection_.rows("SET " + quote_setting(name) + " = " + quote_literal(value));
  } catch (const Error& error) {
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return false;
  }
  return true;
}

bool Shell::change_database(const std::string& name) {
  if (!name.empty()) connection_.change_database(name);
  std::printf("You are now connected to database \"%s\" as user \"%s\".\n", connection_.options().database.c_str(),
              connection_.options().user.c_str());
  return true;
}

bool Shell::switch_flag(bool& flag, const std::string& value, const char* name) {
  flag = value.empty() ? !flag : value == "on" || value == "true" || value == "1";
  std::printf("%s is %s.\n", name, flag ? "on" : "off");
  return true;
}

}  // namespace tajo::client
