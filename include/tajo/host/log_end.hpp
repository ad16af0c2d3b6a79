#pragma once
#include <string>

#include "tajo/cluster/config.hpp"
#include "tajo/common/config.hpp"

namespace tajo::host {

/// The log's newest slot and when it was seen, as a word for the launch scripts: `<hash>@<boottime>@<which clock>`. A forced
/// claim behind that very slot counts the old world's silence from then. Blocks on the filesystem.
std::string log_end_word(const Config& config);

/// What this process sees now; with the earlier time of `word` when that is of the same clock (this machine since it was
/// booted) and nothing came since. A word that says nothing of the kind (or none) is ignored. Blocks on the filesystem.
cluster::NodeConfig::EndSeen log_end_seen(const Config& config, const std::string& word);

}  // namespace tajo::host
