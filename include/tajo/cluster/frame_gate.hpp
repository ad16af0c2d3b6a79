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

/// Which frames a rank listens to, without a copy of the view: for the thread that owns it.
Verdict judge_frame(std::uint64_t world, const View& view, Epoch epoch, Rank source, const Stamp& stamp);
/// The frame speaks of a view or epoch above this rank's: worth asking for.
inline bool frame_is_ahead(std::uint64_t world, const View& view, Epoch epoch, const Stamp& stamp) {
  return stamp.world == world && (stamp.view > view.number || stamp.epoch > epoch);
}

/// The same as a value: copy it to the thread that needs it.
class FrameGate {
 public:
  FrameGate() = default;
  FrameGate(std::uint64_t world, View view, Epoch epoch) : world_(world), view_(std::move(view)), epoch_(epoch) {}
  Verdict judge(Rank source, const Stamp& stamp) const { return judge_frame(world_, view_, epoch_, source, stamp); }
  bool ahead(const Stamp& stamp) const { return frame_is_ahead(world_, view_, epoch_, stamp); }

 private:
  std::uint64_t world_ = 0;
  View view_;
  Epoch epoch_ = 0;
};

}  // namespace tajo::cluster
