// tajod: one rank of the cluster. Wiring only: which part listens to which.
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "client_servers.hpp"
#include "tajo/catalog/catalog.hpp"
#include "tajo/cluster/cluster_node.hpp"
#include "tajo/cluster/watchdog.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/common/config.hpp"
#include "tajo/common/event_loop.hpp"
#include "tajo/common/failpoint.hpp"
#include "tajo/common/log.hpp"
#include "tajo/common/runtime.hpp"
#include "tajo/exchange/output.hpp"
#include "tajo/exchange/spill_file.hpp"
#include "tajo/exec/engine.hpp"
#include "tajo/host/departure.hpp"
#include "tajo/host/format_ha.hpp"
#include "tajo/host/keeper.hpp"
#include "tajo/host/last_words.hpp"
#include "tajo/host/published.hpp"
#include "tajo/journal/posix_log_files.hpp"
#include "tajo/master/crash_notes.hpp"
#include "tajo/master/master_node.hpp"
#include "tajo/mpi/world.hpp"
#include "tajo/storage/scan.hpp"
#include "tajo/worker/worker_node.hpp"

namespace {

using namespace tajo;

constexpr double kMemoryShare = 0.6;  ///< of the host, for all ranks on it
constexpr std::size_t kSpillFloorBytes = 512 << 10;  ///< of a table or run: a few blocks and a directory
constexpr Micros kLongestNapUs = 50'000;
constexpr Micros kTellRunningUs = 500'000;
constexpr std::int64_t kDrainMs = 3'000;  ///< twice this, and last words, stay below TAJO_STOP_TIMEOUT

struct Options {
  std::string config = "conf";
  bool outlive_launcher = false;
  std::string launch;
  std::vector<std::string> hosts;
  int workers = 0;
  bool force = false;
};

std::uint64_t host_memory_bytes() {
  std::uint64_t bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (std::FILE* limit = std::fopen("/sys/fs/cgroup/memory.max", "re")) {
    unsigned long long cgroup = 0;
    if (std::fscanf(limit, "%llu", &cgroup) == 1 && cgroup > 0) bytes = std::min<std::uint64_t>(bytes, cgroup);
    std::fclose(limit);
  }
  return bytes;
}

/// The same at all ranks of a job, different at the next.
std::string launch_name(const Options& options) {
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

int affinity_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

/// The Mesh as cluster, coordinator and workers see it.
class FabricPort final : public cluster::MessagePort, public protocol::ControlPort {
 public:
  explicit FabricPort(mpi::Fabric& fabric) : fabric_(fabric) {}
  void send(Rank to, cluster::Lane lane, Bytes payload) override {
    fabric_.send(to, lane == cluster::Lane::kProbe ? mpi::Channel::kProbe : mpi::Channel::kControl, std::move(payload));
  }
  void set_stamp(const cluster::Stamp& s) override { fabric_.set_stamp({s.world, s.incarnation, s.epoch, s.view}); }
  void reset_peer(Rank peer, Incarnation incarnation) override { fabric_.reset_peer(peer, incarnation); }
  Rank self() const override { return fabric_.rank(); }
  void send(Rank to, Bytes message) override { fabric_.send(to, mpi::Channel::kControl, std::move(message)); }

 private:
  mpi::Fabric& fabric_;
};

/// Hands what the cluster node tells to the rank's master and worker halves.
class Listener final : public cluster::NodeListener {
 public:
  master::MasterNode* master = nullptr;
  worker::WorkerNode* worker = nullptr;
  std::function<void()> on_leave;                                          ///< the cluster ends
  std::function<void(const cluster::View&, cluster::Role)> on_membership;

  void on_view(const cluster::View& view, cluster::Role self) override {
    log_info("cluster", "view " + std::to_string(view.number) + " epoch " + std::to_string(view.epoch) + ": " +
                            std::to_string(view.members.size()) + " members, active " + std::to_string(view.active()) + ", I am " +
                            std::string(cluster::role_name(self)));
    worker->on_view(view, self);
    master->on_view(view, self);
    on_membership(view, self);
  }
  void on_active(Epoch epoch) override { master->on_active(epoch); }
  void on_passive() override { master->on_passive(); }
  void on_evicted() override {
    log_warn("cluster", "evicted: tasks and outputs are dropped, asking to be a spare");
    worker->on_evicted();
  }
  void on_exit(const std::string& reason) override {
    log_error("cluster", reason);
    ::_exit(1);
  }
  void on_frame(Rank source, Bytes message) override {
    if (message.empty()) return;
    if (message[0] == static_cast<std::byte>(protocol::Tag::kLeave)) return on_leave();
    try {
      if (!worker->on_message(source, message) && !master->on_message(source, message))
        log_warn("cluster", "message with unknown tag from rank " + std::to_string(source));
    } catch (const Error& e) {
      log_error("cluster", "message from rank " + std::to_string(source) + ": " + e.message());
    }
  }
  void on_suspicion(Rank rank) override { log_warn("cluster", "no sign of life from rank " + std::to_string(rank)); }
  void on_read_only(bool read_only) override {
    log_warn("cluster", read_only ? "the log's disk is full: statements that write fail with 53100" : "the log takes records again");
  }
  void on_log_damaged(const std::string& what) override { log_error("cluster", what); }
};

/// Ends the rank when its transport or control thread hangs: others must be able to take over from it.
void watch(const mpi::World& world, const EventLoop& loop, const std::function<void()>& each_tick, std::stop_token stop) {
  cluster::Watchdog transport, control;
  std::uint64_t transport_turns = 0, control_turns = 0;
  while (!stop.stop_requested()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(cluster::kWatchdogTickMs));
    each_tick();
    if (world.turns() != std::exchange(transport_turns, world.turns())) transport.turn();
    if (loop.turns() != std::exchange(control_turns, loop.turns())) control.turn();
    const bool transport_hangs = transport.tick(), control_hangs = control.tick();
    if (!transport_hangs && !control_hangs) continue;
    log_error("cluster", transport_hangs ? "the transport thread hangs: leaving" : "the control thread hangs: leaving");
    ::_exit(70);
  }
}

void tick_node(cluster::ClusterNode& node, EventLoop& loop) {
  fault_at("control");
  Micros now = boottime_us();
  Micros at = std::clamp(node.next_wakeup(), now + 1000, now + kLongestNapUs);
  loop.run_at(at, [&node, &loop] { tick_node(node, loop); });
}

void raise_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void run(int argc, char** argv, const Options& options) {
  Config config = Config::load(options.config);
  if (options.workers > 0) config = config.with_workers(options.workers);
  if (!options.hosts.empty()) config = config.on_hosts(options.hosts);
  if (const std::string why = host::warehouse_without_log(config); !why.empty()) throw Error("58000", why);
  const std::string ha_directory = host::ha_directory(config.rootdir());
  const std::string launch = launch_name(options);
  host::Kept kept;
  if (options.outlive_launcher) kept = host::Kept::detach({ha_directory, launch, stop_timeout_s()});
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  raise_descriptors();

  auto world = mpi::World::start(argc, argv, {config.world_size(), options.outlive_launcher, static_cast<int>(config.integer("tajo.cluster.start-timeout-sec"))});
  const Rank self = world->rank();
  set_log_rank(self);
  std::vector<std::string> hosts;
  for (const mpi::RankPlace& place : world->places()) hosts.push_back(place.host);
  const RankRoles roles = assign_ranks(config, hosts);
  const auto place = std::find(roles.masters.begin(), roles.masters.end(), self);
  const bool is_master = place != roles.masters.end();

  const std::string warehouse = config.path("tajo.warehouse.directory"), staging = config.path("tajo.staging.directory");
  for (const std::string& directory : {config.log_directory(), warehouse, staging, ha_directory + "/requests"}) {
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed || ::access(directory.c_str(), W_OK) != 0)
      throw Error(sqlstate::kIoError, config.directory() + "/tajo-site.xml: tajo.rootdir: \"" + directory + "\" cannot be written");
  }
  const std::string log_file = config.log_directory() + "/tajo-" + user_name() + "-rank" + std::to_string(self) + "-" + world->host(self) + ".log";
  open_log_file(log_file);
  if (self == roles.masters.front())
    for (const std::string& warning : config.warnings()) log_warn("config", warning);

