#include "tajo/common/clock.hpp"

#include <ctime>

#include "tajo/common/failpoint.hpp"

namespace tajo {
namespace {
Micros read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<Micros>(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000;
}
}  // namespace

Micros boottime_us() { return read_clock(CLOCK_BOOTTIME); }
Micros wall_us() { return read_clock(CLOCK_REALTIME) + fault_at("clock").seconds * 1'000'000; }

}  // namespace tajo
