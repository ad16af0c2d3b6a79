#pragma once
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tajo/common/random.hpp"
#include "tajo/journal/fiber.hpp"
#include "tajo/journal/log_files.hpp"
#include "tajo/journal/slot.hpp"

namespace tajo::journal {

/// LogFiles as awaitables, with the age of the oldest request that has not come back.
class LogRequests {
 public:
  LogRequests(LogFiles& files, Fibers& fibers) : files_(files), fibers_(fibers) {}
  LogRequests(const LogRequests&) = delete;
  LogRequests& operator=(const LogRequests&) = delete;

  Await<FileResult> list_rows();
  Await<FileResult> make_row(std::string row);
  Await<FileResult> read_slots(std::string row, std::int64_t first, std::int64_t limit);
  Await<FileResult> make_slot(std::string row, std::int64_t index, std::string text);
  Await<FileResult> sync_row(std::string row);
  Await<FileResult> create_segment(std::string name);
  Await<FileResult> append(std::string name, std::uint64_t offset, Bytes data, bool use_reserve);
  Await<FileResult> read_segment(std::string name, std::uint64_t offset, std::uint64_t length, bool fresh);
  Await<FileResult> write_snapshot(std::string name, Bytes data);
  Await<FileResult> read_snapshot(std::string name);
  Await<FileResult> remove_row(std::string row, std::vector<std::string> files);

  Micros oldest_pending_us() const;
  /// When a request last came back with an answer of the server.
  Micros last_answer() const { return last_answer_; }
  /// Called before each completion is handed on.
  void on_completion(std::function<void()> hook) { on_completion_ = std::move(hook); }
  /// After an absence the time away does not count as waiting.
  void shift(Micros away);

 private:
  using Call = std::function<void(LogFiles::Done)>;
  Await<FileResult> ask(Call call);
  LogFiles& files_;
  Fibers& fibers_;
  std::shared_ptr<std::map<std::uint64_t, Micros>> pending_ = std::make_shared<std::map<std::uint64_t, Micros>>();
  std::uint64_t next_ = 1;
  Micros last_answer_ = 0;
  std::function<void()> on_completion_;
};

enum class ReadEnd : std::uint8_t {
  kEnd,      ///< to the end this host sees
  kOwn,      ///< stopped before a slot of the epoch this rank holds
  kEmpty,    ///< no row at all
  kFailed,   ///< the filesystem gave errors
  kDamaged,  ///< a counted byte is missing or wrong: see damage()
};

enum class PutEnd : std::uint8_t {
  kWon,      ///< the slot is mine and fsynced; the position has not moved yet
  kLost,     ///< another's slot is there, or the row is gone
  kNoSpace,  ///< nothing written that counts
  kFailed,   ///< the segment could not be written, twice; nothing that counts
};

/// A slot with its bytes, as it travels to the backups and lies in memory for those whose files are stale.
struct SlotBytes {
  std::string row;
  std::int64_t index = -1;
  Slot slot;
  Bytes bytes;
};

/// The log of one rank: where it stands, the state machines fed from it, reading on, and winning slots. The caller holds
/// `lock()` around whatever moves the position: a rank has one owner of the applied position. One thread.
class Log {
 public:
  Log(LogFiles& files, Fibers& fibers, std::uint64_t seed);
  /// Before the first read. `section` names its part of snapshots.
  void add_machine(std::string section, std::vector<RecordKind> kinds, StateMachine& machine);
  /// Called after each applied slot.
  void on_applied(std::function<void(const SlotBytes&)> hook) { on_applied_ = std::move(hook); }
  /// Called when the files do not give what a slot counts: others may hold it in memory (see keep_for_reader).
  void on_need(std::function<void(const std::string& row, std::int64_t index)> hook) { on_need_ = std::move(hook); }

  const Position& position() const { return position_; }
  FiberLock& lock() { return lock_; }
  bool locked() const { return lock_.held(); }
  LogRequests& files() { return requests_; }
  const std::string& damage() const { return damage_; }

