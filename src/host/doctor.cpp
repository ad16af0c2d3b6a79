#include "tajo/host/doctor.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <thread>
#include <utility>

#include "doctor_finding.hpp"
#include "doctor_hosts.hpp"
#include "doctor_lookup.hpp"
#include "doctor_process.hpp"
#include "doctor_reach.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"

namespace tajo::host {
namespace {

namespace fs = std::filesystem;

constexpr Micros kVersionUs = 1'000'000;
constexpr Micros kLookupUs = 1'000'000;
constexpr Micros kReachUs = 2'000'000;  ///< for a host to answer the launch agent
constexpr Micros kWorldUs = 4'500'000;  ///< from the doctor's start on: then what is left is ended

/// TAJO_DOCTOR_PATIENCE: seconds more, for machines that are busy with other things.
Micros patience_us() {
  const char* seconds = std::getenv("TAJO_DOCTOR_PATIENCE");
  return seconds == nullptr ? 0 : std::clamp(std::atol(seconds), 0L, 600L) * 1'000'000;
}

struct Doctor {
  Micros begin = boottime_us();
  int warnings = 0, errors = 0, said = 0;

  void say(const Finding& f) {
    warnings += f.grade == Grade::kWarning;
    errors += f.grade == Grade::kError;
    ++said;
    std::cout << shown(f) << std::flush;
  }
};

/// tajo-env.sh of the directory sets what is not set yet, as the launch scripts do.
void take_environment(const std::string& config_directory) {
  const std::string file = config_directory + "/tajo-env.sh";
  if (::access(file.c_str(), R_OK) != 0) return;
  const Output out = run_program({"/bin/bash", "-c", R"(set -a; . "$1" >/dev/null 2>&1; env)", "bash", file}, kVersionUs, {});
  std::size_t begin = 0;
  for (std::size_t end; (end = out.text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string line = out.text.substr(begin, end - begin);
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos && (line.starts_with("TAJO_") || line.starts_with("OMPI_") || line.starts_with("PRTE_")))
      ::setenv(line.substr(0, equals).c_str(), line.c_str() + equals + 1, 0);
  }
}

/// The mpirun of the MPI this program was built with, unless TAJO_MPIRUN names another, else that of PATH.
std::string find_mpirun() {
  if (const char* given = std::getenv("TAJO_MPIRUN")) return given;
  const std::string own = TAJO_MPI_PREFIX "/bin/mpirun";
  return ::access(own.c_str(), X_OK) == 0 ? own : program_path("mpirun");
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// Says what is wrong with it and returns false when ranks could not be started by it.
bool fit_mpirun(Doctor& doctor, const std::string& mpirun) {
  const std::string remedy = "launch/setup.sh installs Open MPI 5; or TAJO_MPIRUN in tajo-env.sh names the one this was built with";
  if (mpirun.empty()) {
    doctor.say({Grade::kError, "", "MPI", "there is no mpirun", remedy});
    return false;
  }
  const Output out = run_program({mpirun, "--version"}, kVersionUs + patience_us(), {});
  const std::string line = first_line(out.text);
  const std::size_t digit = line.find_first_of("0123456789");
  const bool fit = out.status == 0 && line.find("Open MPI") != std::string::npos && digit != std::string::npos && std::atoi(line.c_str() + digit) >= 5;
  if (fit) doctor.say({Grade::kOk, "", "MPI", line + ", " + mpirun, {}});
  else doctor.say({Grade::kError, "", "MPI", mpirun + (line.empty() ? " does not run" : " is " + line) + ": no fault tolerance", remedy});
  return fit;
}

/// The hosts that can be looked up; says the others.
std::vector<std::string> known_hosts(Doctor& doctor, const std::vector<std::string>& names, const std::string& where) {
  const std::vector<Lookup> found = look_up(names, kLookupUs + patience_us());
  std::vector<std::string> known;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (found[i] == Lookup::kKnown) known.push_back(names[i]);
    else if (found[i] == Lookup::kUnknown)
      doctor.say({Grade::kError, names[i], "name", where + ": the host is not known", "correct the name, or add the host to DNS or /etc/hosts"});
    else
      doctor.say({Grade::kError, names[i], "name", where + ": the name server does not answer", "see /etc/resolv.conf, or add the host to /etc/hosts"});
  }
  return known;
}

void check_pid_directory(Doctor& doctor, const Config& config) {
  const std::string directory = config.pid_directory();
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) {
    const fs::path parent = fs::path(directory).parent_path();
    if (::access(parent.c_str(), W_OK) == 0) return;
    doctor.say({Grade::kError, "", "pid dir", directory + " cannot be made", "set TAJO_PID_DIR to a directory of yours on this host"});
  } else if (info.st_uid != ::getuid()) {
    doctor.say({Grade::kError, "", "pid dir", directory + " belongs to another user", "set TAJO_PID_DIR to a directory of yours on this host"});
  } else if ((info.st_mode & 0777) != 0700) {
    doctor.say({Grade::kError, "", "pid dir", directory + " is open to others or holds other things: its mode is not 0700", "set TAJO_PID_DIR to a directory of its own, or chmod 700 it"});
  } else if (directory.size() > 90) {
    doctor.say({Grade::kError, "", "pid dir", directory + " is too long for a Unix socket", "set TAJO_PID_DIR to a shorter path"});
  }
}

/// Words of mpirun that start-tajo.sh uses too: a world that comes about here comes about there.
void add_launch_options(std::vector<std::string>& command, const Config& config) {
  if (::geteuid() == 0) command.push_back("--allow-run-as-root");
  if (!has_network()) command.insert(command.end(), {"--prtemca", "prte_if_include", "lo"});
  if (const std::string network = config.text("tajo.cluster.network"); !network.empty())
    command.insert(command.end(), {"--prtemca", "prte_if_include", network, "--mca", "btl_tcp_if_include", network});
  if (const char* agent = std::getenv("TAJO_LAUNCH_AGENT")) command.insert(command.end(), {"--prtemca", "plm_ssh_agent", agent});
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name(*entry, std::strcspn(*entry, "="));
    if (name.starts_with("TAJO_") || name.starts_with("OMPI_")) command.insert(command.end(), {"-x", name});
  }
  std::stringstream words(std::getenv("TAJO_MPIRUN_ARGS") == nullptr ? "" : std::getenv("TAJO_MPIRUN_ARGS"));
  for (std::string word; words >> word;) command.push_back(word);
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

/// What is to be looked at.
struct Site {
  std::string mpirun;
  Config config;
  std::vector<std::string> hosts;
  std::string only;  ///< hosts as the operator gave them; empty: those of masters and workers
};

/// As launch/become-mpirun.sh, which lies where this program does not know: what a killed launcher left under this process's number would be in the way.
constexpr const char* kBecomeMpirun = R"sh(t=${TMPDIR:-/tmp}; rm -rf "$t/ompi.$$" "$t/prterun.$$" "$t"/prterun.*".$$.$(id -u)"; exec "$@")sh";

std::vector<std::string> world_command(const Site& site, int ranks) {
  std::vector<std::string> command = {"/bin/sh", "-c", kBecomeMpirun, "sh", site.mpirun, "--with-ft", "ulfm", "--bind-to", "none", "--oversubscribe"};
  add_launch_options(command, site.config);
  const std::string self = fs::read_symlink("/proc/self/exe");
  const std::string each = ":" + std::to_string(ranks / static_cast<int>(site.hosts.size()));
  std::vector<std::string> places;
  for (const std::string& host : site.hosts) places.push_back(host + each);
  command.insert(command.end(), {"-n", std::to_string(ranks), "--host", joined(places, ","), self, "--config", site.config.directory(), "doctor-rank", std::to_string(ranks),
                                   std::to_string(patience_us() / 1'000'000)});
  if (!site.only.empty()) command.push_back(site.only);
  return command;
}

/// One process a host (two on a single one) looks at its host and races for slots.
void probe_world(Doctor& doctor, const Site& site) {
  const int ranks = site.hosts.size() == 1 ? 2 : static_cast<int>(site.hosts.size());
  std::string rest, refusal;
  bool joined_world = false;
  const std::vector<std::string> agent = launch_agent();
  std::vector<Silent> silent;
  std::jthread reach([&] { silent = silent_hosts(agent, site.hosts, kReachUs + patience_us()); });  // needed when no world comes about
  const Output out = run_program(world_command(site, ranks), doctor.begin + kWorldUs + patience_us() - boottime_us(), [&](const std::string& line) {
    if (auto finding = decode_finding(line)) {
      joined_world |= finding->grade == Grade::kOk && finding->subject == "MPI";
      // A world that does not come about is refused by each of its ranks, in the same words.
      const bool again = finding->grade == Grade::kError && finding->subject == "MPI" && std::exchange(refusal, finding->text) == finding->text;
      if (!again) doctor.say(*finding);
    } else if (rest.size() < 2000 && line.find_first_not_of("- \t") != std::string::npos) {
      rest += (rest.empty() ? "" : " ") + line;
    }
  });
  reach.join();
  if (joined_world || !refusal.empty()) {
    if (out.timed_out) doctor.say({Grade::kError, "", "answers", "not all hosts answered in time", "look at the host that has no line above: its network, its filesystems"});
    return;
  }
  for (const Silent& host : silent)
    doctor.say({Grade::kError, host.host, "start", "`" + joined(agent, " ") + " " + host.host + " true` fails" + (host.says.empty() ? "" : ": " + host.says),
                "it must work from here without a password: ssh keys and known_hosts, or another TAJO_LAUNCH_AGENT in tajo-env.sh; or leave the host out"});
  if (!silent.empty()) return;
  doctor.say({Grade::kError, "", "start", "mpirun did not start a process on each of: " + joined(site.hosts, ", ") + (rest.empty() ? "" : ". It says: " + rest.substr(0, 400)),
              "/dev/shm and TMPDIR must have room; this program must be there under the same path; no firewall between the hosts (tajo.cluster.network names the net)"});
}

}  // namespace

