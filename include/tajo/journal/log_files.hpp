#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/common/ids.hpp"

namespace tajo::journal {

enum class FileStatus : std::uint8_t {
  kOk,
  kExists,   ///< EEXIST: `text` is what the link says; empty when it could not be read
  kMissing,  ///< ENOENT, ESTALE, ENOTDIR: the row or file is not there
  kNoSpace,  ///< ENOSPC, EDQUOT
  kFailed,   ///< EIO and the rest; whether the request took effect is unknown
};

struct FileResult {
  FileStatus status = FileStatus::kOk;
  int error = 0;                    ///< errno, 0 when none
  std::string text;                 ///< of an existing link
  std::vector<std::string> names;   ///< row names, or link texts
  Bytes data;
};

/// The commit log's directory as asynchronous requests: rows of slots, segments, snapshots. Each request is carried out
/// by the file server once or (repeated by the client system) more than once; its callback is called exactly once on
/// the owner's control thread, possibly much later when the server hangs. Requests of one rank may overtake each other
/// only when the caller did not wait.
class LogFiles {
 public:
  using Done = std::function<void(FileResult)>;
  virtual ~LogFiles() = default;

  /// Names of all row directories, any order, from a fresh look at the directory.
  virtual void list_rows(Done done) = 0;
  /// mkdir, then fsync of the parent. kExists is fine for the caller who knows the name.
  virtual void make_row(std::string row, Done done) = 0;
  /// The texts of consecutive slots from `first`, at most `limit`; opens the row first (which revalidates).
  /// Fewer than asked: the end as this host sees it now, which may be stale. kMissing: the row is gone.
  virtual void read_slots(std::string row, std::int64_t first, std::int64_t limit, Done done) = 0;
  /// symlink(2): exclusive at the server.
  virtual void make_slot(std::string row, std::int64_t index, std::string text, Done done) = 0;
  /// fsync of the row directory.
  virtual void sync_row(std::string row, Done done) = 0;

  /// Creates a segment exclusively, preallocates its first piece, fsyncs the directory.
  virtual void create_segment(std::string name, Done done) = 0;
  /// Writes at `offset` and fdatasyncs. `use_reserve`: give up the reserve file when space is short.
  virtual void append(std::string name, std::uint64_t offset, Bytes data, bool use_reserve, Done done) = 0;
  /// Up to `length` bytes; `fresh` reopens the file so that cached pages are revalidated.
  virtual void read_segment(std::string name, std::uint64_t offset, std::uint64_t length, bool fresh, Done done) = 0;
  /// Whole file under a name nobody had before, fsynced with its directory.
  virtual void write_snapshot(std::string name, Bytes data, Done done) = 0;
  virtual void read_snapshot(std::string name, Done done) = 0;

  /// Takes a whole row out of the way by renaming its directory: its slot names are never free again. Then removes
  /// segments and snapshots that only it named.
  virtual void remove_row(std::string row, std::vector<std::string> files, Done done) = 0;
};

}  // namespace tajo::journal