  EventLoop loop;
  FabricPort port(world->fabric());
  Listener listener;
  auto log_files = journal::PosixLogFiles::open(config.rootdir() + "/system/log", self, [&loop](std::function<void()> f) { loop.post(std::move(f)); });
  cluster::NodeConfig node_config;
  node_config.self = self;
  node_config.masters.assign(roles.masters.begin(), roles.masters.end());
  node_config.workers.assign(roles.workers.begin(), roles.workers.end());
  node_config.spares.assign(roles.spares.begin(), roles.spares.end());
  node_config.world = world->id();
  node_config.ha = config.ha();
  node_config.force = options.force;
  node_config.keeper = static_cast<bool>(kept);
  node_config.monitor_interval_us = config.integer("tajo.master.ha.monitor.interval") * 1000;
  node_config.seed = static_cast<std::uint64_t>(boottime_us()) * 1'000'003 + static_cast<std::uint64_t>(self) * 97 + static_cast<std::uint64_t>(::getpid());
  cluster::ClusterNode node(node_config, *log_files, port, listener, boottime_us);

  const int ranks_here = std::max(1, world->ranks_on_host(self));
  int workers_here = 0;
  for (int w : roles.workers) workers_here += hosts[static_cast<std::size_t>(w)] == hosts[static_cast<std::size_t>(self)];
  long cores = config.integer("tajo.worker.resource.cpu-cores");
  if (cores == 0) cores = std::max(1, affinity_cores() / std::max(1, workers_here));
  std::uint64_t memory = static_cast<std::uint64_t>(config.integer("tajo.worker.resource.memory-mb")) << 20;
  if (memory == 0) memory = static_cast<std::uint64_t>(kMemoryShare * static_cast<double>(host_memory_bytes())) / static_cast<std::uint64_t>(ranks_here);
  memory = std::min(memory, host_memory_bytes() / static_cast<std::uint64_t>(ranks_here));
  std::vector<std::string> tmpdirs;
  {
    std::stringstream list(config.text("tajo.worker.tmpdir.locations"));
    for (std::string directory; std::getline(list, directory, ',');) {
      if (directory.starts_with("file://")) directory.erase(0, 7);
      std::error_code ignored;
      std::filesystem::create_directories(directory, ignored);
      if (config.boolean("tajo.worker.tmpdir.cleanup-at-startup")) {
        const std::size_t left = exchange::remove_left_spill_files(directory);
        if (left != 0) log_info("worker", "removed " + std::to_string(left) + " spill files that a killed process left in \"" + directory + "\"");
      }
      tmpdirs.push_back(directory);
    }
  }
  auto storage = storage::Storage::make(warehouse);
  exchange::OutputStoreConfig output_config;
  // One account: outputs may have half of it and give way to the operators down to an eighth.
  auto operators = std::make_shared<std::atomic<std::size_t>>(0);
  output_config.memory_bytes = memory / 2;
  output_config.operators = operators;
  output_config.total_bytes = memory;
  output_config.tmpdirs = tmpdirs;
  auto outputs = exchange::OutputStore::make(world->fabric(), output_config);
  exec::EngineConfig engine_config;
  engine_config.threads = static_cast<int>(cores);
  engine_config.memory_bytes = memory - memory / 8;
  engine_config.memory_in_use = operators;
  engine_config.spill_floor_bytes = kSpillFloorBytes;
  engine_config.tmpdirs = tmpdirs;
  if (const long kb = config.integer("tajo.worker.spill.after-kb"); kb > 0) engine_config.spill_after_bytes = static_cast<std::size_t>(kb) << 10;
  engine_config.warehouse_directory = warehouse;
  auto engine = exec::Engine::make(engine_config, *storage, *outputs);

