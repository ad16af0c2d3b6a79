#pragma once
#include <functional>
#include <string>
#include <vector>

#include "sim.hpp"

namespace tajo::sim {

/// A schedule that broke an earlier version of the protocol. Run with many seeds, which vary everything it leaves open.
struct Schedule {
  std::string name;
  int masters;
  int workers;
  std::function<void(Sim&)> arrange;
  /// Called at the end: what besides the invariants must hold.
  std::function<void(Sim&)> expect = {};
  /// Before the cluster is made.
  std::function<void(Options&)> prepare = {};
  bool sql = false;
};

const std::vector<Schedule>& schedules();

}  // namespace tajo::sim
