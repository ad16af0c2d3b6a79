#pragma once
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tajo/catalog/catalog.hpp"
#include "tajo/cluster/node.hpp"
#include "tajo/common/event_loop.hpp"
#include "tajo/common/runtime.hpp"
#include "tajo/exchange/output.hpp"
#include "tajo/exec/engine.hpp"
#include "tajo/master/age_clock.hpp"
#include "tajo/master/crash_notes.hpp"
#include "tajo/master/kept_results.hpp"
#include "tajo/master/planning_marks.hpp"
#include "tajo/master/query_coordinator.hpp"
#include "tajo/master/query_state.hpp"
#include "tajo/master/resource_tracker.hpp"
#include "tajo/master/session_holders.hpp"
#include "tajo/master/session_state.hpp"
#include "tajo/plan/explain.hpp"
#include "tajo/plan/optimizer.hpp"
#include "tajo/plan/statement.hpp"
#include "tajo/protocol/messages.hpp"
#include "tajo/sql/parser.hpp"
#include "tajo/storage/scan.hpp"

namespace tajo::master {

/// Everything a master serves from; owned by MasterNode.
struct MasterParts {
  Runtime& runtime;
  Loop& loop;
  cluster::Node& node;
  catalog::Catalog& catalog;
  SessionState& sessions;
  QueryState& queries;
  QueryCoordinator& coordinator;
  ResourceTracker& resources;
  exec::Engine& engine;            ///< immediate queries
  exchange::OutputStore& outputs;
  storage::Storage& storage;
  std::string staging_directory;
  std::string warehouse_directory;
  std::string owner;               ///< user who started the cluster
  CrashNotes* notes = nullptr;     ///< nullptr: this rank never plans
  std::int64_t session_expiry_ms = 60 * 60 * 1000;             ///< tajo.client.session.expiry-time-sec
  std::int64_t result_retention_ms = 30 * 60 * 1000;           ///< tajo.query.result.retention-min
  std::int64_t history_expiry_ms = 7 * 24 * 60 * 60 * 1000LL;  ///< tajo.history.expiry-time-day; 0: never
  bool ha = false;                 ///< tajo.master.ha.enable
};

/// An INSERT's rows up to this many encoded bytes ride in its commit record.
inline constexpr std::size_t kMaxInlineInsertBytes = std::size_t{64} << 10;
/// Queries over fewer generated rows than this run in the master.
inline constexpr double kMaxImmediateRows = 100'000;
/// Small inserts become files within a minute: so old ones are due, the rest is for the look every kFlushPeriodS and the writing.
inline constexpr Micros kFlushAfterUs = 50'000'000;
/// A file without a manifest stays at least this long: a scan that began before may still map it.
inline constexpr Micros kSweepAfterUs = 120'000'000;
/// A result waits that long to be held by a backup too before its first row leaves; then it leaves alone.
inline constexpr Micros kCopyWaitUs = 2'000'000;
/// The answer to a client without a connection waits that long for the log to show the query's end; then it leaves alone.
inline constexpr Micros kShowEndUs = 2'000'000;
/// A result that may be kept by another master is waited for that long.
inline constexpr Micros kAskResultUs = 1'000'000;
/// After a takeover a COPY waits that long for its rows: the serving master repeats its request (kRepeatRequestUs).
inline constexpr Micros kAwaitCopyUs = 3'000'000;

/// What a StatementRunner asks of its MasterNode. Any thread; `done` on the control thread.
struct RunnerHooks {
  /// Tells the backups that planning begins (count > 0) or ended (0).
  std::function<void(const std::string& request_id, std::uint16_t count)> planning;
  /// Gives a backup a copy; done when it is there, or there is no backup. `done` may be empty: nobody waits.
  std::function<void(KeptResults::Reply reply, std::function<void()> done)> copy;
  /// A record that rides with a later slot: told again to a new active until it is seen in the log.
  std::function<void(const QueryId& query, Bytes record)> hold;
  /// Asks the other masters for a result; nullptr: nobody has it.
  std::function<void(const QueryId& query, std::function<void(KeptResults::Reply)> done)> ask;
};

/// Runs one statement on the active master, start to end, on the caller's thread (64 MiB stack; it may block).
/// The same request id gives the same outcome, whoever asks and however often. Any thread.
class StatementRunner {
 public:
  explicit StatementRunner(MasterParts parts)
      : parts_(parts), catalog_change_(parts.runtime), flush_lock_(parts.runtime), ages_(parts.runtime.wall(), parts.runtime.boottime()) {}

