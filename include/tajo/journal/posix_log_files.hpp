#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tajo/journal/log_files.hpp"
#include "tajo/journal/record.hpp"

namespace tajo::journal {

/// The real commit log directory (`${tajo.rootdir}/system/log`). Requests run on two threads of its own: what a commit
/// waits for on one, reads, snapshots and removal on the other, so that a long read delays no commit. No call here
/// touches the filesystem on the caller's thread except open().
class PosixLogFiles final : public LogFiles {
 public:
  /// Hands a completion to the control thread. Called on an I/O thread; must not block for long.
  using Post = std::function<void(std::function<void()>)>;

  /// Makes the directory with its parents, and this rank's reserve file. May block: call before the control thread
  /// starts. Throws Error 58030 naming the path when it cannot be used.
  static std::unique_ptr<PosixLogFiles> open(const std::string& directory, Rank rank, Post post);
  /// Seconds since the newest slot was won, by the filesystem's times; empty when there is none. Blocks. For whoever
  /// starts a cluster: a log written a moment ago is somebody's.
  static std::optional<double> newest_slot_age_s(const std::string& directory);
  /// The chain hash of the newest slot; 0: there is none, or it cannot be read. Blocks.
  static std::uint64_t newest_slot_hash(const std::string& directory);
  /// The records of the newest slot, as far as its bytes are there and right; empty otherwise. Blocks. Whether the
  /// cluster of this log ended in good order stands in them.
  static std::vector<Record> newest_records(const std::string& directory);
  /// Does not wait for a hung file server: threads end by themselves, callbacks not yet posted are dropped.
  ~PosixLogFiles() override;

  void list_rows(Done done) override;
  void make_row(std::string row, Done done) override;
  void read_slots(std::string row, std::int64_t first, std::int64_t limit, Done done) override;
  void make_slot(std::string row, std::int64_t index, std::string text, Done done) override;
  void sync_row(std::string row, Done done) override;
  void create_segment(std::string name, Done done) override;
  void append(std::string name, std::uint64_t offset, Bytes data, bool use_reserve, Done done) override;
  void read_segment(std::string name, std::uint64_t offset, std::uint64_t length, bool fresh, Done done) override;
  void write_snapshot(std::string name, Bytes data, Done done) override;
  void read_snapshot(std::string name, Done done) override;
  void remove_row(std::string row, std::vector<std::string> files, Done done) override;

 private:
  class Disk;
  class Worker;
  PosixLogFiles(std::shared_ptr<Disk> commits, std::shared_ptr<Disk> reads, Post post);
  std::shared_ptr<Disk> commit_disk_;
  std::shared_ptr<Disk> read_disk_;
  std::unique_ptr<Worker> commit_thread_;
  std::unique_ptr<Worker> read_thread_;
};

}  // namespace tajo::journal
