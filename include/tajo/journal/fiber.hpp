#pragma once
#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tajo/common/error.hpp"
#include "tajo/common/ids.hpp"

/// Control logic that waits (for a file request, a time, a lock) is written as coroutines: it reads like the protocol.
/// Nothing here knows threads or clocks: the owner feeds time and completions, so the simulator runs the same code.
namespace tajo::journal {

/// A lazily started coroutine, awaited by one parent or spawned in Fibers.
template <class T>
class [[nodiscard]] Task;

namespace detail {

struct PromiseBase {
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) noexcept {
      std::coroutine_handle<> next = self.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() { error = std::current_exception(); }
  std::coroutine_handle<> continuation;
  std::exception_ptr error;
};

template <class T>
struct Promise : PromiseBase {
  Task<T> get_return_object();
  void return_value(T v) { value = std::move(v); }
  T result() { return std::move(*value); }
  std::optional<T> value;
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void result() {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;
  Task() = default;
  explicit Task(Handle h) : handle_(h) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }
  Handle handle() const { return handle_; }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) noexcept {
    handle_.promise().continuation = parent;
    return handle_;
  }
  T await_resume() {
    if (handle_.promise().error) std::rethrow_exception(handle_.promise().error);
    return handle_.promise().result();
  }

 private:
  Handle handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

template <class T>
class Await;

/// The running coroutines of one rank, its timers, and the gate that lets one of them run alone. One thread.
class Fibers {
 public:
  using Id = std::uint64_t;
  explicit Fibers(std::function<Micros()> clock) : clock_(std::move(clock)) {}
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;
  ~Fibers();

  /// Starts a fiber at once; it runs to its first wait. An exception that leaves it reaches on_error.
  Id spawn(Task<void> task);
  /// Like spawn, and until it ends no other fiber goes on: their completions are kept in order and delivered after it.
  Id spawn_alone(Task<void> task);
  /// Ends every fiber; those on the stack end at their next wait.
  void cancel_all();
  bool alive(Id id) const;
  Id current() const { return current_; }
  bool held() const { return alone_ != 0; }

  Micros now() const { return clock_(); }
  /// Calls `fn` at `when` or later, outside of any fiber. Not undone by cancel_all.
  void call_at(Micros when, std::function<void()> fn);
  /// When advance() wants to be called next; kNever without timers.
  Micros next_wakeup() const;
  /// Runs what is due.
  void advance();

  Await<bool> sleep(Micros duration);
  /// Returns at once, unless the fiber was cancelled meanwhile: then never.
  Await<bool> checkpoint();

  void resume(Id id, std::coroutine_handle<> handle);
  void on_error(std::function<void(std::exception_ptr)> handler) { on_error_ = std::move(handler); }
  static constexpr Micros kNever = INT64_MAX;

 private:
  struct Root {
    Task<void> task;
    bool cancelled = false;
  };
  void run(Id id, std::coroutine_handle<> handle);
  void sweep();

  std::function<Micros()> clock_;
  std::function<void(std::exception_ptr)> on_error_;
  std::map<Id, Root> roots_;
  std::multimap<Micros, std::function<void()>> timers_;
  std::deque<std::pair<Id, std::coroutine_handle<>>> deferred_;
  Id next_ = 1;
  Id current_ = 0;
  Id alone_ = 0;
  int depth_ = 0;
  bool dirty_ = false;
};

/// Waits for one callback. A callback that comes after the fiber has ended is ignored.
template <class T>
class [[nodiscard]] Await {
 public:
  using Start = std::function<void(std::function<void(T)>)>;
  Await(Fibers& fibers, Start start) : fibers_(fibers), start_(std::move(start)), state_(std::make_shared<State>()) {}
  Await(const Await&) = delete;
  Await& operator=(const Await&) = delete;
  ~Await() { state_->waiter = nullptr; }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    state_->fibers = &fibers_;
    state_->fiber = fibers_.current();
    start_([state = state_](T value) {
      state->value = std::move(value);
      if (state->waiter) state->fibers->resume(state->fiber, std::exchange(state->waiter, nullptr));
    });
    if (state_->value) return false;
    state_->waiter = handle;
    return true;
  }
  T await_resume() { return std::move(*state_->value); }

 private:
  struct State {
    Fibers* fibers = nullptr;
    Fibers::Id fiber = 0;
    std::coroutine_handle<> waiter;
    std::optional<T> value;
  };
  Fibers& fibers_;
  Start start_;
  std::shared_ptr<State> state_;
};

/// First come, first served among fibers; a cancelled waiter is skipped.
class FiberLock {
 public:
  explicit FiberLock(Fibers& fibers) : fibers_(fibers) {}
  class Guard {
   public:
    explicit Guard(FiberLock& lock) : lock_(&lock) {}
    Guard(Guard&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() { release(); }
    void release() {
      if (lock_) std::exchange(lock_, nullptr)->unlock();
    }

   private:
    FiberLock* lock_;
  };
  bool held() const { return held_; }
  /// co_await acquire(), then keep a Guard.
  Await<bool> acquire();

 private:
  friend class Guard;
  void unlock();
  Fibers& fibers_;
  std::deque<std::pair<Fibers::Id, std::function<void(bool)>>> waiting_;
  bool held_ = false;
};

}  // namespace tajo::journal
