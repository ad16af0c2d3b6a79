#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tajo/common/thread.hpp"
#include "tajo/master/admission.hpp"
#include "tajo/master/client_service.hpp"
#include "tajo/master/shared_outcomes.hpp"
#include "tajo/master/statement_runner.hpp"
#include "tajo/protocol/control_port.hpp"

namespace tajo::master {

/// Forwarded statements that run at once on the active, for all other masters together; more wait.
inline constexpr std::size_t kMaxForwardedRuns = 64;
inline constexpr std::size_t kMaxForwardedQueue = 10'000;
/// Forwarded statements remembered as answered in this epoch.
inline constexpr std::size_t kMaxAnswered = 10'000;
/// A serving master repeats a request that long without an answer; the active recognises it by its request id.
inline constexpr Micros kRepeatRequestUs = 500'000;
/// A statement waits that long for an active master before it fails with 57P03.
inline constexpr Micros kWaitForActiveUs = 60'000'000;

/// The master half of a rank: on the active it runs statements, on a backup it forwards them and keeps its clients
/// through a failover. The on_… calls belong to the control thread.
class MasterNode {
 public:
  MasterNode(MasterParts parts, protocol::ControlPort& port);
  ~MasterNode();

  bool on_message(Rank source, ByteView message);
  void on_view(const cluster::View& view, cluster::Role self);
  void on_active(Epoch epoch);
  void on_passive();
  void start();  ///< timers

  ClientService& service();
  Admission& admission() { return admission_; }
  /// The cluster is about to be started again: statements wait, results in memory go to staging. Any thread.
  void pause(Micros limit);
  /// Statements inside, and one more while results are to be written.
  int load() const;

 private:
  class Front;
  friend class Front;
  struct Pending {
    protocol::ClientRequest request;
    std::function<void(protocol::ClientReply)> done;
    Micros sent_at = 0;
  };

  /// Any thread: sends a request to the active until it is answered; `done` on the control thread.
  void forward(protocol::ClientRequest request, std::function<void(protocol::ClientReply)> done);
  void send_pending(std::uint64_t number, Pending& pending);
  void tick();
  void retire_drained();
  void forget_answers(const cluster::View& next);
  void serve_forwarded();
  void add_server();
  void maintain();
  void take_over(Epoch epoch);
  void note_answered(std::pair<Rank, std::uint64_t> request);  ///< under queue_mutex_

  MasterParts parts_;
  Admission admission_;
  protocol::ControlPort& port_;
  StatementRunner runner_;
  SharedOutcomes outcomes_;                   ///< control thread
  cluster::View view_;
  std::map<std::uint64_t, Pending> pending_;  ///< control thread
  std::uint64_t next_number_ = 1;

  std::mutex queue_mutex_;
  std::condition_variable queue_ready_;
  std::condition_variable maintenance_wake_;  ///< its own: a notify_one for a server must not end here
  std::deque<std::pair<Rank, protocol::ClientRequest>> queue_;
  std::set<std::pair<Rank, std::uint64_t>> taken_;  ///< queued or running: their repetitions are not taken again
  std::set<std::pair<Rank, std::uint64_t>> answered_;
  std::deque<std::pair<Rank, std::uint64_t>> answered_order_;
  std::vector<Thread> servers_;
  std::size_t idle_ = 0;
  bool stopping_ = false, pausing_ = false;
  std::atomic<bool> save_failed_{false};
  std::vector<Thread> takeovers_;  ///< one an epoch this rank was active in
  Thread maintenance_;
  std::unique_ptr<Front> front_;
};

}  // namespace tajo::master
