#pragma once
// How values of other rooms are laid out in Cereal archives. Included only by this room's sources.
#include <cereal/archives/binary.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>
#include <istream>
#include <memory>
#include <streambuf>

#include "tajo/common/bytes.hpp"
#include "tajo/common/error.hpp"
#include "tajo/common/ids.hpp"
#include "tajo/data/fragment.hpp"
#include "tajo/data/schema.hpp"
#include "tajo/data/value.hpp"
#include "tajo/data/vector.hpp"

namespace tajo {

template <class Archive>
void serialize(Archive& a, QueryId& v) { a(v.start_ms, v.number); }
template <class Archive>
void serialize(Archive& a, TaskId& v) { a(v.query, v.stage, v.attempt, v.task); }

/// Byte strings go as one run.
template <class Archive>
void save_bytes(Archive& a, ByteView bytes) {
  a(static_cast<std::uint64_t>(bytes.size()));
  a(cereal::binary_data(bytes.data(), bytes.size()));
}
template <class Archive>
Bytes load_bytes(Archive& a) {
  std::uint64_t size = 0;
  a(size);
  if (size > (std::uint64_t{1} << 32)) throw Error(sqlstate::kDataCorrupted, "byte string of a message is too long");
  Bytes bytes(size);
  a(cereal::binary_data(bytes.data(), bytes.size()));
  return bytes;
}
/// An optional shared byte string: nullptr stays nullptr.
template <class Archive>
void save_shared(Archive& a, const std::shared_ptr<const Bytes>& bytes) {
  a(bytes != nullptr);
  if (bytes) save_bytes(a, *bytes);
}
template <class Archive>
std::shared_ptr<const Bytes> load_shared(Archive& a) {
  bool present = false;
  a(present);
  return present ? std::make_shared<const Bytes>(load_bytes(a)) : nullptr;
}

namespace data {

template <class Archive>
void serialize(Archive& a, Type& v) { a(v.id, v.precision, v.scale, v.length); }
template <class Archive>
void serialize(Archive& a, Bounds& v) { a(v.lo, v.hi, v.proved, v.may_be_null); }
template <class Archive>
void serialize(Archive& a, Column& v) { a(v.name, v.type, v.not_null); }
template <class Archive>
void serialize(Archive& a, Schema& v) { a(v.columns); }
template <class Archive>
void serialize(Archive& a, TableSource& v) { a(v.format, v.managed, v.location, v.options, v.schema); }
template <class Archive>
void serialize(Archive& a, Split& v) { a(v.fragment, v.first_block, v.blocks, v.rows); }
template <class Archive>
void serialize(Archive& a, ColumnStatistics& v) { a(v.min, v.max, v.nulls, v.distinct, v.strictly_increasing); }
template <class Archive>
void save(Archive& a, const FragmentInfo& v) {
  a(v.id, v.path, v.rows, v.unknown_rows, v.bytes, v.mtime_us, v.footer_digest, v.columns);
  save_shared(a, v.inline_rows);
}
template <class Archive>
void load(Archive& a, FragmentInfo& v) {
  a(v.id, v.path, v.rows, v.unknown_rows, v.bytes, v.mtime_us, v.footer_digest, v.columns);
  v.inline_rows = load_shared(a);
}

}  // namespace data

namespace protocol {

/// A stream buffer that appends to bytes, and one that reads a view: archives without a copy through a string.
class BytesSink : public std::streambuf {
 public:
  Bytes take() { return std::move(bytes_); }

 protected:
  std::streamsize xsputn(const char* s, std::streamsize n) override {
    bytes_.insert(bytes_.end(), reinterpret_cast<const std::byte*>(s), reinterpret_cast<const std::byte*>(s) + n);
    return n;
  }
  int_type overflow(int_type c) override {
    if (c != traits_type::eof()) bytes_.push_back(static_cast<std::byte>(c));
    return c;
  }

 private:
  Bytes bytes_;
};

class BytesSource : public std::streambuf {
 public:
  explicit BytesSource(ByteView view) {
    char* begin = const_cast<char*>(reinterpret_cast<const char*>(view.data()));
    setg(begin, begin, begin + view.size());
  }
};

template <class F>
Bytes to_bytes(F&& write) {
  BytesSink sink;
  std::ostream stream(&sink);
  cereal::BinaryOutputArchive archive(stream);
  write(archive);
  return sink.take();
}

/// Runs `read(archive)`; damage is Error XX001.
template <class F>
void from_bytes(ByteView bytes, F&& read) {
  BytesSource source(bytes);
  std::istream stream(&source);
  cereal::BinaryInputArchive archive(stream);
  try {
    read(archive);
  } catch (const cereal::Exception& e) {
    throw Error(sqlstate::kDataCorrupted, std::string("damaged message: ") + e.what());
  } catch (const std::length_error&) {
    throw Error(sqlstate::kDataCorrupted, "damaged message: impossible length");
  }
}

}  // namespace protocol
}  // namespace tajo
