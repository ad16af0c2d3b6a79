#include "tajo/journal/fiber.hpp"

namespace tajo::journal {

Fibers::~Fibers() {
  for (auto& [id, root] : roots_) root.cancelled = true;
  while (!roots_.empty()) roots_.erase(roots_.begin());
}

Fibers::Id Fibers::spawn(Task<void> task) {
  Id id = next_++;
  auto handle = task.handle();
  roots_.emplace(id, Root{std::move(task), false});
  if (alone_ != 0 && current_ != alone_) {
    deferred_.emplace_back(id, handle);
  } else {
    run(id, handle);
  }
  return id;
}

Fibers::Id Fibers::spawn_alone(Task<void> task) {
  Id id = next_++;
  auto handle = task.handle();
  roots_.emplace(id, Root{std::move(task), false});
  alone_ = id;
  run(id, handle);
  return id;
}

void Fibers::cancel_all() {
  for (auto& [id, root] : roots_) root.cancelled = true;
  deferred_.clear();
  alone_ = 0;
  dirty_ = true;
  if (depth_ == 0) sweep();
}

bool Fibers::alive(Id id) const {
  auto it = roots_.find(id);
  return it != roots_.end() && !it->second.cancelled;
}

void Fibers::call_at(Micros when, std::function<void()> fn) { timers_.emplace(when, std::move(fn)); }

Micros Fibers::next_wakeup() const { return timers_.empty() ? kNever : timers_.begin()->first; }

void Fibers::advance() {
  while (!timers_.empty() && timers_.begin()->first <= clock_()) {
    auto fn = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    fn();
  }
}

void Fibers::resume(Id id, std::coroutine_handle<> handle) {
  if (!alive(id)) return;
  if (alone_ != 0 && id != alone_) {
    deferred_.emplace_back(id, handle);
    return;
  }
  run(id, handle);
}

void Fibers::run(Id id, std::coroutine_handle<> handle) {
  Id before = std::exchange(current_, id);
  ++depth_;
  handle.resume();
  --depth_;
  current_ = before;
  auto it = roots_.find(id);
  if (it != roots_.end() && it->second.task.handle().done()) dirty_ = true;
  if (depth_ == 0) sweep();
}

void Fibers::sweep() {
  while (dirty_) {
    dirty_ = false;
    std::exception_ptr error;
    for (auto it = roots_.begin(); it != roots_.end();) {
      bool done = it->second.task.handle().done();
      if (!done && !it->second.cancelled) {
        ++it;
        continue;
      }
      if (done && !it->second.cancelled) error = it->second.task.handle().promise().error;
      if (it->first == alone_) alone_ = 0;
      // Destroying a frame may hand a lock on, which runs other fibers: they must not sweep below us.
      ++depth_;
      Task<void> dead = std::move(it->second.task);
      it = roots_.erase(it);
      dead = Task<void>();
      --depth_;
      if (dirty_) it = roots_.begin();
    }
    if (error && on_error_) on_error_(error);
    while (alone_ == 0 && !deferred_.empty()) {
      auto [id, handle] = deferred_.front();
      deferred_.pop_front();
      if (!alive(id)) continue;
      ++depth_;
      Id before = std::exchange(current_, id);
      handle.resume();
      current_ = before;
      --depth_;
      auto it = roots_.find(id);
      if (it != roots_.end() && it->second.task.handle().done()) dirty_ = true;
    }
  }
}

Await<bool> Fibers::sleep(Micros duration) {
  return Await<bool>(*this, [this, duration](std::function<void(bool)> done) {
    call_at(now() + duration, [done = std::move(done)] { done(true); });
  });
}

Await<bool> Fibers::checkpoint() {
  return Await<bool>(*this, [this](std::function<void(bool)> done) {
    if (alive(current_)) done(true);
  });
}

Await<bool> FiberLock::acquire() {
  return Await<bool>(fibers_, [this](std::function<void(bool)> done) {
    if (!held_) {
      held_ = true;
      done(true);
    } else {
      waiting_.emplace_back(fibers_.current(), std::move(done));
    }
  });
}

void FiberLock::unlock() {
  while (!waiting_.empty()) {
    auto [id, done] = std::move(waiting_.front());
    waiting_.pop_front();
    if (!fibers_.alive(id)) continue;
    done(true);  // stays held, now by that fiber
    return;
  }
  held_ = false;
}

}  // namespace tajo::journal
