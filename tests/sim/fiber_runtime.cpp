#include "fiber_runtime.hpp"

#include <cxxabi.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace tajo::sim {
namespace {

constexpr std::size_t kStackBytes = std::size_t{512} << 10;  // planning a small statement needs some tens of KiB
constexpr std::size_t kGuardBytes = 4096;

/// Stacks are kept for the next fiber of this (real) thread.
class Stacks {
 public:
  ~Stacks() {
    for (void* s : free_) ::munmap(s, kStackBytes);
  }
  void* take() {
    if (free_.empty()) {
      void* s = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (s == MAP_FAILED) std::abort();
      ::mprotect(s, kGuardBytes, PROT_NONE);
      return s;
    }
    void* s = free_.back();
    free_.pop_back();
    return s;
  }
  void give(void* s) { free_.push_back(s); }

 private:
  std::vector<void*> free_;
};
thread_local Stacks stacks;

/// Exceptions being handled belong to a stack; the compiler's runtime keeps them by thread.
struct Handling {
  void* caught = nullptr;
  unsigned uncaught = 0;
  void swap() {
    struct Globals {
      void* caught;
      unsigned uncaught;
    };
    auto* g = reinterpret_cast<Globals*>(abi::__cxa_get_globals());
    std::swap(g->caught, caught);
    std::swap(g->uncaught, uncaught);
  }
};

}  // namespace

struct FiberRuntime::Fiber {
  std::function<void()> work;
  ucontext_t here{}, caller{};
  Handling handling;
  void* stack = nullptr;
  bool begun = false, done = false;
  std::function<bool()> ready;
  Micros deadline = kForever;
  void* fake_stack = nullptr;
  const void* caller_bottom = nullptr;
  std::size_t caller_size = 0;
};

FiberRuntime::FiberRuntime(std::function<Micros()> clock, std::function<void(Micros)> wake_after, Random rng)
    : clock_(std::move(clock)), wake_after_(std::move(wake_after)), rng_(rng) {}

FiberRuntime::~FiberRuntime() { end(); }

void FiberRuntime::enter(unsigned low, unsigned high) {
  auto* runtime = reinterpret_cast<FiberRuntime*>((static_cast<std::uintptr_t>(high) << 32) | low);
  Fiber& fiber = *runtime->current_;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &fiber.caller_bottom, &fiber.caller_size);
#endif
  try {
    fiber.work();
  } catch (const Ended&) {
  }
  fiber.done = true;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(nullptr, fiber.caller_bottom, fiber.caller_size);
#endif
  ::setcontext(&fiber.caller);
}

Thread FiberRuntime::start(const std::string&, std::size_t, std::function<void()> work) {
  auto fiber = std::make_unique<Fiber>();
  fiber->work = std::move(work);
  fiber->ready = [] { return true; };
  fiber->stack = stacks.take();
  ::getcontext(&fiber->here);
  fiber->here.uc_stack.ss_sp = static_cast<char*>(fiber->stack) + kGuardBytes;
  fiber->here.uc_stack.ss_size = kStackBytes - kGuardBytes;
  fiber->here.uc_link = nullptr;
  auto self = reinterpret_cast<std::uintptr_t>(this);
  ::makecontext(&fiber->here, reinterpret_cast<void (*)()>(&FiberRuntime::enter), 2, static_cast<unsigned>(self),
                static_cast<unsigned>(self >> 32));
  fibers_.push_back(std::move(fiber));
  wake_after_(0);
  return {};
}

void FiberRuntime::resume(Fiber& fiber) {
  current_ = &fiber;
  fiber.begun = true;
  fiber.handling.swap();
#if defined(__SANITIZE_ADDRESS__)
  void* mine = nullptr;
  __sanitizer_start_switch_fiber(&mine, static_cast<char*>(fiber.stack) + kGuardBytes, kStackBytes - kGuardBytes);
#endif
  ::swapcontext(&fiber.caller, &fiber.here);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(mine, nullptr, nullptr);
#endif
  fiber.handling.swap();
  current_ = nullptr;
}

bool FiberRuntime::wait(std::unique_lock<std::mutex>& lock, std::condition_variable&, Micros limit,
                        const std::function<bool()>& ready) {
  if (current_ == nullptr) {
    std::fprintf(stderr, "sim: control code waits\n");
    std::abort();
  }
  if (ready()) return true;
  Fiber& fiber = *current_;
  fiber.ready = ready;
  fiber.deadline = limit == kForever ? kForever : clock_() + std::max<Micros>(limit, 0);
  if (limit != kForever) wake_after_(std::max<Micros>(limit, 0) + 1);
  lock.unlock();
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&fiber.fake_stack, fiber.caller_bottom, fiber.caller_size);
#endif
  ::swapcontext(&fiber.here, &fiber.caller);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fiber.fake_stack, &fiber.caller_bottom, &fiber.caller_size);
#endif
  if (ended_) throw Ended{};
  lock.lock();
  return ready();
}

void FiberRuntime::fill_random(std::span<unsigned char> out) {
  for (unsigned char& byte : out) byte = static_cast<unsigned char>(rng_());
}

void FiberRuntime::turn() {
  if (current_ != nullptr || fibers_.empty()) return;
  for (bool went_on = true; went_on && !ended_;) {
    went_on = false;
    for (std::size_t i = 0; i < fibers_.size() && !ended_; ++i) {
      Fiber& fiber = *fibers_[i];
      if (fiber.done || !(fiber.ready() || clock_() >= fiber.deadline)) continue;
      resume(fiber);
      went_on = true;
    }
    std::erase_if(fibers_, [](const std::unique_ptr<Fiber>& f) {
      if (f->done) stacks.give(f->stack);
      return f->done;
    });
  }
}

void FiberRuntime::end() {
  if (current_ != nullptr) return;  // it ends when the fiber that ended it has given way
  ended_ = true;
  while (!fibers_.empty()) {
    auto fiber = std::move(fibers_.back());
    fibers_.pop_back();
    while (fiber->begun && !fiber->done) resume(*fiber);
    stacks.give(fiber->stack);
  }
}

}  // namespace tajo::sim
