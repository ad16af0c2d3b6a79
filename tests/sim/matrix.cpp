#include "matrix.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "sim.hpp"
#include "sql_load.hpp"
#include "warehouse_service.hpp"

namespace tajo::sim {

namespace {

using Kind = SqlLoad::Kind;

constexpr int kMasters = 3, kWorkers = 4;
constexpr double kLook = 4, kGiveUp = 14;  // seconds: from when on, and until when, the moment to strike is looked for
constexpr double kOver = 15, kEnd = 42;    // an evicted last master waits 15 s before it serves
constexpr Micros kBetweenLooks = 500;
constexpr Micros kStep = 100 * kMs;        // of a rank that gets a twentieth of a core

struct Fault {
  const char* name;
  std::function<void(Sim&, int victim)> strike;
};

struct Activity {
  const char* name;
  int kind;  ///< SqlLoad::Kind, -1: idle
};

enum class Victim : std::uint8_t { kActive, kBackup, kQueryMaster, kPlainWorker, kConnected };
constexpr const char* kVictims[] = {"active", "backup", "worker-with-the-querymaster", "plain-worker", "master-of-the-client"};

constexpr Activity kActivities[] = {{"idle", -1},
                                    {"ddl", static_cast<int>(Kind::kCreate)},
                                    {"scan", static_cast<int>(Kind::kScan)},
                                    {"shuffle", static_cast<int>(Kind::kRead)},
                                    {"join", static_cast<int>(Kind::kJoin)},
                                    {"ctas", static_cast<int>(Kind::kCreateAs)},
                                    {"insert", static_cast<int>(Kind::kInsert)},
                                    {"insert-of-workers", static_cast<int>(Kind::kWideInsert)},
                                    {"select-without-table", static_cast<int>(Kind::kImmediate)}};

std::vector<int> all_but(Sim& s, std::vector<int> some) {
  std::vector<int> out;
  for (int h : s.hosts())
    if (std::find(some.begin(), some.end(), h) == some.end()) out.push_back(h);
  return out;
}

/// Somebody else who lives; a worker for a master, so that one of each is left.
int other_than(Sim& s, int victim) {
  std::vector<int> out;
  for (auto& r : s.ranks)
    if (r->alive && r->host != victim && r->is_master != s.find_host(victim)->is_master) out.push_back(r->host);
  return out[s.rng.below(out.size())];
}

void one_way(Sim& s, int victim, bool from) {
  Network::Links links;
  for (int h : all_but(s, {victim})) links.emplace_back(from ? victim : h, from ? h : victim);
  ++s.count.one_way_cuts;
  s.network.cut(links, 5 * kSecond);
}

/// The victim dies and somebody claims: for the active's death, or by a handover soon after.
void claim_without(Sim& s, int victim) {
  const bool was_active = s.active()->host == victim;
  s.kill(victim);
  if (!was_active) s.events.after(1500 * kMs, [&s] { s.handover(); });
}

void trouble(Sim& s, int victim, FileServer::Trouble kind) {
  ++s.count.io_errors;
  s.files.trouble(victim, kind, s.now() + 5 * kSecond);
}

std::vector<Fault> make_faults() {
  using Trouble = FileServer::Trouble;
  auto after = [](Sim& s, Micros delay, std::function<void()> fn) { s.events.after(delay, std::move(fn)); };
  std::vector<Fault> out;
  auto add = [&](const char* name, std::function<void(Sim&, int)> strike) { out.push_back({name, std::move(strike)}); };
  // processes
  add("kill", [](Sim& s, int v) { s.kill(v); });
  add("stop-of-three-timeouts", [](Sim& s, int v) { s.stop(v, 1800 * kMs); });
  add("ten-stops-of-half-a-timeout", [after](Sim& s, int v) {
    for (int i = 0; i < 10; ++i) after(s, i * 600 * kMs, [&s, v] { s.stop(v, 300 * kMs); });
  });
  add("a-twentieth-of-a-core", [after](Sim& s, int v) {
    for (int i = 0; i < 60; ++i) after(s, i * kStep, [&s, v] { s.stop(v, kStep - kStep / 20); });
  });
  add("loop-hangs", [](Sim& s, int v) { s.hang(v); });
  add("two-kills-within-10-ms", [after](Sim& s, int v) {
    const int other = other_than(s, v);
    s.kill(v);
    after(s, static_cast<Micros>(s.rng.below(10 * kMs)), [&s, other] { s.kill(other); });
  });
  add("one-dead-one-hung", [](Sim& s, int v) {
    s.hang(other_than(s, v));
    s.kill(v);
  });
  add("claimant-dies-before-its-first-word", [](Sim& s, int v) {
    s.at_next("claim: after the slot", "kill", 0);
    claim_without(s, v);
  });
  add("successor-dies-before-the-first-report", [](Sim& s, int v) {
    auto armed = std::make_shared<bool>(true);
    s.on_claim = [&s, armed](const std::string&) {
      if (!std::exchange(*armed, false)) return;
      s.events.after(static_cast<Micros>(s.rng.below(20 * kMs)), [&s] { s.may_kill(s.active()->host); });
    };
    claim_without(s, v);
  });
  add("all-masters-but-one", [](Sim& s, int v) {
    std::vector<int> others;
    for (auto& r : s.ranks)
      if (r->is_master && r->host != v) others.push_back(r->host);
    const int survivor = others[s.rng.below(others.size())];
    s.kill(v);
    for (int h : others)
      if (h != survivor) s.kill(h);
  });
  add("power-loss-of-two", [after](Sim& s, int v) {
    const int other = other_than(s, v);
    s.cut_both({v, other}, all_but(s, {v, other}), 10 * kSecond);
    after(s, 100 * kMs, [&s, v, other] {
      s.kill(v);
      s.kill(other);
    });
  });
  add("everything-suspended", [](Sim& s, int) { s.suspend_all(3 * kSecond); });
  add("out-of-memory", [](Sim& s, int v) { s.out_of_memory[v] = s.now() + 3 * kSecond; });
  add("clock-jumps-an-hour", [](Sim& s, int v) {
    const Micros hour = 3600 * kSecond;
    static_cast<WarehouseService&>(*s.find_host(v)->service).runtime().jump_wall(s.rng.chance(0.5) ? hour : -hour);
  });
  // links
  add("cut-both-ways", [](Sim& s, int v) { s.cut_both({v}, all_but(s, {v}), 5 * kSecond); });
  add("cut-one-way-out", [](Sim& s, int v) { one_way(s, v, true); });
  add("cut-one-way-in", [](Sim& s, int v) { one_way(s, v, false); });
  // the filesystem
  add("stalled-for-one", [](Sim& s, int v) { s.stall({v}, 10 * kSecond); });
  add("stalled-for-all", [](Sim& s, int) { s.stall(s.hosts(), 10 * kSecond); });
  add("full-disk", [](Sim& s, int) {
    ++s.count.full_disks;
    s.files.full_until(s.now() + 5 * kSecond);
  });
  add("write-errors", [](Sim& s, int v) { trouble(s, v, Trouble::kWriteErrors); });
  add("short-writes", [](Sim& s, int v) { trouble(s, v, Trouble::kShortWrites); });
  add("failed-fsyncs", [](Sim& s, int v) { trouble(s, v, Trouble::kSyncErrors); });
  add("torn-bytes", [](Sim& s, int v) { s.files.stale_pages(v, s.now() + 8 * kSecond); });
  add("flipped-bits", [](Sim& s, int v) { trouble(s, v, Trouble::kFlippedBits); });
  add("stale-look-ups", [](Sim& s, int v) { s.files.stale_look_ups(v, s.now() + 20 * kSecond); });
  add("answers-lost", [](Sim& s, int) { s.files.lose_replies_until(s.now() + 5 * kSecond); });
  add("file-server-fails-over-and-a-kill", [](Sim& s, int v) {
    s.kill(v);
    s.files.fail_over(kSecond);
  });
  // worlds
  add("second-world", [](Sim& s, int) { s.force_second_world(); });
  add("all-killed-and-restarted", [after](Sim& s, int) {
    for (int h : s.hosts()) s.kill(h);
    after(s, 2 * kSecond, [&s] { s.force_second_world(); });
  });
  return out;
}

struct Cell {
  const Fault* fault;
  const Activity* activity;
  Victim victim;
  std::string name() const { return std::string(fault->name) + "/" + activity->name + "/" + kVictims[static_cast<std::size_t>(victim)]; }
};

/// The host to strike; -1: not now.
int find_victim(Sim& s, Victim victim, int connected) {
  SimRank* active = s.active();
  if (!active->alive || active->node->role() != cluster::Role::kActive) return -1;
  const cluster::View& view = active->node->view();
  auto pick = [&](std::vector<int> of) { return of.empty() ? -1 : of[s.rng.below(of.size())]; };
  std::vector<int> of;
  switch (victim) {
    case Victim::kActive: return active->host;
    case Victim::kConnected: return connected;
    case Victim::kBackup:
      for (Rank r : view.with_role(cluster::Role::kBackup))
        if (r != connected) of.push_back(r);
      return pick(of);
    case Victim::kQueryMaster:  // between queries: the one that had the last
      return s.query_masters.empty() ? s.last_query_master : s.query_masters.back().second;
    case Victim::kPlainWorker:
      for (Rank r : view.workers_on_duty())
        if (std::none_of(s.query_masters.begin(), s.query_masters.end(), [r](const auto& q) { return q.second == r; })) of.push_back(r);
      return pick(of);
  }
  return -1;
}

/// One run of one cell.
struct Strike {
  const Cell& cell;
  Sim& sim;
  SqlLoad& load;
  bool done = false;
  std::optional<SqlLoad::UnderWay> statement;

