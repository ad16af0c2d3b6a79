#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "rows.hpp"
#include "tajo/exchange/spill_file.hpp"
#include "tajo/functions/aggregate.hpp"

namespace tajo::exec {

/// How rows of one kind lie in memory: their size, and where they point at text. They go to spill files as they are,
/// the text behind them.
struct RowFormat {
  std::uint32_t row_bytes = 0;
  std::vector<functions::TextPlace> texts;

  static RowFormat of(const RowLayout& layout, std::uint32_t row_bytes);
  void add_texts(const RowLayout& layout);
  /// Copies the row's texts to `strings` and points the row there.
  void own_texts(std::byte* row, data::Arena& strings) const;
};

/// The spill files of one operator, in the directories by turns. Any thread.
class SpillFiles {
 public:
  explicit SpillFiles(const std::vector<std::string>& directories) : directories_(directories) {}
  bool possible() const { return !directories_.empty(); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  struct Place {
    std::shared_ptr<exchange::SpillFile> file;
    std::uint64_t offset = 0;
  };
  /// Tries the other directories when one is full. Error 53100, 58030.
  Place append(ByteView bytes);

 private:
  std::shared_ptr<exchange::SpillFile> current();
  void give_up(const std::shared_ptr<exchange::SpillFile>& file);
  const std::vector<std::string> directories_;
  std::mutex mutex_;
  std::shared_ptr<exchange::SpillFile> file_;
  std::atomic<std::uint64_t> bytes_{0};
};

/// Rows that lie in spill files, in blocks, in the order they were written. Plain value.
struct SpilledRows {
  struct Block {
    SpillFiles::Place place;
    std::uint32_t bytes = 0;
    std::uint32_t rows = 0;
    std::uint32_t crc = 0;
  };
  std::vector<Block> blocks;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};

/// Brings one block into `arena` and points the rows at their texts there. Error 58030, XX001.
std::byte* load_block(const RowFormat& format, const SpilledRows::Block& block, data::Arena& arena);

/// Collects rows and writes them a block at a time. One thread.
class SpillWriter {
 public:
  SpillWriter(SpillFiles& files, const RowFormat& format) : files_(files), format_(format) {}
  void append(const std::byte* row);
  void flush();
  /// Flushed; the writer starts afresh.
  SpilledRows take();

 private:
  SpillFiles& files_;
  const RowFormat& format_;
  Bytes rows_, texts_;
  std::uint32_t count_ = 0;
  SpilledRows written_;
};

inline constexpr std::uint32_t kSpillBits = 5;
inline constexpr std::uint32_t kSpillPartitions = 1U << kSpillBits;
/// How often a partition that does not fit is divided again, by the next bits of its rows' hashes. Beyond it the
/// operator gives up with 53200: 32^6 pieces are not small enough only if nearly all rows have one key.
inline constexpr std::uint32_t kMostDivisions = 5;

/// Rows divided by a number below `partitions`. append(): any thread.
class SpillPartitions {
 public:
  SpillPartitions(SpillFiles& files, const RowFormat& format, std::uint32_t partitions);
  /// Rows of one partition.
  void append(std::uint32_t partition, std::span<const std::byte* const> rows);
  /// Any rows: partitions[i] belongs to rows[i].
  void append(std::span<const std::uint8_t> partitions, std::span<const std::byte* const> rows);
  SpilledRows take(std::uint32_t partition);

 private:
  struct Partition {
    Partition(SpillFiles& files, const RowFormat& format) : writer(files, format) {}
    std::mutex mutex;
    SpillWriter writer;
  };
  std::vector<std::unique_ptr<Partition>> partitions_;
};

}  // namespace tajo::exec
