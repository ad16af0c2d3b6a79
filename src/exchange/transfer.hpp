#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "block_files.hpp"
#include "tajo/mpi/fabric.hpp"

namespace tajo::exchange {

inline constexpr std::size_t kTransferHeadBytes = 64;

/// What stands before every message of the kData channel (docs/formats.md, Pull). A consumer opens a *stream* for one
/// partition of one output with a credit of bytes; the producer sends blocks while the credit lasts (the last may
/// overdraw it) and marks the last one; the consumer returns credit as its threads take blocks.
struct TransferHead {
  enum class Kind : std::uint8_t { kOpen = 1, kCredit, kClose, kBlock, kEnd, kLost, kPing };
  std::uint32_t magic = kMagic;
  Kind kind = Kind::kPing;
  std::uint8_t last = 0;        ///< kBlock: no other follows
  std::uint16_t partition = 0;  ///< kOpen
  std::uint64_t stream = 0;     ///< number given by the consumer, unique in its process
  std::uint64_t credit = 0;     ///< kOpen, kCredit
  std::uint64_t query_start_ms = 0;
  std::uint32_t query_number = 0;
  std::uint16_t stage = 0;
  std::uint16_t attempt = 0;
  std::uint32_t task = 0;
  std::uint32_t unused[5] = {};

  static constexpr std::uint32_t kMagic = 0x314C5054;  // "TPL1"
};
static_assert(sizeof(TransferHead) == kTransferHeadBytes && std::is_trivially_copyable_v<TransferHead>);

/// The consumer's end of streams; called on the transfers' thread, except peer_lost (any thread).
class StreamReceiver {
 public:
  virtual ~StreamReceiver() = default;
  virtual void block(std::size_t source, BlockRef block) = 0;
  virtual void end(std::size_t source) = 0;
  virtual void lost(std::size_t source) = 0;
  /// All sources of that rank that are not complete are lost.
  virtual void peer_lost(Rank rank) = 0;
};

/// Serves this rank's outputs to others and pulls theirs. Has one thread of its own between the fabric's and the
/// executors'. Any thread may call.
class Transfers {
 public:
  using Find = std::function<std::shared_ptr<const SealedOutput>(const TaskId&)>;
  Transfers(mpi::Fabric& fabric, BlockFiles& files, Find find);
  ~Transfers();

  Rank rank() const { return fabric_.rank(); }
  /// To be called once for every receiver: it hears of lost peers.
  void enlist(std::weak_ptr<StreamReceiver> receiver);
  /// The stream's number; 0: the rank has left the view, nothing will come.
  std::uint64_t open(Rank from, const TaskId& task, std::uint16_t partition, std::size_t credit,
                     std::weak_ptr<StreamReceiver> receiver, std::size_t source);
  void credit(Rank from, std::uint64_t stream, std::size_t bytes);
  void close(Rank from, std::uint64_t stream);
  void peer_lost(Rank rank);
  void peer_back(Rank rank);

 private:
  using StreamKey = std::pair<Rank, std::uint64_t>;
  struct Event {
    enum class Kind : std::uint8_t { kMessage, kWritable, kPeerLost, kLoaded } kind;
    mpi::Message message;
    Rank rank = kNoRank;
    StreamKey stream{};
    std::shared_ptr<const Bytes> bytes;
  };
  struct Pull {  ///< a stream this rank consumes
    Rank from;
    std::weak_ptr<StreamReceiver> receiver;
    std::size_t source;
  };
  struct Serving {  ///< a stream another rank consumes
    std::shared_ptr<const SealedOutput> output;
    std::uint16_t partition = 0;
    std::size_t next = 0;
    std::int64_t credit = 0;
    bool loading = false;
    std::shared_ptr<const Bytes> loaded;  ///< the next block, read back from a spill file
  };

  void push(Event&& event);
  void run();
  void handle(Event& event);
  void receive(mpi::Message& message);
  void serve(const StreamKey& key, Serving& serving);
  bool send_block(const StreamKey& key, ByteView block, bool last);
  void post(Rank to, const TransferHead& head);
  void flush(Rank to);
  void forget_peer(Rank rank);
  void end_pulls(Rank rank, bool away);
  void watch_silence();
  void watch_readers(const StreamKey& key, const TaskId& task);
  void end_rank_after_read();
  std::optional<Pull> pull(std::uint64_t stream, Rank from, bool forget);

  mpi::Fabric& fabric_;
  BlockFiles& files_;
  Find find_;

  std::mutex events_mutex_;
  std::condition_variable events_changed_;
  std::deque<Event> events_;  ///< bound: what peers may have in flight by credit
  bool stopping_ = false;

  std::mutex pulls_mutex_;
  std::map<std::uint64_t, Pull> pulls_;
  std::set<Rank> away_;  ///< left the view and are not back
  std::vector<std::weak_ptr<StreamReceiver>> receivers_;
  std::size_t purge_at_ = 64;
  std::uint64_t last_stream_ = 0;

  std::mutex outbox_mutex_;
  std::map<Rank, std::deque<Bytes>> outbox_;  ///< small messages while a peer's queue is full; bound: streams with it

  // The thread's own.
  std::map<StreamKey, Serving> servings_;
  std::set<Rank> full_;
  std::map<Rank, int> silent_ticks_;
  std::map<TaskId, StreamKey> first_readers_;  ///< only while the failpoint task_output_read is named
  std::optional<StreamKey> last_served_;       ///< the failpoint has fired: the rank ends when this stream is read
  std::thread thread_;
};

}  // namespace tajo::exchange
