#include "types.hpp"

#include <algorithm>

#include "tajo/common/error.hpp"

namespace tajo::functions {

using data::Type;
using data::TypeId;

namespace {

int integer_digits(TypeId id) {
  switch (id) {
    case TypeId::kInt1: return 3;
    case TypeId::kInt2: return 5;
    case TypeId::kInt4: return 10;
    default: return 19;
  }
}

Type decimal_of(const Type& type) {
  return type.id == TypeId::kDecimal ? type : Type::decimal(integer_digits(type.id), 0);
}

}  // namespace

Type as_decimal(const Expression& e) {
  if (e.type.is_integer() && e.kind == Expression::Kind::kConstant && !data::is_null(e.constant)) {
    __int128 magnitude = data::integer_value(e.constant);
    if (magnitude < 0) magnitude = -magnitude;
    int digits = 1;
    while (digits < 19 && magnitude >= data::power_of_ten(digits)) ++digits;
    return Type::decimal(digits, 0);
  }
  return decimal_of(e.type);
}

Type sum_type(const Type& a, const Type& b) {
  const int scale = std::max(a.scale, b.scale);
  const int whole = std::max(a.precision - a.scale, b.precision - b.scale);
  return Type::decimal(std::min(whole + scale + 1, kMaxPrecision), scale);
}

Type product_type(const Type& a, const Type& b) {
  const int scale = a.scale + b.scale;
  const int precision = a.precision + b.precision;
  if (precision <= kMaxPrecision) return Type::decimal(precision, scale);
  const int room = kMaxPrecision - (precision - scale);  // digits left after the point when all before it are kept
  return Type::decimal(kMaxPrecision, std::max(room, std::min(scale, kQuotientScale)));
}

Type quotient_type(const Type& a, const Type& b) {
  return Type::decimal(kMaxPrecision, std::max<int>({a.scale, b.scale, kQuotientScale}));
}

Type remainder_type(const Type& a, const Type& b) {
  const int scale = std::max(a.scale, b.scale);
  const int whole = std::max(a.precision - a.scale, b.precision - b.scale);
  return Type::decimal(std::min(whole + scale, kMaxPrecision), scale);
}

Type common_type(const Type& a, const Type& b) {
  if (a == b) return a.id == TypeId::kUnknown ? Type::of(TypeId::kText) : a;
  if (a.id == TypeId::kUnknown) return b;
  if (b.id == TypeId::kUnknown) return a;
  if (a.is_text() && b.is_text()) return Type::of(a.id == TypeId::kVarchar && b.id == TypeId::kVarchar ? TypeId::kVarchar : TypeId::kText);
  if (a.is_numeric() && b.is_numeric()) {
    if (a.is_float() || b.is_float()) return Type::of(a.id == b.id ? a.id : TypeId::kFloat8);
    if (a.id == TypeId::kDecimal || b.id == TypeId::kDecimal) {
      const Type x = decimal_of(a);
      const Type y = decimal_of(b);
      const int scale = std::max(x.scale, y.scale);
      const int whole = std::max(x.precision - x.scale, y.precision - y.scale);
      return Type::decimal(std::min(whole + scale, kMaxPrecision), scale);
    }
    return Type::of(std::max(a.id, b.id));
  }
  const auto pair = [&](TypeId x, TypeId y) { return (a.id == x && b.id == y) || (a.id == y && b.id == x); };
  if (pair(TypeId::kDate, TypeId::kTimestamp)) return Type::of(TypeId::kTimestamp);
  if (pair(TypeId::kDate, TypeId::kTimestampTz) || pair(TypeId::kTimestamp, TypeId::kTimestampTz))
    return Type::of(TypeId::kTimestampTz);
  if (pair(TypeId::kTime, TypeId::kInterval)) return Type::of(TypeId::kInterval);
  throw Error("42804", "types " + data::postgres_type_name(a) + " and " + data::postgres_type_name(b) + " cannot be matched");
}

}  // namespace tajo::functions