  void look() {
    if (done || sim.now() > seconds(kGiveUp)) return;
    if (!strike_now()) sim.events.after(kBetweenLooks, [this] { look(); });
  }

  bool strike_now() {
    if (!load.ready()) return false;
    int connected = -1;
    if (cell.activity->kind < 0) {
      load.quiet(sim.now() + 2 * kSecond);
      if (!load.idle()) return false;
      connected = sim.ranks[sim.rng.below(kMasters)]->host;
    } else {
      statement = load.under_way(static_cast<Kind>(cell.activity->kind));
      if (!statement || sim.rng.chance(0.6)) return false;  // at any moment of it, not only its first
      connected = statement->host;
    }
    const int victim = find_victim(sim, cell.victim, connected);
    if (victim < 0 || !sim.find_host(victim)->alive) return false;
    sim.log("STRIKE " + cell.name() + ": rank " + std::to_string(victim));
    done = true;
    if (cell.activity->kind < 0) load.quiet(sim.now() + kSecond);
    cell.fault->strike(sim, victim);
    return true;
  }
};

struct Result {
  bool met = false;
  std::vector<std::string> errors;
  std::vector<std::string> timeline;
  std::uint64_t statements = 0;
};

Result run_cell(const Cell& cell, std::uint64_t seed, int verbosity, bool record) {
  Options o;
  o.seed = seed;
  o.verbosity = verbosity;
  o.record = record;
  o.sql = true;
  o.masters = kMasters;
  o.workers = kWorkers;
  o.spares = 0;
  o.clients = 4;
  o.writes = 0.5;
  o.think_s = 0.8;
  o.prolong = false;
  o.favoured = cell.activity->kind;
  o.heal_s = kOver;
  o.end_s = kEnd;
  Sim sim(o);
  Strike strike{cell, sim, static_cast<SqlLoad&>(*sim.load), false, std::nullopt};
  sim.at(kLook, [&strike] { strike.look(); });
  Result result;
  result.errors = sim.run();
  result.met = strike.done;
  if (strike.done && strike.statement && result.errors.empty() && !strike.load.ended(*strike.statement)) {
    sim.bad("the statement that was under way has not been answered");
    result.errors = sim.errors();
  }
  result.timeline.assign(sim.timeline().begin(), sim.timeline().end());
  result.statements = sim.statements;
  return result;
}

}  // namespace

int run_matrix(const std::string& only, std::uint64_t seeds, int jobs, int verbosity) {
  const std::vector<Fault> faults = make_faults();
  std::vector<Cell> cells;
  for (const Fault& fault : faults)
    for (const Activity& activity : kActivities)
      for (std::size_t v = 0; v < std::size(kVictims); ++v) {
        Cell cell{&fault, &activity, static_cast<Victim>(v)};
        if (only.empty() || cell.name().find(only) != std::string::npos) cells.push_back(cell);
      }
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::uint64_t met = 0, wrong = 0, missed = 0, statements = 0;
  auto work = [&] {
    for (std::size_t i = next++; i < cells.size() * seeds; i = next++) {
      const Cell& cell = cells[i / seeds];
      const std::uint64_t seed = i % seeds + 1;
      Result r = run_cell(cell, seed, verbosity, false);
      std::lock_guard lock(mutex);
      statements += r.statements;
      ++(r.met ? met : missed);
      if (!r.met) std::printf("NEVER MET: %s, seed %llu\n", cell.name().c_str(), static_cast<unsigned long long>(seed));
      if (r.errors.empty()) continue;
      if (++wrong <= 20) std::printf("FAILED: %s, seed %llu: %s\n", cell.name().c_str(), static_cast<unsigned long long>(seed), r.errors[0].c_str());
      if (wrong == 1 && verbosity == 0)
        for (const std::string& line : run_cell(cell, seed, 0, true).timeline) std::printf("    %s\n", line.c_str());
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < jobs; ++i) threads.emplace_back(work);
  work();
  for (auto& t : threads) t.join();
  std::printf("matrix: %zu cells (%zu faults, %zu activities, %zu victims), %llu met, %llu never met, %llu failed, %llu statements\n", cells.size(),
              faults.size(), std::size(kActivities), std::size(kVictims), static_cast<unsigned long long>(met),
              static_cast<unsigned long long>(missed), static_cast<unsigned long long>(wrong), static_cast<unsigned long long>(statements));
  return !cells.empty() && missed == 0 && wrong == 0 ? 0 : 1;
}

}  // namespace tajo::sim
