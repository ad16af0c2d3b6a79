#pragma once
#include <cstdint>
#include <map>
#include <mutex>

#include "tajo/master/client_service.hpp"

namespace tajo::pgwire {

/// Which sessions are in use by how many connections whose clients are there: a client that came back has two for a
/// moment, and the end of the old one must neither end the session nor what it runs, nor keep the session of a client
/// that came back and said goodbye. Any thread.
class SessionUse {
 public:
  using Ticket = std::uint64_t;  ///< names one connection's use; later ones are greater
  enum class End : std::uint8_t {
    kUsed,    ///< another connection uses the session
    kLeft,    ///< that was the last; its client may come back
    kClosed,  ///< that was the last, and it or the newest one said goodbye
  };

  Ticket begin(const master::SessionToken& session) {
    std::lock_guard lock(mutex_);
    Use& use = uses_[session];
    ++use.connections;
    use.goodbye = false;
    return use.newest = ++last_;
  }
  /// `goodbye`: the client ended it (Terminate), it did not break.
  End end(const master::SessionToken& session, Ticket ticket, bool goodbye) {
    std::lock_guard lock(mutex_);
    auto it = uses_.find(session);
    if (it == uses_.end()) return goodbye ? End::kClosed : End::kLeft;
    if (goodbye && ticket == it->second.newest) it->second.goodbye = true;
    if (--it->second.connections > 0) return End::kUsed;
    const bool closed = goodbye || it->second.goodbye;
    uses_.erase(it);
    return closed ? End::kClosed : End::kLeft;
  }
  bool used(const master::SessionToken& session) const {
    std::lock_guard lock(mutex_);
    return uses_.contains(session);
  }

 private:
  struct Use {
    int connections = 0;
    Ticket newest = 0;
    bool goodbye = false;  ///< the newest one's client said it
  };

  mutable std::mutex mutex_;
  std::map<master::SessionToken, Use> uses_;
  Ticket last_ = 0;
};

}  // namespace tajo::pgwire
