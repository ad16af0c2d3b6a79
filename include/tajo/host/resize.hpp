#pragma once
#include "tajo/common/config.hpp"

namespace tajo::host {

/// `tajo admin -resize N`: asks the supervisor for another number of workers and waits until the cluster that has them
/// serves; prints what happens, returns an exit status. Running statements wait and are run again there; clients
/// reconnect. Refused when no cluster or no supervisor (start-tajo.sh --supervise) is there.
int resize(const Config& config, int workers);

}  // namespace tajo::host
