#include <algorithm>

#include "journal_records.hpp"
#include "limits.hpp"
#include "tajo/journal/log.hpp"

namespace tajo::journal {

/// A reader without a past: the highest row that has a slot 0, and the snapshot that slot 0 names.
Task<bool> Log::place() {
  FileResult listed = co_await requests_.list_rows();
  if (listed.status == FileStatus::kMissing) co_return true;  // nothing yet
  if (listed.status != FileStatus::kOk) co_return false;
  std::vector<std::string> rows = std::move(listed.names);
  std::erase_if(rows, [](const std::string& r) { return row_number(r) == 0; });
  std::sort(rows.begin(), rows.end(), std::greater<>());
  for (const std::string& row : rows) {
    FileResult first = co_await requests_.read_slots(row, 0, 1);
    if (first.status == FileStatus::kFailed) co_return false;
    if (first.names.empty()) continue;
    auto slot = Slot::parse(first.names[0]);
    if (!slot) {
      damage_ = "slot 000000 of row " + row + " cannot be read: " + first.names[0];
      co_return false;
    }
    Bytes batch;
    position_ = {};
    Fetch fetch = co_await slot_bytes(row, 0, *slot, &batch);
    if (fetch != Fetch::kGood) co_return false;
    std::vector<Record> records = decode_batch(batch);
    if (!records.empty() && records[0].kind == RecordKind::kSnapshot) co_return co_await load_snapshot(records[0]);
    reset_machines();
    position_ = {};
    position_.row = row;
    co_return true;
  }
  for (const std::string& row : rows) {
    if (row_number(row) != 1) continue;
    reset_machines();
    position_ = {};
    position_.row = row;
  }
  co_return true;
}

Task<bool> Log::load_snapshot(Record head) {
  RowHead h = decode_row_head(head.payload);
  Micros deadline = fibers_.now() + kStaleBytes;
  for (;;) {
    FileResult r = co_await requests_.read_snapshot(h.snapshot.name);
    if (r.status == FileStatus::kOk && r.data.size() == h.snapshot.bytes && content_hash(r.data) == h.snapshot.hash) {
      restore_sections(r.data);
      position_ = h.snapshot.at;
      co_return true;
    }
    if (fibers_.now() >= deadline) break;
    co_await fibers_.sleep(kStaleRetry);
  }
  damage_ = "snapshot " + h.snapshot.name + " is missing or has other bytes than its row says";
  co_return false;
}

/// Is the slot this position rests on still the one there? `known` is false when the filesystem gave no answer.
Task<bool> Log::last_slot_visible(bool* known) {
  *known = true;
  bool in_row = position_.index >= 0;
  std::string row = in_row ? position_.row : position_.closed_row;
  std::int64_t index = in_row ? position_.index : position_.closed_index;
  if (row.empty() || index < 0) co_return true;  // before the first slot of all
  FileResult r = co_await requests_.read_slots(row, index, 1);
  *known = r.status != FileStatus::kFailed;
  if (r.status != FileStatus::kOk || r.names.empty()) co_return false;
  auto slot = Slot::parse(r.names[0]);
  co_return slot && slot->hash == position_.hash;
}

Task<bool> Log::last_slot_stands() {
  for (;;) {
    std::string row = position_.index >= 0 ? position_.row : position_.closed_row;
    if (row.empty()) co_return true;
    FileResult synced = co_await requests_.sync_row(row);
    if (synced.status == FileStatus::kMissing) co_return false;
    bool known = false;
    bool visible = false;
    if (synced.status == FileStatus::kOk) visible = co_await last_slot_visible(&known);
    if (known) co_return visible;
    co_await fibers_.sleep(kRepeatSlot);
  }
}

Task<Log::Fetch> Log::slot_bytes(std::string row, std::int64_t index, Slot slot, Bytes* out) {
  std::uint64_t from = start_of(slot);
  Micros deadline = fibers_.now() + kStaleBytes;
  for (int attempt = 0;; ++attempt) {
    auto heard = offered_.find({row, index});
    if (heard != offered_.end() && heard->second.slot == slot &&
        batch_hash(slot.epoch, heard->second.bytes) == slot.hash) {
      *out = heard->second.bytes;
      co_return Fetch::kGood;
    }
    if (slot.length > from) {
      FileResult r =
          co_await requests_.read_segment(segment_name(slot.segment), from, slot.length - from, attempt > 0);
      if (r.status == FileStatus::kOk && r.data.size() == slot.length - from &&
          batch_hash(slot.epoch, r.data) == slot.hash) {
        *out = std::move(r.data);
        co_return Fetch::kGood;
      }
    }
    // Wrong bytes are a stale cache, unless what this rank rests on is no longer the log.
    if (attempt == 0 && !position_.row.empty()) {
      bool known = false;
      bool visible = co_await last_slot_visible(&known);
      if (known && !visible) co_return Fetch::kBroken;
    }
    if (fibers_.now() >= deadline) break;
    if (on_need_ && attempt % 5 == 0) on_need_(row, index);
    co_await fibers_.sleep(kStaleRetry);
  }
  damage_ = "segment " + segment_name(slot.segment) + " offset " + std::to_string(from) + ": the " +
            std::to_string(slot.length - from) + " bytes that slot " + slot_name(index) + " of row " + row +
            " counts are missing or wrong";
  co_return Fetch::kDamaged;
}

Task<ReadEnd> Log::read_on(Epoch own) {
  damage_.clear();
  int restarts = 0;
  for (;;) {
    if (restarts > kMaxRestarts) co_return ReadEnd::kFailed;
    if (position_.row.empty()) {
      bool placed = co_await place();
      if (!placed) {
        forget();
        co_return damage_.empty() ? ReadEnd::kFailed : ReadEnd::kDamaged;
      }
      if (position_.row.empty()) co_return ReadEnd::kEmpty;
    }
    FileResult r = co_await requests_.read_slots(position_.row, position_.index + 1, kReadAhead);
    if (r.status == FileStatus::kMissing) {
      if (position_.index < 0) {  // a row just named may not be visible here yet; a removed one has newer rows
        FileResult listed = co_await requests_.list_rows();
        bool newer = std::any_of(listed.names.begin(), listed.names.end(), [&](const std::string& name) {
          return row_number(name) > row_number(position_.row);
        });
        if (!newer) co_return ReadEnd::kEnd;
      }
      ++restarts;
      forget();
      continue;
    }
    if (r.status != FileStatus::kOk) co_return ReadEnd::kFailed;
    bool broken = false;
    bool closed = false;
    for (std::size_t i = 0; i < r.names.size() && !broken && !closed; ++i) {
      auto slot = Slot::parse(r.names[i]);
      std::int64_t index = position_.index + 1;
      if (!slot) {
        damage_ = "slot " + slot_name(index) + " of row " + position_.row + " cannot be read: " + r.names[i];
        co_return ReadEnd::kDamaged;
      }
      if (own != 0 && slot->epoch == own) co_return ReadEnd::kOwn;
      SlotBytes next{position_.row, index, *slot, {}};
      Fetch fetch = co_await slot_bytes(next.row, index, *slot, &next.bytes);
      if (fetch == Fetch::kDamaged) co_return ReadEnd::kDamaged;
      if (fetch == Fetch::kBroken || batch_previous(next.bytes) != position_.hash || slot->epoch < position_.epoch) {
        broken = true;
        break;
      }
      apply(std::move(next));
      offered_.erase(offered_.begin(), offered_.upper_bound({position_.row, position_.index}));
      closed = position_.index < 0;
    }
    if (broken) {
      ++restarts;
      forget();
      continue;
    }
    if (!closed && static_cast<std::int64_t>(r.names.size()) < kReadAhead) co_return ReadEnd::kEnd;
  }
}

}  // namespace tajo::journal
