#pragma once
#include <functional>
#include <mutex>

#include "session_use.hpp"

namespace tajo::pgwire {

/// What other threads may do to a connection: stop it, cancel its statement, notice that its client has gone.
/// Every method: any thread.
class ConnectionControl {
 public:
  ConnectionControl(int fd, master::ClientService& service, SessionUse& uses) : service_(service), uses_(uses), fd_(fd) {}

  // The connection's own thread.
  void logged_in(master::SessionToken session, SessionUse::Ticket use);  ///< the session is in use (SessionUse::begin)
  /// False: a stop was asked for, do not read.
  bool enter_idle();
  void leave_idle();
  bool begin_statement();  ///< false: the client has gone
  void end_statement();
  void closed();           ///< the descriptor is about to be closed
  /// This connection uses its session no more: its client said goodbye, or it broke.
  SessionUse::End let_go(bool goodbye);

  // Others.
  void client_gone();      ///< abandons the running statement and wakes blocked reads and writes
  void stop();             ///< ends the connection as soon as it runs no statement
  void cancel_statement();
  void cut();              ///< wakes blocked reads and writes, which then fail

  bool stopping() const;
  bool gone() const;

 private:
  void with_running(const std::function<void(const master::SessionToken&)>& stop);

  mutable std::mutex mutex_;
  master::ClientService& service_;
  SessionUse& uses_;
  master::SessionToken session_;
  SessionUse::Ticket use_ = 0;
  int fd_;
  bool idle_ = false;
  bool running_ = false;
  bool gone_ = false;
  bool uses_session_ = false;
  bool stopping_ = false;
};

}  // namespace tajo::pgwire
