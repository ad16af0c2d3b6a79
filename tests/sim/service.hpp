#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "tajo/cluster/node.hpp"
#include "tajo/journal/record.hpp"

namespace tajo::sim {

class SimRank;

/// What a process runs above the node: the log's statements of the small load, or the warehouse's own master and worker.
/// Told everything the node tells; called inside SimRank::run.
class Service {
 public:
  virtual ~Service() = default;
  virtual void start() {}
  virtual void on_view(const cluster::View& view, cluster::Role self) = 0;
  virtual void on_active(Epoch epoch) = 0;
  virtual void on_passive() = 0;
  virtual void on_evicted() = 0;
  virtual void on_frame(Rank source, Bytes payload) = 0;
  /// After each piece of work of the process: whoever waited for it goes on.
  virtual void turn() {}
  /// The process is dead.
  virtual void on_death() {}
};

/// What the clients of a run do, and what must hold of it.
class Load {
 public:
  virtual ~Load() = default;
  virtual std::unique_ptr<Service> serve(SimRank& rank) = 0;
  virtual void start() = 0;
  /// The run goes on longer than planned: idle clients send more.
  virtual void prolong() = 0;
  /// Connections to it break.
  virtual void on_death(SimRank& rank) = 0;
  /// At the end, for each record of the log in order, `view` as it stood; then finish().
  virtual void check(const journal::Record& record, const cluster::View& view) = 0;
  virtual void finish() = 0;
};

}  // namespace tajo::sim
