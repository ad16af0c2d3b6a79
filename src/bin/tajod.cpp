// tajod: one rank of the cluster. Wiring only: from the command line to a RankProcess.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "rank_options.hpp"
#include "rank_process.hpp"
#include "tajo/common/as_error.hpp"
#include "tajo/common/config.hpp"
#include "tajo/common/log.hpp"
#include "tajo/host/format_ha.hpp"
#include "tajo/host/log_end.hpp"
#include "tajo/host/published.hpp"
#include "tajo/mpi/world.hpp"

namespace {

using namespace tajo;

Config effective_config(const RankOptions& options) {
  Config config = Config::load(options.config);
  if (options.workers > 0) config = config.with_workers(options.workers);
  if (!options.hosts.empty()) config = config.on_hosts(options.hosts);
  if (const std::string why = host::warehouse_without_log(config); !why.empty()) throw Error("58000", why);
  return config;
}

/// The same at all ranks of a job, different at the next.
std::string launch_name(const RankOptions& options) {
  if (!options.launch.empty()) return options.launch;
  const char* job = std::getenv("PMIX_NAMESPACE");
  std::string name = job == nullptr ? "alone" : job;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '.';
  return name;
}

int stop_timeout_s() {
  const char* text = std::getenv("TAJO_STOP_TIMEOUT");
  return std::max(1, text == nullptr ? 10 : std::atoi(text));
}

/// Blocked before any thread exists, so that one of them can wait for them.
sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  return signals;
}

/// Nobody caught an exception, mostly for want of memory: the log says why this rank ends; the others go on.
[[noreturn]] void say_why_and_abort() {
  try {
    if (const auto current = std::current_exception()) std::rethrow_exception(current);
    log_error("cluster", "terminated: leaving");
  } catch (const std::exception& e) {
    log_error("cluster", as_error(e).message() + ": leaving");
  } catch (...) {
    log_error("cluster", "terminated by an exception: leaving");
  }
  std::abort();
}

void make_directories(const Config& config) {
  const std::string requests = host::ha_directory(config.rootdir()) + "/requests";
  const bool own_logs = config.log_directory() != config.rootdir() + "/logs";
  const std::pair<std::string, std::string> named[] = {{"tajo.rootdir", requests},
                                                       {own_logs ? "TAJO_LOG_DIR" : "tajo.rootdir", config.log_directory()},
                                                       {"tajo.warehouse.directory", config.path("tajo.warehouse.directory")},
                                                       {"tajo.staging.directory", config.path("tajo.staging.directory")}};
  for (const auto& [name, directory] : named) {
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed || ::access(directory.c_str(), W_OK) != 0)
      throw Error(sqlstate::kIoError, (name == "TAJO_LOG_DIR" ? "" : config.directory() + "/tajo-site.xml: ") + name + ": \"" + directory + "\" cannot be written");
  }
}

void run(int argc, char** argv, const RankOptions& options) {
  StartTimes times;
  const Config config = effective_config(options);
  const std::string launch = launch_name(options);
  host::Kept kept;
  if (options.outlive_launcher) kept = host::Kept::detach({host::ha_directory(config.rootdir()), launch, stop_timeout_s()});
  const sigset_t signals = ending_signals();
  raise_descriptors();
  std::set_terminate(say_why_and_abort);
  // Where a log that another world may still write ends: while MPI starts, that world's silence is waited for.
  const auto end_seen = options.force ? host::log_end_seen(config, options.log_end) : cluster::NodeConfig::EndSeen{};
  times.ended("configuration");

  mpi::WorldOptions world_options;
  world_options.expected_size = config.world_size();
  world_options.outlive_launcher = options.outlive_launcher;
  world_options.start_timeout_s = static_cast<int>(config.integer("tajo.cluster.start-timeout-sec"));
  world_options.on_part = [&times](const char* part) { times.ended(part); };
  auto world = mpi::World::start(argc, argv, world_options);
  set_log_rank(world->rank());
  const RankSetting setting{config, launch, options.force, end_seen, *world, place_of(config, *world), kept};
  const RankPlace& place = setting.place;
  make_directories(config);
  const std::string log_file = config.log_directory() + "/tajo-" + user_name() + "-rank" + std::to_string(place.self) + "-" + place.host + ".log";
  open_log_file(log_file);
  if (place.self == place.roles.masters.front())
    for (const std::string& warning : config.warnings()) log_warn("config", warning);

  RankProcess rank(setting, times);
  times.ended("parts");
  rank.open_servers();
  times.ended("servers");
  if (kept) {
    kept.started(place.self, log_file);
    set_log_stderr(false);
  }
  rank.run(signals);
  world->linger_and_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"tajod: one rank of a Tajo cluster; started by mpirun, usually through launch/start-tajo.sh"};
  RankOptions options;
  app.add_option("--config", options.config, "configuration directory with tajo-site.xml, masters, workers");
  app.add_flag("--outlive-launcher", options.outlive_launcher, "go on when mpirun is lost, with a keeper for each rank");
  app.add_option("--launch", options.launch, "a name for this start of the cluster, the same at all ranks");
  app.add_option("--hosts", options.hosts, "only what masters and workers place on these hosts")->delimiter(',');
  app.add_option("--workers", options.workers, "this many workers in place of those that the file says");
  app.add_flag("--force", options.force, "start although another world may still be running");
  app.add_option("--log-end", options.log_end, "with --force: the log's end as it was seen earlier (tajo launch-plan says it)");
  CLI11_PARSE(app, argc, argv);
  try {
    run(argc, argv, options);
  } catch (const tajo::Error& e) {
    std::fprintf(stderr, "tajod: %s%s%s\n", e.what(), e.hint().empty() ? "" : "; ", e.hint().c_str());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tajod: %s\n", e.what());
  }
  std::fflush(stderr);
  ::_exit(1);
}
