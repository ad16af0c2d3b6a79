#include "sim.hpp"

#include <algorithm>
#include <cstdio>

#include "messages.hpp"

namespace tajo::sim {

namespace {
constexpr int kKeys = 3;
constexpr double kLongestRun = 140;
constexpr std::uint64_t kWriteIds = 1'000'000;  // ids of one client's statements
}  // namespace

Sim::Sim(Options o)
    : options(std::move(o)), rng(options.seed * 0x9E3779B97F4A7C15ULL + 1), files(*this, Random(rng())),
      network(*this, Random(rng())) {
  static constexpr std::pair<int, int> kShapes[] = {{2, 3}, {3, 2}, {2, 4}, {3, 3}, {4, 2}, {3, 4}, {1, 4}, {2, 3}};
  auto shape = kShapes[rng.below(std::size(kShapes))];
  masters = options.masters != 0 ? options.masters : shape.first;
  workers = options.workers != 0 ? options.workers : shape.second;
  if (options.spares < 0) options.spares = rng.chance(0.3) ? 1 : 0;
  static constexpr double kWrites[] = {0.2, 0.5, 0.9};
  if (options.writes == 0) options.writes = kWrites[rng.below(3)];
  static constexpr double kThink[] = {0.2, 0.4, 0.8};
  if (options.think_s == 0) options.think_s = kThink[rng.below(3)];
  static constexpr std::int64_t kRows[] = {15, 40, 100};
  if (options.row_slots == 0) options.row_slots = kRows[rng.below(3)];
  if (options.variant.reuse_names) options.row_slots = 1'000'000;
#ifdef TAJO_SIM_CANARIES
  cluster::active_canary = options.variant.rule;
#endif
  add_world(0, false);
  for (int i = 0; i < options.clients; ++i) {
    Client c;
    c.number = i + 1;
    clients_.push_back(c);
  }
}

Sim::~Sim() = default;

void Sim::add_world(int world, bool force) {
  cluster::NodeConfig c;
  int m = world == 0 ? masters : 1;
  int w = world == 0 ? workers : 1;
  for (Rank r = 0; r < m; ++r) c.masters.push_back(r);
  for (Rank r = m; r < m + w; ++r) c.workers.push_back(r);
  int spares = world == 0 ? options.spares : 0;
  for (Rank r = m + w; r < m + w + spares; ++r) c.spares.push_back(r);
  c.world = rng();
  c.force = force;
  worlds_ = std::max(worlds_, world + 1);
  for (Rank r = 0; r < m + w + spares; ++r) {
    c.self = r;
    c.seed = rng();
    ranks.push_back(std::make_unique<SimRank>(*this, world, r, c));
    ranks.back()->node->set_row_limits(options.row_slots, 1u << 20);
    SimRank* rank = ranks.back().get();
    events.after(static_cast<Micros>(rng.below(300 * kMs)), [rank] { rank->start(); });
  }
}

void Sim::log(const std::string& text) {
  if (verbose()) std::printf("%9.4f  %s\n", static_cast<double>(now()) / 1e6, text.c_str());
}

void Sim::bad(const std::string& text) {
  char when[32];
  std::snprintf(when, sizeof when, "%.3f ", static_cast<double>(now()) / 1e6);
  errors_.push_back(when + text);
  log("VIOLATION " + text);
}

void Sim::trace(const SimRank& from, const SimRank& to, const cluster::Stamp& stamp, const Bytes& payload) {
  if (payload.empty() || payload[0] != cluster::kClusterTag) return;
  cluster::Letter l = cluster::decode_letter(payload);
  if (l.kind == cluster::Kind::kProbe && options.verbosity < 3) return;
  std::string suspects;
  for (Rank r : l.ranks) suspects += " " + std::to_string(r);
  log("  " + std::to_string(from.host) + " -> " + std::to_string(to.host) + " " + kind_name(l.kind) + " e" +
      std::to_string(stamp.epoch) + " v" + std::to_string(stamp.view) + " i" + std::to_string(stamp.incarnation) +
      " number " + std::to_string(l.number) + suspects);
}

SimRank* Sim::find(int world, Rank rank) {
  for (auto& r : ranks)
    if (r->world == world && r->rank == rank) return r.get();
  return nullptr;
}

SimRank* Sim::active() {
  SimRank* best = nullptr;
  for (auto& r : ranks)
    if (r->alive && r->node->role() == cluster::Role::kActive && (!best || r->node->epoch() > best->node->epoch()))
      best = r.get();
  return best != nullptr ? best : ranks[0].get();
}

std::vector<int> Sim::hosts() const {
  std::vector<int> out;
  for (const auto& r : ranks) out.push_back(r->host);
  return out;
}

void Sim::at(double second, std::function<void()> fn) { events.after(seconds(second) - now(), std::move(fn)); }

const std::vector<std::string>& Sim::run() {
  for (Client& c : clients_)
    events.after(kSecond + static_cast<Micros>(rng.below(kSecond)), [this, &c] { next_statement(c); });
  for (;;) {
    Micros end = seconds(options.end_s);
    while (errors_.size() < 4 && events.step(end)) {
    }
    // A run that was mostly outage goes on until it has seen enough statements.
    if (statements >= kMinStatements || !errors_.empty() || options.end_s >= kLongestRun) break;
    options.end_s += 10;
    for (Client& c : clients_)
      if (!c.busy) next_statement(c);
  }
  check();
  if (on_end)
    for (auto& r : ranks) on_end(*r, r->node->counters());
  if (verbose())
    for (auto& r : ranks) log("rank " + std::to_string(r->host) + (r->alive ? " " : " dead ") + r->node->status());
  return errors_;
}

// --- clients --------------------------------------------------------------------------------------------------------

void Sim::next_statement(Client& c) {
  if (now() > seconds(options.end_s) - kSecond) return;
  Statement s;
  s.number = c.statement.number + 1;
  s.client = c.number;
  s.write = rng.chance(options.writes);
  s.task = s.write && rng.chance(0.3);
  s.key = static_cast<std::uint8_t>(rng.below(kKeys));
  s.id = static_cast<std::uint64_t>(c.number) * kWriteIds + s.number;
  c.statement = s;
  c.busy = true;
  attempt(c, s.number);
}

void Sim::attempt(Client& c, std::uint32_t number) {
  if (!c.busy || c.statement.number != number) return;
  ++c.statement.attempt;
  Statement s = c.statement;
  if (!s.write) {
    s.id = (s.id << 16) | s.attempt;  // every attempt of a read is a statement of its own
    c.acknowledged_before = acknowledged_[s.key].size();
  }
  std::vector<SimRank*> candidates;
  for (auto& r : ranks)
    if (r->takes_clients() && (r->alive || rng.chance(0.1))) candidates.push_back(r.get());
  if (!candidates.empty()) {
    SimRank* to = candidates[rng.below(candidates.size())];
    c.host = to->host;
    events.after(300, [to, s] { to->run([to, s] { to->request(s, to->rank); }); });
  }
  std::uint32_t attempt_number = c.statement.attempt;
  events.after(seconds(1.5 + 2 * rng.uniform()), [this, &c, number, attempt_number] {
    if (c.statement.attempt == attempt_number) attempt(c, number);
  });
}

void Sim::to_client(SimRank&, const Statement& s, Answer result, const std::vector<std::uint64_t>& values) {
  events.after(300, [this, s, result, values] {
    Client& c = clients_[static_cast<std::size_t>(s.client - 1)];
    if (!c.busy || c.statement.number != s.number) return;
    if (!s.write && c.statement.attempt != s.attempt) return;
    if (result != Answer::kOk) {
      events.after(200 * kMs, [this, &c, n = s.number] { attempt(c, n); });
      return;
    }
    ++statements;
    last_answer = now();
    answers.push_back(now());
    auto& acked = acknowledged_[s.key];
    if (s.write) {
      ++writes_done;
      acked.push_back(s.id);
    } else {
      ++reads_done;
      for (std::size_t i = 0; i < c.acknowledged_before; ++i)
        if (std::find(values.begin(), values.end(), acked[i]) == values.end()) {
          bad("stale read: the answer lacks " + std::to_string(acked[i]) + ", acknowledged before it began");
          break;
        }
      reads_.push_back({s.key, values, now()});
    }
    c.busy = false;
    events.after(static_cast<Micros>(rng.uniform() * options.think_s * 1e6), [this, &c] { next_statement(c); });
  });
}

}  // namespace tajo::sim
