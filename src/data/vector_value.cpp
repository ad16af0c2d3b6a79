#include "tajo/common/error.hpp"
#include "tajo/data/load.hpp"

namespace tajo::data {

namespace {

std::int64_t stored_integer(const Vector& in, std::uint32_t row) {
  switch (in.stored) {
    case Stored::kI8: return in.as<std::int8_t>()[row];
    case Stored::kU8: return in.as<std::uint8_t>()[row];
    case Stored::kI16: return in.as<std::int16_t>()[row];
    case Stored::kU16: return in.as<std::uint16_t>()[row];
    case Stored::kI32: return in.as<std::int32_t>()[row];
    case Stored::kU32: return in.as<std::uint32_t>()[row];
    case Stored::kI64: return in.as<std::int64_t>()[row];
    default: TAJO_ASSERT(!"not a stored integer");
  }
}

Value flat_value(const Vector& in, std::uint32_t row, const Type& type) {
  switch (in.type) {
    case Physical::kBool: return std::int64_t{in.as<std::uint8_t>()[row]};
    case Physical::kI32: return std::int64_t{in.as<std::int32_t>()[row]};
    case Physical::kI64:
      if (type.id == TypeId::kDecimal) return decimal_value(in.as<std::int64_t>()[row], type);
      return in.as<std::int64_t>()[row];
    case Physical::kI128:
      if (type.id == TypeId::kDecimal) return decimal_value(in.as<__int128>()[row], type);
      if (type.id != TypeId::kInterval) return static_cast<std::int64_t>(in.as<__int128>()[row]);
      return in.as<__int128>()[row];
    case Physical::kF32: return static_cast<double>(in.as<float>()[row]);
    case Physical::kF64: return in.as<double>()[row];
    case Physical::kStr: return std::string(in.as<Str>()[row].view());
  }
  TAJO_ASSERT(!"physical type outside its enumeration");
}

}  // namespace

Value value_at(const Vector& in, std::uint32_t row, const Type& type) {
  if (in.form == Vector::Form::kConstant) row = 0;
  if (!row_valid(in.valid, row)) return {};
  if (in.form == Vector::Form::kFlat || in.form == Vector::Form::kConstant) return flat_value(in, row, type);
  if (in.form == Vector::Form::kStored) {
    if (in.stored == Stored::kF32) return static_cast<double>(in.as<float>()[row]);
    if (in.stored == Stored::kF64) return in.as<double>()[row];
    if (in.stored == Stored::kI128) return decimal_value(in.as<__int128>()[row], type);
  }
  const std::int64_t stored =
      in.form == Vector::Form::kCodes ? in.as<std::uint32_t>()[row] : stored_integer(in, row);
  if (in.form == Vector::Form::kStored && in.has_null_value && stored == in.null_value) return {};
  if (in.type == Physical::kStr) {
    const auto code = static_cast<std::size_t>(stored);
    if (code >= in.dictionary->values.size()) throw Error(sqlstate::kDataCorrupted, "dictionary code out of range");
    return std::string(in.dictionary->values[code].view());
  }
  if (type.id == TypeId::kDecimal) return decimal_value(stored, type);
  if (type.is_float()) return static_cast<double>(stored);
  return stored;
}

Vector constant_vector(const Value& value, Physical physical, Arena& arena) {
  Vector out;
  out.form = Vector::Form::kConstant;
  out.type = physical;
  void* data = arena.allocate(16, 16);
  std::memset(data, 0, 16);
  out.data = data;
  if (is_null(value)) {
    out.valid = allocate_valid(arena, 1);
    return out;
  }
  switch (physical) {
    case Physical::kBool: *static_cast<std::uint8_t*>(data) = integer_value(value) != 0; break;
    case Physical::kI32: *static_cast<std::int32_t*>(data) = static_cast<std::int32_t>(integer_value(value)); break;
    case Physical::kI64: *static_cast<std::int64_t*>(data) = static_cast<std::int64_t>(integer_value(value)); break;
    case Physical::kI128: *static_cast<__int128*>(data) = integer_value(value); break;
    case Physical::kF32: *static_cast<float*>(data) = static_cast<float>(float_value(value)); break;
    case Physical::kF64: *static_cast<double*>(data) = float_value(value); break;
    case Physical::kStr: *static_cast<Str*>(data) = arena.copy(std::get<std::string>(value)); break;
  }
  return out;
}

}  // namespace tajo::data
