#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tajo/data/schema.hpp"
#include "tajo/data/vector.hpp"
#include "time_zone.hpp"

namespace tajo::pgwire {

/// Rows of batches as DataRow messages, each column as text or binary.
class RowEncoder {
 public:
  /// `formats` as in Bind: none = all text, one = all columns, else one a column.
  RowEncoder(std::span<const data::Column> columns, std::span<const std::int16_t> formats,
             std::shared_ptr<const TimeZone> zone);
  /// Appends one row; `row` is an index into the batch, not into its selection.
  void put_row(std::string& out, const data::Batch& batch, std::uint32_t row) const;

 private:
  struct Column {
    data::Type type;
    bool binary;
  };
  std::vector<Column> columns_;
  std::shared_ptr<const TimeZone> zone_;
};

}  // namespace tajo::pgwire
