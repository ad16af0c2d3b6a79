#pragma once
#include <cstdint>

#include "tajo/catalog/types.hpp"
#include "tajo/data/value.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::plan {

/// What is known of a column for the cost model; only `bounds` (where proved) and `unique` are proofs.
struct ColumnStatistic {
  double distinct = -1;       ///< of non-NULL values; negative: unknown
  double lo = 0, hi = 0;      ///< numeric range, decimals unscaled; meaningful when has_range
  bool has_range = false;
  double null_fraction = 0;
  double mean = 0, deviation = 0;  ///< deviation > 0: roughly normal (sums of a group)
  bool unique = false;        ///< proved: no value occurs twice, no NULL
  data::Bounds bounds;
};

/// Rows of a table; files whose rows are unknown are guessed from their size.
double table_rows(const catalog::Table& table);
/// Merges what the fragments know of one column.
ColumnStatistic table_column_statistic(const catalog::Table& table, std::uint32_t column);

/// A number for the cost model: decimals divided by their scale, dates and times as they are. false: not a number.
bool numeric_value(const data::Value& value, const data::Type& type, double& out);
bool is_exact_number(const data::Type& type);  ///< has integer bounds: integers, decimals, dates, times, bool

}  // namespace tajo::plan
