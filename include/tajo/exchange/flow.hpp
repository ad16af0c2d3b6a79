#pragma once
#include <cstdint>

namespace tajo::exchange {

/// How a step of a pipeline ended.
enum class Flow : std::uint8_t {
  kMore,     ///< a batch was given, or call again with the same input
  kDone,     ///< nothing will come any more
  kBlocked,  ///< the waker will fire; the thread takes another pipeline meanwhile
};

/// Told when a blocked pipeline may go on. wake(): any thread, never blocks, may come too often and late: it outlives the store.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake() = 0;
};

}  // namespace tajo::exchange
