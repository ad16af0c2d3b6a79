#include "tajo/journal/log.hpp"

#include <algorithm>

#include "journal_records.hpp"
#include "limits.hpp"

namespace tajo::journal {

Log::Log(LogFiles& files, Fibers& fibers, std::uint64_t seed)
    : fibers_(fibers), requests_(files, fibers), lock_(fibers), random_(seed), row_slots_(kRowSlots),
      row_bytes_(kRowBytes) {}

void Log::add_machine(std::string section, std::vector<RecordKind> kinds, StateMachine& machine) {
  for (RecordKind kind : kinds) {
    TAJO_ASSERT(!owner_of_.contains(kind));
    owner_of_[kind] = machines_.size();
  }
  machines_.push_back({std::move(section), &machine});
}

void Log::forget() {
  position_ = {};
  bytes_in_row_ = 0;
  head_of_row_.clear();
  next_row_.clear();
  recent_.clear();
  recent_bytes_ = 0;
}

std::uint64_t Log::start_of(const Slot& slot) const {
  return position_.index >= 0 && position_.segment == slot.segment ? position_.length : 0;
}

void Log::apply(SlotBytes slot) {
  std::vector<Record> records = decode_batch(slot.bytes);
  position_.row = slot.row;
  position_.index = slot.index;
  position_.hash = slot.slot.hash;
  position_.segment = slot.slot.segment;
  position_.length = slot.slot.length;
  position_.epoch = slot.slot.epoch;
  bytes_in_row_ += slot.bytes.size();
  std::optional<Close> close;
  for (const Record& r : records) {
    position_.lsn = r.lsn + 1;
    if (r.kind == RecordKind::kClose) {
      close = decode_close(r.payload);
    } else if (auto it = owner_of_.find(r.kind); it != owner_of_.end()) {
      machines_[it->second].machine->apply(r);
    }
  }
  head_of_row_.clear();
  if (close) {
    head_of_row_ = encode(RowHead{close->snapshot, slot.row, slot.index, slot.slot.hash});
    position_.closed_row = slot.row;
    position_.closed_index = slot.index;
    position_.row = close->next_row;
    position_.index = -1;
    position_.segment = position_.length = 0;
    bytes_in_row_ = 0;
    next_row_.clear();
  }
  recent_bytes_ += slot.bytes.size();
  recent_.push_back(std::move(slot));
  while (recent_.size() > kRecentSlots || recent_bytes_ > kRecentBytes) {
    recent_bytes_ -= recent_.front().bytes.size();
    recent_.pop_front();
    if (recent_.empty()) break;
  }
  if (on_applied_ && !recent_.empty()) on_applied_(recent_.back());
}

Log::Offer Log::offer(const SlotBytes& slot) {
  if (position_.row.empty()) return Offer::kGap;
  if (slot.row == position_.row ? slot.index <= position_.index
                                : row_number(slot.row) < row_number(position_.row))
    return Offer::kKnown;
  if (slot.row != position_.row || slot.index != position_.index + 1) return Offer::kGap;
  if (slot.slot.length - start_of(slot.slot) != slot.bytes.size() ||
      batch_hash(slot.slot.epoch, slot.bytes) != slot.slot.hash || batch_previous(slot.bytes) != position_.hash ||
      slot.slot.epoch < position_.epoch)
    return Offer::kGap;
  apply(slot);
  return Offer::kApplied;
}

void Log::keep_for_reader(SlotBytes slot) {
  while (offered_.size() >= kOfferedSlots) offered_.erase(offered_.begin());
  auto key = std::make_pair(slot.row, slot.index);
  offered_[key] = std::move(slot);
}

std::vector<const SlotBytes*> Log::recent_after(const std::string& row, std::int64_t index) const {
  std::vector<const SlotBytes*> out;
  bool found = false;
  for (const SlotBytes& s : recent_) {
    if (!found && s.row == row && s.index == index + 1) found = true;
    if (found) out.push_back(&s);
  }
  return out;
}

Bytes Log::sections() const {
  Sections parts;
  for (const Machine& m : machines_) parts.emplace_back(m.section, m.machine->snapshot());
  return encode(parts);
}

void Log::restore_sections(ByteView bytes) {
  Sections parts = decode_sections(bytes);
  for (Machine& m : machines_) {
    auto it = std::find_if(parts.begin(), parts.end(), [&](const auto& p) { return p.first == m.section; });
    m.machine->restore(it == parts.end() ? ByteView{} : ByteView(it->second));
  }
}

void Log::reset_machines() {
  for (Machine& m : machines_) m.machine->restore({});
}

Bytes Log::export_state() const {
  return encode(Sections{{"position", encode(position_)}, {"head", head_of_row_}, {"sections", sections()}});
}

bool Log::import_state(ByteView state) {
  Sections parts = decode_sections(state);
  if (parts.size() != 3) throw Error(sqlstate::kDataCorrupted, "log: state of another format");
  Position p = decode_position(parts[0].second);
  if (!position_.row.empty() && std::pair(p.epoch, p.lsn) <= std::pair(position_.epoch, position_.lsn)) return false;
  forget();
  restore_sections(parts[2].second);
  position_ = std::move(p);
  head_of_row_ = std::move(parts[1].second);
  return true;
}

void Log::add_row_head(std::vector<Record>& records) const {
  if (position_.index >= 0 || head_of_row_.empty()) return;
  Record head;
  head.kind = RecordKind::kSnapshot;
  head.payload = head_of_row_;
  records.insert(records.begin(), std::move(head));
}

bool Log::row_is_full() const { return position_.index >= row_slots_ || bytes_in_row_ >= row_bytes_; }

Record Log::closing_record() const {
  Record r;
  r.kind = RecordKind::kClose;
  r.payload = next_close_;
  return r;
}

}  // namespace tajo::journal
