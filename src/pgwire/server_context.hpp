#pragma once
#include <atomic>
#include <string>

#include "cancel_registry.hpp"
#include "peer_watch.hpp"
#include "session_use.hpp"
#include "tajo/master/client_service.hpp"
#include "tajo/pgwire/server.hpp"

namespace tajo::pgwire {

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
