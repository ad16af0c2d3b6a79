#pragma once
#include <memory>
#include <string>

#include "tajo/data/schema.hpp"
#include "tajo/data/vector.hpp"

namespace arrow {
class Array;
class DataType;
class Schema;
}  // namespace arrow

namespace tajo::storage::arrow_in {

/// Whether values of the Arrow type can be read as `type`, exactly or with a check of each value.
bool readable_as(const arrow::DataType& from, const data::Type& type);
/// The SQL type that an Arrow type is read as when nobody says otherwise; false: none (nested types).
bool natural_type(const arrow::DataType& from, data::Type& out);

/// Rows [first, first + rows) of an array as a flat vector, a view into the array where widths agree. Errors 22003,
/// 22021 (message without file and column: the caller adds them).
data::Vector convert(const arrow::Array& array, std::int64_t first, std::uint32_t rows, const data::Type& type,
                     data::Arena& arena);

/// The words of an Arrow dictionary, made once for all arrays that share it.
class Words {
 public:
  /// Codes of rows of a dictionary array whose indices are int32; false: another kind of array, use convert().
  bool codes(const arrow::Array& array, std::int64_t first, std::uint32_t rows, const data::Type& type,
             data::Arena& arena, data::Vector& out);

 private:
  std::shared_ptr<arrow::Array> source_;
  data::Dictionary dictionary_;
};

/// Index of a field by column name: exact, else without regard to case; -1 when there is none.
int find_field(const arrow::Schema& schema, const std::string& column);
/// Columns of a file whose nested fields are left out. Error naming the file when nothing remains.
data::Schema schema_of(const arrow::Schema& schema, const std::string& path);

}  // namespace tajo::storage::arrow_in
