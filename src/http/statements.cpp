#include "statements.hpp"

#include <algorithm>
#include <chrono>

#include "tajo/common/as_error.hpp"
#include "tajo/common/thread.hpp"

namespace tajo::http {

class Statements::Running {
 public:
  explicit Running(master::Visit visit) : visit(std::move(visit)) {}
  const master::Visit visit;
  QueryId query;                    ///< under the state's mutex, as the end
  std::optional<StatementEnd> end;  ///< stands once it is there
};

struct Statements::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<RunningPtr> running;
  bool stopping = false;
};

namespace {

/// RowsJson that remembers what was noticed.
class Sink final : public RowsJson {
 public:
  void notice(const std::string&, const Error& text) override { notices.push_back(text.message()); }
  std::vector<std::string> notices;
};

}  // namespace

Statements::Statements(master::ClientService& service) : service_(service), state_(std::make_shared<State>()) {}
Statements::~Statements() { stop(); }

Statements::RunningPtr Statements::start(master::Visit visit) {
  auto statement = std::make_shared<Running>(std::move(visit));
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopping) throw Error("57P01", "this master is shutting down");
    if (state_->running.size() >= kMaxStatements) return nullptr;
    state_->running.push_back(statement);
  }
  try {
    Thread("tajo-rest", kPlanningStackBytes, [state = state_, &service = service_, statement] { run(*state, service, statement); }).detach();
  } catch (...) {
    std::lock_guard lock(state_->mutex);
    std::erase(state_->running, statement);
    throw;
  }
  return statement;
}

void Statements::run(State& state, master::ClientService& service, const RunningPtr& statement) {
  StatementEnd end;
  Sink sink;
  try {
    end.visited = service.visit(statement->visit, sink);
    end.rows = sink.text();
  } catch (const std::exception& e) {
    end.error = as_error(e);
  }
  end.notices = std::move(sink.notices);
  std::lock_guard lock(state.mutex);
  statement->end = std::move(end);
  std::erase(state.running, statement);
  state.changed.notify_all();
}

const StatementEnd* Statements::wait(const RunningPtr& statement, Micros limit) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, std::chrono::microseconds(limit), [&] { return statement->end.has_value(); });
  return statement->end ? &*statement->end : nullptr;
}

void Statements::is_query(const RunningPtr& statement, const QueryId& query) {
  std::lock_guard lock(state_->mutex);
  statement->query = query;
}

bool Statements::runs(const std::string& user, const QueryId& query) const {
  std::lock_guard lock(state_->mutex);
  return std::ranges::any_of(state_->running, [&](const RunningPtr& one) { return one->visit.user == user && one->query == query; });
}

void Statements::stop() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->changed.wait_for(lock, std::chrono::microseconds(kStatementsDrainUs), [&] { return state_->running.empty(); });
}

}  // namespace tajo::http
