#pragma once
#include <memory>
#include <string>

#include "message.hpp"
#include "prepared.hpp"
#include "result_stream.hpp"
#include "server_context.hpp"
#include "startup.hpp"

namespace tajo::pgwire {

/// One client from its first byte to its last, on one thread.
class Connection {
 public:
  /// Takes the descriptor. `client`: its address, `[local]` for the Unix socket.
  Connection(ServerContext& context, int fd, bool local, std::string client, std::shared_ptr<ConnectionControl> control);
  ~Connection();
  /// Until the client leaves or the server stops. Never throws.
  void run() noexcept;

 private:
  bool login();  ///< false: a CancelRequest, done
  void open_session(const StartupMessage& startup);
  void take_session(const master::SessionOptions& options);
  void greet(const StartupMessage& startup);
  void serve();
  bool next_message();
  void handle();
  void fail(const Error& error);
  void ready();
  void say_goodbye(const Error& error) noexcept;

  // connection_query.cpp
  void simple_query();
  void parse();
  void bind();
  void describe();
  void execute();
  void close();
  void function_call();
  void run_portal(Portal& portal, std::uint64_t limit);
  template <class Run>
  void run_statement(Run&& run);

  ServerContext& context_;
  Socket socket_;
  bool local_;
  std::string client_;
  std::shared_ptr<ConnectionControl> control_;
  std::uint64_t watch_id_ = 0;
  CancelRegistry::Key cancel_key_;
  bool counted_ = false;
  master::SessionToken session_;
  master::SessionToken lost_session_;  ///< the one the client wanted to take up again
  SessionUse::Ticket use_ = 0;
  bool keeps_session_ = true;          ///< when it breaks
  bool ends_session_ = true;           ///< the end of this connection is the session's
  std::vector<std::pair<std::string, std::string>> reported_;
  WireSettings settings_;
  PreparedSet prepared_;
  Message message_;
  bool extended_ = false;         ///< the message belongs to the extended protocol
  bool skip_until_sync_ = false;  ///< after an error in it
  bool reported_active_ = false;
};

}  // namespace tajo::pgwire