  catalog::Catalog catalog;
  master::SessionState sessions;
  master::QueryState queries;
  master::ResourceTracker resources;
  master::QueryCoordinator coordinator(port, static_cast<std::uint32_t>(config.integer("tajo.task.max-attempts")));
  node.add_machine("catalog", {journal::RecordKind::kCatalog}, catalog);
  node.add_machine("sessions", {journal::RecordKind::kSession}, sessions);
  node.add_machine("queries", {journal::RecordKind::kQuery}, queries);
  host::Departure departure(loop, node, launch, [&port, &node, self] {
    for (const auto& [rank, member] : node.view().members)
      if (rank != self) port.send(rank, Bytes(1, static_cast<std::byte>(protocol::Tag::kLeave)));
  });
  listener.on_leave = [&departure] {
    departure.heard();
    ::kill(::getpid(), SIGTERM);
  };
  host::LastWordsListener last_words(launch, [&node, &listener] {
    if (node.role() != cluster::Role::kActive) listener.on_leave();  // the active knows its own
  });
  node.add_machine("last words", {journal::RecordKind::kLastWords}, last_words);

  worker::WorkerConfig worker_config;
  worker_config.host = world->host(self);
  worker_config.pid = static_cast<std::int32_t>(::getpid());
  worker_config.cores = static_cast<std::uint32_t>(cores);
  worker_config.memory_bytes = memory;
  worker_config.launcher_lost = [&world] { return world->launcher_lost(); };
  EventLoop files;
  Thread files_thread("tajo-files", kPlanningStackBytes, [&files] { files.run(); });
  worker::WorkerNode worker_node(worker_config, loop, files, port, *engine, *outputs, *storage);
  std::optional<master::CrashNotes> notes;
  if (is_master || std::find(roles.spares.begin(), roles.spares.end(), self) != roles.spares.end())
    notes.emplace(config.rootdir() + "/system/planning", world->id(), self);
  master::MasterParts parts{Runtime::system(), loop, node, catalog, sessions, queries, coordinator, resources, *engine, *outputs, *storage, staging, warehouse, user_name(), notes ? &*notes : nullptr};
  parts.result_retention_ms = config.integer("tajo.query.result.retention-min") * 60'000;
  parts.history_expiry_ms = config.integer("tajo.history.expiry-time-day") * 86'400'000;
  master::MasterNode master_node(parts, port);
  listener.master = &master_node;
  listener.worker = &worker_node;

