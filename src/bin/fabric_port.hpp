#pragma once
#include <utility>

#include "tajo/cluster/ports.hpp"
#include "tajo/mpi/fabric.hpp"
#include "tajo/protocol/control_port.hpp"

namespace tajo {

/// The Mesh as cluster, coordinator and workers see it.
class FabricPort final : public cluster::MessagePort, public protocol::ControlPort {
 public:
  explicit FabricPort(mpi::Fabric& fabric) : fabric_(fabric) {}
  void send(Rank to, cluster::Lane lane, Bytes payload) override {
    fabric_.send(to, lane == cluster::Lane::kProbe ? mpi::Channel::kProbe : mpi::Channel::kControl, std::move(payload));
  }
  void set_stamp(const cluster::Stamp& s) override { fabric_.set_stamp({s.world, s.incarnation, s.epoch, s.view}); }
  void reset_peer(Rank peer, Incarnation incarnation) override { fabric_.reset_peer(peer, incarnation); }
  void expect_peer(Rank peer, Incarnation incarnation) override { fabric_.expect_peer(peer, incarnation); }
  Rank self() const override { return fabric_.rank(); }
  void send(Rank to, Bytes message) override { fabric_.send(to, mpi::Channel::kControl, std::move(message)); }

 private:
  mpi::Fabric& fabric_;
};

}  // namespace tajo
