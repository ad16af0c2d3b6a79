#pragma once
#include "node.hpp"

namespace tajo::plan {

/// Columns for which a NULL makes the expression NULL.
ColumnSet strict_columns(const ExpressionPtr& e);
/// Columns for which a NULL makes the predicate FALSE or NULL: no row with a NULL there passes it.
ColumnSet rejected_columns(const ExpressionPtr& e);

}  // namespace tajo::plan
