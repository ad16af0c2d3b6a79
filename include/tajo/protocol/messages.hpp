#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <set>
#include <utility>
#include <vector>

#include "tajo/common/bytes.hpp"
#include "tajo/common/error.hpp"
#include "tajo/common/ids.hpp"
#include "tajo/data/fragment.hpp"
#include "tajo/data/schema.hpp"

namespace tajo::protocol {

/// First byte of every payload on the control channel; below kFirstTag belongs to cluster.
enum class Tag : std::uint8_t {
  kStartQuery = 16,  ///< active → QueryMaster
  kQueryDone,        ///< QueryMaster → active, again at each heartbeat until kQueryDoneAck
  kQueryDoneAck,
  kCancelQuery,      ///< active → QueryMaster
  kPlan,             ///< QueryMaster → worker, before the query's first task there
  kRunTask,
  kTaskDone,         ///< worker → QueryMaster
  kCancelTask,
  kDropStage,
  kDropQuery,
  kHeartbeat,        ///< every rank → active
  kClientRequest,    ///< serving master → active
  kClientReply,
  kPlanningMark,     ///< active → backups: planning of a statement begins (masters that began it), or ended (0)
  kLeave,            ///< active → all: the cluster ends in good order
  kKeepOutcome,      ///< active → a backup: a ClientReply to keep, with its record
  kOutcomeKept,      ///< backup → active, of kKeepOutcome and of a kClientReply with a record: a query
  kHeldOutcomes,     ///< master → new active: records of ends that it has not seen in the log
  kAskResult,        ///< active → backups: a query whose result they may keep
  kResultFound,      ///< backup → active: the ClientReply; not_active: it has none
  kRunOwnTasks,      ///< active → QueryMaster that asks: its rank may run tasks of the query
  kAskAlive,         ///< QueryMaster → workers, after a worker was lost with tasks: a query, a round
  kAlive,            ///< worker → QueryMaster: the same
  kOwnTask,          ///< QueryMaster → active: a task begins on its own rank
};
inline constexpr std::uint8_t kFirstTag = 16;

/// An Error as it travels.
struct ErrorText {
  std::string sqlstate, message, hint, detail;
  int position = 0;
};
ErrorText to_text(const Error& error);
Error to_error(const ErrorText& text);

/// Workers that may die under one task before its query fails: a poison task must not take the cluster.
inline constexpr int kMaxWorkersLostPerTask = 2;
using TaskNumber = std::pair<std::uint16_t, std::uint32_t>;  ///< stage and task of it: the same in each attempt of a query
using TaskLosses = std::map<TaskNumber, std::uint16_t>;      ///< workers that died under each task

struct SourceRef {
  Rank rank = kNoRank;
  TaskId task;
  std::shared_ptr<const Bytes> inline_output;
};
using StageInputs = std::map<std::uint16_t, std::vector<SourceRef>>;

/// The grant: which workers may run the query's stages, good until a higher epoch says otherwise.
struct StartQuery {
  QueryId query;
  std::uint16_t attempt = 0;  ///< of the QueryMaster: grows when it is started elsewhere
  Epoch epoch = 0;
  Bytes plan;                 ///< encode_plan(…, true)
  std::vector<Rank> workers;
  StageInputs feeds;          ///< outputs that exist before the query starts (COPY FROM STDIN)
  std::uint32_t max_task_attempts = 4;
  std::uint16_t query_masters_lost = 0;  ///< any: tasks run elsewhere if there is an elsewhere, and here when the active agreed
  TaskLosses lost_under;      ///< so far
  bool lost_unheard = false;  ///< and one more under whichever task
  std::uint32_t cut_for = 0;  ///< workers that scans are cut into tasks for, in each attempt; 0: `workers`
  std::string result_path;    ///< where a result larger than kMaxInlineResultBytes goes
  std::map<std::uint32_t, std::vector<data::Split>> splits;  ///< given splits (flush); others are enumerated
};

struct OperatorCounters {
  std::uint32_t node = 0;
  std::uint64_t rows = 0, bytes = 0, time_ns = 0, memory_bytes = 0, spilled_bytes = 0;
  Rank worker = kNoRank;  ///< set by the QueryMaster
};

/// Results up to this are complete at the active before the first row leaves; larger ones are staged in a file.
inline constexpr std::size_t kMaxInlineResultBytes = std::size_t{4} << 20;

/// The system's failures (no memory, no descriptors, an I/O error) are worth a try elsewhere; the query's own faults are not.
bool worth_a_retry(const ErrorText& error);

struct QueryDone {
  QueryId query;
  std::uint16_t attempt = 0;
  std::optional<ErrorText> error;
  bool not_started = false;                          ///< the error is this rank's, and no task was handed out: another may start it
  std::vector<std::shared_ptr<const Bytes>> blocks;  ///< the result, encoded
  std::string result_path;                           ///< or the staged file holding it
  std::vector<data::FragmentInfo> fragments;         ///< of a write
  std::uint64_t rows = 0, rows_read = 0, bytes_read = 0;
  std::uint64_t result_bytes = 0;                    ///< of the result, encoded, or of the files written
  std::uint32_t tasks = 0, task_retries = 0;
  std::vector<OperatorCounters> counters;
};

struct RunTask {
  TaskId id;
  std::uint16_t partition = 0;
  std::map<std::uint32_t, std::vector<data::Split>> splits;
  StageInputs inputs;
};

struct TaskDone {
  TaskId id;
  std::optional<ErrorText> error;
  std::optional<TaskId> lost_output;
  bool canceled = false;
  std::shared_ptr<const Bytes> inline_output;
  std::vector<data::FragmentInfo> fragments;
  std::uint64_t rows = 0, rows_read = 0, bytes_read = 0;
  std::vector<OperatorCounters> counters;
};

struct RunningQuery {
  QueryId query;
  std::uint16_t attempt = 0;
  double fraction = 0;
  std::uint64_t rows_read = 0, bytes_read = 0;
  std::set<TaskNumber> own_tasks;  ///< this rank, lost now, would be lost under these
  bool asks = false;               ///< … which are not begun before kRunOwnTasks
  TaskLosses lost_under;           ///< as far as this QueryMaster and those before it know
  std::uint32_t cut_for = 0;       ///< as in StartQuery
};

struct Heartbeat {
  std::string host;
  std::int32_t pid = 0;
  std::uint16_t client_port = 0, http_port = 0;
  std::uint32_t cores = 0, running_tasks = 0;
  std::uint64_t memory_bytes = 0, memory_used_bytes = 0;
  std::uint64_t disk_bytes = 0, disk_used_bytes = 0;  ///< of the file systems of tajo.worker.tmpdir.locations; 0: not known yet
  std::vector<RunningQuery> queries;  ///< of the QueryMaster on this rank
  bool launcher_lost = false;         ///< this rank has outlived mpirun or its host's daemon
};

/// One statement as a serving master hands it to the active.
struct ClientRequest {
  enum class Kind : std::uint8_t { kOpenSession, kCloseSession, kExecute, kDescribe, kCancel, kProgress, kLeaveSession, kHoldSessions };
  std::uint64_t number = 0;  ///< of the serving master's request; repeated until answered
  Kind kind = Kind::kExecute;
  std::string session;
  std::string request_id;
  std::string sql;
  std::int32_t offset = 0;
  std::string user, database, client;                            ///< kOpenSession; of a visitor
  std::vector<std::pair<std::string, std::string>> settings;     ///< kOpenSession
  bool prepared = false;
  std::vector<data::Type> parameter_types;
  std::vector<std::optional<std::string>> parameters;            ///< text form
  std::optional<SourceRef> feed;                                 ///< COPY FROM STDIN
  std::uint64_t feed_rows = 0;
  std::uint64_t feed_table = 0;                                  ///< number of the table that the feed was read for
  bool in_block = false;                                         ///< inside BEGIN … COMMIT
  bool resume = false;        ///< kOpenSession: only if it is there; an answer without a session says that it is not
  bool vanished = false;      ///< kCancel: nobody asked for it, the client's connection broke
  std::vector<std::string> held;                                 ///< kHoldSessions: those with a connection at the sender
  // Of a client that comes with each request anew (HTTP); it proved to be `user`.
  bool of_visitor = false;    ///< kExecute, kCloseSession: the session must be `user`'s
  bool own_session = false;   ///< kExecute: the session is this statement's alone, in `database`, and not in the log
  bool unrecorded = false;    ///< kExecute: neither history nor outcome is kept: a look at what the master knows
};

struct ClientReply {
  std::uint64_t number = 0;
  bool not_active = false;     ///< nothing was done: ask the active
  std::optional<ErrorText> error;
  bool returns_rows = false;
  std::vector<data::Column> columns;
  std::vector<std::shared_ptr<const Bytes>> blocks;
  std::string result_path;
  std::string tag;
  std::vector<std::pair<std::string, ErrorText>> notices;         ///< severity, text
  std::vector<std::pair<std::string, std::string>> parameters;    ///< changed settings clients are told of
  std::vector<data::Type> parameter_types;                        ///< kDescribe
  std::uint64_t table = 0;                                        ///< kDescribe of a COPY: number of its table
  std::string session;                                            ///< kOpenSession; empty: it is not there
  std::string database;                                           ///< current database after the statement
  double fraction = 0;                                            ///< kProgress
  std::uint64_t rows_read = 0, bytes_read = 0;
  std::int64_t elapsed_us = 0;
  QueryId query;
  std::optional<std::string> next_request_id;                     ///< SET tajo.request_id: names the next statement
  std::string request_id;                                         ///< for whoever keeps it
  std::uint64_t digest = 0;                                       ///< of the statement, likewise
  Bytes record;  ///< of the query's end, to be kept until it is seen in the log: it rides with a later slot
};

/// What a master holds for a new active: records of queries that ended (QueryState), one each.
struct HeldOutcomes {
  Epoch epoch = 0;
  std::vector<Bytes> records;
};

Bytes encode(const StartQuery& m);
Bytes encode(const QueryDone& m);
Bytes encode(const RunTask& m);
Bytes encode(const TaskDone& m);
Bytes encode(const Heartbeat& m);
Bytes encode(const ClientRequest& m);
Bytes encode(const ClientReply& m);
Bytes encode_plan_message(const QueryId& query, std::uint16_t attempt, ByteView plan);
/// kQueryDoneAck, kCancelQuery, kDropQuery, kRunOwnTasks: a query and a number (attempt or stage); kDropStage too.
Bytes encode_query_tag(Tag tag, const QueryId& query, std::uint16_t number);
/// kCancelTask, kOwnTask.
Bytes encode_task_tag(Tag tag, const TaskId& task);
struct PlanningMark { std::string request_id; std::uint16_t count = 0; };
Bytes encode(const HeldOutcomes& m);
HeldOutcomes decode_held_outcomes(ByteView m);
/// kKeepOutcome, kResultFound.
Bytes encode_as(Tag tag, const ClientReply& m);
Bytes encode(const PlanningMark& m);
PlanningMark decode_planning_mark(ByteView m);

/// Decoders: payload with its tag byte; Error XX001 for damage.
StartQuery decode_start_query(ByteView m);
QueryDone decode_query_done(ByteView m);
RunTask decode_run_task(ByteView m);
TaskDone decode_task_done(ByteView m);
Heartbeat decode_heartbeat(ByteView m);
ClientRequest decode_client_request(ByteView m);
ClientReply decode_client_reply(ByteView m);
struct QueryTag { QueryId query; std::uint16_t number = 0; };
QueryTag decode_query_tag(ByteView m);
TaskId decode_task_tag(ByteView m);
struct PlanMessage { QueryId query; std::uint16_t attempt = 0; Bytes plan; };
PlanMessage decode_plan_message(ByteView m);

}  // namespace tajo::protocol
