#pragma once
#include <cstdint>
#include <functional>

#include "tajo/common/bytes.hpp"
#include "tajo/common/ids.hpp"

namespace tajo::mpi {

/// Classes of traffic. Probes go before control, control before data; each class is ordered for itself.
enum class Channel : std::uint8_t { kProbe = 0, kControl = 1, kData = 2 };
inline constexpr int kChannels = 3;

/// Stamped on every frame at each transmission, retransmissions too (docs/recovery.md, Frames).
struct FrameStamp {
  std::uint64_t world = 0;      ///< random id of this MPI world
  Incarnation incarnation = 1;  ///< of the sender
  Epoch epoch = 0;
  ViewNumber view = 0;
};

struct Message {
  Rank source = kNoRank;
  Channel channel = Channel::kControl;
  FrameStamp stamp;
  Bytes payload;
};

/// What a rank needs of its transport: reliable, ordered, exactly-once delivery between living ranks of one world,
/// each link for itself (a peer's trouble is not noticed by the others). Implemented by Mesh over MPI; the simulator
/// stands in for it in tests.
class Fabric {
 public:
  virtual ~Fabric() = default;
  virtual Rank rank() const = 0;
  virtual int size() const = 0;

  /// Any thread; returns at once. The payload is queued for the peer (bound: kMaxQueuedBytesPerPeer; past it kData
  /// sends return false and the caller waits for `on_writable`, probes and control are still taken).
  /// To self: delivered like any other message.
  virtual bool send(Rank to, Channel channel, Bytes payload) = 0;

  /// Called on the transport's own thread for each delivered message; must only move it into a queue of the room.
  virtual void on_message(Channel channel, std::function<void(Message&&)> handler) = 0;
  /// A request error: suspicion, not proof. Same thread rule.
  virtual void on_suspect(std::function<void(Rank)> handler) = 0;
  /// Room again in the queue towards a peer. Same thread rule.
  virtual void on_writable(std::function<void(Rank)> handler) = 0;

  /// The stamp of frames sent from now on. Any thread.
  virtual void set_stamp(const FrameStamp& stamp) = 0;
  /// Forgets what is queued to and expected from a peer that left the view. Any thread.
  virtual void reset_peer(Rank peer, Incarnation incarnation) = 0;
  /// What is sent from now on is meant for that incarnation of the peer or a later one. Without it the first messages
  /// to a peer that came back, and has sent nothing yet, count as meant for its earlier life and are dropped. Any thread.
  virtual void expect_peer(Rank peer, Incarnation incarnation) = 0;
  /// Microseconds since any frame came from this peer (its own retransmissions and acknowledgements count).
  virtual Micros silence_us(Rank peer) const = 0;
};

inline constexpr std::size_t kMaxQueuedBytesPerPeer = std::size_t{32} << 20;

}  // namespace tajo::mpi
