#include "tajo/common/runtime.hpp"

#include <sys/random.h>

#include <chrono>

#include "tajo/common/clock.hpp"
#include "tajo/common/error.hpp"

namespace tajo {
namespace {

class SystemRuntime final : public Runtime {
 public:
  Micros boottime() const override { return boottime_us(); }
  Micros wall() const override { return wall_us(); }
  bool wait(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, Micros limit,
            const std::function<bool()>& ready) override {
    if (limit != kForever) return changed.wait_for(lock, std::chrono::microseconds(limit), ready);
    changed.wait(lock, ready);
    return true;
  }
  Thread start(const std::string& name, std::size_t stack_bytes, std::function<void()> work) override {
    return Thread(name, stack_bytes, std::move(work));
  }
  void fill_random(std::span<unsigned char> out) override {
    if (::getrandom(out.data(), out.size(), 0) != static_cast<ssize_t>(out.size()))
      throw Error(sqlstate::kInternalError, "the system gives no random bytes");
  }
};

}  // namespace

Runtime& Runtime::system() {
  static SystemRuntime runtime;
  return runtime;
}

void Runtime::sleep(Micros duration) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  wait(lock, never, duration, [] { return false; });
}

void PatientLock::lock() {
  std::unique_lock guard(mutex_);
  runtime_.wait(guard, changed_, Runtime::kForever, [this] { return !alone_ && shared_ == 0; });
  alone_ = true;
}

void PatientLock::unlock() {
  {
    std::lock_guard guard(mutex_);
    alone_ = false;
  }
  changed_.notify_all();
}

void PatientLock::lock_shared() {
  std::unique_lock guard(mutex_);
  runtime_.wait(guard, changed_, Runtime::kForever, [this] { return !alone_; });
  ++shared_;
}

void PatientLock::unlock_shared() {
  {
    std::lock_guard guard(mutex_);
    --shared_;
  }
  changed_.notify_all();
}

}  // namespace tajo
