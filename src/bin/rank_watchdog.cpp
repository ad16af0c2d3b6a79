#include "rank_watchdog.hpp"

#include <unistd.h>

#include <chrono>
#include <thread>
#include <utility>

#include "tajo/cluster/watchdog.hpp"
#include "tajo/common/log.hpp"

namespace tajo {

void watch_rank(const mpi::World& world, const EventLoop& loop, const std::function<void()>& each_tick, std::stop_token stop) {
  constexpr int kHungStatus = 70;
  cluster::Watchdog transport, control;
  std::uint64_t transport_turns = 0, control_turns = 0;
  while (!stop.stop_requested()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(cluster::kWatchdogTickMs));
    each_tick();
    if (world.turns() != std::exchange(transport_turns, world.turns())) transport.turn();
    if (loop.turns() != std::exchange(control_turns, loop.turns())) control.turn();
    const bool transport_hangs = transport.tick(), control_hangs = control.tick();
    if (!transport_hangs && !control_hangs) continue;
    log_error("cluster", transport_hangs ? "the transport thread hangs: leaving" : "the control thread hangs: leaving");
    ::_exit(kHungStatus);
  }
}

}  // namespace tajo
