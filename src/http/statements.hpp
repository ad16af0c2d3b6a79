#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "result_json.hpp"
#include "tajo/common/ids.hpp"
#include "tajo/master/client_service.hpp"

namespace tajo::http {

/// Statements of HTTP clients that run at once at one master; each has a thread with a planning stack. Few enough that those
/// of some masters leave room among what the active takes from all of them (kMaxForwardedRuns).
inline constexpr std::size_t kMaxStatements = 16;
/// A client is told that long after it asked at the latest, if only that its statement runs.
inline constexpr Micros kAnswerWithinUs = 1'000'000;
/// stop() waits that long for statements.
inline constexpr Micros kStatementsDrainUs = 2'000'000;

/// What a statement came to.
struct StatementEnd {
  std::optional<Error> error;
  master::Visited visited;
  std::string rows;                  ///< RowsJson's, of one that leaves no history
  std::vector<std::string> notices;
};

/// Runs statements whose clients do not wait for their end. Any thread; the service must outlive the last statement: one
/// that runs longer than stop() waits is left to the cluster, which goes on with it.
class Statements {
 public:
  class Running;
  using RunningPtr = std::shared_ptr<Running>;

  explicit Statements(master::ClientService& service);
  ~Statements();

  /// nullptr: kMaxStatements run. Error 57P01 after stop(), 53000 when the system gives no thread.
  RunningPtr start(master::Visit visit);
  /// Waits at most `limit` for its end; nullptr: it goes on.
  const StatementEnd* wait(const RunningPtr& statement, Micros limit);
  void is_query(const RunningPtr& statement, const QueryId& query);
  /// Whether a statement of this user's that is known to be this query runs here.
  bool runs(const std::string& user, const QueryId& query) const;
  void stop();

 private:
  struct State;
  static void run(State& state, master::ClientService& service, const RunningPtr& statement);

  master::ClientService& service_;
  std::shared_ptr<State> state_;  ///< the threads' too
};

}  // namespace tajo::http
