#include "tajo/common/thread.hpp"

#include <memory>
#include <utility>

#include "tajo/common/error.hpp"

namespace tajo {
namespace {

struct Start {
  std::function<void()> work;
  std::string name;
};

void* run(void* argument) {
  std::unique_ptr<Start> start(static_cast<Start*>(argument));
  pthread_setname_np(pthread_self(), start->name.substr(0, 15).c_str());
  start->work();
  return nullptr;
}

}  // namespace

Thread::Thread(const std::string& name, std::size_t stack_bytes, std::function<void()> work) {
  auto start = std::make_unique<Start>(Start{std::move(work), name});
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  int failed = pthread_create(&handle_, &attributes, run, start.get());
  pthread_attr_destroy(&attributes);
  if (failed != 0) throw Error("53000", "cannot start thread \"" + name + "\"");
  (void)start.release();
  started_ = true;
}

Thread::Thread(Thread&& other) noexcept : handle_(other.handle_), started_(std::exchange(other.started_, false)) {}

Thread& Thread::operator=(Thread&& other) noexcept {
  join();
  handle_ = other.handle_;
  started_ = std::exchange(other.started_, false);
  return *this;
}

Thread::~Thread() { join(); }

void Thread::join() {
  if (std::exchange(started_, false)) pthread_join(handle_, nullptr);
}

void Thread::detach() {
  if (std::exchange(started_, false)) pthread_detach(handle_);
}

}  // namespace tajo
