#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tajo::data {

/// SQL types (Tajo's names first: docs/glossary.md). kUnknown is the type of a bare NULL or an untyped literal.
enum class TypeId : std::uint8_t {
  kUnknown, kBool, kInt1, kInt2, kInt4, kInt8, kFloat4, kFloat8, kDecimal, kChar, kVarchar, kText, kBlob,
  kDate, kTime, kTimestamp, kTimestampTz, kInterval,
};

/// The closed set of things a vector holds; narrow stored widths never leave the scan and the codec.
/// date = kI32 days since 1970; time = kI64 µs of day; timestamp(tz) = kI64 µs since 1970 UTC; DECIMAL = scaled
/// integer, kI64 up to 18 digits or where bounds prove that it fits, else kI128; interval = kI128 (see Interval).
enum class Physical : std::uint8_t { kBool, kI32, kI64, kI128, kF32, kF64, kStr };

/// Widths a column has on disk and on the wire.
enum class Stored : std::uint8_t { kI8, kU8, kI16, kU16, kI32, kU32, kI64, kF32, kF64, kI128 };

struct Type {
  TypeId id = TypeId::kUnknown;
  std::uint8_t precision = 0;  ///< DECIMAL: 1..38
  std::uint8_t scale = 0;      ///< DECIMAL: 0..precision
  std::uint32_t length = 0;    ///< CHAR/VARCHAR: characters, 0 = no limit
  bool operator==(const Type&) const = default;

  static Type of(TypeId id) { return Type{id, 0, 0, 0}; }
  static Type decimal(int precision, int scale) {
    return Type{TypeId::kDecimal, static_cast<std::uint8_t>(precision), static_cast<std::uint8_t>(scale), 0};
  }
  bool is_integer() const { return id >= TypeId::kInt1 && id <= TypeId::kInt8; }
  bool is_float() const { return id == TypeId::kFloat4 || id == TypeId::kFloat8; }
  bool is_numeric() const { return id >= TypeId::kInt1 && id <= TypeId::kDecimal; }
  bool is_text() const { return id >= TypeId::kChar && id <= TypeId::kText; }
  bool is_datetime() const { return id >= TypeId::kDate && id <= TypeId::kTimestampTz; }
};

/// Default physical form: INT1..INT4 → kI32, INT8 → kI64, DECIMAL ≤ 18 digits → kI64 else kI128, text/blob → kStr,
/// kUnknown → kStr.
Physical physical_of(const Type& type);
std::size_t physical_width(Physical physical);  ///< bytes of one value in a flat vector (kBool 1, kStr 16)
std::size_t stored_width(Stored stored);
/// `INT4`, `DECIMAL(15,2)`, … as Tajo prints it; and PostgreSQL's spelling (`integer`, `numeric(15,2)`) for clients.
std::string type_name(const Type& type);
std::string postgres_type_name(const Type& type);

/// An interval packed into a kI128 value: low 64 bits µs, then 32 bits days, high 32 bits months.
struct Interval {
  std::int64_t micros = 0;
  std::int32_t days = 0;
  std::int32_t months = 0;
};
__int128 pack_interval(const Interval& interval);
Interval unpack_interval(__int128 packed);

}  // namespace tajo::data
