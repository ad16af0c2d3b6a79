#include "group_table.hpp"

#include <algorithm>
#include <bit>

#include "key_packer.hpp"

namespace tajo::exec {

using data::Physical;
using data::Selection;
using data::Vector;

namespace {

constexpr std::uint64_t kFirstCapacity = 1024;
constexpr std::uint64_t kCachedCapacity = std::uint64_t{1} << 17;  ///< entries that stay in a core's cache
constexpr std::uint64_t kWorthGrowing = 2;                         ///< input rows a group above it

template <class T, class Same>
void match_typed(const T* values, bool constant, const std::uint64_t* valid, const RowLayout& layout, std::size_t column,
                 const Selection& selection, std::span<const std::uint16_t> at, const std::byte* const* rows, std::uint8_t* ok,
                 Same same) {
  const std::uint32_t offset = layout.offset(column);
  for (std::size_t i = 0; i < at.size(); ++i) {
    const std::uint32_t position = constant ? 0 : selection[at[i]];
    const std::byte* row = rows[at[i]];
    T stored;
    std::memcpy(&stored, row + offset, sizeof stored);
    const bool null = !data::row_valid(valid, position);
    const bool row_null = layout.is_null(row, column);
    const bool equal = null || row_null ? null == row_null : same(values[position], stored);
    ok[i] = static_cast<std::uint8_t>(ok[i] & static_cast<std::uint8_t>(equal));
  }
}

}  // namespace

GroupLayout::GroupLayout(std::vector<Physical> key_types, std::uint32_t tail)
    : keys(sizeof(std::uint64_t), std::move(key_types)) {
  tail_offset = (keys.size() + 15) / 16 * 16;
  row_bytes = (tail_offset + tail + 15) / 16 * 16;
}

GroupDirectory::GroupDirectory(std::uint64_t rows) : entries_(std::bit_ceil(std::max<std::uint64_t>(rows * 2, 16))), mask_(entries_.size() - 1) {}

std::uint64_t GroupDirectory::place(const RowLayout& keys, const std::byte* of) const {
  const std::uint64_t hash = GroupLayout::hash(of);
  std::uint64_t at = slot(hash);
  for (; entries_[at] != 0; at = next(at)) {
    const std::byte* other = row(entries_[at]);
    bool same = same_tag(entries_[at], hash) && GroupLayout::hash(other) == hash;
    for (std::size_t k = 0; k < keys.columns() && same; ++k) same = keys.equal(k, other, of);
    if (same) break;
  }
  return at;
}

bool GroupDirectory::find(const RowLayout& keys, const std::byte* row) const { return entries_[place(keys, row)] != 0; }

bool GroupDirectory::add(const RowLayout& keys, const std::byte* row) {
  std::uint64_t& at = entries_[place(keys, row)];
  if (at != 0) return false;
  at = entry(GroupLayout::hash(row), row);
  return true;
}

void GroupDirectory::grow(std::uint64_t rows) {
  GroupDirectory grown(rows);
  for (const std::uint64_t entry : entries_) {
    if (entry == 0) continue;
    std::uint64_t slot = grown.slot(GroupLayout::hash(row(entry)));
    while (grown.at(slot) != 0) slot = grown.next(slot);
    grown.at(slot) = entry;
  }
  *this = std::move(grown);
}

GroupTable::GroupTable(const GroupLayout& layout, MemoryAccount& memory, const char* owner)
    : layout_(layout), any_null_(layout.keys.columns(), false), reservation_(memory, owner) {
  for (RowStore& p : partitions_) p = RowStore(layout.row_bytes);
}

std::byte* GroupTable::insert(std::uint64_t hash, std::uint64_t partition_hash) {
  std::byte* row = partitions_[partition_hash >> (64 - kPartitionBits)].append(arena_);
  std::memset(row, 0, layout_.row_bytes);
  std::memcpy(row, &hash, sizeof hash);
  ++rows_;
  return row;
}

std::byte* GroupTable::single() { return insert(0, 0); }

void GroupTable::make_room(std::uint32_t rows) {
  rows_seen_ += rows;
  if (directory_.capacity() != 0 && !directory_.full(in_directory_ + rows)) return;
  if (directory_.capacity() >= kCachedCapacity && rows_seen_ < kWorthGrowing * in_directory_) {
    directory_.clear();
    in_directory_ = 0;
    rows_seen_ = 0;
    emptied_ = true;
    return;
  }
  directory_.grow(std::max({kFirstCapacity, (in_directory_ + rows) * 2, static_cast<std::uint64_t>(directory_.capacity())}));
}

void GroupTable::find_or_insert(std::span<const Vector> keys, const Selection& selection, const std::uint64_t* hashes,
                                const std::uint64_t* partition_hashes, std::byte** rows_out) {
  const std::uint32_t n = selection.count;
  make_room(n);
  if (partition_hashes == nullptr) partition_hashes = hashes;
  pending_.resize(n);
  slots_.resize(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    pending_[i] = static_cast<std::uint16_t>(i);
    slots_[i] = directory_.slot(hashes[i]);
    __builtin_prefetch(&directory_.at(slots_[i]));
  }
  std::vector<std::uint8_t>& ok = ok_;
  while (!pending_.empty()) {
    candidates_.clear();
    fresh_.clear();
    for (const std::uint16_t i : pending_) {
      std::uint64_t slot = slots_[i];
      for (;;) {
        std::uint64_t& entry = directory_.at(slot);
        if (entry == 0) {
          rows_out[i] = insert(hashes[i], partition_hashes[i]);
          entry = GroupDirectory::entry(hashes[i], rows_out[i]);
          ++in_directory_;
          fresh_.push_back(i);
          break;
        }
        if (GroupDirectory::same_tag(entry, hashes[i])) {
          std::byte* row = GroupDirectory::row(entry);
          if (GroupLayout::hash(row) == hashes[i]) {
            rows_out[i] = row;
            candidates_.push_back(i);
            break;
          }
        }
        slot = directory_.next(slot);
      }
      slots_[i] = slot;
    }
    if (!fresh_.empty()) write_keys(keys, selection, rows_out);
    pending_.clear();
    if (candidates_.empty()) break;
    ok.assign(candidates_.size(), 1);
    match_keys(layout_.keys, keys, selection, candidates_, rows_out, ok.data());
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      if (ok[c] != 0) continue;
      const std::uint16_t i = candidates_[c];
      slots_[i] = directory_.next(slots_[i]);
      pending_.push_back(i);
    }
  }
}

