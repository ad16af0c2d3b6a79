#include <algorithm>

#include "journal_records.hpp"
#include "limits.hpp"
#include "tajo/journal/log.hpp"

namespace tajo::journal {

/// Appends and fdatasyncs; a failed write is repeated once in a new segment, since after a failed fdatasync nobody knows
/// what the old one holds.
Task<PutEnd> Log::write_batch(Bytes batch, bool use_reserve) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (segment_ == 0) {
      segment_ = random_() | 1;
      written_ = 0;
      FileResult made = co_await requests_.create_segment(segment_name(segment_));
      if (made.status != FileStatus::kOk) segment_ = 0;
      if (made.status == FileStatus::kNoSpace) co_return PutEnd::kNoSpace;
      if (made.status != FileStatus::kOk) continue;
    }
    FileResult r = co_await requests_.append(segment_name(segment_), written_, batch, use_reserve);
    if (r.status == FileStatus::kOk) co_return PutEnd::kWon;
    if (r.status == FileStatus::kNoSpace) co_return PutEnd::kNoSpace;
    segment_ = 0;
  }
  co_return PutEnd::kFailed;
}

Task<PutEnd> Log::put(Epoch epoch, std::vector<Record> records, bool use_reserve) {
  const Position at = position_;
  TAJO_ASSERT(!at.row.empty() && !records.empty());
  Lsn lsn = at.lsn;
  for (Record& r : records) {
    r.lsn = lsn++;
    r.epoch = epoch;
  }
  // A reader takes a slot's bytes from where the slot before it ended, if that one is in the same segment, else from 0.
  if (written_ != 0 && (at.index < 0 || at.segment != segment_ || at.length != written_)) segment_ = 0;
  Bytes batch = encode_batch(at.hash, records);
  PutEnd written = co_await write_batch(batch, use_reserve);
  if (written != PutEnd::kWon) co_return written;

  Slot slot{epoch, segment_, written_ + batch.size(), batch_hash(epoch, batch), random_()};
  for (;;) {
    FileResult made = co_await requests_.make_slot(at.row, at.index + 1, slot.str());
    if (made.status == FileStatus::kMissing) break;  // the row was removed: superseded long ago
    bool mine = made.status == FileStatus::kOk;
    if (made.status == FileStatus::kExists && !made.text.empty()) {
      auto other = Slot::parse(made.text);
      if (!other || other->nonce != slot.nonce) break;
      mine = true;
    }
    if (mine) {
      FileResult synced = co_await requests_.sync_row(at.row);
      if (synced.status == FileStatus::kOk) {
        row_sync_failures_ = 0;
        won_ = SlotBytes{at.row, at.index + 1, slot, std::move(batch)};
        co_return PutEnd::kWon;
      }
      if (synced.status == FileStatus::kMissing) break;
      ++row_sync_failures_;
    }
    co_await fibers_.sleep(kRepeatSlot);
  }
  segment_ = 0;  // its uncounted bytes stay nobody's
  co_return PutEnd::kLost;
}

const SlotBytes& Log::apply_won() {
  TAJO_ASSERT(won_.row == position_.row && won_.index == position_.index + 1);
  written_ = won_.slot.length;
  apply(won_);
  return won_;
}

Task<bool> Log::prepare_row() {
  Position at = position_;
  if (at.row.empty() || at.index < 0) co_return false;
  Bytes data = sections();
  SnapshotRef ref{snapshot_name(random_()), content_hash(data), data.size(), at};
  FileResult written = co_await requests_.write_snapshot(ref.name, std::move(data));
  if (written.status != FileStatus::kOk) co_return false;
  std::string row = row_name(row_number(at.row) + 1, random_());
  FileResult made = co_await requests_.make_row(row);
  if (made.status != FileStatus::kOk) co_return false;
  if (position_.row != at.row) co_return false;
  next_close_ = encode(Close{row, ref});
  next_row_ = row;
  co_return true;
}

Task<void> Log::remove_old_rows() {
  std::uint64_t newest = row_number(position_.row);
  if (position_.index < 0 || newest < 3) co_return;
  FileResult listed = co_await requests_.list_rows();
  std::vector<std::string> rows = std::move(listed.names);
  std::sort(rows.begin(), rows.end());
  for (const std::string& row : rows) {
    if (row_number(row) == 0 || row_number(row) + 2 > newest) continue;
    std::vector<std::string> files;
    std::optional<Slot> first;
    bool whole = true;
    for (std::int64_t from = 0;; from += kReadAhead) {
      FileResult slots = co_await requests_.read_slots(row, from, kReadAhead);
      whole = whole && slots.status == FileStatus::kOk;
      for (const std::string& text : slots.names) {
        auto slot = Slot::parse(text);
        if (!slot) continue;
        if (!first) first = slot;
        if (files.empty() || files.back() != segment_name(slot->segment)) files.push_back(segment_name(slot->segment));
      }
      if (static_cast<std::int64_t>(slots.names.size()) < kReadAhead) break;
    }
    if (!whole) continue;
    if (first) {
      FileResult head = co_await requests_.read_segment(segment_name(first->segment), 0, first->length, true);
      if (head.status == FileStatus::kOk && batch_hash(first->epoch, head.data) == first->hash) {
        std::vector<Record> records = decode_batch(head.data);
        if (!records.empty() && records[0].kind == RecordKind::kSnapshot)
          files.push_back(decode_row_head(records[0].payload).snapshot.name);
      }
    }
    co_await requests_.remove_row(row, std::move(files));
  }
}

}  // namespace tajo::journal
