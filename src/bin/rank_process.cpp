#include "rank_process.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "rank_watchdog.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/common/failpoint.hpp"
#include "tajo/common/log.hpp"
#include "tajo/common/runtime.hpp"

namespace tajo {
namespace {

constexpr Micros kLongestNapUs = 50'000;
constexpr Micros kTellLoadUs = 500'000, kTellLoadPausedUs = 50'000;
constexpr Micros kLongestPauseUs = 30'000'000;  ///< for a start that does not come; longer than any drain and a start
constexpr Micros kCloseUs = 5'000'000;          ///< a world that has closed its log is ended within that, or goes on
constexpr std::int64_t kDrainMs = 3'000;        ///< twice this, and last words, stay below TAJO_STOP_TIMEOUT

cluster::NodeConfig node_config(const RankSetting& setting) {
  const auto& [config, launch, force, end_seen, world, place, kept] = setting;
  cluster::NodeConfig c;
  c.self = place.self;
  c.masters.assign(place.roles.masters.begin(), place.roles.masters.end());
  c.workers.assign(place.roles.workers.begin(), place.roles.workers.end());
  c.spares.assign(place.roles.spares.begin(), place.roles.spares.end());
  c.world = world.id();
  c.ha = config.ha();
  c.force = force;
  c.end_seen = end_seen;
  c.keeper = static_cast<bool>(kept);
  c.monitor_interval_us = config.integer("tajo.master.ha.monitor.interval") * 1000;
  c.seed = static_cast<std::uint64_t>(boottime_us()) * 1'000'003 + static_cast<std::uint64_t>(place.self) * 97 + static_cast<std::uint64_t>(::getpid());
  return c;
}

worker::WorkerConfig worker_config(const RankSetting& setting, const RankResources& resources) {
  worker::WorkerConfig c;
  c.host = setting.place.host;
  c.pid = static_cast<std::int32_t>(::getpid());
  c.cores = static_cast<std::uint32_t>(resources.cores);
  c.memory_bytes = resources.memory_bytes;
  c.launcher_lost = [&world = setting.world] { return world.launcher_lost(); };
  c.disk_space = [directories = resources.tmpdirs] { return disk_space(directories); };
  return c;
}

ClientServers::Config servers_config(const RankSetting& setting, const RankResources& resources, std::function<void(host::Request)> on_request) {
  ClientServers::Config c;
  c.socket_directory = setting.config.pid_directory();
  c.spool_directory = resources.tmpdirs.empty() ? "/tmp" : resources.tmpdirs.front();
  c.ha_directory = host::ha_directory(setting.config.rootdir());
  c.max_connections = static_cast<std::uint32_t>(setting.config.integer("tajo.master.max-connections"));
  c.drain_ms = kDrainMs;
  c.web_host = setting.config.web_host();
  c.masters_file = setting.config.directory() + "/masters";
  c.endpoint.host = setting.place.host;
  c.endpoint.pid = ::getpid();
  c.endpoint.rank = setting.place.self;
  c.endpoint.world = setting.world.id();
  c.endpoint.launch = setting.launch;
  c.on_request = std::move(on_request);
  return c;
}

std::unique_ptr<master::CrashNotes> crash_notes(const RankSetting& setting) {
  if (!setting.place.may_become_master()) return nullptr;
  return std::make_unique<master::CrashNotes>(setting.config.rootdir() + "/system/planning", setting.world.id(), setting.place.self);
}

}  // namespace

RankProcess::RankProcess(const RankSetting& setting, StartTimes& times)
    : setting_(setting), times_(times), self_(setting.place.self), resources_(resources_of(setting.config, setting.place)),
      port_(setting.world.fabric()),
      log_files_(journal::PosixLogFiles::open(setting.config.rootdir() + "/system/log", self_, [this](std::function<void()> f) { loop_.post(std::move(f)); })),
      node_(node_config(setting), *log_files_, port_, listener_, boottime_us),
      storage_(storage::Storage::make(setting.config.path("tajo.warehouse.directory"))),
      outputs_(exchange::OutputStore::make(setting.world.fabric(), resources_.outputs())),
      engine_(exec::Engine::make(resources_.engine(setting.config), *storage_, *outputs_)),
      coordinator_(port_, static_cast<std::uint32_t>(setting.config.integer("tajo.task.max-attempts"))),
      departure_(loop_, node_, setting.launch, [this] {
        for (const auto& [rank, member] : node_.view().members)
          if (rank != self_) port_.send(rank, Bytes(1, static_cast<std::byte>(protocol::Tag::kLeave)));
      }),
      last_words_(setting.launch, [this](bool everybody) {
        if (node_.role() == cluster::Role::kActive) return;  // it knows its own
        if (everybody) listener_.on_leave();
        else node_.abstain_for(kCloseUs);
      }),
      worker_(worker_config(setting, resources_), loop_, files_, port_, *engine_, *outputs_, *storage_), notes_(crash_notes(setting)),
      master_({.runtime = Runtime::system(), .loop = loop_, .node = node_, .catalog = catalog_, .sessions = sessions_, .queries = queries_,
               .coordinator = coordinator_, .resources = tracker_, .engine = *engine_, .outputs = *outputs_, .storage = *storage_,
               .staging_directory = setting.config.path("tajo.staging.directory"),
               .warehouse_directory = setting.config.path("tajo.warehouse.directory"), .owner = user_name(),
               .notes = notes_.get(),
               .session_expiry_ms = setting.config.integer("tajo.client.session.expiry-time-sec") * 1000,
               .result_retention_ms = setting.config.integer("tajo.query.result.retention-min") * 60'000,
               .history_expiry_ms = setting.config.integer("tajo.history.expiry-time-day") * 86'400'000,
               .ha = setting.config.ha()},
              port_),
      servers_(servers_config(setting, resources_, [this](host::Request request) { on_request(request); }), master_.service(), setting.kept) {
  connect_log();
  connect_frames();
  connect_servers();
}

void RankProcess::connect_log() {
  node_.add_machine("catalog", {journal::RecordKind::kCatalog}, catalog_);
  node_.add_machine("sessions", {journal::RecordKind::kSession}, sessions_);
  node_.add_machine("queries", {journal::RecordKind::kQuery}, queries_);
  node_.add_machine("last words", {journal::RecordKind::kLastWords}, last_words_);
  listener_.master = &master_;
  listener_.worker = &worker_;
  listener_.on_leave = [this] {
    departure_.heard();
    ::kill(::getpid(), SIGTERM);
  };
  loop_.after_turn([this] { node_.on_tick(); });
  loop_.post([this] {
    node_.start();
    worker_.start();
    master_.start();
    tick_node();
    tell_load();
  });
}

void RankProcess::connect_frames() {
  auto deliver = [this](mpi::Message&& m) {
    loop_.post([this, m = std::make_shared<mpi::Message>(std::move(m))] {
      node_.on_frame(m->source, {m->stamp.world, m->stamp.incarnation, m->stamp.epoch, m->stamp.view}, std::move(m->payload));
    });
  };
  mpi::Fabric& fabric = setting_.world.fabric();
  fabric.on_message(mpi::Channel::kProbe, deliver);
  fabric.on_message(mpi::Channel::kControl, deliver);
  fabric.on_suspect([this](Rank rank) { loop_.post([this, rank] { node_.on_suspect(rank); }); });
}

void RankProcess::connect_servers() {
  listener_.on_membership = [this](const cluster::View& view, cluster::Role role) {
    if (!std::exchange(stood_, true)) {
      times_.ended("first view");
      log_info("cluster", times_.text());
    }
    servers_.publish(view, role);
    const bool promoted = !setting_.place.line && (role == cluster::Role::kActive || role == cluster::Role::kBackup);
    if (promoted && !servers_.opened()) serve_in_place_of_lost(view);
  };
}

void RankProcess::serve_in_place_of_lost(const cluster::View& view) {
  std::vector<MasterLine> lost;
  const auto& masters = setting_.place.roles.masters;
  for (std::size_t i = 0; i < masters.size(); ++i)
    if (!view.contains(masters[i])) lost.push_back(setting_.config.masters()[i]);
  files_.post([this, lost = std::move(lost)] {
    if (servers_.opened()) return;
    servers_.open_in_place_of(lost);
    tell_addresses();
  });
}

void RankProcess::open_servers() {
  if (!setting_.place.line) return;
  servers_.open(*setting_.place.line);
  tell_addresses();
}

void RankProcess::tell_addresses() {
  loop_.post([this] {
    worker_.serves_clients_at(servers_.client_port(), servers_.http_port());
    servers_.publish(node_.view(), node_.role());
  });
}

void RankProcess::tell_load() {
  const bool paused = master_.admission().paused();
  servers_.publish_load(static_cast<int>(queries_.running().size()), master_.load(), paused);
  loop_.run_after(paused ? kTellLoadPausedUs : kTellLoadUs, [this] { tell_load(); });
}

void RankProcess::tick_node() {
  fault_at("control");
  const Micros now = boottime_us();
  const Micros at = std::clamp(node_.next_wakeup(), now + 1000, now + kLongestNapUs);
  loop_.run_at(at, [this] { tick_node(); });
}

void RankProcess::on_request(host::Request request) {
  switch (request) {
    case host::Request::kStop: ::kill(::getpid(), SIGTERM); break;
    case host::Request::kDrain:
    case host::Request::kClose:
      if (!master_.admission().paused()) log_info("host", "the cluster is to be started again: statements wait");
      master_.pause(kLongestPauseUs);
      if (request == host::Request::kClose) files_.post([this] { departure_.wait(false); });
      loop_.post([this] { tell_load(); });
      break;
    case host::Request::kNone: master_.admission().resume(); break;
    case host::Request::kReplace: break;  // the keeper's
  }
}

/// Waits for the signal to end, then takes the rank out of service.
void RankProcess::leave(const sigset_t& signals) {
  int received = 0;
  ::sigwait(&signals, &received);
  log_info("cluster", "stopping");
  servers_.stop();
  const std::string directory = host::ha_directory(setting_.config.rootdir());
  const bool everybody = departure_.told_to_leave() || host::requested(directory, setting_.launch) == host::Request::kStop;
  if (!everybody) loop_.post([this] { node_.abstain(); });  // all may have been told one by one: no claim may follow the last words
  departure_.wait(everybody);
  servers_.withdraw();
  setting_.world.stop();
}

void RankProcess::run(const sigset_t& signals) {
  Thread files_thread("tajo-files", kPlanningStackBytes, [this] { files_.run(); });
  std::thread control([this] { loop_.run(); });
  auto look_at_keeper = [this, kept = static_cast<bool>(setting_.kept)]() mutable {
    if (!kept || setting_.kept.keeper_lives()) return;
    kept = false;
    loop_.post([this] { node_.set_keeper(false); });
    log_warn("host", "the keeper of this rank has died");
  };
  std::jthread watchdog([&](std::stop_token stop) { watch_rank(setting_.world, loop_, look_at_keeper, stop); });
  std::thread leaving([&] { leave(signals); });
  setting_.world.run();
  watchdog.request_stop();
  loop_.stop();
  control.join();
  files_.stop();
  files_thread.join();
  leaving.join();
  if (notes_) notes_->discard();
}

}  // namespace tajo
