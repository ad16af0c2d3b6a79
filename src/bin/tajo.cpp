// `tajo COMMAND …`: one program for what a user or an operator does from a terminal.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tajo/client/admin.hpp"
#include "tajo/client/tsql.hpp"
#include "tajo/common/error.hpp"
#include "tajo/host/doctor.hpp"
#include "tajo/host/launch_plan.hpp"

namespace {

int usage(int status) {
  std::printf(
      "Usage: tajo [--config confdir] COMMAND\n"
      "where COMMAND is one of:\n"
      "  cli                  run the tajo cli (tsql)\n"
      "  admin                run the tajo admin util\n"
      "  haadmin              run the tajo master HA admin util\n"
      "  doctor               find what would hinder the first start\n"
      "  getconf              print tajo configuration\n"
      "  version              print the version\n"
      "Most commands print help when invoked w/o parameters.\n");
  return status;
}

int run(const std::vector<std::string>& words) {
  std::vector<std::string> rest = words;
  std::string config = "conf";
  if (rest.size() >= 2 && rest[0] == "--config") {
    config = rest[1];
    ::setenv("TAJO_CONF_DIR", rest[1].c_str(), 1);
    rest.erase(rest.begin(), rest.begin() + 2);
  }
  if (rest.empty()) return usage(1);
  const std::string command = rest[0];
  rest.erase(rest.begin());
  if (command == "cli" || command == "tsql") return tajo::client::run_tsql(rest);
  if (command == "admin") return tajo::client::run_admin(rest);
  if (command == "haadmin") return tajo::client::run_haadmin(rest);
  if (command == "getconf") return tajo::client::run_getconf(rest);
  if (command == "doctor") return tajo::host::run_doctor(config);
  if (command == "doctor-rank") return tajo::host::run_doctor_rank(config, rest.empty() ? 0 : std::atoi(rest[0].c_str()));
  if (command == "launch-plan") {  // for launch/start-tajo.sh
    std::printf("%s", tajo::host::launch_plan(config).c_str());
    return 0;
  }
  if (command == "version" || command == "--version") {
    std::printf("%s\n", tajo::client::version_text().c_str());
    return 0;
  }
  if (command == "help" || command == "-help" || command == "--help") return usage(0);
  std::fprintf(stderr, "tajo: no command \"%s\"\n", command.c_str());
  return usage(1);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const tajo::Error& error) {
    std::fprintf(stderr, "ERROR: %s\n", error.what());
    return 1;
  }
}
