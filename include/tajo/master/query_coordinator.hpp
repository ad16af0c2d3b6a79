#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "tajo/cluster/node.hpp"
#include "tajo/master/query_state.hpp"
#include "tajo/protocol/control_port.hpp"
#include "tajo/protocol/messages.hpp"

namespace tajo::master {

/// A query that takes its QueryMaster along more often fails, and so does one that more workers could not start.
inline constexpr int kMaxQueryMasterRestarts = 4;
/// Heartbeats of a QueryMaster's rank in a row that do not name its query: the grant was lost, it is given again.
inline constexpr int kUnheardHeartbeats = 15;
inline constexpr std::size_t kMaxQueuedQueries = 10'000;
inline constexpr int kMaxRunningQueries = 128;       ///< granted at once; the others wait in submission order
inline constexpr Micros kAdoptionWaitUs = 1'000'000; ///< a new active waits this long for QueryMasters to report

struct QueryJob {
  QueryId id;
  Epoch epoch = 0;     ///< in which it is submitted; comes it when that is over, it ends as on_passive() ends others
  bool adopt = false;  ///< submitted under an earlier epoch: its QueryMaster may still run it
  Epoch submitted_epoch = 0;
  Bytes plan;
  protocol::StageInputs feeds;
  std::map<std::uint32_t, std::vector<data::Split>> splits;
  std::string result_path;
  bool one_task = false;     ///< nothing but its result's: whoever loses the QueryMaster loses the task
  QueryLosses losses;        ///< in earlier epochs
  std::function<void(const QueryLosses&)> lost;  ///< each time they grow, on the control thread; may be empty
  bool hold_result = false;  ///< its QueryMaster keeps the result until release()
  std::function<void(protocol::QueryDone)> done;  ///< once, on the control thread
};

/// The active master's queue: grants queries to QueryMasters, restarts them elsewhere when a worker is lost, takes up
/// the running ones after a takeover. Sans-I/O; control thread, except progress().
class QueryCoordinator {
 public:
  explicit QueryCoordinator(protocol::ControlPort& port, std::uint32_t max_task_attempts = 4)
      : port_(port), max_task_attempts_(max_task_attempts) {}

  void submit(QueryJob job, Micros now);
  void cancel(const QueryId& query);
  /// Another master holds the result, or nobody needs it: its QueryMaster may forget it.
  void release(const QueryId& query);
  void on_query_done(Rank source, protocol::QueryDone done);
  void on_heartbeat(Rank source, const protocol::Heartbeat& heartbeat);
  /// A QueryMaster's rank begins a task of its query.
  void on_own_task(Rank source, const TaskId& task);
  void on_view(const cluster::View& view, Micros now);
  void on_active(Epoch epoch, Micros now);
  /// Superseded: nothing is answered any more from here; callers learn it as kOutcomeUnknown.
  void on_passive();
  void on_tick(Micros now);

  std::optional<protocol::RunningQuery> progress(const QueryId& query) const;
  /// Whether a query that was granted may still need this worker. Control thread.
  bool uses(Rank worker) const;

 private:
  struct Running {
    QueryJob job;
    Rank query_master = kNoRank;
    std::vector<Rank> workers;  ///< granted to it; empty for one taken over: any
    std::uint16_t attempt = 0;
    int restarts = 0;
    std::set<Rank> not_started_on;  ///< workers that could not: no memory, no descriptors
    bool waiting_adoption = false;
    bool canceled = false;
    std::set<protocol::TaskNumber> own_tasks;  ///< its QueryMaster's rank, lost now, is lost under these
    bool heard = false;         ///< its QueryMaster has said something
    int unheard = 0;            ///< heartbeats of its QueryMaster's rank in a row that did not name it
  };
  void dispatch();
  void grant(Running& query);
  /// What its QueryMaster tells, should it be lost.
  static void note(Running& query, const protocol::RunningQuery& report);
  std::optional<Error> lose_query_master(Running& query);
  bool start_elsewhere(Running& query, Rank source);
  void finish(const QueryId& id, protocol::QueryDone done);
  void acknowledge(Rank source, const QueryJob& job, const protocol::QueryDone& done);
  Rank choose_query_master(const std::set<Rank>& not_on) const;

  protocol::ControlPort& port_;
  std::uint32_t max_task_attempts_;
  cluster::View view_;
  Epoch epoch_ = 0;
  Micros active_since_ = 0;
  bool adopting_ = false;                ///< shortly after on_active: unknown results are kept, not acknowledged
  std::map<QueryId, Running> running_;   ///< granted, waiting for adoption or queued (query_master == kNoRank)
  std::map<QueryId, std::pair<Rank, protocol::QueryDone>> early_;           ///< done before adoption asked
  std::map<QueryId, std::pair<Rank, std::uint16_t>> held_;                  ///< ended, not released: QueryMaster and attempt
  std::map<QueryId, std::pair<Rank, protocol::RunningQuery>> reported_;     ///< QueryMasters heard of since on_active
  std::set<Rank> heard_;                                                    ///< ranks that reported since on_active
  mutable std::mutex progress_mutex_;
  std::map<QueryId, protocol::RunningQuery> progress_;
};

}  // namespace tajo::master
