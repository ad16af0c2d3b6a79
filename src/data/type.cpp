#include "tajo/data/type.hpp"

#include "tajo/common/error.hpp"

namespace tajo::data {

Physical physical_of(const Type& type) {
  switch (type.id) {
    case TypeId::kBool: return Physical::kBool;
    case TypeId::kInt1:
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kDate: return Physical::kI32;
    case TypeId::kInt8:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: return Physical::kI64;
    case TypeId::kFloat4: return Physical::kF32;
    case TypeId::kFloat8: return Physical::kF64;
    case TypeId::kDecimal: return type.precision <= 18 && type.precision > 0 ? Physical::kI64 : Physical::kI128;
    case TypeId::kInterval: return Physical::kI128;
    case TypeId::kUnknown:
    case TypeId::kChar:
    case TypeId::kVarchar:
    case TypeId::kText:
    case TypeId::kBlob: return Physical::kStr;
  }
  TAJO_ASSERT(!"type outside its enumeration");
}

std::size_t physical_width(Physical physical) {
  switch (physical) {
    case Physical::kBool: return 1;
    case Physical::kI32:
    case Physical::kF32: return 4;
    case Physical::kI64:
    case Physical::kF64: return 8;
    case Physical::kI128:
    case Physical::kStr: return 16;
  }
  TAJO_ASSERT(!"physical type outside its enumeration");
}

std::size_t stored_width(Stored stored) {
  switch (stored) {
    case Stored::kI8:
    case Stored::kU8: return 1;
    case Stored::kI16:
    case Stored::kU16: return 2;
    case Stored::kI32:
    case Stored::kU32:
    case Stored::kF32: return 4;
    case Stored::kI64:
    case Stored::kF64: return 8;
    case Stored::kI128: return 16;
  }
  TAJO_ASSERT(!"stored width outside its enumeration");
}

namespace {

std::string with_length(const char* name, std::uint32_t length) {
  std::string text = name;
  if (length > 0) text += "(" + std::to_string(length) + ")";
  return text;
}

std::string with_scale(const char* name, const Type& type) {
  std::string text = name;
  if (type.precision > 0) text += "(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
  return text;
}

}  // namespace

std::string type_name(const Type& type) {
  switch (type.id) {
    case TypeId::kUnknown: return "UNKNOWN";
    case TypeId::kBool: return "BOOLEAN";
    case TypeId::kInt1: return "INT1";
    case TypeId::kInt2: return "INT2";
    case TypeId::kInt4: return "INT4";
    case TypeId::kInt8: return "INT8";
    case TypeId::kFloat4: return "FLOAT4";
    case TypeId::kFloat8: return "FLOAT8";
    case TypeId::kDecimal: return with_scale("DECIMAL", type);
    case TypeId::kChar: return with_length("CHAR", type.length);
    case TypeId::kVarchar: return with_length("VARCHAR", type.length);
    case TypeId::kText: return "TEXT";
    case TypeId::kBlob: return "BLOB";
    case TypeId::kDate: return "DATE";
    case TypeId::kTime: return "TIME";
    case TypeId::kTimestamp: return "TIMESTAMP";
    case TypeId::kTimestampTz: return "TIMESTAMPTZ";
    case TypeId::kInterval: return "INTERVAL";
  }
  TAJO_ASSERT(!"type outside its enumeration");
}

std::string postgres_type_name(const Type& type) {
  switch (type.id) {
    case TypeId::kUnknown: return "unknown";
    case TypeId::kBool: return "boolean";
    case TypeId::kInt1: return "tinyint";
    case TypeId::kInt2: return "smallint";
    case TypeId::kInt4: return "integer";
    case TypeId::kInt8: return "bigint";
    case TypeId::kFloat4: return "real";
    case TypeId::kFloat8: return "double precision";
    case TypeId::kDecimal: return with_scale("numeric", type);
    case TypeId::kChar: return with_length("character", type.length);
    case TypeId::kVarchar: return with_length("character varying", type.length);
    case TypeId::kText: return "text";
    case TypeId::kBlob: return "bytea";
    case TypeId::kDate: return "date";
    case TypeId::kTime: return "time without time zone";
    case TypeId::kTimestamp: return "timestamp without time zone";
    case TypeId::kTimestampTz: return "timestamp with time zone";
    case TypeId::kInterval: return "interval";
  }
  TAJO_ASSERT(!"type outside its enumeration");
}

__int128 pack_interval(const Interval& interval) {
  const auto high = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(interval.months)) << 32) |
                    static_cast<std::uint32_t>(interval.days);
  return static_cast<__int128>((static_cast<unsigned __int128>(high) << 64) |
                               static_cast<std::uint64_t>(interval.micros));
}

Interval unpack_interval(__int128 packed) {
  const auto bits = static_cast<unsigned __int128>(packed);
  const auto high = static_cast<std::uint64_t>(bits >> 64);
  return Interval{static_cast<std::int64_t>(static_cast<std::uint64_t>(bits)), static_cast<std::int32_t>(high),
                  static_cast<std::int32_t>(high >> 32)};
}

}  // namespace tajo::data
