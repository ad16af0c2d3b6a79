#pragma once
#include <string>

#include "tajo/common/config.hpp"

namespace tajo::host {

/// `haadmin -formatHA`: prints Tajo's own texts, returns an exit status. Refused while a published master answers. Removes
/// what masters and ranks that are gone have left in `${tajo.rootdir}/system/ha` (published.hpp); never anything of the
/// log: no slot, no segment, no snapshot.
int format_ha(const Config& config);

/// Why this root directory must not get a new log: there is none, but the warehouse holds tables which a new one would
/// not know, and would sweep away. Empty: all is well. Blocks on the filesystem.
std::string warehouse_without_log(const Config& config);

}  // namespace tajo::host
