#include "arrow/parquet_bounds.hpp"

#include <arrow/array/util.h>
#include <arrow/scalar.h>
#include <parquet/arrow/reader.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include "arrow/convert.hpp"

namespace tajo::storage::arrow_in {
namespace {

data::Value value_of(const arrow::Scalar& scalar, const data::Type& type) {
  if (!scalar.is_valid || !readable_as(*scalar.type, type)) return {};
  auto array = arrow::MakeArrayFromScalar(scalar, 1);
  if (!array.ok()) return {};
  data::Arena arena;
  data::Vector v = convert(**array, 0, 1, type, arena);
  switch (v.type) {
    case data::Physical::kBool: return std::int64_t{*v.as<std::uint8_t>()};
    case data::Physical::kI32: return std::int64_t{*v.as<std::int32_t>()};
    case data::Physical::kI64: return *v.as<std::int64_t>();
    case data::Physical::kI128: return *v.as<__int128>();
    case data::Physical::kF32: return static_cast<double>(*v.as<float>());
    case data::Physical::kF64: return *v.as<double>();
    case data::Physical::kStr: return std::string(v.as<data::Str>()->view());
  }
  return {};
}

}  // namespace

int leaf_of(const parquet::FileMetaData& footer, const std::string& field) {
  const parquet::SchemaDescriptor& schema = *footer.schema();
  for (int i = 0; i < schema.num_columns(); ++i)
    if (schema.GetColumnRoot(i)->name() == field) return i;
  throw Error(sqlstate::kUndefinedColumn, "no column \"" + field + "\"");
}

ColumnRange row_group_range(const parquet::RowGroupMetaData& group, const arrow::Schema& schema,
                            const data::Column& column) {
  ColumnRange r;
  int field = find_field(schema, column.name);
  if (field < 0) return r;
  int leaf = -1;
  for (int i = 0; i < group.num_columns() && leaf < 0; ++i)
    if (group.schema()->GetColumnRoot(i)->name() == schema.field(field)->name()) leaf = i;
  if (leaf < 0) return r;
  auto chunk = group.ColumnChunk(leaf);
  auto statistics = chunk->statistics();
  if (!statistics || !statistics->HasNullCount()) return r;
  r.rows = static_cast<std::uint64_t>(group.num_rows());
  r.nulls = static_cast<std::uint64_t>(statistics->null_count());
  r.has_values = r.nulls < r.rows;
  r.known = true;
  if (!statistics->HasMinMax()) return r;
  std::shared_ptr<arrow::Scalar> min;
  std::shared_ptr<arrow::Scalar> max;
  if (!parquet::arrow::StatisticsAsScalars(*statistics, &min, &max).ok()) return r;
  r.min = value_of(*min, column.type);
  // NaN is greater than all numbers here, and Parquet's statistics leave it out.
  if (!column.type.is_float()) r.max = value_of(*max, column.type);
  return r;
}

}  // namespace tajo::storage::arrow_in
