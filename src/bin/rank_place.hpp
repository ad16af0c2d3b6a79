#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tajo/common/config.hpp"
#include "tajo/mpi/world.hpp"

namespace tajo {

/// Where a rank stands before any view: its number, its host, what conf/masters and conf/workers make of whom.
struct RankPlace {
  Rank self = 0;
  std::string host;
  std::vector<std::string> hosts;  ///< by rank
  RankRoles roles;
  std::optional<MasterLine> line;  ///< of conf/masters, when it is this rank's
  int ranks_here = 1, workers_here = 0;

  bool may_become_master() const;  ///< a rank of conf/masters or a spare
};
RankPlace place_of(const Config& config, const mpi::World& world);

}  // namespace tajo
