// sim --seeds N [--start S] [--jobs J]      random runs; a rule or fault that was never taken fails the run
// sim --seed N [-v | -vv | -vvv]            one run again, with a timeline
// sim --sql …                               the whole warehouse under SQL instead of the log alone
// sim --ranks N …                           random runs in worlds of N ranks, three of them masters
// sim --scale RANKS                         load of the active master in a large world, as a table
// sim --schedule NAME|all [--seeds N]       the named schedules
// sim --matrix [CELL] [--seeds N]           every fault x kind of statement x victim, or those whose name contains CELL
// sim_canary --canary NAME|all              known-bad variants, each of which must be caught
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "matrix.hpp"
#include "schedules.hpp"
#include "tajo/common/log.hpp"

namespace tajo::cluster {
#ifdef TAJO_SIM_CANARIES
Canary active_canary = Canary::kNone;
#endif
}  // namespace tajo::cluster

namespace tajo::sim {

// Both are plain structures of 64-bit counters.
template <class T>
T& add_words(T& a, const T& b) {
  auto* x = reinterpret_cast<std::uint64_t*>(&a);
  auto* y = reinterpret_cast<const std::uint64_t*>(&b);
  for (std::size_t i = 0; i < sizeof(T) / 8; ++i) x[i] += y[i];
  return a;
}
cluster::RuleCounters& operator+=(cluster::RuleCounters& a, const cluster::RuleCounters& b) { return add_words(a, b); }
FaultCounters& operator+=(FaultCounters& a, const FaultCounters& b) { return add_words(a, b); }
WorkCounters& operator+=(WorkCounters& a, const WorkCounters& b) { return add_words(a, b); }

namespace {

constexpr std::uint64_t kEnoughRuns = 1000;  ///< from here on a rule never taken is a failure

struct Totals {
  std::uint64_t runs = 0, failed = 0, statements = 0, writes = 0, reads = 0, thin_runs = 0, few_faults = 0;
  double simulated = 0;
  cluster::RuleCounters rules;
  FaultCounters faults;
  WorkCounters work;
  TakeoverCounters takeovers;
  FileServer::Counters files;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> kinds;  // text without numbers: count, first seed
};

struct Job {
  const Schedule* schedule = nullptr;
  Variant variant;
  std::uint64_t start = 1, seeds = 1;
  int verbosity = 0, jobs = 1, ranks = 0;
  bool sql = false, record = false;
  std::uint64_t stop_after_failures = UINT64_MAX;
};

std::string without_numbers(const std::string& text) {
  std::string out;
  for (char c : text)
    if (std::strchr("0123456789.", c) == nullptr) out += c;
  return out;
}

void one_run(const Job& job, std::uint64_t seed, Totals& totals, std::mutex& mutex) {
  Options o;
  o.seed = seed;
  o.verbosity = job.verbosity;
  o.variant = job.variant;
  o.sql = job.sql || (job.schedule != nullptr && job.schedule->sql);
  o.record = job.record;
  if (job.ranks > 0) {
    o.masters = std::min(3, job.ranks - 1);
    o.workers = job.ranks - o.masters;
  }
  if (job.schedule != nullptr) {
    o.masters = job.schedule->masters;
    o.workers = job.schedule->workers;
    o.spares = 0;
    o.end_s = 60;
    o.heal_s = 60;
    if (job.schedule->prepare) job.schedule->prepare(o);
  }
  Sim sim(o);
  Totals mine;
  sim.on_end = [&](SimRank&, const cluster::RuleCounters& c) { mine.rules += c; };
  if (job.schedule != nullptr) {
    job.schedule->arrange(sim);
  } else {
    sim.random_faults();
  }
  std::vector<std::string> errors = sim.run();
  if (job.schedule != nullptr && job.schedule->expect && errors.empty()) {
    job.schedule->expect(sim);
    errors = sim.errors();
  }
  std::lock_guard lock(mutex);
  ++totals.runs;
  totals.statements += sim.statements;
  totals.writes += sim.writes_done;
  totals.reads += sim.reads_done;
  const bool few = job.schedule == nullptr && sim.faults_taken < kMinFaults;
  if (sim.statements < kMinStatements || few) {
    ++(few ? totals.few_faults : totals.thin_runs);
    if (job.schedule == nullptr)
      std::printf("    seed %llu is thin: %llu statements, %llu faults\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(sim.statements), static_cast<unsigned long long>(sim.faults_taken));
  }
  totals.simulated += static_cast<double>(sim.now()) / 1e6;
  totals.rules += mine.rules;
  totals.faults += sim.count;
  totals.work += sim.work;
  totals.takeovers.majority += sim.takeovers.majority;
  totals.takeovers.slowest_majority = std::max(totals.takeovers.slowest_majority, sim.takeovers.slowest_majority);
  auto* to = reinterpret_cast<std::uint64_t*>(&totals.files);
  auto* from = reinterpret_cast<const std::uint64_t*>(&sim.files.count);
  for (std::size_t i = 0; i < sizeof(FileServer::Counters) / 8; ++i) to[i] += from[i];
  if (errors.empty()) return;
  ++totals.failed;
  auto& kind = totals.kinds[without_numbers(errors[0])];
  if (kind.first++ == 0) {
    kind.second = seed;
    // At once: a run of ten thousand seeds takes a while.
    std::printf("    seed %llu: %s\n", static_cast<unsigned long long>(seed), errors[0].c_str());
    if (job.record)
      for (const std::string& line : sim.timeline()) std::printf("    %s\n", line.c_str());
  }
}

Totals run(const Job& job) {
  Totals totals;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{job.start};
  auto work = [&] {
    for (;;) {
      std::uint64_t seed = next++;
      if (seed >= job.start + job.seeds) return;
      {
        std::lock_guard lock(mutex);
        if (totals.failed >= job.stop_after_failures) return;
      }
      one_run(job, seed, totals, mutex);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < job.jobs; ++i) threads.emplace_back(work);
  work();
  for (auto& t : threads) t.join();
  return totals;
}

/// The first failing seed of each kind once more, with what happened around the violation.
void tell(Job job, const Totals& totals) {
  constexpr std::size_t kTold = 3;
  job.record = true;
  job.jobs = 1;
  std::size_t told = 0;
  for (const auto& [text, kind] : totals.kinds) {
    if (++told > kTold) break;
    std::printf("--- seed %llu; the same again, whole: sim%s --seed %llu, from the same commit\n", static_cast<unsigned long long>(kind.second),
                job.sql ? " --sql" : "", static_cast<unsigned long long>(kind.second));
    Totals again;
    std::mutex mutex;
    one_run(job, kind.second, again, mutex);
  }
}

void print(const std::string& label, const Totals& t, double elapsed) {
  std::printf("%-48s %5llu runs, %llu failed, %llu statements, %.0f simulated s in %.1f s\n", label.c_str(),
              static_cast<unsigned long long>(t.runs), static_cast<unsigned long long>(t.failed),
              static_cast<unsigned long long>(t.statements), t.simulated, elapsed);
}

double timed(const Job& job, Totals& out) {
  auto begin = std::chrono::steady_clock::now();
  out = run(job);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Every rule and every fault by name; returns how many were never taken.
int print_counters(const Totals& t, bool sql) {
  int zeros = 0;
  auto line = [&](const char* name, std::uint64_t n) {
    std::printf("  %-34s %llu%s\n", name, static_cast<unsigned long long>(n), n == 0 ? "   NEVER" : "");
    if (n == 0) ++zeros;
  };
#define TAJO_RULE(x) line(#x, t.rules.x)
#define TAJO_FAULT(x) line(#x, t.faults.x)
#define TAJO_FILE(x) line("files: " #x, t.files.x)
  std::printf("rules taken:\n");
  TAJO_RULE(views_after_suspicion); TAJO_RULE(cover_chose); TAJO_RULE(votes_asked); TAJO_RULE(votes_yes);
  TAJO_RULE(votes_late_yes); TAJO_RULE(votes_no); TAJO_RULE(claims_start); TAJO_RULE(claims_majority);
  TAJO_RULE(claims_minority); TAJO_RULE(claims_orphan); TAJO_RULE(claims_handover); TAJO_RULE(claims_force);
  TAJO_RULE(claims_again); TAJO_RULE(claims_lost); TAJO_RULE(claims_stepped_back); TAJO_RULE(holds);
  TAJO_RULE(holds_superseded); TAJO_RULE(holds_shrunk); TAJO_RULE(handovers_granted); TAJO_RULE(handovers_for_files);
  TAJO_RULE(evictions_obeyed); TAJO_RULE(joins_admitted); TAJO_RULE(promotions); TAJO_RULE(spares_to_masters); TAJO_RULE(masters_to_workers); TAJO_RULE(absences); TAJO_RULE(gates);
  TAJO_RULE(superseded); TAJO_RULE(reads_by_slot); TAJO_RULE(reads_by_majority); TAJO_RULE(checks_refused);
  TAJO_RULE(disk_full); TAJO_RULE(rows_closed); TAJO_RULE(rows_removed); TAJO_RULE(states_fetched);
  TAJO_RULE(frames_dropped); TAJO_RULE(frames_evicted); TAJO_RULE(frames_early); TAJO_RULE(hushed_claims); TAJO_RULE(early_seen_ends); TAJO_RULE(ghosts); TAJO_RULE(late_handovers);
  line("takeovers after a single kill", t.takeovers.majority);
  line("the slowest of them, ms", static_cast<std::uint64_t>(t.takeovers.slowest_majority / kMs));
  std::printf("faults:\n");
  TAJO_FAULT(kills); TAJO_FAULT(stops); TAJO_FAULT(hangs); TAJO_FAULT(suspends); TAJO_FAULT(cuts);
  TAJO_FAULT(one_way_cuts); TAJO_FAULT(partial_cuts); TAJO_FAULT(stalls); TAJO_FAULT(stalls_of_all);
  TAJO_FAULT(fail_overs); TAJO_FAULT(full_disks); TAJO_FAULT(io_errors); TAJO_FAULT(lost_replies);
  TAJO_FAULT(stale_look_ups); TAJO_FAULT(stale_pages); TAJO_FAULT(handovers); TAJO_FAULT(second_worlds);
  TAJO_FAULT(stopped_before_slot); TAJO_FAULT(stopped_after_slot); TAJO_FAULT(killed_before_slot);
  TAJO_FAULT(killed_after_slot); TAJO_FAULT(stalled_after_slot); TAJO_FAULT(struck_at_claim); TAJO_FAULT(evictions);
  TAJO_FILE(stale_look_ups); TAJO_FILE(stale_pages); TAJO_FILE(lost_slots); TAJO_FILE(lost_bytes);
  TAJO_FILE(repeated); TAJO_FILE(late); TAJO_FILE(full); TAJO_FILE(errors); TAJO_FILE(removed); TAJO_FILE(missing);
#undef TAJO_RULE
#undef TAJO_FAULT
#undef TAJO_FILE
  if (!sql) return zeros;
#define TAJO_WORK(x) line(#x, t.work.x)
  std::printf("queries, tasks, clients:\n");
  TAJO_WORK(queries_taken_over); TAJO_WORK(query_masters_restarted); TAJO_WORK(tasks_run_again); TAJO_WORK(outputs_lost);
  TAJO_WORK(consumers_restarted); TAJO_WORK(requests_repeated); TAJO_WORK(recorded_answers); TAJO_WORK(sessions_resumed);
  TAJO_WORK(planning_refused); TAJO_WORK(ends_kept); TAJO_WORK(ends_told_again);
#undef TAJO_WORK
  return zeros;
}

struct CanaryCase {
  Variant variant;
  std::vector<std::string> schedules;
};

std::vector<CanaryCase> canaries() {
  using cluster::Canary;
  std::vector<CanaryCase> out;
  auto add = [&](Variant v, std::vector<std::string> names) { out.push_back({std::move(v), std::move(names)}); };
  add({.name = "check-then-act", .check_then_act = true},
      {"slot-after-removal-by-a-sleeper", "minority-claim-while-the-active-stalls"});
  add({.name = "slot-name-reused", .reuse_names = true}, {"slot-after-removal-by-a-sleeper"});
  add({.name = "claim-without-fsync", .rule = Canary::kClaimWithoutFsync},
      {"closing-slot-lost-after-a-rank-has-read-it", "claimed-slot-visible-and-not-durable", "failover-at-every-claim"});
  add({.name = "yes-forgotten", .rule = Canary::kForgetYes}, {"yes-then-check"});
  add({.name = "half-instead-of-majority", .rule = Canary::kHalf}, {"even-split-reads"});
  add({.name = "elapsed-watchdog", .elapsed_watchdog = true}, {"suspend-and-resume"});
  add({.name = "late-handover-serves", .rule = Canary::kLateHandoverServes},
      {"handover-that-takes-longer-than-its-grant"});
  add({.name = "hush-from-any-look", .rule = Canary::kHushFromAnyLook}, {"second-world-while-the-first-only-reads"});
  add({.name = "outcome-apart-from-its-effect", .outcome_apart = true}, {"sql-kills-of-the-active"});
  add({.name = "answers-before-their-submission", .unproved_answers = true}, {"sql-even-split"});
  add({.name = "consumers-keep-a-lost-attempt", .all_repeatable = true}, {"sql-kills-of-workers"});
  add({.name = "reads-without-proof", .rule = Canary::kReadsWithoutProof}, {"even-split-reads"});
  return out;
}

const Schedule* find_schedule(const std::string& name) {
  for (const Schedule& s : schedules())
    if (s.name == name) return &s;
  return nullptr;
}

/// Rules that take longer than a random run, or an operator: the named schedules reach them.
int print_schedule_counters(const cluster::RuleCounters& rules) {
  int zeros = 0;
#define TAJO_RULE(x) (std::printf("  %-34s %llu%s\n", #x, static_cast<unsigned long long>(rules.x), rules.x == 0 ? "   NEVER" : ""), zeros += rules.x == 0 ? 1 : 0)
  std::printf("rules taken in schedules:\n");
  TAJO_RULE(exits_outside); TAJO_RULE(exits_alone); TAJO_RULE(exits_silent); TAJO_RULE(starts_incomplete);
  TAJO_RULE(decommissions); TAJO_RULE(retirements);
#undef TAJO_RULE
  return zeros;
}

int run_schedules(const std::string& which, Job job) {
  int failures = 0;
  bool found = false;
  cluster::RuleCounters rules;
  for (const Schedule& s : schedules()) {
    if (which != "all" && which != s.name) continue;
    found = true;
    job.schedule = &s;
    Totals t;
    double elapsed = timed(job, t);
    print(s.name, t, elapsed);
    failures += t.failed > 0 ? 1 : 0;
    rules += t.rules;
  }
  if (which == "all" && print_schedule_counters(rules) > 0) {
    std::printf("FAILED: rules that only schedules reach were never taken\n");
    return 1;
  }
  if (!found) std::fprintf(stderr, "sim: no schedule %s\n", which.c_str());
  return found && failures == 0 ? 0 : 1;
}

int run_canaries(const std::string& which, Job job) {
#ifndef TAJO_SIM_CANARIES
  std::fprintf(stderr, "sim: canaries are in sim_canary\n");
  return 2;
#endif
  int missed = 0;
  for (const CanaryCase& c : canaries()) {
    if (which != "all" && which != c.variant.name) continue;
    job.variant = c.variant;
    job.stop_after_failures = 1;
    bool caught = false;
    std::vector<std::string> names = c.schedules;
    names.push_back("");  // then random runs
    for (const std::string& name : names) {
      job.schedule = name.empty() ? nullptr : find_schedule(name);
      job.seeds = name.empty() ? 1500 : 150;
      Totals t;
      double elapsed = timed(job, t);
      print("canary " + c.variant.name + " (" + (name.empty() ? "random" : name) + ")", t, elapsed);
      if (t.failed > 0) {
        caught = true;
        break;
      }
    }
    std::printf("canary %s: %s\n", c.variant.name.c_str(), caught ? "caught" : "NOT CAUGHT");
    missed += caught ? 0 : 1;
  }
  return missed == 0 ? 0 : 1;
}

int main_with(int argc, char** argv) {
  Job job;
  std::string schedule, canary;
  bool one = false, matrix = false;
  std::string cell;
  int scale = 0;
  for (int i = 1; i < argc; ++i) {
    std::string a = argv[i];
    auto value = [&]() -> std::string {
      if (++i >= argc) {
        std::fprintf(stderr, "sim: %s needs a value\n", a.c_str());
        std::exit(2);
      }
      return argv[i];
    };
    if (a == "--seeds") job.seeds = std::stoull(value());
    else if (a == "--start") job.start = std::stoull(value());
    else if (a == "--seed") job.start = std::stoull(value()), one = true;
    else if (a == "--jobs") job.jobs = std::stoi(value());
    else if (a == "--schedule") schedule = value();
    else if (a == "--canary") canary = value();
    else if (a == "--sql") job.sql = true;
    else if (a == "--matrix") {
      matrix = true;
      if (i + 1 < argc && argv[i + 1][0] != '-') cell = argv[++i];
    } else if (a == "--ranks") job.ranks = std::max(2, std::stoi(value()));
    else if (a == "--scale") scale = std::stoi(value());
    else if (a.starts_with("-v")) job.verbosity = static_cast<int>(a.size()) - 1;
    else {
      std::fprintf(stderr, "sim: unknown option %s\n", a.c_str());
      return 2;
    }
  }
  if (one) {
    job.seeds = 1;
    job.verbosity = std::max(job.verbosity, 1);
  }
  if (job.verbosity > 0) job.jobs = 1;
  set_log_level(LogLevel::kOff);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (scale > 0) return run_scale(scale);
  if (matrix) return run_matrix(cell, job.seeds, job.jobs, job.verbosity);
  if (!canary.empty()) return run_canaries(canary, job);
  if (!schedule.empty()) return run_schedules(schedule, job);
  Totals t;
  double elapsed = timed(job, t);
  print("random runs from seed " + std::to_string(job.start), t, elapsed);
  if (one) return t.failed == 0 ? 0 : 1;
  tell(job, t);
  int zeros = print_counters(t, job.sql);
  if (t.thin_runs > 0) {
    std::printf("FAILED: %llu runs with fewer than %llu statements\n", static_cast<unsigned long long>(t.thin_runs),
                static_cast<unsigned long long>(kMinStatements));
    return 1;
  }
  if (t.few_faults > 0) {
    std::printf("FAILED: %llu runs with fewer than %llu faults\n", static_cast<unsigned long long>(t.few_faults),
                static_cast<unsigned long long>(kMinFaults));
    return 1;
  }
  if (t.runs >= kEnoughRuns && zeros > 0) {
    std::printf("FAILED: %d rules or faults were never taken\n", zeros);
    return 1;
  }
  return t.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace tajo::sim

int main(int argc, char** argv) { return tajo::sim::main_with(argc, argv); }
