#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tajo/common/error.hpp"

namespace tajo {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view s) { return {reinterpret_cast<const std::byte*>(s.data()), s.size()}; }
inline std::string_view as_text(ByteView b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

static_assert(std::endian::native == std::endian::little, "formats are little-endian and written as they lie");

/// Appends little-endian values to a growing buffer.
class ByteWriter {
 public:
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void put(const T& value) { raw({reinterpret_cast<const std::byte*>(&value), sizeof value}); }
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void text(std::string_view s) { put(static_cast<std::uint32_t>(s.size())); raw(as_bytes(s)); }
  std::size_t size() const { return out_.size(); }
  Bytes take() { return std::move(out_); }
  Bytes& buffer() { return out_; }

 private:
  Bytes out_;
};

/// Reads what ByteWriter wrote; every read is bounded and a short buffer is an Error XX001, never undefined behaviour.
class ByteReader {
 public:
  explicit ByteReader(ByteView in) : in_(in) {}
  template <class T>
    requires std::is_trivially_copyable_v<T>
  T get() {
    T value;
    std::memcpy(&value, raw(sizeof value).data(), sizeof value);
    return value;
  }
  ByteView raw(std::size_t n) {
    if (n > in_.size()) throw Error(sqlstate::kDataCorrupted, "message or file ends too early");
    ByteView out = in_.first(n);
    in_ = in_.subspan(n);
    return out;
  }
  std::string text() { return std::string(as_text(raw(get<std::uint32_t>()))); }
  std::size_t left() const { return in_.size(); }
  bool empty() const { return in_.empty(); }

 private:
  ByteView in_;
};

}  // namespace tajo
