#pragma once
#include "aggregate_state.hpp"

namespace tajo::exec {

struct AggregateSource::State final : Local {
  explicit State(MemoryAccount& memory) : reservation(memory, "hash aggregation") {}
  /// Forgets the partition that was emitted.
  void clear() {
    groups.clear();
    next = 0;
    directory = GroupDirectory();
    strings.reset();
  }
  std::vector<std::byte*> groups;       ///< of the partition under way
  std::size_t next = 0;
  GroupDirectory directory;
  std::vector<const std::byte*> scratch;
  data::Arena strings;                  ///< of joined accumulators
  data::Arena arena;
  std::vector<data::Vector> values;
  std::vector<std::uint64_t> hashes;
  std::vector<std::byte*> targets;

  // Of partitions in spill files.
  std::vector<SpilledGroups> todo;      ///< bound: kSpillPartitions for each division
  RowStore rows;                        ///< one row a group
  data::Arena row_memory;
  Reservation reservation;
};

}  // namespace tajo::exec
