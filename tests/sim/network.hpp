#pragma once
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "events.hpp"
#include "tajo/cluster/ports.hpp"
#include "tajo/common/random.hpp"

namespace tajo::sim {

class Sim;
class SimRank;

/// Links between the ranks of a world: ordered, reliable, exactly-once. What is under way on a cut link is sent again
/// when it heals, with the stamp of that time.
class Network {
 public:
  Network(Sim& sim, Random rng) : sim_(sim), rng_(rng) {}
  void send(SimRank& from, Rank to, Bytes payload);
  void reset(SimRank& from, Rank to);
  using Links = std::vector<std::pair<int, int>>;  // hosts, directed
  void cut(Links links, Micros duration);
  Micros changed_at(int from, int to) const;
  bool cut_between(int a, int b) const;  ///< either way
  /// By how much the slow ones of the messages that decide a takeover were late, in all.
  Micros slow_votes() const { return slow_votes_; }

 private:
  struct Link {
    int cuts = 0;
    Micros changed_at = 0;
    Micros last_delivery = 0;
    std::deque<std::pair<Incarnation, Bytes>> held;
    std::uint64_t generation = 0;
  };
  void transmit(SimRank& from, SimRank& to, Bytes payload);
  void heal(int from, int to);
  void deliver(SimRank& from, SimRank& to, const cluster::Stamp& stamp, Bytes payload);
  Sim& sim_;
  Random rng_;
  std::map<std::pair<int, int>, Link> links_;
  Micros slow_votes_ = 0;
};

}  // namespace tajo::sim
