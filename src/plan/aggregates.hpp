#pragma once
#include "node.hpp"

namespace tajo::plan {

// Names of base aggregates that SQL has none for.
inline constexpr const char* kSumSquares = "$sum_squares";
inline constexpr const char* kSumCounts = "$sum_counts";

}  // namespace tajo::plan
