#pragma once
#include "node.hpp"

namespace tajo::plan {

/// True for a predicate that holds for every value equal to one it holds for, and is cheap enough to be tested twice:
/// comparisons of a bare column with constants and IN lists.
bool implies_for_equals(const Expression& e);

/// Adds to the conjuncts of an inner join what their equalities imply: a = b, a < 5 → b < 5; a = b, b = c → a = c
/// (so that the join order is free to join a with c first).
void add_implied(std::vector<ExpressionPtr>& conjuncts);

}  // namespace tajo::plan
