#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "tajo/common/random.hpp"
#include "tajo/common/runtime.hpp"

namespace tajo::sim {

/// The Runtime of a simulated process: its threads are fibers on one real thread, so a run is the same each time. A
/// fiber gives way only where it waits; who waits goes on in turn() once its condition holds or its time is over.
class FiberRuntime final : public Runtime {
 public:
  /// `wake_after`: asks for a turn() after so many microseconds.
  FiberRuntime(std::function<Micros()> clock, std::function<void(Micros)> wake_after, Random rng);
  ~FiberRuntime() override;

  Micros boottime() const override { return clock_(); }
  Micros wall() const override { return kWallZero + wall_jumps_ + clock_(); }
  bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, Micros limit,
            const std::function<bool()>& ready) override;
  Thread start(const std::string& name, std::size_t stack_bytes, std::function<void()> work) override;
  void fill_random(std::span<unsigned char> out) override;

  /// Runs every fiber that may go on, until all wait.
  void turn();
  /// Somebody sets the clock on the wall.
  void jump_wall(Micros by) { wall_jumps_ += by; }
  /// The process is gone: every fiber is unwound where it stands.
  void end();

 private:
  struct Fiber;
  struct Ended {};  ///< leaves a wait in a process that is gone
  static constexpr Micros kWallZero = 1'700'000'000'000'000;
  static void enter(unsigned low, unsigned high);
  void resume(Fiber& fiber);

  std::function<Micros()> clock_;
  std::function<void(Micros)> wake_after_;
  Random rng_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  Micros wall_jumps_ = 0;
  Fiber* current_ = nullptr;
  bool ended_ = false;
};

}  // namespace tajo::sim
