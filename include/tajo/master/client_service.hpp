#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tajo/common/error.hpp"
#include "tajo/common/ids.hpp"
#include "tajo/data/schema.hpp"
#include "tajo/data/value.hpp"
#include "tajo/data/vector.hpp"

namespace tajo::master {

/// Whom a connection belongs to. Opaque; unique over the life of the warehouse (a UUID).
using SessionToken = std::string;

struct SessionOptions {
  std::string user;
  std::string database = "default";
  std::string client;             ///< address or "[local]"
  std::vector<std::pair<std::string, std::string>> settings;  ///< startup parameters
  std::optional<SessionToken> resume;  ///< take up this session again after a reconnect
};

struct OpenedSession {
  SessionToken token;  ///< another one than SessionOptions::resume: that one is gone, this is a new one
  std::vector<std::pair<std::string, std::string>> parameters;  ///< settings clients are told of, by lower-case name
};

/// Receives what a statement gives. Called on the thread that called execute(); rows() may block on the client's
/// socket: that is the back-pressure. An exception thrown by the sink cancels the statement.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  /// Once before the first rows() of a statement that returns rows.
  virtual void columns(std::span<const data::Column> columns) = 0;
  virtual void rows(const data::Batch& batch) = 0;  ///< flat or constant vectors
  /// `SELECT 3`, `INSERT 0 1`, `CREATE TABLE`, … Called once for each statement that succeeded.
  virtual void complete(const std::string& tag) = 0;
  virtual void notice(const std::string& severity, const Error& text) = 0;
  /// A SET that clients are told of (client_encoding, TimeZone, …).
  virtual void parameter_status(const std::string& name, const std::string& value) = 0;
};

/// COPY FROM STDIN: gives the client's bytes; empty = end. Throws Error when the client failed the copy or vanished.
class CopySource {
 public:
  virtual ~CopySource() = default;
  /// `columns`: how many; called once before the first read.
  virtual void begin(int columns) = 0;
  virtual std::string read() = 0;
};

struct Parameter {
  bool is_null = false;
  std::string bytes;  ///< text form
};

/// What Parse + Describe tell.
struct StatementDescription {
  std::vector<data::Type> parameters;
  std::vector<data::Column> columns;  ///< empty: returns no rows
  bool returns_rows = false;
};

struct Progress {
  QueryId query;
  double fraction = 0;
  std::uint64_t rows_read = 0;
  std::uint64_t bytes_read = 0;
  std::int64_t elapsed_us = 0;
};

/// A TCP client's secret, as kept in the log (RFC 5803 form): `SCRAM-SHA-256$<iterations>:<salt>$<stored>:<server>`.
struct ScramSecret {
  std::string text;
};

/// Longest name a client may give a statement.
inline constexpr std::size_t kMaxRequestIdBytes = 128;

/// A statement of a client without a connection, which comes with each request anew (HTTP).
struct Visit {
  std::string user;                  ///< who it has proved to be
  SessionToken session;              ///< in the log, `user`'s; empty: one of its own for this statement
  std::string database = "default";  ///< of the statement's own session
  std::string request_id;            ///< the user's name for the statement, as by SET tajo.request_id; never empty
  std::string sql;                   ///< one statement
};

struct Visited {
  QueryId query;              ///< by which it is found in the history, and its rows; empty: it leaves nothing there
  std::string tag;            ///< command tag
  bool returns_rows = false;
};

/// The front door of every master; on a backup it forwards to the active and keeps the client through a failover.
/// Thread-safe; calls block the caller (one thread a connection, bound tajo.master.max-connections).
class ClientService {
 public:
  virtual ~ClientService() = default;

  /// Throws 28000 (unknown user), 3D000 (no such database), 53300 (too many).
  virtual OpenedSession open_session(const SessionOptions& options) = 0;
  virtual void close_session(const SessionToken& session) = 0;
  /// The client's connection broke: the session stays for a while, to be taken up again (tajo.client.session.expiry-time-sec).
  virtual void leave_session(const SessionToken& session) = 0;
  /// SCRAM secret of a user; nullopt: no such user or no password.
  virtual std::optional<ScramSecret> secret(const std::string& user) = 0;
  /// The name peer credentials map to; Unix-socket logins of the cluster's owner are superusers.
  virtual std::string cluster_owner() const = 0;

  /// Runs all statements of `sql` (simple protocol): splits, plans, runs, streams. Throws Error of the first that
  /// fails; earlier ones stay done. `copy` serves COPY FROM STDIN.
  virtual void execute(const SessionToken& session, const std::string& sql, ResultSink& sink, CopySource* copy) = 0;

  /// Extended protocol: one statement with parameters. `parameter_types`: as given by the client, unknown = infer.
  virtual StatementDescription describe(const SessionToken& session, const std::string& sql,
                                        std::span<const data::Type> parameter_types) = 0;
  virtual void execute_prepared(const SessionToken& session, const std::string& sql,
                                std::span<const data::Type> parameter_types, std::span<const Parameter> parameters,
                                ResultSink& sink, CopySource* copy) = 0;

  /// `I` idle, `T` in a block, `E` in a failed block: for ReadyForQuery.
  virtual char transaction_status(const SessionToken& session) = 0;
  /// Cancels what the session runs now (CancelRequest, pg_cancel_backend). Never throws.
  virtual void cancel(const SessionToken& session) noexcept = 0;
  /// As cancel(), because the client's connection broke: the same request may run again, and what a connection to
  /// another master has taken up goes on.
  virtual void abandon(const SessionToken& session) noexcept = 0;
  virtual std::optional<Progress> progress(const SessionToken& session) = 0;

  /// Runs a visitor's statement to its end, also when the visitor has gone. Rows are kept by the cluster, like every
  /// result; `sink` is given those of a statement that leaves no history (SHOW, EXPLAIN, query_result), and notices. Throws
  /// 08003 (no such session), 28000 (another user's), 0A000 (BEGIN, COPY …), 42601 (not one statement), and its errors.
  virtual Visited visit(const Visit& visit, ResultSink& sink) = 0;
  /// The query that a visit under way, at whatever master, has become; nullopt: none yet.
  virtual std::optional<QueryId> visited_query(const std::string& user, const std::string& request_id) = 0;
  /// A SELECT of system tables, of functions of the master or of query_result(), as `user`: it costs no session and leaves
  /// no history. Error 0A000 when it needs workers.
  virtual void look(const std::string& user, const std::string& sql, ResultSink& sink) = 0;
  /// Ends a session of `user` for whoever is in it, before it returns. Throws 08003, 28000.
  virtual void end_session(const std::string& user, const SessionToken& session) = 0;

  virtual bool is_active() const = 0;
  /// `information_schema.cluster`, `.queries` and the like as JSON for the web page, without a session's rights.
  virtual std::string status_json() = 0;
};

}  // namespace tajo::master
