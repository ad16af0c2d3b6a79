#pragma once
#include <map>
#include <mutex>
#include <vector>

#include "tajo/cluster/node.hpp"
#include "tajo/protocol/messages.hpp"

namespace tajo::master {

struct NodeStatus {
  Rank rank = kNoRank;
  cluster::Role role = cluster::Role::kOutside;
  protocol::Heartbeat heartbeat;
  Micros heard_at = 0;  ///< boottime_us(); 0 = never
};

/// What every rank last said of itself, with its role in the view. Written on the control thread, read by any.
class ResourceTracker {
 public:
  void on_heartbeat(Rank rank, protocol::Heartbeat heartbeat, Micros now);
  void on_view(const cluster::View& view);
  std::vector<NodeStatus> nodes() const;  ///< members and ranks outside, by rank
  cluster::View view() const;
  /// Cores of the workers in the view: {workers, cores of the smallest}.
  std::pair<int, int> capacity() const;

 private:
  mutable std::mutex mutex_;
  std::map<Rank, NodeStatus> nodes_;
  cluster::View view_;
};

}  // namespace tajo::master
