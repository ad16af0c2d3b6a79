#pragma once
#include <functional>
#include <stop_token>

#include "tajo/common/event_loop.hpp"
#include "tajo/mpi/world.hpp"

namespace tajo {

/// Ends the process when its transport or control thread hangs: others must be able to take over from it. Runs until
/// `stop`, on a thread of its own; `each_tick` is called on it.
void watch_rank(const mpi::World& world, const EventLoop& loop, const std::function<void()>& each_tick, std::stop_token stop);

}  // namespace tajo
