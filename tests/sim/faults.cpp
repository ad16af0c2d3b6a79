#include <algorithm>
#include <numeric>

#include "sim.hpp"

namespace tajo::sim {

std::uint64_t injected(const FaultCounters& c) {
  auto* words = reinterpret_cast<const std::uint64_t*>(&c);
  return std::accumulate(words, words + sizeof c / sizeof *words, std::uint64_t{0}) - c.evictions;
}

void Sim::on_death(SimRank& rank, const std::string& why) {
  log("rank " + std::to_string(rank.host) + " dies: " + why);
  bool killed = why == "killed";
  bool other_world = why.starts_with("superseded") || why.starts_with("another cluster");
  deaths.emplace_back(rank.host, why);
  const bool incomplete = why.starts_with("start not complete");  // nobody serves yet
  if (!killed && !other_world && !incomplete && !rank.hung) {
    // One master and one worker are enough to go on: the last of either stays, unless there is nobody to stay for.
    bool last = true, masters_left = rank.is_master;
    for (auto& r : ranks) {
      if (r.get() != &rank && r->alive && r->is_master == rank.is_master) last = false;
      masters_left = masters_left || (r->alive && r->is_master);
    }
    last = last && masters_left;
    if (last) bad("the last of its kind ended itself: " + why);
  }
  if (std::none_of(ranks.begin(), ranks.end(), [&](const auto& r) {
        return r.get() != &rank && r->alive && (r->node->role() == cluster::Role::kActive || r->node->role() == cluster::Role::kBackup);
      }))
    orphaned_ = now();
  load->on_death(rank);
  for (auto& r : ranks) {
    if (!r->alive || r.get() == &rank || r->world != rank.world || !rng.chance(0.7)) continue;
    SimRank* peer = r.get();
    Rank dead = rank.rank;
    events.after(static_cast<Micros>(rng.below(10 * kMs)),
                 [peer, dead] { peer->run([peer, dead] { peer->node->on_suspect(dead); }); });
  }
}

void Sim::kill(int host) {
  SimRank* r = find_host(host);
  if (r == nullptr || !r->alive) return;
  ++count.kills;
  watch_takeover(*r);
  r->die("killed");
}

void Sim::may_kill(int host) {
  SimRank* r = find_host(host);
  int kind = 0;
  for (auto& x : ranks) kind += x->alive && !x->hung && x->world == r->world && x->is_master == r->is_master ? 1 : 0;
  if (kind > 1) kill(host);
}

void Sim::stop(int host, Micros duration) {
  SimRank* r = find_host(host);
  if (r == nullptr || !r->alive || r->paused) return;
  log("rank " + std::to_string(host) + " stops for " + std::to_string(duration / kMs) + " ms");
  r->stop();
  events.after(duration, [r] { r->go_on(); });
}

void Sim::hang(int host) {
  SimRank* r = find_host(host);
  int kind = 0;
  for (auto& x : ranks) kind += x->alive && !x->hung && x->world == r->world && x->is_master == r->is_master ? 1 : 0;
  if (kind < 2 || !r->alive || r->paused) return;
  log("the loop of rank " + std::to_string(host) + " hangs");
  ++count.hangs;
  r->hang();
}

void Sim::suspend_all(Micros duration) {
  ++count.suspends;
  for (int h : hosts()) stop(h, duration + static_cast<Micros>(rng.below(200 * kMs)));
}

void Sim::stall(const std::vector<int>& of, Micros duration) {
  std::string text;
  for (int h : of) {
    files.stall(h, now() + duration);
    text += " " + std::to_string(h);
  }
  log("the filesystem stalls " + std::to_string(duration / kMs) + " ms for" + text);
}

void Sim::cut_both(const std::vector<int>& a, const std::vector<int>& b, Micros duration) {
  Network::Links links;
  for (int x : a)
    for (int y : b) {
      links.emplace_back(x, y);
      links.emplace_back(y, x);
    }
  ++count.cuts;
  network.cut(links, duration);
  log("cut between groups of " + std::to_string(a.size()) + " and " + std::to_string(b.size()) + " for " +
      std::to_string(duration / kMs) + " ms");
}

void Sim::force_second_world() {
  if (worlds_ > 1) return;
  ++count.second_worlds;
  log("a second world is started with --force");
  add_world(1, true);
}

void Sim::handover() {
  SimRank* a = active();
  if (!a->alive || a->node->role() != cluster::Role::kActive) return;
  auto backups = a->node->view().with_role(cluster::Role::kBackup);
  if (backups.empty()) return;
  Rank to = backups[rng.below(backups.size())];
  log("handover from " + std::to_string(a->host) + " to " + std::to_string(to));
  ++count.handovers;
  a->run([a, to] { a->node->hand_over(to, [](bool) {}); });
}

void Sim::at_next(const std::string& point, const std::string& what, Micros duration) {
  step_faults_.push_back({point, what, duration});
}

void Sim::at_step(SimRank& rank, const std::string& point) {
  if (step_faults_.empty() || rank.paused || !rank.alive || now() >= seconds(options.heal_s)) return;
  const std::string here = rank.serving ? point : "claim: " + point;
  if (step_faults_.back().point != here) return;
  StepFault f = step_faults_.back();
  step_faults_.pop_back();
  f.duration = std::min(f.duration, seconds(options.heal_s) - now());
  log("at rank " + std::to_string(rank.host) + " " + here + ": " + f.what);
  const bool at_claim = !rank.serving;
  const bool before = point == "before the slot";
  const std::uint64_t taken = count.stops + count.kills;
  if (f.what == "stop") stop(rank.host, f.duration);
  else if (f.what == "kill") may_kill(rank.host);
  else stall({rank.host}, f.duration);
  if (f.what != "stall" && count.stops + count.kills == taken) return;  // spared
  if (f.what == "stop") ++(before ? count.stopped_before_slot : count.stopped_after_slot);
  else if (f.what == "kill") ++(before ? count.killed_before_slot : count.killed_after_slot);
  else ++count.stalled_after_slot;
  if (at_claim) ++count.struck_at_claim;
  ++faults_taken;
}

void Sim::inject(double second, std::function<void()> fault) {
  at(second, [this, fault = std::move(fault)] {
    const std::uint64_t before = injected(count);
    fault();
    if (injected(count) > before) ++faults_taken;
  });
}

/// Some of what was drawn found nobody to strike: the last of their kind are spared, a step is not reached.
void Sim::fill_up_faults() {
  std::vector<int> alive;
  for (auto& r : ranks)
    if (r->alive) alive.push_back(r->host);
  if (faults_taken >= kMinFaults || alive.empty()) return;
  const int host = alive[rng.below(alive.size())];
  inject(static_cast<double>(now()) / 1e6, [this, host] {
    if (!find_host(host)->paused && rng.chance(0.5)) return stop(host, kSecond);
    ++count.stalls;
    stall({host}, kSecond);
  });
  at(static_cast<double>(now()) / 1e6 + 0.5, [this] { fill_up_faults(); });
}

void Sim::random_faults() {
  std::vector<int> all = hosts();
  int number = 3 + static_cast<int>(rng.below(options.seed % 4 == 0 ? 16 : 7));
  for (int i = 0; i < number; ++i) {
    double t = 4 + (options.heal_s - 8) * (rng.chance(0.5) ? rng.uniform() : rng.uniform() * rng.uniform());
    static constexpr double kLengths[] = {0.3, 0.7, 1.5, 2.7, 5, 10, 20};
    double length = std::min(kLengths[rng.below(7)] * (0.5 + rng.uniform()), options.heal_s - t);
    Micros d = seconds(length);
    int random_host = all[rng.below(all.size())];
    bool the_active = rng.chance(0.5);
    auto pick = [this, random_host, the_active] { return the_active ? active()->host : random_host; };
    switch (rng.below(28)) {
      case 0:
      case 1:
      case 2: inject(t, [this, pick] { may_kill(pick()); }); break;
      case 3:
      case 4:
      case 5: inject(t, [this, pick, d] { stop(pick(), d); }); break;
      case 6: inject(t, [this, d] { suspend_all(d); }); break;
      case 7:
      case 8:
      case 9:
      case 10: {
        std::vector<int> group;
        std::vector<int> rest;
        for (int h : all) (rng.chance(0.4) ? group : rest).push_back(h);
        if (group.empty() || rest.empty()) break;
        auto mode = rng.below(4);
        bool reverse = rng.chance(0.5);
        Network::Links links;
        for (int a : group)
          for (int b : rest) {
            if (mode >= 2 && rng.chance(0.5)) continue;  // some links only
            if (mode != 1 || !reverse) links.emplace_back(a, b);
            if (mode == 0 || mode == 3 || (mode == 1 && reverse)) links.emplace_back(b, a);
          }
        if (links.empty()) break;
        inject(t, [this, links, d, mode] {
          const bool between_living = std::any_of(links.begin(), links.end(), [this](auto l) { return find_host(l.first)->alive && find_host(l.second)->alive; });
          (mode == 0 ? count.cuts : mode == 1 ? count.one_way_cuts : count.partial_cuts) += between_living ? 1 : 0;
          std::string text;
          for (auto [a, b] : links) text += " " + std::to_string(a) + ">" + std::to_string(b);
          log("cut for " + std::to_string(d / kMs) + " ms:" + text);
          network.cut(links, d);
        });
        break;
      }
      case 11:
      case 12:
        inject(t, [this, pick, d] {
          const int host = pick();
          count.stalls += find_host(host)->alive ? 1 : 0;
          stall({host}, d);
        });
        break;
      case 13:
        inject(t, [this, all, d] {
          ++count.stalls_of_all;
          stall(all, d);
        });
        break;
      case 14:
        inject(t, [this, d] {
          ++count.fail_overs;
          log("the file server fails over");
          files.fail_over(std::min<Micros>(d, 6 * kSecond));
        });
        break;
      case 15:
        inject(t, [this, random_host, other = all[rng.below(all.size())], d] {
          ++count.stale_look_ups;
          log("stale look-ups on " + std::to_string(random_host) + " and " + std::to_string(other));
          for (int h : {random_host, other}) files.stale_look_ups(h, now() + std::min<Micros>(60 * kSecond, 5 * d));
        });
        break;
      case 16:
        inject(t, [this, d] {
          ++count.full_disks;
          log("the disk is full");
          files.full_until(now() + d);
        });
        break;
      case 17:
        inject(t, [this, d] {
          ++count.lost_replies;
          log("answers of the file server get lost");
          files.lose_replies_until(now() + d);
        });
        break;
      case 18: inject(t, [this] { handover(); }); break;
      case 19:
        if (rng.chance(0.5)) {
          inject(t, [this] {
            if (worlds_ == 1 && rng.chance(0.4))  // what it is to replace has died: the end of the log that it looks at stays the end
              for (int h : hosts()) kill(h);
            force_second_world();
          });
        } else {
          inject(t, [this, d] {
            ++count.io_errors;
            log("writes and fsyncs fail now and then");
            files.errors_until(now() + d);
          });
        }
        break;
      case 20:
      case 21: {
        static constexpr const char* kWhat[] = {"stop", "kill", "stall"};
        std::string point = rng.chance(0.5) ? "before the slot" : "after the slot";
        std::string what = kWhat[rng.below(3)];
        if (what == "stall") point = "after the slot";
        bool at_claim = rng.chance(0.4);
        if (at_claim) point = "claim: " + point;
        inject(t, [this, point, what, d] { at_next(point, what, d); });
        if (at_claim) inject(t + 0.1, [this] { may_kill(active()->host); });
        break;
      }
      case 22: {
        inject(t, [this] { at_next("after the slot", "kill", 0); });
        inject(t + 0.3 * rng.uniform(), [this, d] {
          ++count.fail_overs;
          files.fail_over(std::min<Micros>(d, 3 * kSecond));
        });
        break;
      }
      case 23:
        inject(t, [this, random_host, d] {
          ++count.stale_pages;
          log("stale pages on " + std::to_string(random_host));
          files.stale_pages(random_host, now() + d);
        });
        break;
      case 24: inject(t, [this, pick] { hang(pick()); }); break;
      case 25:  // a claim is read by others, its owner dies, the failover takes it, and the old active comes back
        inject(t, [this] {
          SimRank* a = active();
          int masters_left = 0;
          for (auto& r : ranks) masters_left += r->alive && !r->paused && r->is_master && r->world == a->world ? 1 : 0;
          if (masters_left != 2 || a->world != 0) return;
          at_next("claim: after the slot", "kill", 0);
          stop(a->host, 7 * kSecond);
          events.after(5 * kSecond, [this] {
            ++count.fail_overs;
            files.fail_over(500 * kMs);
          });
        });
        break;
      default: {  // the active loses its filesystem and a backup its links, the pair that minorities are made of
        inject(t, [this, d] {
          int a = active()->host;
          ++count.stalls;
          stall({a}, d);
          std::vector<int> others = hosts();
          int b = others[rng.below(others.size())];
          std::erase(others, b);
          cut_both({b}, others, d);
        });
        break;
      }
    }
  }
  at(options.heal_s - 6, [this] { fill_up_faults(); });
  // When all is well again, a single kill is held against the bounds of a takeover.
  if (options.seed % 2 == 1) at(options.heal_s + 18, [this] { may_kill(active()->host); });
}

}  // namespace tajo::sim
