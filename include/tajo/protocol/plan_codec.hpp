#pragma once
#include <memory>

#include "tajo/common/bytes.hpp"
#include "tajo/plan/physical.hpp"

namespace tajo::protocol {

/// A plan as it travels: active master → QueryMaster → workers. `statistics`: with the fragments' column statistics
/// (the QueryMaster prunes fragments by them); workers get the plan without. Sketches never travel.
Bytes encode_plan(const plan::PhysicalPlan& plan, bool statistics);
/// Error XX001 for a damaged plan.
std::shared_ptr<const plan::PhysicalPlan> decode_plan(ByteView bytes);

}  // namespace tajo::protocol
