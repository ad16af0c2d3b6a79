#pragma once
#include <functional>
#include <span>

#include "tajo/data/value.hpp"
#include "tajo/functions/expression.hpp"

namespace tajo::storage {

/// What is known of a column over some rows. min/max may be wider than the values (prefixes of texts, NULL: unbounded).
struct ColumnRange {
  data::Value min;
  data::Value max;
  std::uint64_t nulls = 0;
  std::uint64_t rows = 0;
  bool known = false;       ///< false: nothing may be concluded
  bool has_values = true;   ///< false: all rows are NULL
};

/// `range(position)` of a delivered column.
using RangeOf = std::function<ColumnRange(std::uint32_t position)>;

/// false only when no row can make all conjuncts TRUE. Any thread; understands comparisons of a column (also widened
/// by a cast among integers or texts) with constants, IN lists, LIKE 'prefix%', IS [NOT] NULL, AND, OR, bare booleans.
bool may_match(std::span<const functions::ExpressionPtr> conjuncts, const RangeOf& range);

}  // namespace tajo::storage
