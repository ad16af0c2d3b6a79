#pragma once
#include <map>
#include <mutex>

#include "tajo/master/client_service.hpp"

namespace tajo::pgwire {

/// Which sessions are in use by how many connections whose clients are there: a client that came back has two for a
/// moment, and the end of the old one must neither end the session nor what it runs. Any thread.
class SessionUse {
 public:
  void begin(const master::SessionToken& session) {
    std::lock_guard lock(mutex_);
    ++users_[session];
  }
  bool end(const master::SessionToken& session) {  ///< true: that was the last
    std::lock_guard lock(mutex_);
    auto it = users_.find(session);
    if (it != users_.end() && --it->second > 0) return false;
    users_.erase(session);
    return true;
  }
  bool used(const master::SessionToken& session) const {
    std::lock_guard lock(mutex_);
    return users_.contains(session);
  }

 private:
  mutable std::mutex mutex_;
  std::map<master::SessionToken, int> users_;
};

}  // namespace tajo::pgwire
