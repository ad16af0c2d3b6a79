#pragma once
#include "tajo/cluster/node.hpp"
#include "tajo/cluster/ports.hpp"

namespace tajo::cluster {

enum class Verdict : std::uint8_t {
  kDeliver,
  kDrop,     ///< another world, or an epoch that is over
  kEvicted,  ///< the source is outside the view and behind it: tell it
  kEarly,    ///< the source stands in a view this rank does not know yet: ask for it, keep the frame
};

/// Which frames a rank listens to. A value: copy it to the thread that needs it.
class FrameGate {
 public:
  FrameGate() = default;
  FrameGate(std::uint64_t world, View view, Epoch epoch) : world_(world), view_(std::move(view)), epoch_(epoch) {}
  Verdict judge(Rank source, const Stamp& stamp) const;
  /// The frame speaks of a view or epoch above this rank's: worth asking for.
  bool ahead(const Stamp& stamp) const {
    return stamp.world == world_ && (stamp.view > view_.number || stamp.epoch > epoch_);
  }

 private:
  std::uint64_t world_ = 0;
  View view_;
  Epoch epoch_ = 0;
};

}  // namespace tajo::cluster
