// Load of the active master in a large world: `sim --scale RANKS`.
#include <algorithm>
#include <cstdio>

#include "sim.hpp"

namespace tajo::sim {

namespace {

constexpr double kSettled = 8, kKill = 14, kEnd = 20;  // seconds
constexpr int kMostSplits = 256;                       // of one scan

void print_load(const char* label, const std::map<std::string, LoadMeter::Kind>& load, double over) {
  std::printf("%s\n%-16s %12s %12s %14s\n", label, "message", "a second", "KiB/s", "CPU us each");
  for (const auto& [name, kind] : load)
    std::printf("%-16s %12.1f %12.1f %14.2f\n", name.c_str(), static_cast<double>(kind.messages) / over,
                static_cast<double>(kind.bytes) / 1024 / over, kind.messages == 0 ? 0 : kind.cpu_us / static_cast<double>(kind.messages));
}

}  // namespace

int run_scale(int ranks) {
  Options o;
  o.seed = 7;
  o.sql = true;
  o.masters = 3;
  o.workers = std::max(2, ranks - o.masters);
  o.spares = 0;
  o.clients = 4;
  o.prolong = false;
  o.writes = 0.3;
  o.think_s = 1;
  o.end_s = o.heal_s = kEnd;
  o.table_splits = static_cast<std::uint32_t>(std::min(o.workers, kMostSplits));
  Sim sim(o);
  LoadMeter before;
  sim.at(kSettled, [&] { sim.meter = &before; });
  sim.at(kKill - 0.001, [&] { sim.meter = nullptr; });
  int killed = -1;
  sim.at(kKill, [&] {
    killed = sim.active()->host;
    sim.kill(killed);
  });
  const auto errors = sim.run();
  std::printf("%d ranks: 3 masters, %d workers, %d clients, a scan cut into %u tasks; %llu statements\n", o.masters + o.workers, o.workers, o.clients,
              o.table_splits, static_cast<unsigned long long>(sim.statements));
  print_load("to the active", before.to_active, kKill - kSettled);
  print_load("to all others together", before.to_others, kKill - kSettled);
  Micros next = 0;
  for (Micros t : sim.answers)
    if (next == 0 && t > seconds(kKill) + 2 * kMs) next = t;
  const double claim = static_cast<double>(sim.last_claim() - seconds(kKill)) / 1e3;
  std::printf("kill of the active: claim won after %.1f ms, next answer after %.1f ms (simulated)\n", claim,
              next == 0 ? -1 : static_cast<double>(next - seconds(kKill)) / 1e3);
  for (const std::string& e : errors) std::printf("FAILED: %s\n", e.c_str());
  return errors.empty() && next != 0 && sim.last_claim() > seconds(kKill) ? 0 : 1;
}

}  // namespace tajo::sim
