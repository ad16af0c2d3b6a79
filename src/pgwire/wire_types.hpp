#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "tajo/data/schema.hpp"
#include "tajo/data/type.hpp"

namespace tajo::pgwire {

/// PostgreSQL's numbers of the types clients see (pg_type.dat).
namespace oid {
inline constexpr std::uint32_t kBool = 16, kBytea = 17, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kFloat4 = 700,
                               kFloat8 = 701, kUnknown = 705, kBpchar = 1042, kVarchar = 1043, kDate = 1082,
                               kTime = 1083, kTimestamp = 1114, kTimestampTz = 1184, kInterval = 1186, kNumeric = 1700;
}

std::uint32_t oid_of(const data::Type& type);
/// A parameter's declared type; numbers we do not know become kUnknown: the planner infers them.
data::Type type_of(std::uint32_t oid);

/// RowDescription; `formats`: none = all text, one = all, else one a column.
void put_row_description(std::string& out, std::span<const data::Column> columns, std::span<const std::int16_t> formats);

inline std::int16_t format_of(std::span<const std::int16_t> formats, std::size_t column) {
  return formats.empty() ? std::int16_t{0} : formats.size() == 1 ? formats[0] : formats[column];
}

}  // namespace tajo::pgwire
