#include "schedules.hpp"

#include <algorithm>
#include <memory>

#include "sql_load.hpp"

namespace tajo::sim {
namespace {

constexpr double kMajorityBack = static_cast<double>(kTakeover) / kSecond, kMinorityBack = static_cast<double>(kTakeoverAlone) / kSecond;

/// Many statements in little time: a stale answer would show.
void busy(Options& o) {
  o.writes = 0.3;
  o.think_s = 0.05;
  o.clients = 12;
  o.end_s = 30;
}

void many_writes(Options& o) {
  o.writes = 0.9;
  o.think_s = 0.2;
}

/// Statements are answered again within `limit` of `from`.
std::function<void(Sim&)> answered_within(double from, double limit) {
  return [from, limit](Sim& s) {
    for (Micros t : s.answers)
      if (t > seconds(from) + 20 * kMs && t < seconds(from + limit)) return;
    s.bad("no statement is answered within " + std::to_string(limit) + " s of " + std::to_string(from) + " s");
  };
}

std::vector<int> range(int from, int to) {
  std::vector<int> out;
  for (int i = from; i < to; ++i) out.push_back(i);
  return out;
}

std::vector<Schedule> make() {
  std::vector<Schedule> all;
  auto add = [&](Schedule s) { all.push_back(std::move(s)); };

  add({"kill-active", 2, 3, [](Sim& s) { s.at(10, [&s] { s.kill(s.active()->host); }); },
       answered_within(10, kMajorityBack), [](Options& o) { busy(o); }});
  add({"slot-after-removal-by-a-sleeper", 2, 3,
       [](Sim& s) {
         for (int i = 0; i < 3; ++i) s.at(8 + i * 14, [&s] { s.at_next("before the slot", "stop", 12 * kSecond); });
       },
       {}, [](Options& o) {
         many_writes(o);
         o.row_slots = 8;
       }});
  add({"even-split", 2, 2, [](Sim& s) { s.at(10, [&s] { s.cut_both({0, 2}, {1, 3}, 12 * kSecond); }); }});
  add({"even-split-reads", 2, 2,
       [](Sim& s) {
         s.at(10, [&s] { s.cut_both({0, 2}, {1, 3}, 12 * kSecond); });
         s.at(10, [&s] { s.stall({0}, 4 * kSecond); });
       },
       {}, [](Options& o) { busy(o); }});
  add({"minority-claim-while-the-active-stalls", 2, 3, [](Sim& s) {
         s.at(9.9, [&s] { s.stall({0}, seconds(4.5)); });
         s.at(10, [&s] { s.cut_both({1}, {0, 2, 3, 4}, 15 * kSecond); });
       }});
  add({"second-world-while-the-first-only-reads", 2, 3, [](Sim& s) { s.at(10, [&s] { s.force_second_world(); }); },
       {}, [](Options& o) {
         o.writes = 0.05;
         o.think_s = 0.05;
         o.clients = 10;
       }});
  add({"early-no", 2, 3, [](Sim& s) {
         s.at(10, [&s] {
           ++s.count.one_way_cuts;
           s.network.cut({{0, 1}}, 9 * kSecond);
         });
         s.at(10.1, [&s] { s.stall({0}, 9 * kSecond); });
         s.at(10.7, [&s] { s.kill(0); });
       },
       answered_within(10.7, 3.5)});
  add({"active-loses-the-filesystem", 2, 3, [](Sim& s) { s.at(10, [&s] { s.stall({0}, 20 * kSecond); }); },
       answered_within(10, 4.5), [](Options& o) { many_writes(o); }});
  add({"switch-outage", 3, 4, [](Sim& s) {
         s.at(10, [&s] {
           for (int a : s.hosts()) s.cut_both({a}, range(a + 1, static_cast<int>(s.ranks.size())), seconds(2.7));
         });
       }});
  add({"walking-pauses", 2, 3, [](Sim& s) {
         for (int i = 0; i < 25; ++i) s.at(8 + 0.7 * i, [&s, i] { s.stop(i % 5, 700 * kMs); });
       }});
  add({"suspend-and-resume", 2, 3, [](Sim& s) {
         s.at(10, [&s] { s.suspend_all(12 * kSecond); });
         s.at(30, [&s] { s.suspend_all(3 * kSecond); });
       }});
  add({"full-disk", 2, 3, [](Sim& s) {
         s.at(10, [&s] {
           ++s.count.full_disks;
           s.files.full_until(18 * kSecond);
         });
       },
       answered_within(18, 4)});
  add({"failover-of-the-file-server-and-death", 2, 3, [](Sim& s) {
         s.at(10, [&s] { s.at_next("after the slot", "kill", 0); });
         s.at(10.3, [&s] { s.files.fail_over(4 * kSecond); });
       }});
  add({"claimant-stopped-with-its-slot-won", 3, 2, [](Sim& s) {
         s.at(10, [&s] { s.at_next("claim: after the slot", "stop", 4 * kSecond); });
         s.at(10, [&s] { s.kill(0); });
         s.at(25, [&s] { s.at_next("claim: before the slot", "stop", 4 * kSecond); });
         s.at(25, [&s] { s.handover(); });
       }});
  add({"handover-that-takes-longer-than-its-grant", 2, 3, [](Sim& s) {
         for (int i = 0; i < 6; ++i) {
           s.at(8 + 8 * i, [&s] { s.handover(); });
           s.at(8.002 + 8 * i, [&s] {
             int successor = s.active()->host == 0 ? 1 : 0;
             s.stall({successor}, seconds(2.8 + 0.7 * s.rng.uniform()));
           });
         }
         // Nobody hears of the takeover at first.
         s.on_claim = [&s](const std::string& cause) {
           if (cause != "handover") return;
           int old_active = s.active()->host;
           int successor = old_active == 0 ? 1 : 0;
           Network::Links links;
           for (int h : s.hosts())
             if (h != successor) links.emplace_back(successor, h);
           s.network.cut(links, kSecond);
         };
       },
       {}, [](Options& o) {
         busy(o);
         o.end_s = 60;
       }});
  add({"claim-read-by-workers-and-lost", 2, 3, [](Sim& s) {
         s.at(10, [&s] { s.at_next("claim: after the slot", "kill", 0); });
         s.at(10, [&s] { s.cut_both({0}, {1, 2, 3, 4}, 5 * kSecond); });
         s.at(10, [&s] { s.stop(0, 7 * kSecond); });
         s.at(15, [&s] { s.files.fail_over(500 * kMs); });
       },
       answered_within(17, 19)});  // not lost: the evicted one is alone and waits 15 s
  add({"losing-claimants", 4, 2, [](Sim& s) {
         s.at(10, [&s] {
           // All backups are cut from each other and see the active die: they claim together.
           s.cut_both({1}, {2, 3}, 6 * kSecond);
           s.cut_both({2}, {3}, 6 * kSecond);
           s.kill(0);
         });
       }});
  add({"spare-unknown-to-a-peer", 2, 3, [](Sim& s) {
         s.at(10, [&s] { s.stop(2, 3 * kSecond); });
         s.at(12, [&s] { s.cut_both({0}, {3}, 3 * kSecond); });
         s.at(12, [&s] { s.network.cut({{0, 1}}, 400 * kMs); });
       }});
  add({"active-is-the-highest-rank", 2, 3, [](Sim& s) {
         // Ranks 3 and 4 are the masters; 4 is the active when its link to a worker breaks. Either end covers the link, and
         // the highest rank would be preferred, were it not the active's own: the worker leaves, nobody else does.
         s.at(8, [&s] { s.handover(); });
         s.at(12, [&s] { s.cut_both({4}, {1}, 5 * kSecond); });
         s.at(15, [&s] {
           const cluster::View& view = s.find_host(4)->node->view();
           if (s.active()->host != 4 || view.active() != 4) s.bad("the highest rank is not active any more");
           if (view.contains(1) || view.members.size() != 4) s.bad("the view is not all but the worker that is cut off");
           if (s.last_claim() > 12 * kSecond) s.bad("a claim for a link to a worker");
         });
         s.at(22, [&s] {
           if (s.last_claim() > 12 * kSecond || s.find_host(4)->node->view().members.size() != 5) s.bad("the worker is not back");
         });
         s.at(24, [&s] { s.kill(s.active()->host); });
       },
       answered_within(24, kMajorityBack), [](Options& o) {
         busy(o);
         o.end_s = 30;
         o.masters_last = true;
       }});
  add({"claimed-slot-visible-and-not-durable", 3, 2, [](Sim& s) {
         for (int i = 0; i < 4; ++i) {
           s.at(9 + 8 * i, [&s] { s.at_next("after the slot", "stop", 5 * kSecond); });
           s.at(9.9 + 8 * i, [&s] { s.files.fail_over(500 * kMs); });
         }
       },
       {}, [](Options& o) { many_writes(o); }});
  add({"failover-at-every-claim", 2, 3, [](Sim& s) {
         s.at(10, [&s] { s.at_next("after the slot", "kill", 0); });
         s.on_claim = [&s](const std::string&) {
           if (s.now() > 5 * kSecond) s.events.after(0, [&s] { s.files.fail_over(500 * kMs); });
         };
       },
       {}, [](Options& o) { many_writes(o); }});
  add({"closing-slot-lost-after-a-rank-has-read-it", 3, 2, [](Sim& s) {
         for (int i = 0; i < 12; ++i) {
           s.at(8 + 2.5 * i, [&s] { s.at_next("after the slot", "stop", 4 * kSecond); });
           s.at(8.45 + 2.5 * i, [&s] { s.files.fail_over(300 * kMs); });
         }
       },
       {}, [](Options& o) {
         many_writes(o);
         o.row_slots = 2;
       }});
  add({"active-dies-between-closing-slot-and-slot-0", 3, 2, [](Sim& s) {
         for (int i = 0; i < 2; ++i) s.at(10 + 9 * i, [&s] { s.at_next("before the slot", "kill", 0); });
         s.at(30, [&s] { s.stop(1, 3 * kSecond); });
       },
       {}, [](Options& o) {
         many_writes(o);
         o.row_slots = 1;
       }});
  add({"last-master-evicted-while-the-active-dies", 2, 3, [](Sim& s) {
         s.at(10, [&s] { s.stop(1, 2 * kSecond); });
         s.at(11.9, [&s] { s.kill(0); });
       },
       answered_within(11.9, 22)});
  add({"evicted-rank-with-stale-look-ups", 3, 2, [](Sim& s) {
         s.at(6, [&s] {
           for (int h : {1, 2}) s.files.stale_look_ups(h, 50 * kSecond);
         });
         s.at(12, [&s] { s.stop(1, 3 * kSecond); });
         s.at(20, [&s] { s.kill(0); });
       }});
  add({"stale-negative-look-ups-for-a-minute", 3, 2, [](Sim& s) {
         s.at(6, [&s] {
           for (int h : {1, 2}) s.files.stale_look_ups(h, 66 * kSecond);
         });
         s.at(12, [&s] { s.kill(0); });
         s.at(25, [&s] { s.stop(1, 4 * kSecond); });
       },
       {}, [](Options& o) { o.row_slots = 12; }});
  add({"votes-of-an-older-view", 3, 3, [](Sim& s) {
         // The workers hear nothing of the active for a moment and say YES; the view changes; then a backup is cut.
         s.at(10, [&s] { s.network.cut({{0, 3}, {0, 4}, {0, 5}, {0, 2}}, seconds(1.0)); });
         s.at(10.2, [&s] { s.kill(5); });
         s.at(11.2, [&s] { s.network.cut({{0, 1}}, 2 * kSecond); });
       }});
  add({"yes-then-check", 2, 2, [](Sim& s) {
         // The workers take a broken connection for the active's death until the backup has claimed, and cannot hear
         // the new active after that.
         auto armed = std::make_shared<bool>(true);
         s.on_claim = [&s, armed](const std::string&) {
           if (s.now() < 5 * kSecond || !*armed) return;
           *armed = false;
           s.network.cut({{1, 2}, {1, 3}}, 3 * kSecond);
         };
         s.at(10, [&s] { s.network.cut({{0, 1}}, 3 * kSecond); });
         s.at(10, [&s] { s.stall({0}, 3 * kSecond); });
         for (int i = 0; i < 60; ++i)
           s.at(10 + 0.01 * i, [&s, armed] {
             if (!*armed) return;
             for (int h : {1, 2, 3}) s.find_host(h)->run([&s, h] { s.find_host(h)->node->on_suspect(0); });
           });
       },
       {}, [](Options& o) { busy(o); }});
  add({"new-member-judged-by-old-timers", 2, 3, [](Sim& s) {
         s.at(10, [&s] { s.stop(3, 2 * kSecond); });
         s.at(14, [&s] { s.stop(1, 2 * kSecond); });
         s.at(19, [&s] { s.handover(); });
         s.at(24, [&s] { s.handover(); });
       },
       [](Sim& s) {
         for (auto& r : s.ranks)
           if (r->node->role() == cluster::Role::kOutside) s.bad("rank " + std::to_string(r->host) + " is not back");
       }});
  add({"two-view-proposals-in-flight", 2, 4, [](Sim& s) {
         s.at(10, [&s] { s.stall({0}, 1500 * kMs); });
         s.at(10.05, [&s] { s.kill(2); });
         s.at(10.75, [&s] { s.kill(3); });
         s.at(10.8, [&s] { s.stop(4, 2 * kSecond); });
       }});
  add({"one-master-one-worker-left", 3, 3, [](Sim& s) {
         s.at(8, [&s] { s.kill(3); });
         s.at(12, [&s] { s.kill(0); });
         s.at(16, [&s] { s.kill(4); });
         s.at(20, [&s] { s.kill(s.active()->host); });
       },
       answered_within(20, kMajorityBack), [](Options& o) { busy(o); }});  // the worker's vote
  add({"minority-left-alone", 2, 3, [](Sim& s) {
         s.at(10, [&s] {
           for (int h : {0, 2, 3}) s.kill(h);
         });
       },
       answered_within(10, kMinorityBack), [](Options& o) { busy(o); }});
  add({"one-of-two-left", 2, 1, [](Sim& s) {
         s.at(8, [&s] { s.kill(2); });
         s.at(20, [&s] { s.kill(s.active()->host); });
       },
       [](Sim& s) {
         if (s.takeovers.alone != 1) s.bad("the takeover by one of two was not watched");
       },
       [](Options& o) { busy(o); }});
  add({"stand-in-of-a-master-that-is-back", 2, 3, [](Sim& s) {
         s.at(8, [&s] { s.stop(1, 3 * kSecond); });  // the spare becomes a backup, then its master is admitted again
         s.at(20, [&s] { s.kill(2); });
       },
       [](Sim& s) {
         const std::size_t workers = s.active()->node->view().workers_on_duty().size();
         if (workers != 3) s.bad(std::to_string(workers) + " workers: the spare that stood in for a master did not take the lost worker's place");
       },
       [](Options& o) { o.spares = 1; }});
  add({"handovers", 3, 2, [](Sim& s) {
         for (int i = 0; i < 20; ++i) s.at(8 + 1.5 * i, [&s] { s.handover(); });
       },
       {}, [](Options& o) { busy(o); o.end_s = 45; }});
  // SQL.
  auto add_sql = [&](Schedule s) {
    s.sql = true;
    all.push_back(std::move(s));
  };
  add_sql({"sql-kills-of-the-active", 4, 3, [](Sim& s) {
             for (int i = 0; i < 3; ++i) s.at(8 + 9 * i, [&s] { s.at_next("after the slot", "kill", 0); });
           },
           answered_within(28, 8), [](Options& o) { many_writes(o); }});
  add_sql({"sql-kills-of-workers", 2, 5, [](Sim& s) {
             for (int i = 0; i < 3; ++i) s.at(8 + 7 * i, [&s, i] { s.kill(2 + i); });
             for (int i = 0; i < 8; ++i) s.at(12 + 5 * i, [&s, i] { s.stop(5 + i % 2, 900 * kMs); });
           },
           {}, [](Options& o) {
             o.writes = 0.3;
             o.think_s = 0.1;
             o.clients = 12;
           }});
  add_sql({"sql-even-split", 2, 2, [](Sim& s) {
             s.at(10, [&s] { s.cut_both({0, 2}, {1, 3}, 12 * kSecond); });
             s.at(10, [&s] { s.stall({0}, 4 * kSecond); });
             s.at(30, [&s] { s.stop(s.active()->host, 3 * kSecond); });
           },
           {}, [](Options& o) { busy(o); o.end_s = 45; }});
  add_sql({"sql-the-only-holder-of-an-end-dies", 2, 2, [](Sim& s) {  // the other master is outside the view, and told nothing
             s.at(8, [&s] { s.cut_both({1}, {0, 2, 3}, seconds(1.5)); });
             s.at(8, [&s] { s.stall({1}, 20 * kSecond); });
             s.at(14, [&s] { s.at_next("after the slot", "kill", 0); });
             s.at(16, [&s] { s.files.fail_over(500 * kMs); });
           },
           answered_within(28, 22), [](Options& o) {
             o.think_s = 0.2;
             o.favoured = static_cast<int>(SqlLoad::Kind::kImmediate);
           }});
  add_sql({"sql-the-active-dies-beside-a-new-spare", 2, 3, [](Sim& s) {  // which claims after a silence of 15 s and 1 s for its place
             s.at(10, [&s] { s.stop(1, 2 * kSecond); });
             for (int i = 0; i < 400; ++i)
               s.at(12 + 0.005 * i, [&s] {
                 if (s.find_host(1)->node->role() == cluster::Role::kSpare) s.kill(0);
               });
           },
           answered_within(24, 12)});
  add_sql({"sql-planning-kills", 4, 2, [](Sim&) {}, [](Sim& s) {
             if (s.work.planning_refused == 0) s.bad("the statement that kills masters was not refused");
           }});
  add({"nobody-admits-a-rank-for-two-minutes", 2, 3, [](Sim& s) { s.at(8, [&s] { s.cut_both({4}, {0, 1, 2, 3}, 140 * kSecond); }); },
       [](Sim& s) {
         for (const auto& [host, why] : s.deaths)
           if (host == 4 && why.starts_with("outside the view for 120 s")) return;
         s.bad("a rank that nobody admits is still there");
       },
       [](Options& o) { o.end_s = o.heal_s = 150; }});
  add({"workers-without-any-master", 2, 3, [](Sim& s) {
         s.at(8, [&s] { s.kill(0); });
         s.at(9, [&s] { s.kill(1); });
       },
       [](Sim& s) {
         std::size_t ended = 0;
         for (const auto& [host, why] : s.deaths) ended += why.starts_with("no active and no other master for 60 s") ? 1 : 0;
         if (ended != 3) s.bad(std::to_string(ended) + " of 3 workers without a master have ended themselves");
       },
       [](Options& o) { o.end_s = o.heal_s = 90; }});
  add({"filesystem-and-network-gone-for-two-minutes", 3, 3, [](Sim& s) {
         s.at(8, [&s] {  // a backup and two workers, of which one was stopped and looks at the log first
           s.stop(4, kSecond);
           for (int h : {1, 4, 5}) {
             std::vector<int> rest = s.hosts();
             std::erase(rest, h);
             s.cut_both({h}, rest, 140 * kSecond);
             s.stall({h}, 140 * kSecond);
           }
         });
       },
       [](Sim& s) {
         std::size_t ended = 0;
         for (const auto& [host, why] : s.deaths) ended += why.starts_with("neither peers nor the filesystem for 120 s") ? 1 : 0;
         if (ended != 3) s.bad(std::to_string(ended) + " of 3 ranks without peers and filesystem have ended themselves");
       },
       [](Options& o) { o.end_s = o.heal_s = 150; }});
  add({"a-rank-that-never-says-hello", 2, 3, [](Sim& s) { s.at(0, [&s] { s.kill(4); }); },
       [](Sim& s) {
         std::size_t named = 0, ended = 0;
         for (const auto& [host, why] : s.deaths) {
           ended += why.starts_with("start not complete after 60 s") ? 1 : 0;
           named += why == "start not complete after 60 s: no word from rank 4" ? 1 : 0;
         }
         if (ended != 4 || named != 1) s.bad("a start without rank 4: " + std::to_string(ended) + " of 4 ranks have ended themselves, " + std::to_string(named) + " names it");
       },
       [](Options& o) {
         o.end_s = o.heal_s = 70;
         o.prolong = false;
       }});
  add_sql({"sql-a-worker-out-of-service-and-back", 3, 3, [](Sim& s) {
             s.at(8, [&s] { s.active()->run([&s] { s.active()->node->decommission({3}, true); }); });
             s.at(13, [&s] { s.kill(s.active()->host); });
             s.at(18, [&s] {
               const cluster::View& view = s.active()->node->view();
               if (!view.decommissioned.contains(3) || !view.contains(3) || view.members.at(3).role != cluster::Role::kSpare)
                 s.bad("a worker taken out of service is not a spare, or not known as such to the next active");
               s.active()->run([&s] { s.active()->node->decommission({3}, false); });
             });
           },
           [](Sim& s) {
             if (s.active()->node->view().workers_on_duty().size() != 3) s.bad("a worker put back into service is not on duty");
           },
           [](Options& o) { o.end_s = 40; }});
  return all;
}

}  // namespace

const std::vector<Schedule>& schedules() {
  static const std::vector<Schedule> all = make();
  return all;
}

}  // namespace tajo::sim
