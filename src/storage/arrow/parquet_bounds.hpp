#pragma once
#include "prune.hpp"
#include "tajo/data/schema.hpp"

namespace arrow {
class Schema;
}
namespace parquet {
class FileMetaData;
class RowGroupMetaData;
}  // namespace parquet

namespace tajo::storage::arrow_in {

/// Index of the leaf column of a flat field.
int leaf_of(const parquet::FileMetaData& footer, const std::string& field);
/// What a row group's statistics say of a column; unknown when they are absent or cannot be trusted.
ColumnRange row_group_range(const parquet::RowGroupMetaData& group, const arrow::Schema& schema,
                            const data::Column& column);

}  // namespace tajo::storage::arrow_in
