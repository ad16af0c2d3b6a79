#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "cancel_registry.hpp"
#include "peer_watch.hpp"
#include "tajo/master/client_service.hpp"
#include "tajo/pgwire/server.hpp"

namespace tajo::pgwire {

/// Which sessions are in use by how many connections: a client that came back has two for a moment, and the end of
/// the old one must not end the session. Any thread.
class SessionUse {
 public:
  void begin(const master::SessionToken& session) {
    std::lock_guard lock(mutex_);
    ++users_[session];
  }
  bool end(const master::SessionToken& session) {  ///< true: that was the last
    std::lock_guard lock(mutex_);
    if (--users_[session] > 0) return false;
    users_.erase(session);
    return true;
  }

 private:
  std::mutex mutex_;
  std::map<master::SessionToken, int> users_;
};

/// What all connections of a server share.
struct ServerContext {
  const PgServerConfig& config;
  master::ClientService& service;
  std::string mock_secret;  ///< makes salts for users that do not exist
  CancelRegistry cancels;
  SessionUse sessions;
  PeerWatch watch;
  std::atomic<std::uint32_t> logged_in{0};
};

}  // namespace tajo::pgwire
