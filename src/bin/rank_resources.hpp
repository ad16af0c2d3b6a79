#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rank_place.hpp"
#include "tajo/exchange/output.hpp"
#include "tajo/exec/engine.hpp"
#include "tajo/worker/worker_node.hpp"

namespace tajo {

/// What of its host a rank may use.
struct RankResources {
  long cores = 1;
  std::uint64_t memory_bytes = 0;
  std::vector<std::string> tmpdirs;
  /// One account: outputs may have half of the memory and give way to the operators down to an eighth.
  std::shared_ptr<std::atomic<std::size_t>> operators = std::make_shared<std::atomic<std::size_t>>(0);

  exchange::OutputStoreConfig outputs() const;
  exec::EngineConfig engine(const Config& config) const;
};
/// Makes the temporary directories and removes what killed processes left in them. Blocks on the filesystem.
RankResources resources_of(const Config& config, const RankPlace& place);

/// Of the file systems of these directories, each counted once. Blocks on the filesystem.
worker::DiskSpace disk_space(const std::vector<std::string>& directories);

/// The process's limit of open files as high as it may be.
void raise_descriptors();

}  // namespace tajo