  /// Applies what the files show. `own`: the epoch this rank holds as active, 0 = none.
  Task<ReadEnd> read_on(Epoch own);
  /// fsyncs the row of the last applied slot and looks again: is it still there? Before a claim.
  Task<bool> last_slot_stands();
  /// Forgets the position: the next read starts from the newest snapshot this host sees.
  void forget();

  /// A slot heard from the active: applied when it comes right behind the position.
  enum class Offer : std::uint8_t { kApplied, kKnown, kGap };
  Offer offer(const SlotBytes& slot);
  /// Kept for a reader whose files are stale.
  void keep_for_reader(SlotBytes slot);
  /// The slots after `index` of `row` that this rank still holds in memory, oldest first; empty when there is a gap.
  std::vector<const SlotBytes*> recent_after(const std::string& row, std::int64_t index) const;

  /// State and position in one piece, for a master whose files are stale.
  Bytes export_state() const;
  /// Takes it when it is ahead of this rank.
  bool import_state(ByteView state);

  /// Starts an own segment: with every claim, every row, and after every failed write.
  void new_segment() { segment_ = 0; }
  /// Appends the records and creates the slot behind the position; repeats until the outcome is known.
  Task<PutEnd> put(Epoch epoch, std::vector<Record> records, bool use_reserve);
  /// Applies the slot that put() won.
  const SlotBytes& apply_won();
  int row_sync_failures() const { return row_sync_failures_; }
  /// Records the head of a row must carry: the snapshot's, when the position is before slot 0.
  void add_row_head(std::vector<Record>& records) const;

  /// True once the row is long enough to end.
  bool row_is_full() const;
  void set_row_limits(std::int64_t slots, std::uint64_t bytes) { row_slots_ = slots; row_bytes_ = bytes; }
  bool row_prepared() const { return !next_row_.empty(); }
  /// Writes the snapshot and makes the next row's directory; commits may go on meanwhile. False: not possible now.
  Task<bool> prepare_row();
  /// The record that closes the row; the position moves on when it is applied.
  Record closing_record() const;
  void drop_prepared_row() { next_row_.clear(); }
  /// Removes the rows before the newest two.
  Task<void> remove_old_rows();

 private:
  struct Machine {
    std::string section;
    StateMachine* machine;
  };
  Task<bool> place();
  Task<bool> load_snapshot(Record head);
  enum class Fetch : std::uint8_t { kGood, kBroken, kDamaged };
  Task<Fetch> slot_bytes(std::string row, std::int64_t index, Slot slot, Bytes* out);
  Task<bool> last_slot_visible(bool* known);
  Task<PutEnd> write_batch(Bytes batch, bool use_reserve);
  std::uint64_t start_of(const Slot& slot) const;
  void apply(SlotBytes slot);
  Bytes sections() const;
  void restore_sections(ByteView sections);
  void reset_machines();

  Fibers& fibers_;
  LogRequests requests_;
  FiberLock lock_;
  Random random_;
  std::vector<Machine> machines_;
  std::map<RecordKind, std::size_t> owner_of_;
  std::function<void(const SlotBytes&)> on_applied_;
  std::function<void(const std::string&, std::int64_t)> on_need_;
  Position position_;
  std::string damage_;

  std::deque<SlotBytes> recent_;
  std::size_t recent_bytes_ = 0;
  std::map<std::pair<std::string, std::int64_t>, SlotBytes> offered_;

  std::uint64_t segment_ = 0;  // mine, 0: none open
  std::uint64_t written_ = 0;  // counted bytes of it
  SlotBytes won_;
  int row_sync_failures_ = 0;

  std::int64_t row_slots_;
  std::uint64_t row_bytes_;
  std::uint64_t bytes_in_row_ = 0;
  std::string next_row_;
  Bytes next_close_;           // payload of the closing record
  Bytes head_of_row_;          // payload of the snapshot record the empty row must begin with
};

}  // namespace tajo::journal
