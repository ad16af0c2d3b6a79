#include "sim_rank.hpp"

#include <algorithm>

#include "sim.hpp"

namespace tajo::sim {

using cluster::Role;

// --- process --------------------------------------------------------------------------------------------------------

SimRank::SimRank(Sim& s, int w, Rank r, cluster::NodeConfig config)
    : sim(s), world(w), rank(r), host(w * kHostsAWorld + r) {
  is_master = std::find(config.masters.begin(), config.masters.end(), r) != config.masters.end();
  clock_rate_ = 1 + (sim.rng.uniform() - 0.5) * 1e-3;  // proofs by majority need similar rates, no more
  clock_offset_ = static_cast<Micros>(sim.rng.below(1000)) * kSecond;
  files_ = std::make_unique<SimLogFiles>(sim.files, *this, sim);
  config.end_seen.at = clock();
  node = std::make_unique<cluster::ClusterNode>(std::move(config), *files_, *this, *this, [this] { return clock(); });
  service = sim.load->serve(*this);
}

SimRank::~SimRank() = default;

Micros SimRank::clock() const {
  return clock_offset_ + static_cast<Micros>(static_cast<double>(sim.now()) * clock_rate_);
}
Micros SimRank::to_sim(Micros node_time) const {
  if (node_time == INT64_MAX) return INT64_MAX;
  return static_cast<Micros>(static_cast<double>(node_time - clock_offset_) / clock_rate_) + 1;
}

void SimRank::start() {
  run([this] {
    node->start();
    service->start();
  });
  watch();
}

void SimRank::run(std::function<void()> fn, bool completion) {
  if (!alive) return;
  if (paused) {
    inbox_.emplace_back(completion, std::move(fn));
    return;
  }
  fn();
  service->turn();
  watchdog.turn();
  arm();
}

void SimRank::run_io(std::function<void()> fn) {
  if (!alive) {
    if (sim.rng.chance(0.5)) fn();  // it was on its way already
    return;
  }
  if (paused && !hung) {
    inbox_.emplace_front(true, std::move(fn));
    return;
  }
  fn();
}

void SimRank::arm() {
  if (!alive || paused) return;
  Micros due = to_sim(node->next_wakeup());
  if (due == INT64_MAX) return;
  due = std::max(due, sim.now());
  if (armed_ <= due && armed_ > sim.now()) return;
  armed_ = due;
  std::uint64_t version = ++armed_version_;
  sim.events.after(due - sim.now(), [this, version] {
    if (version != armed_version_) return;
    armed_ = INT64_MAX;
    run([this] { node->on_tick(); });
  });
}

void SimRank::stop() {
  paused = true;
  stopped_at = sim.now();
  ++sim.count.stops;
}

void SimRank::hang() {
  stop();
  hung = true;
}

void SimRank::go_on() {
  if (!alive || !paused) return;
  Micros away = sim.now() - stopped_at;
  paused = hung = false;
  stable_since = sim.now();
  sim.log("rank " + std::to_string(host) + " goes on after " + std::to_string(away / kMs) + " ms");
  bool ended = watchdog.tick();  // the watchdog thread may wake first
  if (sim.options.variant.elapsed_watchdog && away > cluster::kWatchdogTicks * cluster::kWatchdogTickMs * kMs)
    ended = true;
  if (ended) return die("watchdog");
  auto inbox = std::move(inbox_);
  inbox_.clear();
  // Threads wake in any order: completions of the I/O thread and frames interleave anew.
  if (sim.rng.chance(0.5))
    std::stable_partition(inbox.begin(), inbox.end(), [](const auto& x) { return x.first; });
  for (auto& [completion, fn] : inbox) run(std::move(fn), completion);
  armed_ = INT64_MAX;
  arm();
}

/// The watchdog thread: it ticks while the process runs, also while its loop hangs.
void SimRank::watch() {
  if (!alive) return;
  if (hung && watchdog.tick()) return die("watchdog");
  if (!paused) watchdog.turn();
  sim.events.after((hung ? 1 : 5) * cluster::kWatchdogTickMs * kMs, [this] { watch(); });
}

void SimRank::die(const std::string& why) {
  if (!alive) return;
  sim.on_death(*this, why);
  alive = false;
  serving = false;
  inbox_.clear();
  service->on_death();
}

// --- messages -------------------------------------------------------------------------------------------------------

void SimRank::send(Rank to, cluster::Lane, Bytes payload) { sim.network.send(*this, to, std::move(payload)); }
void SimRank::reset_peer(Rank peer, Incarnation) { sim.network.reset(*this, peer); }
void SimRank::expect_peer(Rank peer, Incarnation incarnation) {
  Incarnation& known = peers[peer];
  known = std::max(known, incarnation);
}

void SimRank::on_view(const cluster::View& view, Role self) {
  if (view.number < last_view_) sim.bad("rank " + std::to_string(host) + ": the view goes back");
  if (node && node->epoch() < last_epoch_) sim.bad("rank " + std::to_string(host) + ": the epoch goes back");
  if (node && node->incarnation() < last_incarnation_) sim.bad("rank " + std::to_string(host) + ": the incarnation goes back");
  last_view_ = view.number;
  if (node) last_epoch_ = node->epoch();
  if (node) last_incarnation_ = node->incarnation();
  if (sim.verbose()) {
    std::string text = "rank " + std::to_string(host) + " is " + std::string(role_name(self)) + " in view " +
                       std::to_string(view.number) + " {";
    for (const auto& [r, m] : view.members)
      text += " " + std::to_string(r) + ":" + std::string(role_name(m.role)).substr(0, 1) + std::to_string(m.incarnation);
    sim.log(text + " }");
  }
  service->on_view(view, self);
}

void SimRank::on_active(Epoch epoch) {
  serving = true;
  sim.on_active();
  sim.log("rank " + std::to_string(host) + " is ACTIVE in epoch " + std::to_string(epoch));
  service->on_active(epoch);
}

void SimRank::on_passive() {
  serving = false;
  service->on_passive();
  sim.log("rank " + std::to_string(host) + " is no longer active");
}

void SimRank::on_evicted() {
  ++sim.count.evictions;
  service->on_evicted();
  sim.log("rank " + std::to_string(host) + " is outside the view, incarnation " + std::to_string(node->incarnation()));
}

void SimRank::on_exit(const std::string& reason) { die(reason); }
void SimRank::on_read_only(bool value) {
  sim.log("rank " + std::to_string(host) + (value ? " is read-only" : " takes writes again"));
}
void SimRank::on_log_damaged(const std::string& text) { sim.log("rank " + std::to_string(host) + ": " + text); }

void SimRank::on_frame(Rank source, Bytes payload) { service->on_frame(source, std::move(payload)); }

}  // namespace tajo::sim
