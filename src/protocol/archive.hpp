#pragma once
// How values of other rooms are laid out in Cereal archives. Included only by this room's sources.
#include <cereal/cereal.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>
#include <array>
#include <cstring>
#include <memory>
#include <type_traits>

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

/// Cereal's binary layout straight into bytes and out of a view: a message is too small to pay for a stream.
class BytesSink final : public cereal::OutputArchive<BytesSink, cereal::AllowEmptyClassElision> {
 public:
  BytesSink() : OutputArchive(this) {}
  void put(const void* data, std::size_t size) {
    if (size > near_.size() - used_) flush();
    if (size > near_.size()) return append(static_cast<const std::byte*>(data), size);
    if (size > 0) std::memcpy(near_.data() + used_, data, size);
    used_ += size;
  }
  Bytes take() {
    flush();
    return std::move(bytes_);
  }

 private:
  void append(const std::byte* begin, std::size_t size) { bytes_.insert(bytes_.end(), begin, begin + size); }
  void flush() {
    append(near_.data(), used_);
    used_ = 0;
  }

  Bytes bytes_;
  std::array<std::byte, 512> near_;  ///< most values are a few bytes; they are moved over together
  std::size_t used_ = 0;
};

class BytesSource final : public cereal::InputArchive<BytesSource, cereal::AllowEmptyClassElision> {
 public:
  explicit BytesSource(ByteView view) : InputArchive(this), rest_(view) {}
  void get(void* out, std::size_t size) {
    if (size > rest_.size()) throw cereal::Exception("it ends too early");
    if (size > 0) std::memcpy(out, rest_.data(), size);
    rest_ = rest_.subspan(size);
  }

 private:
  ByteView rest_;
};

template <class T>
  requires std::is_arithmetic_v<T>
void save(BytesSink& a, const T& v) { a.put(std::addressof(v), sizeof v); }
template <class T>
  requires std::is_arithmetic_v<T>
void load(BytesSource& a, T& v) { a.get(std::addressof(v), sizeof v); }
template <class T>
void save(BytesSink& a, const cereal::BinaryData<T>& v) { a.put(v.data, static_cast<std::size_t>(v.size)); }
template <class T>
void load(BytesSource& a, cereal::BinaryData<T>& v) { a.get(v.data, static_cast<std::size_t>(v.size)); }
template <class Archive, class T>
  requires std::is_same_v<Archive, BytesSink> || std::is_same_v<Archive, BytesSource>
void serialize(Archive& a, cereal::SizeTag<T>& v) { a(v.size); }
template <class Archive, class T>
  requires std::is_same_v<Archive, BytesSink> || std::is_same_v<Archive, BytesSource>
void serialize(Archive& a, cereal::NameValuePair<T>& v) { a(v.value); }

template <class F>
Bytes to_bytes(F&& write) {
  BytesSink archive;
  write(archive);
  return archive.take();
}

/// Runs `read(archive)`; damage is Error XX001.
template <class F>
void from_bytes(ByteView bytes, F&& read) {
  BytesSource archive(bytes);
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

CEREAL_SETUP_ARCHIVE_TRAITS(tajo::protocol::BytesSource, tajo::protocol::BytesSink)
