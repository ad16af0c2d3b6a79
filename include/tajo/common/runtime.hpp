#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "tajo/common/ids.hpp"
#include "tajo/common/thread.hpp"

namespace tajo {

/// What code that may block asks of the process around it: the time, a wait, a thread, random bytes. A rank has the
/// system's; in the simulator the same code runs on fibers in simulated time. Any thread.
class Runtime {
 public:
  static constexpr Micros kForever = INT64_MAX;
  virtual ~Runtime() = default;
  /// Clocks, threads and generator of the machine.
  static Runtime& system();

  virtual Micros boottime() const = 0;  ///< as boottime_us()
  virtual Micros wall() const = 0;      ///< as wall_us()
  /// Blocks until ready() holds, which is asked under `lock`; whoever makes it hold does so under the same mutex and
  /// notifies `changed`. False: `limit` microseconds passed first. The mutex is free meanwhile; the caller holds no other.
  virtual bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, Micros limit,
                    const std::function<bool()>& ready) = 0;
  /// `name` and `stack_bytes` as for Thread; the result joins when it is destroyed.
  virtual Thread start(const std::string& name, std::size_t stack_bytes, std::function<void()> work) = 0;
  /// Bytes nobody can guess. Error XX000 when the system gives none.
  virtual void fill_random(std::span<unsigned char> out) = 0;
  void sleep(Micros duration);
};

/// A value that one thread waits for and another gives, once. Kept alive by both (shared_ptr).
template <class T>
class Promised {
 public:
  void set(T value) {
    {
      std::lock_guard lock(mutex_);
      value_ = std::move(value);
    }
    changed_.notify_all();
  }
  bool wait(Runtime& runtime, Micros limit = Runtime::kForever) {
    std::unique_lock lock(mutex_);
    return runtime.wait(lock, changed_, limit, [this] { return value_.has_value(); });
  }
  T take(Runtime& runtime) {
    wait(runtime);
    std::lock_guard lock(mutex_);
    return std::move(*value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

/// A lock that is held while its holder waits (for the log, for a query): std::unique_lock and std::shared_lock take it.
class PatientLock {
 public:
  explicit PatientLock(Runtime& runtime) : runtime_(runtime) {}
  void lock();
  void unlock();
  void lock_shared();
  void unlock_shared();

 private:
  Runtime& runtime_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int shared_ = 0;
  bool alone_ = false;
};

}  // namespace tajo
