#include "connection_control.hpp"

#include <sys/socket.h>

namespace tajo::pgwire {

void ConnectionControl::logged_in(master::SessionToken session) {
  std::lock_guard lock(mutex_);
  session_ = std::move(session);
}

bool ConnectionControl::enter_idle() {
  std::lock_guard lock(mutex_);
  if (stopping_ || gone_) return false;
  idle_ = true;
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
  cancel_statement();
}

void ConnectionControl::stop() {
  std::lock_guard lock(mutex_);
  stopping_ = true;
  if (idle_ && fd_ >= 0) ::shutdown(fd_, SHUT_RD);
}

void ConnectionControl::cancel_statement() {
  master::SessionToken session;
  {
    std::lock_guard lock(mutex_);
    if (!running_) return;
    session = session_;
  }
  service_.cancel(session);  // outside the lock: it may go to another rank
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
