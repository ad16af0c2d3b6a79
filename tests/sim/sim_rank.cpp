#include "sim_rank.hpp"

#include <algorithm>

#include "sim.hpp"

namespace tajo::sim {

using cluster::Outcome;
using cluster::Role;

namespace {
enum class Tag : std::uint8_t { kForward = 0x10, kAnswer, kTask, kDone };
constexpr Micros kResend = 500 * kMs;
constexpr Micros kGiveUp = 6 * kSecond;
}  // namespace

// --- state ----------------------------------------------------------------------------------------------------------

Bytes Lists::encode(const Write& w) {
  ByteWriter out;
  out.put(w.id);
  out.put(w.key);
  out.put(w.by);
  out.put(w.incarnation);
  return out.take();
}

Lists::Write Lists::decode(ByteView bytes) {
  ByteReader in(bytes);
  Write w{};
  w.id = in.get<std::uint64_t>();
  w.key = in.get<std::uint8_t>();
  w.by = in.get<Rank>();
  w.incarnation = in.get<Incarnation>();
  return w;
}

void Lists::apply(const journal::Record& record) {
  Write w = decode(record.payload);
  lists[w.key].push_back(w.id);
  known.insert(w.id);
}

Bytes Lists::snapshot() const {
  ByteWriter out;
  for (const auto& [key, ids] : lists) {
    out.put(key);
    out.put(static_cast<std::uint32_t>(ids.size()));
    for (std::uint64_t id : ids) out.put(id);
  }
  return out.take();
}

void Lists::restore(ByteView snapshot) {
  lists.clear();
  known.clear();
  for (ByteReader in(snapshot); !in.empty();) {
    auto key = in.get<std::uint8_t>();
    auto count = in.get<std::uint32_t>();
    auto& ids = lists[key];
    for (std::uint32_t i = 0; i < count; ++i) {
      ids.push_back(in.get<std::uint64_t>());
      known.insert(ids.back());
    }
  }
}

// --- process --------------------------------------------------------------------------------------------------------

SimRank::SimRank(Sim& s, int w, Rank r, cluster::NodeConfig config)
    : sim(s), world(w), rank(r), host(w * 100 + r) {
  is_master = std::find(config.masters.begin(), config.masters.end(), r) != config.masters.end();
  clock_rate_ = 1 + (sim.rng.uniform() - 0.5) * 1e-3;  // proofs by majority need similar rates, no more
  clock_offset_ = static_cast<Micros>(sim.rng.below(1000)) * kSecond;
  files_ = std::make_unique<SimLogFiles>(sim.files, *this, sim);
  node = std::make_unique<cluster::ClusterNode>(std::move(config), *files_, *this, *this, [this] { return clock(); });
  node->add_machine("lists", {journal::RecordKind::kRequest}, lists);
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
  run([this] { node->start(); });
  forward_loop();
  watch();
}

void SimRank::run(std::function<void()> fn, bool completion) {
  if (!alive) return;
  if (paused) {
    inbox_.emplace_back(completion, std::move(fn));
    return;
  }
  fn();
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
}

// --- messages -------------------------------------------------------------------------------------------------------

void SimRank::send(Rank to, cluster::Lane, Bytes payload) { sim.network.send(*this, to, std::move(payload)); }
void SimRank::reset_peer(Rank peer, Incarnation) { sim.network.reset(*this, peer); }

void SimRank::on_view(const cluster::View& view, Role self) {
  if (view.number < last_view_) sim.bad("rank " + std::to_string(host) + ": the view goes back");
  if (node && node->epoch() < last_epoch_) sim.bad("rank " + std::to_string(host) + ": the epoch goes back");
  if (node && node->incarnation() < last_incarnation_) sim.bad("rank " + std::to_string(host) + ": the incarnation goes back");
  if (view.active() != last_active_) {  // what waits for an answer goes to the new active at once
    last_active_ = view.active();
    for (auto& [id, f] : forwarded_) route(f);
  }
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
}

void SimRank::on_active(Epoch epoch) {
  serving = true;
  sim.log("rank " + std::to_string(host) + " is ACTIVE in epoch " + std::to_string(epoch));
  for (auto& [id, f] : std::exchange(forwarded_, {})) request(f.statement, rank);
}

void SimRank::on_passive() {
  serving = false;
  running_.clear();
  sim.log("rank " + std::to_string(host) + " is no longer active");
}

void SimRank::on_evicted() {
  ++sim.count.evictions;
  forwarded_.clear();
  sim.log("rank " + std::to_string(host) + " is outside the view, incarnation " + std::to_string(node->incarnation()));
}

void SimRank::on_exit(const std::string& reason) { die(reason); }
void SimRank::on_read_only(bool value) {
  sim.log("rank " + std::to_string(host) + (value ? " is read-only" : " takes writes again"));
}
void SimRank::on_log_damaged(const std::string& text) { sim.log("rank " + std::to_string(host) + ": " + text); }

void SimRank::on_frame(Rank source, Bytes payload) {
  ByteReader in(payload);
  switch (in.get<Tag>()) {
    case Tag::kForward: {
      auto s = in.get<Statement>();
      if (serving) request(s, source);
      return;
    }
    case Tag::kAnswer: {
      auto s = in.get<Statement>();
      auto result = in.get<Answer>();
      std::vector<std::uint64_t> values;
      while (!in.empty()) values.push_back(in.get<std::uint64_t>());
      if (forwarded_.erase(s.id) > 0) sim.to_client(*this, s, result, values);
      return;
    }
    case Tag::kTask: {
      auto s = in.get<Statement>();
      ByteWriter out;
      out.put(Tag::kDone);
      out.put(s);
      out.put(rank);
      out.put(node->incarnation());
      send(source, cluster::Lane::kControl, out.take());
      return;
    }
    case Tag::kDone: {
      auto s = in.get<Statement>();
      auto by = in.get<Rank>();
      auto incarnation = in.get<Incarnation>();
      auto it = running_.find(s.id);
      if (!serving || it == running_.end() || it->second.proposed) return;
      write(s, rank, by, incarnation);
      return;
    }
  }
}

// --- statements -----------------------------------------------------------------------------------------------------

void SimRank::request(Statement s, Rank origin) {
  if (!serving) {
    if (origin != rank) return;
    auto [it, fresh] = forwarded_.try_emplace(s.id, Forwarded{s, sim.now(), 0});
    it->second.statement = s;
    it->second.since = sim.now();
    route(it->second);
    return;
  }
  if (!s.write) return read(s, origin);
  if (lists.known.contains(s.id)) {
    // Recorded already: the outcome is told again, once the epoch is proved to stand.
    node->prove_read([this, s, origin](bool ok) {
      if (ok) answer(s, origin, Answer::kOk, nullptr);
    });
    return;
  }
  auto [it, fresh] = running_.try_emplace(s.id);
  it->second.waiting.emplace_back(s, origin);
  if (!fresh && !s.task) return;  // still running: attached
  if (!s.task) return write(s, origin, kNoRank, 0);
  auto workers = node->view().with_role(Role::kWorker);
  if (workers.empty() || it->second.proposed) return;
  ByteWriter out;
  out.put(Tag::kTask);
  out.put(s);
  send(workers[sim.rng.below(workers.size())], cluster::Lane::kControl, out.take());
}

void SimRank::write(Statement s, Rank, Rank by, Incarnation incarnation) {
  running_[s.id].proposed = true;
  cluster::Proposal p;
  p.records.emplace_back(journal::RecordKind::kRequest, Lists::encode({s.id, s.key, by, incarnation}));
  if (by != kNoRank) p.members.emplace_back(by, incarnation);
  node->propose(std::move(p), [this, s](Outcome outcome) {
    auto it = running_.find(s.id);
    if (it == running_.end()) return;
    auto waiting = std::move(it->second.waiting);
    running_.erase(it);
    Answer result = outcome == Outcome::kCommitted    ? Answer::kOk
                    : outcome == Outcome::kDiskFull   ? Answer::kDiskFull
                    : outcome == Outcome::kSuperseded ? Answer::kUnknown
                                                      : Answer::kRetry;
    for (const auto& [statement, origin] : waiting) answer(statement, origin, result, nullptr);
  });
}

void SimRank::read(Statement s, Rank origin) {
  node->prove_read([this, s, origin](bool ok) {
    if (!ok) return;
    answer(s, origin, Answer::kOk, &lists.lists[s.key]);
  });
}

void SimRank::answer(const Statement& s, Rank origin, Answer result, const std::vector<std::uint64_t>* values) {
  if (origin == rank) return sim.to_client(*this, s, result, values ? *values : std::vector<std::uint64_t>{});
  ByteWriter out;
  out.put(Tag::kAnswer);
  out.put(s);
  out.put(result);
  if (values)
    for (std::uint64_t v : *values) out.put(v);
  send(origin, cluster::Lane::kControl, out.take());
}

void SimRank::route(Forwarded& f) {
  f.sent = sim.now();
  Rank active = node->view().active();
  if (active == kNoRank || active == rank || node->role() == Role::kOutside) return;
  ByteWriter out;
  out.put(Tag::kForward);
  out.put(f.statement);
  send(active, cluster::Lane::kControl, out.take());
}

/// What has not been seen answered is sent again.
void SimRank::forward_loop() {
  if (!alive) return;
  if (!forwarded_.empty()) {
    run([this] {
      for (auto it = forwarded_.begin(); it != forwarded_.end();) {
        if (sim.now() - it->second.since > kGiveUp) {
          it = forwarded_.erase(it);
        } else if (serving) {
          Statement s = it->second.statement;
          it = forwarded_.erase(it);
          request(s, rank);
        } else {
          if (sim.now() - it->second.sent > kResend) route(it->second);
          ++it;
        }
      }
    });
  }
  sim.events.after(200 * kMs, [this] { forward_loop(); });
}

}  // namespace tajo::sim
