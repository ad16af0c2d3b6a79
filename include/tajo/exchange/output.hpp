#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/common/ids.hpp"
#include "tajo/data/vector.hpp"
#include "tajo/exchange/flow.hpp"
#include "tajo/mpi/fabric.hpp"

namespace tajo::exchange {

inline constexpr std::size_t kBlockTargetBytes = std::size_t{256} << 10;  ///< a partition's block is sent at about this size
inline constexpr std::size_t kMaxInlineBytes = std::size_t{256} << 10;    ///< outputs up to this ride in the completion message

/// Where one sealed output lies.
struct OutputSource {
  Rank rank = kNoRank;
  TaskId task;
  std::shared_ptr<const Bytes> inline_output;  ///< when it came with the completion message: no pull needed
};

/// A producer or its output is gone: the consumer's task is retried after the producer's. Names the task.
class OutputLost : public std::runtime_error {
 public:
  explicit OutputLost(const TaskId& task) : std::runtime_error("output of task " + task.str() + " is lost"), task_(task) {}
  const TaskId& task() const { return task_; }

 private:
  TaskId task_;
};

/// The output of one task under way. append(): several threads at once, each row to one partition. Private until
/// seal(); a sealed output never changes. Destroyed unsealed: dropped.
class TaskOutput {
 public:
  virtual ~TaskOutput() = default;
  /// kMore: taken. kBlocked: nothing was taken, because outputs are over the memory bound and the spill is behind; the
  /// waker fires, then the same rows are given again. Throws Error 53100, 58030 when spilling fails, 53200 when there
  /// is no directory to spill to.
  virtual Flow append(std::uint16_t partition, const data::Batch& batch, const data::Selection& rows, Waker& waker) = 0;
  struct Sealed {
    std::vector<std::uint64_t> partition_bytes;
    std::uint64_t rows = 0;
    std::shared_ptr<const Bytes> inline_output;  ///< set when small enough
  };
  virtual Sealed seal() = 0;
};

/// Batches of one partition of several outputs. next() may be called by several threads, each with a Cursor of its
/// own; every block goes to exactly one of them. Order is kept only with one cursor (source by source, as appended).
class OutputReader {
 public:
  class Cursor {
   public:
    virtual ~Cursor() = default;
    /// Throws OutputLost; Error XX001 for a damaged block. The batch is valid until the next call.
    virtual Flow next(data::Batch& out, Waker& waker) = 0;
  };
  virtual ~OutputReader() = default;
  virtual std::unique_ptr<Cursor> cursor() = 0;
  /// The outputs of which more is to come and the ranks that hold them, for people who read the log.
  virtual std::string waits_for() const = 0;
};

struct OutputStoreConfig {
  std::size_t memory_bytes = std::size_t{1} << 30;   ///< past it sealed blocks are spilled
  /// Bytes that operators hold, if they share `total_bytes` with the outputs: outputs get what those leave, at most
  /// memory_bytes and at least a quarter of it.
  std::shared_ptr<const std::atomic<std::size_t>> operators;
  std::size_t total_bytes = 0;
  std::vector<std::string> tmpdirs;                  ///< tajo.worker.tmpdir.locations
  std::size_t pull_window_bytes = std::size_t{8} << 20;  ///< bound of blocks in flight to one reader
};

/// All task outputs of this rank, and the pulls from other ranks. Any thread. Outlives its TaskOutputs and readers.
/// Spill files have no names: nothing is left behind by kill -9.
class OutputStore {
 public:
  virtual ~OutputStore() = default;
  /// `fabric`'s kData channel and on_writable belong to the store from now on.
  static std::unique_ptr<OutputStore> make(mpi::Fabric& fabric, OutputStoreConfig config);

  virtual std::unique_ptr<TaskOutput> create(const TaskId& task, std::uint16_t partitions,
                                             std::vector<data::Physical> columns, bool keep_order) = 0;
  virtual std::unique_ptr<OutputReader> read(std::vector<OutputSource> sources, std::uint16_t partition) = 0;
  /// The encoded blocks of a partition, for results that the QueryMaster sends to the master. Blocking; local outputs only.
  virtual std::vector<std::shared_ptr<const Bytes>> blocks(const TaskId& task, std::uint16_t partition) = 0;

  virtual void drop_stage(const QueryId& query, std::uint16_t stage) = 0;
  virtual void drop_query(const QueryId& query) = 0;
  /// The rank has left the view: readers that still wait for something from it throw OutputLost, and so do those that
  /// would begin to, until it is back. A peer that answers nothing for ten seconds counts as lost too, should nobody
  /// say so, for the readers that wait then.
  virtual void peer_lost(Rank rank) = 0;
  /// The rank stands in the view (again).
  virtual void peer_back(Rank rank) = 0;
  virtual std::size_t memory_bytes() const = 0;
  /// Operators hold more than they did: spills what is too much now. Returns at once.
  virtual void give_way() = 0;
};

}  // namespace tajo::exchange
