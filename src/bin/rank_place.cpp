#include "rank_place.hpp"

#include <algorithm>

namespace tajo {

bool RankPlace::may_become_master() const {
  return line.has_value() || std::find(roles.spares.begin(), roles.spares.end(), self) != roles.spares.end();
}

RankPlace place_of(const Config& config, const mpi::World& world) {
  RankPlace place;
  place.self = world.rank();
  place.host = world.host(place.self);
  for (const mpi::RankPlace& p : world.places()) place.hosts.push_back(p.host);
  place.roles = assign_ranks(config, place.hosts);
  const auto& masters = place.roles.masters;
  if (const auto at = std::find(masters.begin(), masters.end(), place.self); at != masters.end())
    place.line = config.masters()[static_cast<std::size_t>(at - masters.begin())];
  place.ranks_here = std::max(1, world.ranks_on_host(place.self));
  for (int worker : place.roles.workers) place.workers_here += place.hosts[static_cast<std::size_t>(worker)] == place.host;
  return place;
}

}  // namespace tajo
