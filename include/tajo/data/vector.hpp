#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/data/type.hpp"

namespace tajo::data {

inline constexpr std::uint32_t kVectorRows = 2048;   ///< most rows of a batch
inline constexpr std::uint32_t kBlockRows = 65536;   ///< rows of a storage block

/// 16-byte string reference: up to 12 bytes inline, else 4-byte prefix + pointer (Neumann & Freitag, Umbra, CIDR'20).
/// A view: the bytes belong to the batch's arena, a dictionary or a pinned block.
struct Str {
  std::uint32_t size = 0;
  char prefix[4] = {0, 0, 0, 0};
  union {
    char rest[8];
    const char* data;
  };
  Str() { std::memset(rest, 0, sizeof rest); }
  explicit Str(std::string_view s) : size(static_cast<std::uint32_t>(s.size())) {
    std::memset(rest, 0, sizeof rest);
    if (s.empty()) return;  // its data may be a null pointer
    if (s.size() <= 12) {
      std::memcpy(prefix, s.data(), s.size() < 4 ? s.size() : 4);
      if (s.size() > 4) std::memcpy(rest, s.data() + 4, s.size() - 4);
    } else {
      std::memcpy(prefix, s.data(), 4);
      data = s.data();
    }
  }
  /// Valid while this Str object lives (inline bytes lie in it).
  std::string_view view() const { return {size <= 12 ? prefix : data, size}; }
};
static_assert(sizeof(Str) == 16);
inline bool operator==(const Str& a, const Str& b) {
  if (std::memcmp(&a, &b, 8) != 0) return false;
  return a.size <= 12 ? std::memcmp(a.rest, b.rest, 8) == 0 : std::memcmp(a.data + 4, b.data + 4, a.size - 4) == 0;
}
inline int compare(const Str& a, const Str& b) { return a.view().compare(b.view()); }

/// Distinct strings of one fragment's column. Codes compare only under the same id.
struct Dictionary {
  std::uint64_t id = 0;
  std::span<const Str> values;
  bool sorted = false;
  std::shared_ptr<const void> owner;  ///< keeps the bytes alive
};

/// Bounds of a column or expression. `proved` bounds may pick widths and drop overflow checks; others only guide
/// the cost model. Integers, dates, decimals (scaled) only.
struct Bounds {
  __int128 lo = 0;
  __int128 hi = 0;
  bool proved = false;
  bool may_be_null = true;
};

/// A column of a batch: a view; the owner is the batch's arena or a pinned block.
/// Bools are one byte, 0 or 1. `valid` has bit i set when row i is not NULL; nullptr: no NULL in this vector.
/// Values under a NULL are defined (zero) but meaningless.
struct Vector {
  enum class Form : std::uint8_t {
    kFlat,      ///< `data` holds values of `type`
    kConstant,  ///< `data` holds one value, `valid` one bit, for all rows
    kCodes,     ///< type kStr: `data` holds uint32 codes into `dictionary`
    kStored,    ///< `data` holds values of width `stored` (not loaded yet); a kStr column: codes of that width into
                ///< `dictionary`; NULL is the value `null_value` where `has_null_value`
  };
  Form form = Form::kFlat;
  Physical type = Physical::kI32;
  Stored stored = Stored::kI32;
  bool has_null_value = false;
  std::int64_t null_value = 0;
  const void* data = nullptr;
  const std::uint64_t* valid = nullptr;
  const Dictionary* dictionary = nullptr;

  template <class T>
  const T* as() const { return static_cast<const T*>(data); }
};

inline bool row_valid(const std::uint64_t* valid, std::uint32_t row) {
  return valid == nullptr || ((valid[row >> 6] >> (row & 63)) & 1) != 0;
}

/// Rows of a batch that count, ascending. rows == nullptr: 0..count-1.
struct Selection {
  const std::uint16_t* rows = nullptr;
  std::uint32_t count = 0;
  std::uint32_t operator[](std::uint32_t i) const { return rows == nullptr ? i : rows[i]; }
};

/// Bump allocator for what lives as long as a batch; not thread-safe. reset() keeps the chunks, release() gives them back.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  void* allocate(std::size_t bytes, std::size_t align = 16);
  template <class T>
  T* array(std::size_t n) { return static_cast<T*>(allocate(n * sizeof(T), alignof(T) < 64 ? 64 : alignof(T))); }
  /// Copies the bytes; an inline-sized string needs none.
  Str copy(std::string_view s);
  void reset();
  void release();
  std::size_t bytes() const { return bytes_; }

 private:
  struct Chunk {
    std::unique_ptr<std::byte[]> data;
    std::size_t size;
  };
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;
  std::size_t used_ = 0;
  std::size_t bytes_ = 0;
};

/// At most kVectorRows rows. A view like its vectors: valid until its producer is asked for the next one.
struct Batch {
  std::vector<Vector> columns;
  Selection selection;        ///< which of `rows` count
  std::uint32_t rows = 0;     ///< rows physically present
  Arena* arena = nullptr;     ///< where a step may put what lives as long as this batch
  std::uint64_t first_row_id = 0;  ///< fragment:24 row:40 for scans
};

}  // namespace tajo::data