  /// Never throws: errors are in the reply. `not_active`: nothing was done here; ask the active. `serving`: the master
  /// that holds the reply from now on, kNoRank: this one.
  protocol::ClientReply run(const protocol::ClientRequest& request, Rank serving = kNoRank);
  void cancel_session(const std::string& session);
  /// The same because the connection to `serving` (kNoRank: this master) broke; nothing if another master has one.
  void abandon_session(const std::string& session, Rank serving = kNoRank);
  /// On the active: sessions that have been without a connection for too long end.
  void expire_sessions();
  /// Takeover: plans the queries of the log's running set again and attaches to their QueryMasters. Blocks; own thread each.
  void resume(const QueryRecord& query);
  /// Of what runs in a session, or under a request id: that one's query is told when it has ended, too.
  std::optional<protocol::ClientReply> progress(const protocol::ClientRequest& request);
  /// Rewrites rows that ride in the log as fragment files: of tables whose oldest such rows are `min_age_us` old.
  /// Returns how many tables were flushed. Blocks; errors are logged and tried again by the next call.
  int flush_inline_rows(Micros min_age_us);
  /// Removes files in the warehouse that no manifest names and no running query may still read or write, and staged
  /// results that are not kept any longer.
  void sweep_files();
  /// Moves results that are too many for memory to staging, forgets those that are not kept any longer.
  void tidy_results();
  /// Writes the latest results to staging, for the world that comes. False: the filesystem refused. Blocks.
  bool save_results();
  /// The time by which things are old (AgeClock).
  std::int64_t age_now_ms();
  /// Proposes that ends older than history_expiry_ms leave the history.
  void expire_history();

  void on_active(Epoch epoch);
  /// After on_active: what the masters before left behind is read. Nothing is planned before. Any thread.
  void on_prepared(Epoch epoch);
  /// After on_active: the other masters have told what ended, or take too long. Before, no query is taken up again.
  void on_settled(Epoch epoch);
  /// False: another epoch came.
  bool wait_settled(Epoch epoch);
  /// A query ended under an earlier epoch; its record is not in the log yet.
  void announce(const QueryRecord& ended);
  void on_passive();
  bool active() const { return epoch_ != 0; }
  /// What other masters began to plan; fed by MasterNode on a backup.
  PlanningMarks& marks() { return marks_; }
  KeptResults& kept() { return kept_; }
  const KeptResults& kept() const { return kept_; }
  /// Before the first run().
  void set_hooks(RunnerHooks hooks) { hooks_ = std::move(hooks); }

  struct Run;  ///< one statement under way

 private:
  using RunPtr = std::shared_ptr<Run>;
  friend class StatementVisitor;

  void execute(Run& run);
  /// Gives the reply to everybody who waits for it; `named`: under its request id too.
  std::shared_ptr<const protocol::ClientReply> finish(Run& run, bool named);
  protocol::ClientReply open_session(const protocol::ClientRequest& request, Rank serving, Epoch epoch);
  protocol::ClientReply resume_session(const protocol::ClientRequest& request, Rank serving, Epoch epoch);
  protocol::ClientReply session_request(const protocol::ClientRequest& request, Rank serving, Epoch epoch);
  protocol::ClientReply close_session(const protocol::ClientRequest& request, Rank serving);
  protocol::ClientReply end_session(const protocol::ClientRequest& request, Epoch epoch);
  Session session_of(const Run& run);
  void check_place(const protocol::ClientRequest& request) const;
  void close_later(const std::string& session);
  bool runs_in(const std::string& session);
  RunPtr begin_run(const RunPtr& run);
  void stop_runs(const std::string& session, bool vanished);

  // What becomes of outcomes (statement_outcomes.cpp).
  std::optional<protocol::ClientReply> known_outcome(const protocol::ClientRequest& request, std::uint64_t digest);
  std::optional<protocol::ClientReply> outcome_of(const QueryRecord& ended);
  std::optional<protocol::ClientReply> result_of(const QueryRecord& ended);
  std::string result_path(const QueryId& query) const;
  bool move_result(const KeptResults::Reply& reply);
  void take_up(Run& run, const QueryRecord& query);
  void copy_out(Run& run, const KeptResults::Reply& outcome);
  protocol::ClientReply fetch_result(Run& run, const std::string& query);

