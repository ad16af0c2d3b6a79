#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host_list.hpp"

struct pg_conn;
struct pg_result;

namespace tajo::client {

struct ConnectOptions {
  std::vector<HostAddress> hosts;
  std::string user;
  std::string database = "default";
  bool ask_password = false;  ///< a terminal is there to ask on
  std::vector<std::pair<std::string, std::string>> settings;  ///< of the session, for one that could not be taken up again
};

/// What the server said of a statement that failed.
struct StatementError {
  std::string sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
  int position = 0;  ///< 1-based character of the statement, 0 = unknown
};

/// Takes the results of a statement. reset() forgets everything that was not shown yet: the statement is sent again
/// after a lost connection. Rows are valid during the call only.
class ResultReceiver {
 public:
  virtual ~ResultReceiver() = default;
  virtual void columns(const pg_result* result) = 0;
  virtual void row(const pg_result* result, int row) = 0;
  virtual void complete(const std::string& tag) = 0;
  virtual bool shown() const = 0;  ///< some rows are out of our hands
  virtual void reset() = 0;
};

/// COPY FROM STDIN: the next line with its line end; empty at the end.
using CopyLines = std::function<std::string()>;
/// Called about ten times a second while a statement runs.
using Tick = std::function<void()>;

/// A connection to whichever master of a list answers. Survives the loss of a master: it connects again (bounded) and
/// sends the statement again under the same request id, so that nothing is done twice. One thread, except cancel().
class ClusterConnection {
 public:
  explicit ClusterConnection(ConnectOptions options);
  ~ClusterConnection();
  ClusterConnection(const ClusterConnection&) = delete;
  ClusterConnection& operator=(const ClusterConnection&) = delete;

  /// Tries each master once. Throws Error 08001 with what each said.
  void connect();
  /// Connects to another database of the same cluster; stays where it was when that fails. Throws Error.
  void change_database(const std::string& name);
  bool connected() const { return connection_ != nullptr; }
  const ConnectOptions& options() const { return options_; }
  std::string where() const;  ///< the master in use
  /// libpq's parameters for another connection to it, of a session of its own.
  std::vector<std::pair<std::string, std::string>> second_connection() const;
  const std::string& session() const { return session_; }

  /// True when every statement of `sql` succeeded; else `error` says why.
  bool run(const std::string& sql, ResultReceiver& receiver, const CopyLines& copy, const Tick& tick, StatementError& error);
  /// All rows of a query, as text; NULL is an empty text. Throws Error with the server's SQLSTATE and message.
  std::vector<std::vector<std::string>> rows(const std::string& sql);

  /// Cancels the statement that runs on any ClusterConnection of this process; async-signal-safe.
  static void cancel_current() noexcept;

 private:
  enum class Attempt { kDone, kFailed, kLost, kAgain };
  Attempt attempt(const std::string& sql, const std::string& request_id, ResultReceiver& receiver, const CopyLines& copy,
                  const Tick& tick, StatementError& error);
  bool name_request(const std::string& request_id, StatementError& error);
  std::vector<std::pair<std::string, std::string>> parameters(const HostAddress& host, bool resume) const;
  bool try_host(const HostAddress& host, bool resume, std::string& why);
  bool reconnect();
  void remember_settings();
  void set_again();
  bool feed_copy(const CopyLines& copy);
  void close();

  ConnectOptions options_;
  std::size_t host_ = 0;  ///< index of the master in use
  pg_conn* connection_ = nullptr;
  std::string password_;
  std::string session_;
};

/// Opens what second_connection() describes; nullptr when it cannot.
pg_conn* open_connection(const std::vector<std::pair<std::string, std::string>>& parameters, std::string& why);

std::string new_request_id();
/// `a.b-c` → `"a"."b-c"`: names that need no quotes stay as they are.
std::string quote_setting(const std::string& name);
/// `'it''s'`
std::string quote_literal(const std::string& text);

}  // namespace tajo::client
