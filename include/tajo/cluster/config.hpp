#pragma once
#include <vector>

#include "tajo/common/ids.hpp"

namespace tajo::cluster {

/// What a rank knows of its cluster before it has read anything. The log's directory is the LogFiles' business.
struct NodeConfig {
  Rank self = 0;
  std::vector<Rank> masters;   ///< in the order of conf/masters
  std::vector<Rank> workers;
  std::vector<Rank> spares;
  std::uint64_t world = 0;     ///< random id of this MPI job
  bool ha = true;              ///< false: one master, no backups; the log is the same
  /// A claim that replaces another world by --force or by the supervisor: it answers nothing for 1.5 s, counted from when
  /// the slot before it was seen first: by a look before the world was made (`end_seen`), else from the claim itself.
  bool force = false;
  struct EndSeen {
    std::uint64_t hash = 0;  ///< of the log's newest slot; 0: there was none, or nobody looked
    Micros at = 0;           ///< on the node's clock, when it had been read
  };
  EndSeen end_seen{};
  Micros monitor_interval_us = 200'000;  ///< tajo.master.ha.monitor.interval
  bool keeper = false;         ///< a keeper ends this rank at stop: it need not end itself without an active
  std::uint64_t seed = 1;      ///< nonces and jitter; different at every rank and start
};

}  // namespace tajo::cluster
