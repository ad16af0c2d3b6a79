#include "row_encoder.hpp"

#include <bit>

#include "message.hpp"
#include "value_text.hpp"
#include "wire_types.hpp"
#include "tajo/data/text.hpp"

namespace tajo::pgwire {
namespace {

using data::Physical;
using data::TypeId;
using data::Vector;

/// Integers of any width: booleans, dates and decimals included.
__int128 integer_at(const Vector& v, std::uint32_t i) {
  switch (v.type) {
    case Physical::kBool: return v.as<std::uint8_t>()[i];
    case Physical::kI32: return v.as<std::int32_t>()[i];
    case Physical::kI64: return v.as<std::int64_t>()[i];
    case Physical::kI128: return v.as<__int128>()[i];
    default: TAJO_ASSERT(false); return 0;
  }
}

double float_at(const Vector& v, std::uint32_t i) {
  switch (v.type) {
    case Physical::kF32: return static_cast<double>(v.as<float>()[i]);
    case Physical::kF64: return v.as<double>()[i];
    default: return static_cast<double>(integer_at(v, i));
  }
}

std::string_view text_at(const Vector& v, std::uint32_t i) {
  TAJO_ASSERT(v.type == Physical::kStr);
  return v.as<data::Str>()[i].view();
}

void put_text_value(std::string& out, const data::Type& type, const Vector& v, std::uint32_t i, const TimeZone& zone) {
  auto number = [&] { return static_cast<std::int64_t>(integer_at(v, i)); };
  switch (type.id) {
    case TypeId::kBool: out.push_back(number() != 0 ? 't' : 'f'); break;
    case TypeId::kInt1:
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kInt8: data::append_integer(out, number()); break;
    case TypeId::kFloat4: data::append_float(out, static_cast<float>(float_at(v, i))); break;
    case TypeId::kFloat8: data::append_float(out, float_at(v, i)); break;
    case TypeId::kDecimal: data::append_decimal(out, integer_at(v, i), type.scale); break;
    case TypeId::kUnknown:
    case TypeId::kChar:
    case TypeId::kVarchar:
    case TypeId::kText: out.append(text_at(v, i)); break;
    case TypeId::kBlob: data::append_blob(out, text_at(v, i)); break;
    case TypeId::kDate: data::append_date(out, static_cast<std::int32_t>(number())); break;
    case TypeId::kTime: data::append_time(out, number()); break;
    case TypeId::kTimestamp: data::append_timestamp(out, number(), false); break;
    case TypeId::kTimestampTz: put_timestamptz_text(out, number(), zone); break;
    case TypeId::kInterval: data::append_interval(out, data::unpack_interval(integer_at(v, i))); break;
  }
}

void put_binary_value(std::string& out, const data::Type& type, const Vector& v, std::uint32_t i) {
  auto number = [&] { return static_cast<std::int64_t>(integer_at(v, i)); };
  switch (type.id) {
    case TypeId::kBool: out.push_back(number() != 0 ? '\1' : '\0'); break;
    case TypeId::kInt1:
    case TypeId::kInt2: put_i16(out, static_cast<int>(number())); break;
    case TypeId::kInt4: put_i32(out, number()); break;
    case TypeId::kInt8: put_i64(out, number()); break;
    case TypeId::kFloat4: put_i32(out, std::bit_cast<std::int32_t>(static_cast<float>(float_at(v, i)))); break;
    case TypeId::kFloat8: put_i64(out, std::bit_cast<std::int64_t>(float_at(v, i))); break;
    case TypeId::kDecimal: put_decimal_binary(out, integer_at(v, i), type.scale); break;
    case TypeId::kUnknown:
    case TypeId::kChar:
    case TypeId::kVarchar:
    case TypeId::kText:
    case TypeId::kBlob: out.append(text_at(v, i)); break;
    case TypeId::kDate: put_i32(out, number() - kPostgresEpochDays); break;
    case TypeId::kTime: put_i64(out, number()); break;
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: put_i64(out, number() - kPostgresEpochDays * kMicrosPerDay); break;
    case TypeId::kInterval: {
      data::Interval interval = data::unpack_interval(integer_at(v, i));
      put_i64(out, interval.micros);
      put_i32(out, interval.days);
      put_i32(out, interval.months);
      break;
    }
  }
}

}  // namespace

RowEncoder::RowEncoder(std::span<const data::Column> columns, std::span<const std::int16_t> formats,
                       std::shared_ptr<const TimeZone> zone)
    : zone_(std::move(zone)) {
  for (std::size_t i = 0; i < columns.size(); ++i) columns_.push_back({columns[i].type, format_of(formats, i) == 1});
}

void RowEncoder::put_row(std::string& out, const data::Batch& batch, std::uint32_t row) const {
  TAJO_ASSERT(batch.columns.size() == columns_.size());
  OutMessage message(out, 'D');
  put_i16(out, static_cast<int>(columns_.size()));
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const Vector& v = batch.columns[c];
    TAJO_ASSERT(v.form == Vector::Form::kFlat || v.form == Vector::Form::kConstant);
    std::uint32_t i = v.form == Vector::Form::kConstant ? 0 : row;
    if (!data::row_valid(v.valid, i)) {
      put_i32(out, -1);
      continue;
    }
    std::size_t start = out.size();
    out.append(4, '\0');
    if (columns_[c].binary) {
      put_binary_value(out, columns_[c].type, v, i);
    } else {
      put_text_value(out, columns_[c].type, v, i, *zone_);
    }
    patch_i32(out, start, static_cast<std::int64_t>(out.size() - start - 4));
  }
}

}  // namespace tajo::pgwire