int run_doctor(const std::string& config_directory, const std::string& only) {
  Doctor doctor;
  take_environment(config_directory);
  try {
    const Config whole = Config::load(config_directory);
    const std::vector<std::string> listed = expand_host_list(only);
    const Config config = only.empty() ? whole : whole.on_hosts(listed);
    for (const std::string& warning : config.warnings()) doctor.say({Grade::kWarning, "", "configuration", warning, "remove the key: it has no meaning here"});
    doctor.say({Grade::kOk, "", "configuration", config.directory() + ": " + std::to_string(config.masters().size()) + " master(s), " +
                std::to_string(config.worker_count()) + " worker(s), " + std::to_string(config.spares()) + " spare(s)", {}});
    const std::vector<std::string> hosts =
        known_hosts(doctor, only.empty() ? config.hosts() : listed, only.empty() ? config.directory() + ": masters, workers" : "--hosts");
    check_pid_directory(doctor, config);
    const std::string mpirun = find_mpirun();
    if (fit_mpirun(doctor, mpirun) && !hosts.empty()) probe_world(doctor, {mpirun, config, hosts, only});
  } catch (const Error& e) {
    doctor.say({Grade::kError, "", "configuration", e.message(), e.hint().empty() ? "see conf/README.md for files, keys and values" : e.hint()});
  }
  char text[120];
  std::snprintf(text, sizeof text, "%d error(s), %d warning(s), %.1f s\n", doctor.errors, doctor.warnings, static_cast<double>(boottime_us() - doctor.begin) / 1e6);
  std::cout << text << std::flush;
  return doctor.errors > 0 ? 1 : 0;
}

}  // namespace tajo::host