  host::Endpoint endpoint;
  endpoint.host = world->host(self);
  endpoint.pid = ::getpid();
  endpoint.rank = self;
  endpoint.world = world->id();
  endpoint.launch = launch;
  ClientServers servers({config.pid_directory(), tmpdirs.empty() ? "/tmp" : tmpdirs.front(), ha_directory,
                         static_cast<std::uint32_t>(config.integer("tajo.master.max-connections")), kDrainMs, std::move(endpoint)},
                        master_node.service(), kept);
  listener.on_membership = [&](const cluster::View& view, cluster::Role role) {
    servers.publish(view, role);
    const bool promoted = !is_master && (role == cluster::Role::kActive || role == cluster::Role::kBackup);
    if (!promoted || servers.opened()) return;
    std::vector<MasterLine> lost;
    for (std::size_t i = 0; i < roles.masters.size(); ++i)
      if (!view.contains(roles.masters[i])) lost.push_back(config.masters()[i]);
    files.post([&, lost = std::move(lost)] {
      if (servers.opened()) return;
      servers.open_in_place_of(lost);
      loop.post([&] {
        worker_node.serves_clients_at(servers.client_port(), servers.http_port());
        servers.publish(node.view(), node.role());
      });
    });
  };
  std::function<void()> tell_running = [&] {
    servers.publish_running(static_cast<int>(queries.running().size()));
    loop.run_after(kTellRunningUs, tell_running);
  };
  loop.post(tell_running);

  auto& fabric = world->fabric();
  auto deliver = [&loop, &node](mpi::Message&& m) {
    loop.post([&node, m = std::make_shared<mpi::Message>(std::move(m))] {
      node.on_frame(m->source, {m->stamp.world, m->stamp.incarnation, m->stamp.epoch, m->stamp.view}, std::move(m->payload));
    });
  };
  fabric.on_message(mpi::Channel::kProbe, deliver);
  fabric.on_message(mpi::Channel::kControl, deliver);
  fabric.on_suspect([&loop, &node](Rank rank) { loop.post([&node, rank] { node.on_suspect(rank); }); });
  loop.after_turn([&node] { node.on_tick(); });
  loop.post([&] {
    node.start();
    worker_node.start();
    master_node.start();
    tick_node(node, loop);
  });

  if (is_master) {
    servers.open(config.masters()[static_cast<std::size_t>(place - roles.masters.begin())]);
    loop.post([&] {
      worker_node.serves_clients_at(servers.client_port(), servers.http_port());
      servers.publish(node.view(), node.role());
    });
  }

  if (kept) {
    kept.started(self, log_file);
    set_log_stderr(false);
  }
  std::thread control([&loop] { loop.run(); });
  auto look_at_keeper = [&, kept_until_now = static_cast<bool>(kept)]() mutable {
    if (!kept_until_now || kept.keeper_lives()) return;
    kept_until_now = false;
    loop.post([&node] { node.set_keeper(false); });
    log_warn("host", "the keeper of this rank has died");
  };
  std::jthread watchdog([&](std::stop_token stop) { watch(*world, loop, look_at_keeper, stop); });
  std::thread signal_thread([&] {
    int received = 0;
    ::sigwait(&signals, &received);
    log_info("cluster", "stopping");
    servers.stop();
    departure.wait(departure.told_to_leave() || host::requested(ha_directory, launch) == host::Request::kStop);
    servers.withdraw();
    world->stop();
  });
  world->run();
  watchdog.request_stop();
  loop.stop();
  control.join();
  files.stop();
  files_thread.join();
  signal_thread.join();
  if (notes) notes->discard();
  world->linger_and_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"tajod: one rank of a Tajo cluster; started by mpirun, usually through launch/start-tajo.sh"};
  Options options;
  app.add_option("--config", options.config, "configuration directory with tajo-site.xml, masters, workers");
  app.add_flag("--outlive-launcher", options.outlive_launcher, "go on when mpirun is lost, with a keeper for each rank");
  app.add_option("--launch", options.launch, "a name for this start of the cluster, the same at all ranks");
  app.add_option("--hosts", options.hosts, "only what masters and workers place on these hosts")->delimiter(',');
  app.add_option("--workers", options.workers, "this many workers in place of those that the file says");
  app.add_flag("--force", options.force, "start although another world may still be running");
  CLI11_PARSE(app, argc, argv);
  try {
    run(argc, argv, options);
  } catch (const tajo::Error& e) {
    std::fprintf(stderr, "tajod: %s\n", e.what());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tajod: %s\n", e.what());
  }
  std::fflush(stderr);
  ::_exit(1);
}
