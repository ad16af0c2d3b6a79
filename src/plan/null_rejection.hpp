#pragma once
#include "estimate.hpp"
#include "node.hpp"

namespace tajo::plan {

/// Columns for which a NULL makes the expression NULL.
ColumnSet strict_columns(const ExpressionPtr& e);
/// Columns for which a NULL makes the predicate FALSE or NULL: no row with a NULL there passes it.
ColumnSet rejected_columns(const ExpressionPtr& e);
/// True when the expression is a constant or a column (under casts) proved free of NULLs in the node's output.
bool never_null(const ExpressionPtr& e, Estimator& estimator, const LogicalNode& node);

}  // namespace tajo::plan
