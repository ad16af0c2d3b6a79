#include "help_text.hpp"

#include <cstdio>
#include <vector>

#include "tajo/client/admin.hpp"

namespace tajo::client {
namespace {

struct Command {
  const char* group;
  const char* name;
  const char* usage;
  const char* meaning;
};

const std::vector<Command>& commands() {
  static const std::vector<Command> list{
      {"General", "copyright", "\\copyright", "show the licence"},
      {"General", "version", "\\version", "show the version"},
      {"General", "?", "\\?", "show this help"},
      {"General", "help", "\\help [COMMAND]", "show this help, or that of one command"},
      {"General", "q", "\\q", "quit tsql"},
      {"Informational", "l", "\\l", "list databases"},
      {"Informational", "c", "\\c [DATABASE]", "show the current database, or connect to another"},
      {"Informational", "d", "\\d [TABLE]", "list tables, or describe one"},
      {"Informational", "df", "\\df [FUNCTION]", "list functions, or describe one"},
      {"Tool", "!", "\\! COMMAND", "run a command of the operating system's shell"},
      {"Tool", "admin", "\\admin [OPTIONS]", "look at and steer the cluster (\\admin without options: usage)"},
      {"Tool", "haadmin", "\\haadmin [OPTIONS]", "masters: who is active, hand over"},
      {"Tool", "getconf", "\\getconf KEY", "show a value of the local configuration"},
      {"Variables", "set", "\\set [[NAME] VALUE]", "set a variable, or list all"},
      {"Variables", "unset", "\\unset NAME", "take a variable back to its default"},
      {"Output", "x", "\\x [on|off]", "one value a line"},
      {"Output", "timing", "\\timing [on|off]", "show the time of each statement in milliseconds"}};
  return list;
}

}  // namespace

bool show_help(const std::string& command) {
  const char* group = "";
  bool found = false;
  for (const Command& c : commands()) {
    if (!command.empty()) {
      if (command != c.name && command != std::string("\\") + c.name) continue;
      std::printf("Usage: %s\n%s\n", c.usage, c.meaning);
      found = true;
      continue;
    }
    if (std::string(group) != c.group) std::printf("%s%s\n", *group == '\0' ? "" : "\n", c.group);
    group = c.group;
    std::printf("  %-22s %s\n", c.usage, c.meaning);
    found = true;
  }
  if (command.empty()) std::printf("\nA statement ends with a semicolon; Ctrl-C cancels it while it runs.\n");
  if (!found) std::fprintf(stderr, "ERROR: no command \\%s\n", command.c_str());
  return found;
}

const char* copyright_text() {
  return "Tajo for HPC\n"
         "Licensed under the Apache License, Version 2.0 (the \"License\"); you may not use this software except in\n"
         "compliance with the License. You may obtain a copy of the License at\n"
         "    http://www.apache.org/licenses/LICENSE-2.0\n"
         "It is distributed on an \"AS IS\" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.\n";
}

}  // namespace tajo::client
