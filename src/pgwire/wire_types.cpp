#include "wire_types.hpp"

#include "message.hpp"

namespace tajo::pgwire {

using data::Type;
using data::TypeId;

std::uint32_t oid_of(const Type& type) {
  switch (type.id) {
    case TypeId::kUnknown: return oid::kText;
    case TypeId::kBool: return oid::kBool;
    case TypeId::kInt1:
    case TypeId::kInt2: return oid::kInt2;
    case TypeId::kInt4: return oid::kInt4;
    case TypeId::kInt8: return oid::kInt8;
    case TypeId::kFloat4: return oid::kFloat4;
    case TypeId::kFloat8: return oid::kFloat8;
    case TypeId::kDecimal: return oid::kNumeric;
    case TypeId::kChar: return oid::kBpchar;
    case TypeId::kVarchar: return oid::kVarchar;
    case TypeId::kText: return oid::kText;
    case TypeId::kBlob: return oid::kBytea;
    case TypeId::kDate: return oid::kDate;
    case TypeId::kTime: return oid::kTime;
    case TypeId::kTimestamp: return oid::kTimestamp;
    case TypeId::kTimestampTz: return oid::kTimestampTz;
    case TypeId::kInterval: return oid::kInterval;
  }
  return oid::kText;
}

Type type_of(std::uint32_t number) {
  switch (number) {
    case oid::kBool: return Type::of(TypeId::kBool);
    case oid::kInt2: return Type::of(TypeId::kInt2);
    case oid::kInt4: return Type::of(TypeId::kInt4);
    case oid::kInt8: return Type::of(TypeId::kInt8);
    case oid::kFloat4: return Type::of(TypeId::kFloat4);
    case oid::kFloat8: return Type::of(TypeId::kFloat8);
    case oid::kText: return Type::of(TypeId::kText);
    case oid::kVarchar: return Type::of(TypeId::kVarchar);
    case oid::kBpchar: return Type::of(TypeId::kChar);
    case oid::kBytea: return Type::of(TypeId::kBlob);
    case oid::kDate: return Type::of(TypeId::kDate);
    case oid::kTime: return Type::of(TypeId::kTime);
    case oid::kTimestamp: return Type::of(TypeId::kTimestamp);
    case oid::kTimestampTz: return Type::of(TypeId::kTimestampTz);
    case oid::kInterval: return Type::of(TypeId::kInterval);
    default: return Type::of(TypeId::kUnknown);  // numeric too: its precision is the value's own
  }
}

namespace {

int width_of(const Type& type) {
  switch (type.id) {
    case TypeId::kBool: return 1;
    case TypeId::kInt1:
    case TypeId::kInt2: return 2;
    case TypeId::kInt4:
    case TypeId::kFloat4:
    case TypeId::kDate: return 4;
    case TypeId::kInt8:
    case TypeId::kFloat8:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: return 8;
    case TypeId::kInterval: return 16;
    default: return -1;
  }
}

int modifier_of(const Type& type) {
  constexpr int kHeader = 4;  // PostgreSQL's VARHDRSZ, part of its modifiers
  if (type.id == TypeId::kDecimal && type.precision > 0) return ((type.precision << 16) | type.scale) + kHeader;
  if ((type.id == TypeId::kChar || type.id == TypeId::kVarchar) && type.length > 0)
    return static_cast<int>(type.length) + kHeader;
  return -1;
}

}  // namespace

void put_row_description(std::string& out, std::span<const data::Column> columns,
                         std::span<const std::int16_t> formats) {
  OutMessage message(out, 'T');
  put_i16(out, static_cast<int>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    put_text(out, columns[i].name);
    put_i32(out, 0);  // table
    put_i16(out, 0);  // column of the table
    put_i32(out, oid_of(columns[i].type));
    put_i16(out, width_of(columns[i].type));
    put_i32(out, modifier_of(columns[i].type));
    put_i16(out, format_of(formats, i));
  }
}

}  // namespace tajo::pgwire
