#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "doorbell.hpp"
#include "link.hpp"
#include "tajo/mpi/fabric.hpp"
#include "tajo/mpi/world.hpp"
#include "wire.hpp"

namespace tajo::mpi {

inline constexpr Micros kMaxSleepUs = 20'000;
inline constexpr Micros kSpinUs = 20;              ///< without work: then the thread yields between turns
inline constexpr Micros kAwakeUs = 200;            ///< after the last work: then it sleeps
inline constexpr Micros kAssumeAwakeUs = 100;      ///< a peer heard at work or rung this long ago needs no bell
inline constexpr Micros kRingAgainUs = 2'000;      ///< a peer assumed awake has not answered
inline constexpr Micros kBodyPatienceUs = 20'000;  ///< a body on its way keeps the thread awake that long
inline constexpr Micros kAlertUs = 50;             ///< after a bell: the frame it announces may come behind it
inline constexpr Micros kListenUs = 5;             ///< after a sleep that ended by itself
inline constexpr Micros kTimerScanUs = 1'000;
inline constexpr int kFramesPerTurn = 64;          ///< to one peer, before others get their turn
inline constexpr int kPollsPerTurn = 16;
inline constexpr std::size_t kReceivePoolBytes = std::size_t{256} << 20;  ///< shared by the links that receive bodies
/// Probes and control are taken past kMaxQueuedBytesPerPeer; a peer that leaves this much unread is given up.
inline constexpr std::size_t kMaxBacklogBytesPerPeer = std::size_t{256} << 20;

/// The Fabric over a Wire: one Link a peer, one thread (run()) that moves everything. Other threads only push onto a
/// lock-free list and, when the transport sleeps, write its eventfd.
class Mesh : public Fabric, private WireEvents {
 public:
  Mesh(Rank rank, int size, std::uint64_t world, std::unique_ptr<Wire> wire, std::unique_ptr<Doorbell> doorbell);
  ~Mesh() override;

  Rank rank() const override { return rank_; }
  int size() const override { return size_; }
  bool send(Rank to, Channel channel, Bytes payload) override;
  void on_message(Channel channel, std::function<void(Message&&)> handler) override;
  void on_suspect(std::function<void(Rank)> handler) override;
  void on_writable(std::function<void(Rank)> handler) override;
  void set_stamp(const FrameStamp& stamp) override;
  void reset_peer(Rank peer, Incarnation incarnation) override;
  void expect_peer(Rank peer, Incarnation incarnation) override;
  Micros silence_us(Rank peer) const override;

  /// Moves messages until stop(). On the thread that initialised MPI.
  void run();
  /// Any thread; run() returns within kMaxSleepUs.
  void stop();
  /// After run(): keeps acknowledging and transmitting what is queued; delivers nothing.
  void linger(Micros duration);

  std::uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }
  MeshCounters counters() const;

 private:
  /// An order of another thread, on its way to the transport's.
  struct Order {
    enum class Kind : std::uint8_t { kSend, kResetPeer, kExpectPeer, kRestart } kind;
    Channel channel = Channel::kControl;
    Rank peer = kNoRank;
    Incarnation incarnation = 0;
    std::shared_ptr<Bytes> payload;
    Order* next = nullptr;
  };
  struct Peer {
    explicit Peer(Micros now) : link(1, now) {}
    Link link;
    std::size_t counted = 0;             ///< part of `queued` that the link holds
    bool dirty = false;
    bool timed = false;
    bool failed = false;                 ///< MPI reaches it no more
    bool given_up = false;               ///< its backlog was dropped: nothing is taken for it until it starts afresh
    Micros at_work_us = 0;               ///< last frame that shows the peer busy
    Micros rung_us = 0;
    Micros ring_at = Link::kNever;
    Micros body_us = 0;                  ///< last announcement from it
    std::atomic<std::size_t> queued{0};  ///< cost of what was accepted and is neither acknowledged nor dropped
    std::atomic<bool> full{false};       ///< a sender was refused
    std::atomic<Micros> heard_us{0};
  };

  void on_frame(Rank from, int lane, ByteView frame) override;
  void on_body(Rank from, const FrameHeader& announce, Bytes&& body) override;
  void on_sent(Rank to, int lane) override;
  void on_failure(Rank peer) override;

  void submit(std::unique_ptr<Order> order);
  void submit(Order::Kind kind, Rank peer, Incarnation incarnation);
  bool take_orders();
  void obey(Order& order);
  bool turn();
  void transmit(Rank to, Peer& peer);
  void wake_peer(Rank to, Peer& peer, bool sent_work);
  void scan_timers();
  void share_receive_pool();
  void mark(Rank rank, Peer& peer);
  void settle(Rank rank, Peer& peer);
  void drop_queue(Rank rank, Peer& peer);
  void hand_over(Message&& message);
  void deliver(Rank from, std::vector<Link::Delivered>& messages);
  void sleep();
  FrameStamp stamp() const;
  Peer& peer(Rank r) { return *peers_[static_cast<std::size_t>(r)]; }

  const Rank rank_;
  const int size_;
  const std::uint64_t world_;
  std::unique_ptr<Wire> wire_;
  std::unique_ptr<Doorbell> doorbell_;
  std::vector<std::unique_ptr<Peer>> peers_;
  /// Taken for each call of a handler; other threads hold it only to replace one, and know then that it is not running.
  std::mutex handlers_mutex_;
  std::array<std::function<void(Message&&)>, kChannels> handlers_;
  std::function<void(Rank)> suspect_;
  std::function<void(Rank)> writable_;

  std::atomic<Order*> orders_{nullptr};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stop_{false};
  bool lingering_ = false;

  // The stamp under a sequence lock: written rarely, read at each transmission.
  mutable std::mutex stamp_writers_;
  std::atomic<std::uint32_t> stamp_version_{0};
  std::atomic<Incarnation> stamp_incarnation_{1};
  std::atomic<Epoch> stamp_epoch_{0};
  std::atomic<ViewNumber> stamp_view_{0};

  Micros now_ = 0;
  Micros work_us_ = 0;   ///< last turn with control or data
  Micros body_us_ = 0;   ///< last time a body began or ended
  Micros alert_until_ = 0;
  bool unpolled_ = false;  ///< the last turn left arrivals for the next
  Micros scanned_us_ = 0;
  Micros shared_us_ = 0;
  std::vector<Rank> dirty_;
  std::vector<Rank> timed_;
  std::vector<Rank> working_;  ///< scratch of turn()
  std::vector<Link::Delivered> delivered_;

  std::atomic<std::uint64_t> turns_{0};
  struct {
    std::atomic<std::uint64_t> frames_sent{0}, frames_received{0}, bodies_received{0}, bells{0}, sleeps{0}, foreign{0};
    std::atomic<std::uint64_t> retransmitted{0}, duplicates{0}, lane_changes{0};
  } count_;
};

}  // namespace tajo::mpi
