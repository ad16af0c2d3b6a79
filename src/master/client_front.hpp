#pragma once
#include <algorithm>
#include <atomic>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "tajo/master/master_node.hpp"

namespace tajo::master {

inline bool is_any(std::string_view word, std::initializer_list<std::string_view> words) { return std::ranges::find(words, word) != words.end(); }
/// A client's names for its statements are its own: another user's are others.
inline std::string clients_request_id(const std::string& user, const std::string& name) { return "c:" + user + ":" + name; }

/// ClientService of every master: statements run here on the active and are forwarded from a backup; either way the
/// caller sees one answer. Keeps what belongs to a connection alone: transaction blocks and the next request id.
class MasterNode::Front : public ClientService {
 public:
  explicit Front(MasterNode& node);

  OpenedSession open_session(const SessionOptions& options) override;
  void close_session(const SessionToken& session) override;
  void leave_session(const SessionToken& session) override;
  std::optional<ScramSecret> secret(const std::string& user) override;
  std::string cluster_owner() const override;
  void execute(const SessionToken& session, const std::string& sql, ResultSink& sink, CopySource* copy) override;
  StatementDescription describe(const SessionToken& session, const std::string& sql,
                                std::span<const data::Type> parameter_types) override;
  void execute_prepared(const SessionToken& session, const std::string& sql, std::span<const data::Type> parameter_types,
                        std::span<const Parameter> parameters, ResultSink& sink, CopySource* copy) override;
  char transaction_status(const SessionToken& session) override;
  void cancel(const SessionToken& session) noexcept override;
  void abandon(const SessionToken& session) noexcept override;
  std::optional<Progress> progress(const SessionToken& session) override;
  Visited visit(const Visit& visit, ResultSink& sink) override;
  std::optional<QueryId> visited_query(const std::string& user, const std::string& request_id) override;
  void look(const std::string& user, const std::string& sql, ResultSink& sink) override;
  void end_session(const std::string& user, const SessionToken& session) override;
  bool is_active() const override;
  std::string status_json() override;

  /// Says which sessions have a connection here; not again before that was answered.
  void hold_sessions();

 private:
  struct Connection {
    char block = 'I';
    std::string next_request_id;
    std::string database = "default";
    std::string user;
  };

  protocol::ClientReply ask(protocol::ClientRequest request);
  void tell(protocol::ClientRequest::Kind kind, const SessionToken& session, bool vanished = false);
  OpenedSession opened(protocol::ClientReply reply, const std::string& user);
  std::string next_request_id(const SessionToken& session, bool by_client);
  std::string fresh_request_id(const SessionToken& session);
  void run_statement(const SessionToken& session, protocol::ClientRequest request, ResultSink& sink, CopySource* copy);
  bool step_transaction(const SessionToken& session, const std::string& tag, ResultSink& sink);
  plan::Statement bind_copy(const SessionToken& session, const protocol::ClientRequest& request);
  protocol::ClientRequest description(const SessionToken& session, const std::string& sql, std::span<const data::Type> parameter_types);
  void feed_copy(const SessionToken& session, protocol::ClientRequest& request, CopySource* copy);
  void deliver(const SessionToken& session, const protocol::ClientReply& reply, ResultSink& sink);
  static void deliver_rows(const protocol::ClientReply& reply, ResultSink& sink);
  Connection& connection(const SessionToken& session);  ///< under mutex_

  MasterNode& node_;
  std::string name_;  ///< makes request ids of this process unique
  std::atomic<std::uint64_t> next_request_{1};
  std::atomic<bool> holding_{false};  ///< hold_sessions() is not answered yet
  std::mutex mutex_;
  std::map<SessionToken, Connection> connections_;
};

}  // namespace tajo::master
