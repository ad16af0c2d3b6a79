#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tajo/common/ids.hpp"
#include "tajo/journal/record.hpp"
#include "tajo/protocol/messages.hpp"

namespace tajo::master {

/// What a running query has cost already: the count of a poison query goes on over takeovers and new starts.
struct QueryLosses {
  std::uint16_t query_masters = 0;   ///< that left the view
  protocol::TaskLosses under_tasks;  ///< workers, these among them, that died under tasks
  bool unheard = false;              ///< one was lost before it said what it ran: that may have been any task
  std::uint32_t cut_for = 0;         ///< workers its scans are cut into tasks for, so that numbers stay the same
};

/// One query as history keeps it; running ones have finished_ms = 0.
struct QueryRecord {
  QueryId id;
  std::string request_id;
  std::string session, user, database, sql;
  std::vector<std::optional<std::string>> parameters;  ///< text form, to plan it again after a takeover
  std::string state = "QUERY_RUNNING";  ///< QUERY_RUNNING, QUERY_SUCCEEDED, QUERY_FAILED, QUERY_KILLED
  Epoch epoch = 0;                      ///< of its submission
  std::int64_t started_ms = 0, finished_ms = 0;
  std::uint64_t rows = 0, rows_read = 0, bytes_read = 0;
  std::uint64_t result_bytes = 0;       ///< of the result, encoded, or of the files written
  std::uint32_t attempts = 0;           ///< task attempts beyond the first, all stages
  std::uint32_t starts = 0;             ///< how often a QueryMaster was started for it
  std::uint64_t digest = 0;             ///< of text and parameters: the same request id must mean the same statement
  bool returns_rows = false;
  std::string tag;                      ///< command tag when it succeeded
  std::string sqlstate, error;
  std::string result_path;              ///< staged result, while it is kept
  QueryLosses losses;                   ///< while it runs
};

/// History, the running set and the outcomes of requests, as a function of the log (record kind kQuery).
/// apply/restore on the control thread, look-ups from any.
class QueryState : public journal::StateMachine {
 public:
  static constexpr std::size_t kMaxFinished = 10'000;  ///< history entries; oldest leave first
  static constexpr std::size_t kMaxFinishedBytes = std::size_t{16} << 20;  ///< likewise; the size of their snapshot
  static constexpr std::size_t kMaxFinishedSqlBytes = std::size_t{16} << 10;  ///< of a statement; the rest is cut off

  void apply(const journal::Record& record) override;
  Bytes snapshot() const override;
  void restore(ByteView snapshot) override;

  std::optional<QueryRecord> find(const QueryId& id) const;
  /// Is the end of this query here? (find() copies its texts.)
  bool ended(const QueryId& id) const;
  /// How often the state was replaced as a whole: only then can what was here be missing again.
  std::uint64_t restored() const;
  /// What a request id stands for: its newest query, but one that succeeded before those that did not.
  std::optional<QueryRecord> find_request(const std::string& request_id) const;
  std::vector<QueryRecord> running() const;
  std::vector<QueryRecord> all() const;  ///< finished (oldest first), then running
  std::uint32_t last_number() const;     ///< highest query number seen: the next epoch goes on from it

  /// A running query; again whenever its losses have changed.
  static Bytes submitted_record(const QueryRecord& query);
  /// The end of a query: every field that is known then; of a query never submitted it is both in one.
  static Bytes finished_record(const QueryRecord& query);
  /// What a submitted_record or finished_record holds.
  static QueryRecord decode(ByteView record);
  /// Ends before this time leave the history.
  static Bytes expired_record(std::int64_t before_ms);
  std::optional<std::int64_t> oldest_finished_ms() const;
  /// When the latest query was submitted that began under an earlier epoch: by other masters' clocks.
  std::optional<std::int64_t> newest_started_ms(Epoch before) const;

 private:
  void finish(QueryRecord query);
  void drop_oldest();

  mutable std::mutex mutex_;
  std::map<QueryId, QueryRecord> queries_;
  std::deque<QueryId> finished_;
  std::map<std::string, QueryId> requests_;
  std::size_t finished_bytes_ = 0;
  std::uint64_t restored_ = 0;
  std::uint32_t last_number_ = 0;
};

}  // namespace tajo::master
