#pragma once
#include <functional>
#include <map>

#include "node.hpp"

namespace tajo::plan {

/// Removes the outer references `outer` from the right side of a dependent join by pulling correlated predicates up
/// into the join: filters, inner joins, projections, keyed aggregates and windows (equalities only). An aggregate without
/// keys becomes one with keys only when it is the right side itself and `scalar_on_top`: the caller makes up for the
/// missing groups. false: nothing was changed, the general method has to do it.
bool pull_correlation(Context& context, LogicalNode& join, const ColumnSet& outer, bool scalar_on_top);

/// The same for any right side (Neumann & Kemper, "Unnesting Arbitrary Queries", BTW 2015): the right side is computed
/// for all distinct outer values at once and joined back on them. Error 0A000 for what has no set-oriented form.
void unnest_with_domain(Context& context, LogicalNode& join, const ColumnSet& outer);

/// Makes the aggregate's empty-group values right after an outer join: count columns of `aggregate` get new ids, and
/// the result maps the old ids to coalesce(new, 0).
Substitution zero_for_missing(Context& context, LogicalNode& aggregate);
/// Conjuncts that hold exactly when a and b are equal or both NULL.
void add_null_safe_equality(const ExpressionPtr& a, const ExpressionPtr& b, bool never_null, std::vector<ExpressionPtr>& out);

}  // namespace tajo::plan