  // Steps the kinds of statements share (statement_steps.cpp).
  bool hand_over(const Run& run, const std::string& wanted);
  std::int64_t change_service(const Run& run, const std::string& which, bool out);
  void begin_planning(Run& run);
  void end_planning(Run& run);
  void plan_and_run(Run& run);
  void describe(Run& run, const plan::Statement& statement);
  plan::Statement bind(Run& run);
  QueryId next_query_id();
  /// What was found out in one epoch is neither written nor proved in a later one, though this rank be active again:
  /// another active may have run the same request, or changed what it rests on, in between.
  std::shared_ptr<Promised<cluster::Outcome>> propose(cluster::Proposal proposal, Epoch epoch);
  void commit_or_throw(cluster::Proposal proposal, Epoch epoch);
  /// For a statement whose end the proposal may carry: when nothing was written it has not ended yet.
  void commit_or_throw(cluster::Proposal proposal, Run& run);
  void finish_record(Run& run, const std::string& tag, cluster::Proposal& proposal);
  void record_state(Run& run, const std::string& tag);
  void prove(Epoch epoch);
  void end_failed(Run& run);
  void record_losses(QueryRecord record, const QueryLosses& losses, Epoch epoch);
  void record_known_end(Run& run, const protocol::ClientReply& known);
  template <class T>
  T await(Run& run, std::optional<T>& given, Micros deadline, const std::function<void()>& cancel);
  bool run_is_immediate(const plan::PhysicalPlan& plan) const;
  std::vector<exec::NodeCounters> run_immediate(Run& run, std::shared_ptr<const plan::PhysicalPlan> plan);
  plan::PlanRun analyze(Run& run, const std::shared_ptr<const plan::PhysicalPlan>& plan);
  protocol::QueryDone run_distributed(Run& run, const plan::PhysicalPlan& plan, protocol::StageInputs feeds);
  plan::PlannerSettings planner_settings(const Run& run, bool immediate) const;
  bool has_tables(const plan::LogicalPlan& plan) const;

  // One a kind of statement (statement_query.cpp, statement_ddl.cpp, statement_session.cpp).
  void visit(Run& run, plan::EmptyStatement& s);
  void visit(Run& run, plan::SelectStatement& s);
  void visit(Run& run, std::unique_ptr<plan::ExplainStatement>& s);
  void visit(Run& run, plan::InsertStatement& s);
  void visit(Run& run, plan::CopyStatement& s);
  void visit(Run& run, plan::CreateTableStatement& s);
  void visit(Run& run, plan::DropTableStatement& s);
  void visit(Run& run, plan::TruncateStatement& s);
  void visit(Run& run, plan::CreateDatabaseStatement& s);
  void visit(Run& run, plan::DropDatabaseStatement& s);
  void visit(Run& run, plan::UserStatement& s);
  void visit(Run& run, plan::SetStatement& s);
  void visit(Run& run, plan::ShowStatement& s);
  void visit(Run& run, plan::UseDatabaseStatement& s);
  void visit(Run& run, plan::TransactionStatement& s);
  void visit(Run& run, plan::DeallocateStatement& s);
  void visit(Run& run, plan::DiscardStatement& s);
  void visit(Run& run, plan::FetchResultStatement& s);
  void flush_table(const catalog::Table& table);
  void commit_insert(Run& run, const catalog::TablePtr& table, bool replace, protocol::QueryDone& done, const std::string& tag_prefix);
  std::optional<std::pair<data::Type, data::Value>> session_function(Run& run, const std::string& name, const std::vector<data::Value>& args);

  MasterParts parts_;
  PlanningMarks marks_;
  KeptResults kept_;
  SessionHolders holders_;
  RunnerHooks hooks_;
  std::mutex mutex_;
  std::condition_variable changed_;     ///< of epoch_, prepared_, settled_, runs_ and suspect_
  const Run* suspect_ = nullptr;        ///< being planned though a master died while it was planned
  Epoch prepared_ = 0, settled_ = 0;    ///< newest epochs on_prepared and on_settled were called for
  std::map<QueryId, QueryRecord> announced_;
  std::map<std::string, RunPtr> runs_;  ///< by request id
  PatientLock catalog_change_;          ///< DDL alone; INSERT commits share
  PatientLock flush_lock_;              ///< one flush at a time
  std::map<std::pair<catalog::TableNumber, std::uint32_t>, Micros> inline_since_;  ///< fragments in the log, by boottime of the first look; flush_lock_
  AgeClock ages_;                       ///< guarded by mutex_
  std::set<QueryId> unknown_results_;   ///< sweep: staged, not in the history when it was looked at last
  std::map<QueryId, Micros> ended_results_;  ///< sweep: staged → when it was first seen that the query has ended
  std::map<QueryId, Micros> running_since_;  ///< sweep: when a running query was first seen
  std::map<std::string, Micros> unnamed_files_;  ///< sweep: path → when it was first seen without a manifest
  std::atomic<Epoch> epoch_{0};         ///< 0: not active
  std::atomic<std::uint32_t> next_number_{1};
};

}  // namespace tajo::master
