#pragma once
// Encodings of catalog records and snapshots. Inside the room only; written with Cereal in catalog_records.cpp.
#include <variant>

#include "tajo/catalog/catalog.hpp"

namespace tajo::catalog {

using AnyRecord = std::variant<CreateDatabase, DropDatabase, CreateTable, DropTable, CommitFragments, PutUser, DropUser>;

/// Throws Error XX001 when the payload is no record of this room, ends early or has bytes to spare.
AnyRecord decode_record(ByteView payload);

/// A snapshot and the number the next database or table gets.
struct SnapshotRecord {
  Snapshot snapshot;
  std::uint64_t next_number = 1;
};
Bytes encode_snapshot(const Snapshot& snapshot, std::uint64_t next_number);
SnapshotRecord decode_snapshot(ByteView bytes);

}  // namespace tajo::catalog
