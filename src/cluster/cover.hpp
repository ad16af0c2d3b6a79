#pragma once
#include <set>
#include <utility>

#include "tajo/common/ids.hpp"

namespace tajo::cluster {

/// The smallest set of ranks without `self` whose removal leaves no bad link. Of equal sizes: the most suspected, no
/// master rather than a master, the highest ranks. Above kExactLinks bad links greedily.
std::set<Rank> smallest_cover(const std::set<std::pair<Rank, Rank>>& bad_links, Rank self,
                              const std::set<Rank>& masters);

}  // namespace tajo::cluster
