#pragma once
#include <pthread.h>

#include <functional>
#include <string>

namespace tajo {

/// A joinable thread with a stack of its own size: planning recurses deeply (libpg_query, rewrite rules), so it runs
/// on kPlanningStackBytes (virtual; only touched pages are resident).
inline constexpr std::size_t kPlanningStackBytes = std::size_t{64} << 20;

class Thread {
 public:
  Thread() = default;
  /// Starts at once. `name`: at most 15 characters, seen in ps -L. Error 53000 when the system refuses.
  Thread(const std::string& name, std::size_t stack_bytes, std::function<void()> work);
  Thread(Thread&& other) noexcept;
  Thread& operator=(Thread&& other) noexcept;
  ~Thread();  ///< joins
  void join();
  void detach();
  bool joinable() const { return started_; }

 private:
  pthread_t handle_{};
  bool started_ = false;
};

}  // namespace tajo
