#pragma once
#include "tajo/common/bytes.hpp"
#include "tajo/common/ids.hpp"

namespace tajo::protocol {

/// How control logic (QueryMaster, QueryCoordinator, TaskManager) speaks to other ranks: ordered, exactly-once between
/// living ranks. Control thread. tajod wires it to the Mesh, the simulator to its own network.
class ControlPort {
 public:
  virtual ~ControlPort() = default;
  virtual Rank self() const = 0;
  virtual void send(Rank to, Bytes message) = 0;
};

}  // namespace tajo::protocol
