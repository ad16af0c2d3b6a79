#include "tajo/master/admission.hpp"

namespace tajo::master {

void Admission::pause(Micros limit) {
  const std::lock_guard lock(mutex_);
  paused_until_ = runtime_.boottime() + limit;
}

void Admission::resume() {
  {
    const std::lock_guard lock(mutex_);
    paused_until_ = 0;
  }
  changed_.notify_all();
}

bool Admission::paused() const {
  const std::lock_guard lock(mutex_);
  return runtime_.boottime() < paused_until_;
}

int Admission::inside() const {
  const std::lock_guard lock(mutex_);
  return inside_;
}

void Admission::enter() {
  std::unique_lock lock(mutex_);
  for (Micros now = runtime_.boottime(); now < paused_until_; now = runtime_.boottime()) {
    const Micros until = paused_until_;
    runtime_.wait(lock, changed_, until - now, [this, until] { return paused_until_ != until; });
  }
  ++inside_;
}

void Admission::leave() {
  const std::lock_guard lock(mutex_);
  --inside_;
}

}  // namespace tajo::master
