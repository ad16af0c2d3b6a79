#pragma once
#include "node.hpp"

namespace tajo::plan {

// The rewriting rules over logical plans, in the order optimize() applies them. Each lives in a file of its own; a rule
// with a name can be switched off by PlannerSettings::disabled_rules, those marked (required) cannot.

/// "fold": constants folded, trivial booleans removed, comparisons written column first. normal_form.cpp
void fold(Context& context, NodePtr& root);
/// "or_factors": a AND b OR a AND c → a AND (b OR c); predicates of single relations implied by an OR. or_factors.cpp
void factor_disjunctions(Context& context, NodePtr& root);
/// (required) dependent joins become ordinary ones. unnest.cpp
void unnest(Context& context, NodePtr& root);
/// "push_down": predicates as deep as they go; right joins become left ones, outer joins inner ones where a predicate
/// rejects NULLs ("outer_to_inner"), mark joins semi and anti joins ("mark_to_semi"), predicates of one member of an
/// equivalence class hold for all ("implied_predicates"). push_down.cpp
void push_down(Context& context, NodePtr& root);
/// "join_order": DPhyp up to 12 relations, greedy beyond. join_order.cpp
void order_joins(Context& context, NodePtr& root);
/// "group_keys": keys that others determine become any_value. group_keys.cpp
void reduce_group_keys(Context& context, NodePtr& root);
/// (required) avg, var, stddev, corr … become base aggregates and a projection; f(distinct x) a grouping below.
/// aggregates.cpp
void rewrite_aggregates(Context& context, NodePtr& root);

}  // namespace tajo::plan
