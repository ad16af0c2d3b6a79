#pragma once
#include <condition_variable>
#include <mutex>

#include "tajo/common/runtime.hpp"

namespace tajo::master {

/// Where clients' statements come in. While the cluster is about to be started again they wait here: those inside go on,
/// and what never got in is asked again, under its request id, of the world that comes. Any thread.
class Admission {
 public:
  explicit Admission(Runtime& runtime) : runtime_(runtime) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  /// A statement inside, from before it is asked until its last row has gone to the client.
  class Ticket {
   public:
    explicit Ticket(Admission& admission) : admission_(admission) { admission_.enter(); }
    ~Ticket() { admission_.leave(); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

   private:
    Admission& admission_;
  };

  /// Statements wait from now on, until resume() or for `limit` microseconds: nobody waits for a start that does not come.
  void pause(Micros limit);
  void resume();
  bool paused() const;
  int inside() const;

 private:
  void enter();
  void leave();

  Runtime& runtime_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Micros paused_until_ = 0;
  int inside_ = 0;
};

}  // namespace tajo::master