void GroupTable::index_by_number(std::uint64_t range, MemoryAccount& memory) {
  number_shift_ = 64 - static_cast<int>(std::bit_width(range - 1));
  Reservation reservation(memory, "hash aggregation");
  if (reservation.may_keep(range * sizeof(std::uint64_t))) by_number_ = ZeroedArray<std::uint64_t>(range, std::move(reservation));
}

/// The number itself on top where partitions are ranges of it; different numbers have different hashes either way. All
/// lanes hash alike, those that found no memory for the array too.
std::uint64_t GroupTable::hash_of(std::uint64_t packed) const {
  const std::uint64_t mixed = KeyPacker::mix(packed);
  return number_shift_ == 0 ? mixed : packed << number_shift_ | mixed >> (64 - number_shift_);
}

void GroupTable::find_or_insert_packed(const std::uint64_t* packed, std::span<const Vector> keys, const Selection& selection,
                                       std::byte** rows_out) {
  const std::uint32_t n = selection.count;
  fresh_.clear();
  if (by_number_.size() != 0) {
    std::uint64_t* table = by_number_.data();
    for (std::uint32_t i = 0; i < n; ++i) {
      TAJO_ASSERT(packed[i] < by_number_.size());  // else a bound that was said to be proved is wrong
      std::uint64_t& entry = table[packed[i]];
      if (entry == 0) [[unlikely]] {
        const std::uint64_t hash = hash_of(packed[i]);
        entry = reinterpret_cast<std::uint64_t>(insert(hash, hash));
        fresh_.push_back(static_cast<std::uint16_t>(i));
      }
      rows_out[i] = reinterpret_cast<std::byte*>(entry);
    }
  } else {
    make_room(n);
    slots_.resize(n);
    if (number_shift_ == 0)
      for (std::uint32_t i = 0; i < n; ++i) slots_[i] = KeyPacker::mix(packed[i]);
    else
      for (std::uint32_t i = 0; i < n; ++i) slots_[i] = hash_of(packed[i]);
    for (std::uint32_t i = 0; i < n; ++i) directory_.prefetch(slots_[i]);
    for (std::uint32_t i = 0; i < n; ++i) {
      if (i != 0 && packed[i] == packed[i - 1]) {
        rows_out[i] = rows_out[i - 1];
        continue;
      }
      const std::uint64_t hash = slots_[i];
      for (std::uint64_t slot = directory_.slot(hash);; slot = directory_.next(slot)) {
        std::uint64_t& entry = directory_.at(slot);
        if (entry == 0) {
          rows_out[i] = insert(hash, hash);
          entry = GroupDirectory::entry(hash, rows_out[i]);
          ++in_directory_;
          fresh_.push_back(static_cast<std::uint16_t>(i));
          break;
        }
        if (!GroupDirectory::same_tag(entry, hash) || GroupLayout::hash(GroupDirectory::row(entry)) != hash) continue;
        rows_out[i] = GroupDirectory::row(entry);
        break;
      }
    }
  }
  if (!fresh_.empty()) write_keys(keys, selection, rows_out);
}

