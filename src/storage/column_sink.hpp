#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tajo/data/schema.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::storage {

/// One flat column of at most kVectorRows rows that is filled cell by cell from text. One thread.
class ColumnSink {
 public:
  explicit ColumnSink(data::Column column);

  /// Takes fresh space for a batch.
  void begin(data::Arena& arena);
  void set_null(std::uint32_t row);
  /// PostgreSQL's text input of the column's type. Errors 22P02, 22007, 22003, 22001, 22021.
  void set_text(std::uint32_t row, std::string_view text, data::Arena& arena);
  data::Vector vector() const;
  const data::Column& column() const { return column_; }

 private:
  void set_valid(std::uint32_t row) { valid_[row >> 6] |= std::uint64_t{1} << (row & 63); }

  data::Column column_;
  data::Physical physical_;
  void* values_ = nullptr;
  std::uint64_t* valid_ = nullptr;
  bool any_null_ = false;
};

/// Throws 22021 unless the bytes are UTF-8.
void check_utf8(std::string_view text);

}  // namespace tajo::storage
