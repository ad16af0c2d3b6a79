#pragma once
#include <cstdint>
#include <string>

namespace tajo::sim {

/// Every fault × kind of statement × victim: each strikes while such a statement is under way, and all that must hold of a
/// run is checked afterwards. `only`: part of a cell's name `fault/activity/victim`, empty: all. 0 when every cell was met
/// in each of its `seeds` runs and nothing was wrong.
int run_matrix(const std::string& only, std::uint64_t seeds, int jobs, int verbosity);

}  // namespace tajo::sim
