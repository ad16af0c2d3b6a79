#pragma once
#include "tajo/common/ids.hpp"

namespace tajo {

/// CLOCK_BOOTTIME in microseconds: goes on during suspend, never jumps with the wall clock. For timers and proofs.
Micros boottime_us();

/// Wall clock in microseconds since 1970: only for what people read (ids, now(), history), never for a decision.
Micros wall_us();

}  // namespace tajo
