// `tajo COMMAND …`: one program for what a user or an operator does from a terminal.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "tajo/client/admin.hpp"
#include "tajo/client/tsql.hpp"
#include "tajo/common/error.hpp"
#include "tajo/host/doctor.hpp"
#include "tajo/host/format_ha.hpp"
#include "tajo/host/launch_check.hpp"
#include "tajo/host/launch_plan.hpp"
#include "tajo/host/resize.hpp"

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

/// For the launch scripts: launch-plan, launch-check, launch-state; [--workers N] [--hosts A,B,…] [--launch NAME].
int launch_word(const std::string& command, const std::string& directory, const std::vector<std::string>& rest) {
  tajo::Config config = tajo::Config::load(directory);
  std::string launch;
  for (std::size_t i = 0; i + 1 < rest.size(); i += 2) {
    if (rest[i] == "--launch") launch = rest[i + 1];
    if (rest[i] == "--workers") config = config.with_workers(std::max(1, std::atoi(rest[i + 1].c_str())));
    if (rest[i] != "--hosts") continue;
    std::vector<std::string> hosts;
    std::stringstream list(rest[i + 1]);
    for (std::string host; std::getline(list, host, ',');) hosts.push_back(host);
    config = config.on_hosts(hosts);
  }
  std::string answer;
  if (command == "launch-plan") answer = tajo::host::launch_plan(config);
  else if (command == "launch-state") answer = tajo::host::launch_state(config, launch);
  else if (command == "launch-check") answer = tajo::host::reason_not_to_start(config);
  else throw tajo::Error("22023", "no command \"" + command + "\"");
  std::printf("%s", answer.c_str());
  return 0;
}

int doctor(const std::string& config, const std::vector<std::string>& rest) {
  if (rest.empty()) return tajo::host::run_doctor(config, {});
  if (rest.size() == 2 && rest[0] == "--hosts" && !rest[1].empty()) return tajo::host::run_doctor(config, rest[1]);
  std::fprintf(stderr, "Usage: tajo [--config confdir] doctor [--hosts A,B,…]\n");
  return 1;
}

int run(const std::vector<std::string>& words) {
  std::vector<std::string> rest = words;
  const char* chosen = std::getenv("TAJO_CONF_DIR");
  std::string config = chosen == nullptr ? "conf" : chosen;
  if (rest.size() >= 2 && rest[0] == "--config") {
    config = rest[1];
    ::setenv("TAJO_CONF_DIR", rest[1].c_str(), 1);
    rest.erase(rest.begin(), rest.begin() + 2);
  }
  if (rest.empty()) return usage(1);
  const std::string command = rest[0];
  rest.erase(rest.begin());
  if (command == "cli" || command == "tsql") return tajo::client::run_tsql(rest);
  if (command == "admin" && rest.size() == 2 && rest[0] == "-resize")
    return tajo::host::resize(tajo::Config::load(config), std::atoi(rest[1].c_str()));
  if (command == "admin") return tajo::client::run_admin(rest);
  const bool format = std::find(rest.begin(), rest.end(), "-formatHA") != rest.end();
  if (command == "haadmin" && format) return tajo::host::format_ha(tajo::Config::load(config));
  if (command == "haadmin") return tajo::client::run_haadmin(rest);
  if (command == "getconf") return tajo::client::run_getconf(rest);
  if (command == "doctor") return doctor(config, rest);
  if (command == "doctor-rank" && rest.size() >= 2)
    return tajo::host::run_doctor_rank(config, std::atoi(rest[0].c_str()), std::atoi(rest[1].c_str()), rest.size() > 2 ? rest[2] : "");
  if (command.starts_with("launch-")) return launch_word(command, config, rest);
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
