#pragma once
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tajo/master/client_service.hpp"

namespace tajo::testing {

/// A ClientService that understands a handful of fixed statements: what the servers and clients are tested against.
///   SELECT 1 | SELECT types | SELECT rows <n> | SELECT sleep <ms> | SELECT error | SELECT crash | SELECT parameters
///   Visits: SHOW ALL, and the first six; looks: query_result('q_1700000000000_0001'), information_schema.queries, tajo_kill
///   BEGIN | COMMIT | SET TIME ZONE '<zone>' | NOTICE | COPY t FROM STDIN | CREATE … | INSERT … | information_schema
class FakeService : public master::ClientService {
 public:
  explicit FakeService(std::string owner);
  void add_user(const std::string& name, const std::string& scram_secret);

  master::OpenedSession open_session(const master::SessionOptions& options) override;
  void close_session(const master::SessionToken& session) override;
  void leave_session(const master::SessionToken& session) override;
  std::optional<master::ScramSecret> secret(const std::string& user) override;
  std::string cluster_owner() const override { return owner_; }
  void execute(const master::SessionToken& session, const std::string& sql, master::ResultSink& sink,
               master::CopySource* copy) override;
  master::StatementDescription describe(const master::SessionToken& session, const std::string& sql,
                                        std::span<const data::Type> parameter_types) override;
  void execute_prepared(const master::SessionToken& session, const std::string& sql,
                        std::span<const data::Type> parameter_types, std::span<const master::Parameter> parameters,
                        master::ResultSink& sink, master::CopySource* copy) override;
  char transaction_status(const master::SessionToken& session) override;
  void cancel(const master::SessionToken& session) noexcept override;
  void abandon(const master::SessionToken& session) noexcept override;
  std::optional<master::Progress> progress(const master::SessionToken&) override { return std::nullopt; }
  master::Visited visit(const master::Visit& visit, master::ResultSink& sink) override;
  std::optional<QueryId> visited_query(const std::string& user, const std::string& request_id) override;
  void look(const std::string& user, const std::string& sql, master::ResultSink& sink) override;
  void end_session(const std::string& user, const master::SessionToken& session) override;
  bool is_active() const override { return active; }
  std::string status_json() override;

  std::atomic<bool> active{true};
  std::atomic<int> sessions{0};
  std::atomic<int> resumed{0};
  std::atomic<int> left{0};       ///< sessions whose last connection broke
  std::atomic<int> abandoned{0};  ///< statements, likewise
  std::atomic<int> cancels{0};
  std::atomic<int> running{0};
  std::string copied() const;
  std::vector<std::string> log() const;  ///< statements in the order they came

 private:
  struct Session {
    master::SessionOptions options;
    char status = 'I';
    bool cancelled = false;
    std::string request_id;
  };
  void run(const master::SessionToken& session, const std::string& statement,
           std::span<const master::Parameter> parameters, master::ResultSink& sink, master::CopySource* copy);
  void sleep(const master::SessionToken& session, int ms);
  bool run_catalog(const std::string& folded, master::ResultSink& sink);

  struct VisitedQuery {
    std::string user, request_id, sql;
    bool running = true;
    std::string sqlstate;
  };
  void check_owner(const std::string& user, const master::SessionToken& session) const;  ///< under mutex_
  void look_at_queries(const std::string& sql, master::ResultSink& sink);

  std::string owner_;
  mutable std::mutex mutex_;
  std::map<QueryId, VisitedQuery> visited_;
  std::condition_variable wake_;
  std::map<std::string, std::string> secrets_;
  std::map<master::SessionToken, Session> sessions_;
  std::map<std::string, std::string> outcomes_;  ///< request id → tag, as the cluster remembers them
  int next_session_ = 1;
  std::string copied_;
  std::vector<std::string> log_;
};

}  // namespace tajo::testing
