#pragma once
#include <map>
#include <mutex>
#include <vector>

#include "tajo/cluster/node.hpp"
#include "tajo/protocol/messages.hpp"

namespace tajo::master {

struct NodeStatus {
  Rank rank = kNoRank;
  cluster::Role role = cluster::Role::kOutside;  ///< of a rank that is lost: its last
  bool member = false;                           ///< stands in the view
  bool decommissioned = false;                   ///< an operator takes it out of service
  protocol::Heartbeat heartbeat;
  Micros heard_at = 0;  ///< boottime_us(); 0 = never
};

/// Without a heartbeat for that long a member is shown as UNHEALTHY.
inline constexpr Micros kUnhealthyAfterUs = 2'000'000;

/// In Tajo's words: RUNNING, UNHEALTHY, DECOMMISSIONED (DECOMMISSIONING while its queries end), LOST.
const char* status_name(const NodeStatus& node, Micros now);

/// What every rank last said of itself, with its role in the view. Written on the control thread, read by any.
class ResourceTracker {
 public:
  void on_heartbeat(Rank rank, protocol::Heartbeat heartbeat, Micros now);
  void on_view(const cluster::View& view);
  std::vector<NodeStatus> nodes() const;    ///< members and lost ranks, by rank
  std::vector<NodeStatus> members() const;  ///< ranks that stand in the view
  cluster::View view() const;
  /// Whether a member goes on without its launcher: nothing is missing, but nobody would see the whole job end.
  bool launcher_lost() const;
  /// Cores of the workers in the view: {workers, cores of the smallest}.
  std::pair<int, int> capacity() const;

 private:
  mutable std::mutex mutex_;
  std::map<Rank, NodeStatus> nodes_;
  cluster::View view_;
};

}  // namespace tajo::master
