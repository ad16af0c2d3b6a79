#pragma once
#include "tajo/common/bytes.hpp"
#include "tajo/common/ids.hpp"

namespace tajo::cluster {

/// What stands on every frame, written at each transmission, retransmissions too (docs/recovery.md, Frames).
struct Stamp {
  std::uint64_t world = 0;
  Incarnation incarnation = 1;
  Epoch epoch = 0;
  ViewNumber view = 0;
  bool operator==(const Stamp&) const = default;
};

enum class Lane : std::uint8_t { kProbe, kControl };

/// What the cluster's logic needs of a transport. All calls return at once.
class MessagePort {
 public:
  virtual ~MessagePort() = default;
  virtual void send(Rank to, Lane lane, Bytes payload) = 0;
  virtual void set_stamp(const Stamp& stamp) = 0;
  /// A peer left the view: what is queued for it is void.
  virtual void reset_peer(Rank peer, Incarnation incarnation) = 0;
  /// A peer stands in the view with that incarnation: what is sent from now on is meant for it. Nothing happens when
  /// that is known from the peer's own frames; else what is queued, for an earlier one, is void.
  virtual void expect_peer(Rank peer, Incarnation incarnation) = 0;
};

/// First byte of every payload that belongs to the cluster's logic: how a frame on the control channel is told from
/// one of the rooms above (whose first byte must differ).
inline constexpr std::byte kClusterTag{0x01};

}  // namespace tajo::cluster
