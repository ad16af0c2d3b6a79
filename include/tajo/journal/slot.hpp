#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "tajo/journal/record.hpp"

namespace tajo::journal {

/// What a slot's link says: `e<epoch> s<segment> l<length> h<chain hash> n<nonce>` (docs/formats.md, Log).
struct Slot {
  Epoch epoch = 0;
  std::uint64_t segment = 0;  ///< random number that names the segment file
  std::uint64_t length = 0;   ///< bytes of the segment that count, this slot's included
  std::uint64_t hash = 0;     ///< over this slot's bytes, which begin with the previous slot's hash
  std::uint64_t nonce = 0;    ///< tells a repeated request from another's
  std::string str() const;
  static std::optional<Slot> parse(std::string_view text);
  bool operator==(const Slot&) const = default;
};

std::string segment_name(std::uint64_t segment);
std::string snapshot_name(std::uint64_t number);
/// `<8-digit number>-<random>`; number 1 has a fixed name so that two first starts meet in one row.
std::string row_name(std::uint64_t number, std::uint64_t random);
std::uint64_t row_number(std::string_view row);  ///< 0 when it is no row name
std::string slot_name(std::int64_t index);       ///< six digits

/// Where a reader stands: the last slot it applied.
struct Position {
  std::string row;             ///< empty: a reader without a past
  std::int64_t index = -1;     ///< -1: none of this row yet
  std::uint64_t hash = 0;      ///< of the last applied slot, also across rows
  std::uint64_t segment = 0;   ///< of the last applied slot; 0 at the start of a row
  std::uint64_t length = 0;
  std::string closed_row;      ///< the row closed before this one, and its last slot
  std::int64_t closed_index = -1;
  Lsn lsn = 0;                 ///< the next record's
  Epoch epoch = 0;             ///< of the last applied slot
  bool same_slot(const Position& o) const { return row == o.row && index == o.index && hash == o.hash; }
};

/// The bytes of one slot: a header with the previous slot's hash, then records with their CRCs.
Bytes encode_batch(std::uint64_t previous_hash, const std::vector<Record>& records);
std::uint64_t batch_hash(Epoch epoch, ByteView batch);
std::uint64_t batch_previous(ByteView batch);  ///< throws Error XX001 when too short
/// Throws Error XX001 on a wrong CRC or length.
std::vector<Record> decode_batch(ByteView batch);

std::uint32_t crc32c(ByteView bytes);

}  // namespace tajo::journal
