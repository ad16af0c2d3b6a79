#pragma once
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "join_table.hpp"
#include "spill.hpp"

namespace tajo::exec {

/// One partition of a join in spill files.
struct SpilledJoin {
  SpilledRows build, probe;
  std::uint32_t divisions = 0;              ///< how often the partition was divided
};

/// What a hash join has in spill files. Build rows go there as soon as they do not fit; when the build is complete as
/// many partitions as fit come back (the resident ones), and probe rows of the others are put aside as well.
class JoinSpill {
 public:
  explicit JoinSpill(const std::vector<std::string>& tmpdirs) : files_(tmpdirs) {}
  SpillFiles& files() { return files_; }
  bool active() const { return active_.load(std::memory_order_acquire); }
  /// Once is enough. `probe`: types of the probe columns that are put aside.
  void activate(const JoinTable& table, const std::vector<data::Physical>& probe);

  static std::uint8_t partition(std::uint64_t hash, std::uint32_t divisions) {
    return static_cast<std::uint8_t>(hash >> (8 + divisions * kSpillBits) & (kSpillPartitions - 1));
  }
  /// Writes a part's rows to the partitions and clears it. Any thread, each part by one.
  void flush(const JoinTable& table, JoinTable::Part& part);
  /// After the build: brings partitions back into `table` and prepares it. Error 53200.
  void settle(JoinTable& table, MemoryAccount& memory);
  bool resident(std::uint32_t partition) const { return (resident_ >> partition & 1) != 0; }
  /// After the probe: the partitions that are still to be joined, and the build rows with a NULL key.
  std::vector<SpilledJoin> take_items();
  SpilledRows take_null_keys() { return build_->take(kNullKeys); }

  const RowFormat& build_format() const { return build_format_; }
  const RowFormat& probe_format() const { return probe_format_; }
  const RowLayout& probe_layout() const { return probe_layout_; }   ///< header: the hash
  SpillPartitions& probe() { return *probe_; }

 private:
  static constexpr std::uint32_t kNullKeys = kSpillPartitions;      ///< behind the partitions of build rows
  void load_resident(JoinTable& table, MemoryAccount& memory);
  SpillFiles files_;
  std::mutex mutex_;
  std::atomic<bool> active_{false};
  RowFormat build_format_, probe_format_;
  RowLayout probe_layout_;
  std::optional<SpillPartitions> build_, probe_;
  std::vector<SpilledRows> built_;          ///< by partition, once the build is complete
  std::uint32_t resident_ = 0;              ///< bits
};

}  // namespace tajo::exec