void GroupTable::write_keys(std::span<const Vector> keys, const Selection& selection, std::byte* const* rows) {
  fresh_rows_.resize(fresh_.size());
  fresh_positions_.resize(fresh_.size());
  for (std::size_t f = 0; f < fresh_.size(); ++f) {
    fresh_rows_[f] = rows[fresh_[f]];
    fresh_positions_[f] = static_cast<std::uint16_t>(selection[fresh_[f]]);
  }
  const Selection fresh{fresh_positions_.data(), static_cast<std::uint32_t>(fresh_.size())};
  for (std::size_t k = 0; k < keys.size(); ++k)
    if (layout_.keys.scatter(k, keys[k], fresh, fresh_rows_.data(), strings_)) any_null_[k] = true;
}

bool GroupTable::account() { return bytes() == reservation_.held() || reservation_.may_keep(bytes()); }

void GroupTable::account_all() { reservation_.set(bytes()); }

void GroupTable::reset() {
  for (RowStore& p : partitions_) p = RowStore(layout_.row_bytes);
  directory_ = GroupDirectory();
  by_number_ = ZeroedArray<std::uint64_t>();
  in_directory_ = rows_ = rows_seen_ = 0;
  emptied_ = true;
  arena_.release();
  strings_.release();
  reservation_.set(0);
}

void match_keys(const RowLayout& layout, std::span<const Vector> keys, const Selection& selection,
                std::span<const std::uint16_t> at, const std::byte* const* rows, std::uint8_t* ok) {
  for (std::size_t k = 0; k < keys.size(); ++k) {
    const Vector& v = keys[k];
    const bool constant = v.form == Vector::Form::kConstant;
    const auto run = [&](auto tag, auto same) {
      using T = decltype(tag);
      match_typed<T>(v.as<T>(), constant, v.valid, layout, k, selection, at, rows, ok, same);
    };
    const auto equal = [](const auto& a, const auto& b) { return a == b; };
    const auto equal_float = [](auto a, auto b) { return a == b || (a != a && b != b); };
    switch (layout.type(k)) {
      case Physical::kBool: run(std::uint8_t{}, equal); break;
      case Physical::kI32: run(std::int32_t{}, equal); break;
      case Physical::kI64: run(std::int64_t{}, equal); break;
      case Physical::kI128: run(static_cast<__int128>(0), equal); break;
      case Physical::kF32: run(float{}, equal_float); break;
      case Physical::kF64: run(double{}, equal_float); break;
      case Physical::kStr: run(data::Str{}, equal); break;
    }
  }
}

}  // namespace tajo::exec
