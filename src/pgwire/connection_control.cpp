#include "connection_control.hpp"

#include <sys/socket.h>

namespace tajo::pgwire {

void ConnectionControl::logged_in(master::SessionToken session, SessionUse::Ticket use) {
  std::lock_guard lock(mutex_);
  use_ = use;
  session_ = std::move(session);
  uses_session_ = true;
}

bool ConnectionControl::enter_idle() {
  std::lock_guard lock(mutex_);
  if (stopping_) return false;
  idle_ = true;  // also when the client has gone: its last messages (Terminate) are read to the end of the stream
  return true;
}

void ConnectionControl::leave_idle() {
  std::lock_guard lock(mutex_);
  idle_ = false;
}

bool ConnectionControl::begin_statement() {
  std::lock_guard lock(mutex_);
  running_ = !gone_;
  return running_;
}

void ConnectionControl::end_statement() {
  std::lock_guard lock(mutex_);
  running_ = false;
}

void ConnectionControl::closed() {
  std::lock_guard lock(mutex_);
  fd_ = -1;
  session_.clear();
}

void ConnectionControl::client_gone() {
  {
    std::lock_guard lock(mutex_);
    gone_ = true;
    // An idle connection reads its last messages (Terminate) and then the end of the stream by itself.
    if (!running_ || fd_ < 0) return;
    ::shutdown(fd_, SHUT_RDWR);
  }
  // What the client has taken up again by another connection goes on.
  if (let_go(false) != SessionUse::End::kUsed) with_running([this](const master::SessionToken& session) { service_.abandon(session); });
}

SessionUse::End ConnectionControl::let_go(bool goodbye) {
  std::lock_guard lock(mutex_);
  if (session_.empty()) return SessionUse::End::kUsed;
  if (!uses_session_) return uses_.used(session_) ? SessionUse::End::kUsed : SessionUse::End::kLeft;
  uses_session_ = false;
  return uses_.end(session_, use_, goodbye);
}

void ConnectionControl::stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  if (idle_ && fd_ >= 0) ::shutdown(fd_, SHUT_RD);
}

void ConnectionControl::cancel_statement() {
  with_running([this](const master::SessionToken& session) { service_.cancel(session); });
}

void ConnectionControl::with_running(const std::function<void(const master::SessionToken&)>& stop) {
  master::SessionToken session;
  {
    std::lock_guard lock(mutex_);
    if (!running_) return;
    session = session_;
  }
  stop(session);  // outside the lock: it may go to another rank
}

void ConnectionControl::cut() {
  std::lock_guard lock(mutex_);
  if (fd_ >= 0) ::shutdown(fd_, SHUT_RDWR);
}

bool ConnectionControl::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

bool ConnectionControl::gone() const {
  std::lock_guard lock(mutex_);
  return gone_;
}

}  // namespace tajo::pgwire
