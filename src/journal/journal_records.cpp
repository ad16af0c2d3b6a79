#include "journal_records.hpp"

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/vector.hpp>
#include <xxhash.h>

#include "tajo/journal/record_archive.hpp"

namespace tajo::journal {

template <class A>
void serialize(A& a, Position& v) {
  a(v.row, v.index, v.hash, v.segment, v.length, v.closed_row, v.closed_index, v.lsn, v.epoch);
}
template <class A>
void serialize(A& a, SnapshotRef& v) {
  a(v.name, v.hash, v.bytes, v.at);
}
template <class A>
void serialize(A& a, Close& v) {
  a(v.next_row, v.snapshot);
}
template <class A>
void serialize(A& a, RowHead& v) {
  a(v.snapshot, v.closed_row, v.closed_index, v.closed_hash);
}

namespace {

template <class T>
Bytes pack(const T& v) {
  return pack_record<cereal::PortableBinaryOutputArchive>(v);
}

template <class T>
T unpack(ByteView bytes) {
  return unpack_record<T, cereal::PortableBinaryInputArchive, cereal::Exception>(bytes, "log: record");
}

}  // namespace

Bytes encode(const Close& v) { return pack(v); }
Close decode_close(ByteView bytes) { return unpack<Close>(bytes); }
Bytes encode(const RowHead& v) { return pack(v); }
RowHead decode_row_head(ByteView bytes) { return unpack<RowHead>(bytes); }
Bytes encode(const Position& v) { return pack(v); }
Position decode_position(ByteView bytes) { return unpack<Position>(bytes); }

// Sections may be large: written as they lie, without an archive.
Bytes encode(const Sections& v) {
  ByteWriter out;
  out.put(static_cast<std::uint32_t>(v.size()));
  for (const auto& [name, bytes] : v) {
    out.text(name);
    out.put(static_cast<std::uint64_t>(bytes.size()));
    out.raw(bytes);
  }
  return out.take();
}

Sections decode_sections(ByteView bytes) {
  ByteReader in(bytes);
  Sections out;
  auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string name = in.text();
    ByteView part = in.raw(in.get<std::uint64_t>());
    out.emplace_back(std::move(name), Bytes(part.begin(), part.end()));
  }
  return out;
}

std::uint64_t content_hash(ByteView bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace tajo::journal
