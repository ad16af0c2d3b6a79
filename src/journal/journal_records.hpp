#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tajo/journal/slot.hpp"

namespace tajo::journal {

/// Where a snapshot lies and which slot it is the state after: a reader loads it and walks on from there.
struct SnapshotRef {
  std::string name;        ///< empty: none, the state before the first record
  std::uint64_t hash = 0;  ///< XXH3 of the file
  std::uint64_t bytes = 0;
  Position at;
};

/// Payload of kClose: the next row and the snapshot it begins with. kSnapshot carries the SnapshotRef and where the
/// closed row ended.
struct Close {
  std::string next_row;
  SnapshotRef snapshot;
};

struct RowHead {
  SnapshotRef snapshot;
  std::string closed_row;
  std::int64_t closed_index = -1;
  std::uint64_t closed_hash = 0;
};

using Sections = std::vector<std::pair<std::string, Bytes>>;

Bytes encode(const Close& v);
Close decode_close(ByteView bytes);
Bytes encode(const RowHead& v);
RowHead decode_row_head(ByteView bytes);
Bytes encode(const Sections& v);
Sections decode_sections(ByteView bytes);
Bytes encode(const Position& v);
Position decode_position(ByteView bytes);
std::uint64_t content_hash(ByteView bytes);

}  // namespace tajo::journal
