#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "frame.hpp"

namespace tajo::mpi {

inline constexpr int kLanes = 4;
inline constexpr Micros kRetransmitAfterUs = 150'000;   ///< without progress; doubles with each stall
inline constexpr Micros kMaxSmoothUs = 300'000;         ///< a slow peer is given three round trips, of at most this
inline constexpr Micros kMaxRetransmitUs = 4'800'000;
inline constexpr int kStallsPerLane = 3;                ///< then the next lane is tried
inline constexpr std::uint64_t kWindowFrames = 256;     ///< unacknowledged frames of a channel
inline constexpr std::uint64_t kRestartFrames = 4;      ///< frames repeated after a stall, doubling with progress
inline constexpr int kMaxWireSends = 64;                ///< sends handed to MPI and not complete, for each lane of a link
inline constexpr std::size_t kMaxWindowBytes = std::size_t{8} << 20;  ///< announced bytes in flight
inline constexpr std::size_t kMinWindowBytes = std::size_t{1} << 20;
inline constexpr Micros kMaxWireUs = 50'000;            ///< a probe never waits behind more wire than this
inline constexpr std::uint64_t kAckEveryFrames = 16;
inline constexpr std::size_t kAckEveryBytes = std::size_t{256} << 10;
inline constexpr Micros kAckDelayUs = 20'000;      ///< rides with the next frame until then
inline constexpr Micros kAckBodyDelayUs = 5'000;
inline constexpr Micros kGreetingUs = 20'000;           ///< at most one answer to frames for an earlier incarnation per

/// One link of the mesh, from one rank to one peer and back, without any I/O: it says what to transmit and when, and
/// is told what arrived. Each channel is a stream of its own (sequence, acknowledgement, retransmission), all share
/// the lane and the byte window. Not thread-safe: belongs to the transport's thread.
class Link {
 public:
  struct Outgoing {
    FrameHeader header;                  ///< the Mesh adds world, source, epoch and view
    std::shared_ptr<const Bytes> owner;  ///< keeps `body` alive
    int lane = 0;
    ByteView body;                       ///< inline segment or announced body
    bool urgent = false;                 ///< worth waking a sleeping peer
  };
  struct Delivered {
    Channel channel;
    FrameStamp stamp;  ///< of the transmission that carried the last segment
    Bytes payload;
  };
  struct Counters {
    std::uint64_t retransmitted = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t lane_changes = 0;
    std::uint64_t stale = 0;  ///< frames of an earlier session or for an earlier incarnation
  };

  Link(Incarnation own, Micros now);

  /// Queues a message. Cut into segments here; nothing is copied.
  void push(Channel channel, std::shared_ptr<const Bytes> payload);
  /// Sum of cost() over segments pushed and neither acknowledged nor dropped.
  std::size_t queued_bytes() const { return queued_bytes_; }
  /// What a payload counts for in queued_bytes(): its bytes and a fixed price for each segment.
  static std::size_t cost(std::size_t payload_bytes);

  /// What to transmit now: probes, then control, then an acknowledgement that is due, then data. False when nothing
  /// may go out before the next arrival, completion or timer.
  bool next(Micros now, Outgoing& out);
  /// A transmission handed out by next() has left this rank's memory.
  void wire_done(int lane);
  int wire_pending(int lane) const { return wire_pending_[static_cast<std::size_t>(lane)]; }

  /// First for every frame that arrives. False: the segment it carries or announces is not wanted.
  bool on_header(const FrameHeader& header, Micros now);
  /// Then its segment (announced ones when the body is complete); completed messages are appended to `out`.
  void on_segment(const FrameHeader& header, Bytes&& body, Micros now, std::vector<Delivered>& out);

  /// Looks at the retransmission timers.
  void on_time(Micros now);
  /// When on_time() or next() may have something to do by themselves; kNever when only an event can.
  Micros next_timer() const;
  static constexpr Micros kNever = INT64_MAX;

  /// This rank begins a new life: nothing queued counts any more.
  void restart_self(Incarnation own);
  /// Forgets what is queued to the peer; from now on it is expected with this incarnation or a higher one.
  void restart_peer(Incarnation peer);

  /// How many announced bytes this rank takes from the peer at once.
  void set_receive_window(std::size_t bytes) { receive_window_ = static_cast<std::uint32_t>(bytes); }
  Incarnation peer_incarnation() const { return peer_incarnation_; }
  int lane() const { return turn_ % kLanes; }
  const Counters& counters() const { return counters_; }

 private:
  struct Segment {
    std::shared_ptr<const Bytes> owner;
    std::size_t offset = 0;
    std::uint32_t length = 0;
    std::uint8_t flags = 0;
    bool announced = false;
    bool repeated = false;
    Micros sent_us = 0;
  };
  struct Sender {
    std::deque<Segment> segments;  ///< from `acked` on
    std::uint64_t acked = 0;
    std::uint64_t cursor = 0;      ///< next to transmit
    std::uint64_t sent = 0;        ///< end of what was transmitted at least once
    std::uint64_t flight = 0;      ///< announced bytes in [acked, cursor)
    std::uint64_t burst = kWindowFrames;
    Micros progress_us = 0;
    int stalls = 0;
    Micros smooth_us = 0;  ///< smoothed time from transmission to acknowledgement
  };
  struct Arrived {
    FrameHeader header;
    Bytes body;
  };
  struct Receiver {
    std::uint64_t expected = 0;
    std::map<std::uint64_t, Arrived> early;  ///< bound: kWindowFrames
    Bytes message;                           ///< segments of the message under way
    std::uint64_t ack_frames = 0;
    std::uint64_t ack_bytes = 0;
    Micros ack_at = kNever;
    bool ack_now = false;
  };

  bool next_segment(std::size_t channel, Micros now, Outgoing& out);
  void fill(Outgoing& out);
  bool ack_wanted(Micros now) const;
  void acknowledge(std::size_t channel, std::uint64_t upto, Micros now);
  void accept(std::size_t channel, const FrameHeader& header, Bytes&& body, Micros now, std::vector<Delivered>& out);
  void deliver(Receiver& receiver, Arrived&& arrived, std::vector<Delivered>& out);
  void begin_session(std::uint64_t session);
  void rewind(Sender& sender);
  static Micros stall_timeout(const Sender& sender);
  std::size_t window(std::size_t channel) const;

  std::array<Sender, kChannels> senders_;
  std::array<Receiver, kChannels> receivers_;
  std::array<int, kLanes> wire_pending_{};
  std::size_t queued_bytes_ = 0;
  Incarnation own_incarnation_;
  Incarnation peer_incarnation_ = 1;
  std::uint64_t session_;
  std::uint64_t peer_session_ = 0;
  std::size_t congestion_window_ = kMaxWindowBytes / 2;
  Micros congested_us_ = 0;
  std::uint32_t peer_window_ = static_cast<std::uint32_t>(kMinWindowBytes);
  std::uint32_t receive_window_ = static_cast<std::uint32_t>(kMaxWindowBytes);
  std::uint32_t transfers_ = 0;
  std::uint8_t turn_ = 0;
  bool greet_ = false;
  Micros greeted_us_ = 0;
  Counters counters_;
};

}  // namespace tajo::mpi
