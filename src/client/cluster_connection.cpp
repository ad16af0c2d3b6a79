#include "cluster_connection.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "tajo/common/clock.hpp"
#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"

namespace tajo::client {
namespace {

constexpr int kTickMs = 100;
constexpr const char* kConnectTimeoutS = "3";
constexpr std::string_view kPasswordNeeded = "a password is needed (PGPASSWORD, ~/.pgpass)";
constexpr Micros kReconnectLimitUs = 120'000'000;
constexpr int kFirstPauseMs = 50, kLongestPauseMs = 1000;
constexpr int kOutcomeRetries = 50;  // "outcome unknown": asked again under the same request id
constexpr int kOutcomePauseMs = 200;
constexpr int kMaxLosses = 20;       // of one statement

std::atomic<PGcancel*> running_cancel{nullptr};

std::string ask_password(const std::string& user) {
  std::fprintf(stderr, "Password for user %s: ", user.c_str());
  termios before{};
  bool terminal = ::tcgetattr(STDIN_FILENO, &before) == 0;
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (terminal) ::tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  std::string password;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) password.push_back(static_cast<char>(c));
  if (terminal) ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  std::fputc('\n', stderr);
  return password;
}

std::string first_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void show_notice(void*, const char* text) { std::fprintf(stderr, "%s", text); }

StatementError error_of(const PGresult* result) {
  auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string(text == nullptr ? "" : text);
  };
  StatementError error{field(PG_DIAG_SQLSTATE), field(PG_DIAG_MESSAGE_PRIMARY), field(PG_DIAG_MESSAGE_DETAIL),
                       field(PG_DIAG_MESSAGE_HINT), std::atoi(field(PG_DIAG_STATEMENT_POSITION).c_str())};
  if (error.message.empty()) error.message = first_line(PQresultErrorMessage(result));
  return error;
}

bool means_lost(const PGconn* connection, const std::string& state) {
  return PQstatus(connection) == CONNECTION_BAD || state == "57P01" || state == "57P02" || state == "57P03" ||
         state == "08006" || state == "08003";
}

bool changes_session(std::string_view tag) { return tag == "SET" || tag == "RESET" || tag.starts_with("DISCARD"); }

/// Sets what Ctrl-C cancels, for as long as a statement runs.
class CancelScope {
 public:
  explicit CancelScope(PGconn* connection) : mine_(PQgetCancel(connection)) { running_cancel = mine_; }
  ~CancelScope() {
    running_cancel = nullptr;
    PQfreeCancel(mine_);
  }
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

 private:
  PGcancel* mine_;
};

struct Result {
  explicit Result(PGresult* r) : result(r) {}
  ~Result() { PQclear(result); }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  PGresult* result;
};

}  // namespace

std::string new_request_id() {
  std::array<unsigned char, 16> b{};
  if (::getrandom(b.data(), b.size(), 0) != static_cast<ssize_t>(b.size()))
    throw Error(sqlstate::kInternalError, "no random numbers available");
  b[6] = static_cast<unsigned char>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3f) | 0x80);
  char text[40];
  std::snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
  return text;
}

std::string quote_literal(const std::string& text) {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'') out.push_back('\'');
    out.push_back(c);
  }
  out.push_back('\'');
  return out;
}

std::string quote_setting(const std::string& name) {
  if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") == std::string::npos) return name;
  std::string out = "\"";
  for (char c : name) {
    if (c == '"') continue;
    out += c == '.' ? std::string("\".\"") : std::string(1, c);
  }
  return out + "\"";
}

ClusterConnection::ClusterConnection(ConnectOptions options) : options_(std::move(options)) {
  TAJO_ASSERT(!options_.hosts.empty());
}

ClusterConnection::~ClusterConnection() { close(); }

void ClusterConnection::close() {
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
}

std::string ClusterConnection::where() const { return options_.hosts[host_].text(); }

void ClusterConnection::cancel_current() noexcept {
  PGcancel* cancel = running_cancel.load();
  char ignored[256];
  if (cancel != nullptr) PQcancel(cancel, ignored, sizeof ignored);
}

std::vector<std::pair<std::string, std::string>> ClusterConnection::parameters(const HostAddress& host, bool resume) const {
  std::vector<std::pair<std::string, std::string>> list{
      {"host", host.host},          {"port", std::to_string(host.port)}, {"user", options_.user},
      {"dbname", options_.database}, {"connect_timeout", kConnectTimeoutS}, {"application_name", "tsql"},
      {"client_encoding", "UTF8"},  {"keepalives_idle", "10"},           {"keepalives_interval", "5"},
      {"keepalives_count", "3"}};
  if (resume && !session_.empty()) list.emplace_back("options", "-c tajo.session=" + session_);
  if (!password_.empty()) list.emplace_back("password", password_);
  // nobody else's socket in a shared directory is trusted
  if (host.host.starts_with("/")) list.emplace_back("requirepeer", user_name());
  return list;
}

std::vector<std::pair<std::string, std::string>> ClusterConnection::second_connection() const {
  auto list = parameters(options_.hosts[host_], false);
  list.emplace_back("options", "-c tajo.session.keep=off");  // it looks at the session of the first
  return list;
}

pg_conn* open_connection(const std::vector<std::pair<std::string, std::string>>& parameters, std::string& why) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* connection = PQconnectdbParams(names.data(), values.data(), 0);
  if (PQstatus(connection) == CONNECTION_OK) return connection;
  why = PQconnectionNeedsPassword(connection) == 1 ? std::string(kPasswordNeeded) : first_line(PQerrorMessage(connection));
  PQfinish(connection);
  return nullptr;
}

bool ClusterConnection::try_host(const HostAddress& host, bool resume, std::string& why) {
  close();
  connection_ = open_connection(parameters(host, resume), why);
  if (connection_ == nullptr && why == kPasswordNeeded && options_.ask_password && password_.empty()) {
    password_ = ask_password(options_.user);
    connection_ = open_connection(parameters(host, resume), why);
  }
  if (connection_ == nullptr) return false;
  PQsetNoticeProcessor(connection_, show_notice, nullptr);
  const char* token = PQparameterStatus(connection_, "tajo.session");
  session_ = token == nullptr ? "" : token;
  return true;
}

void ClusterConnection::connect() {
  std::string all;
  for (std::size_t i = 0; i < options_.hosts.size(); ++i) {
    std::string why;
    if (try_host(options_.hosts[i], false, why)) {
      host_ = i;
      return;
    }
    all += (all.empty() ? "" : "\n") + why;
  }
  throw Error("08001", all);
}

void ClusterConnection::change_database(const std::string& name) {
  std::string before = std::exchange(options_.database, name);
  PGconn* old = std::exchange(connection_, nullptr);
  std::string why, session = session_;
  if (!try_host(options_.hosts[host_], false, why)) {
    options_.database = before;
    connection_ = old;
    session_ = session;
    throw Error("3D000", why);
  }
  if (old != nullptr) PQfinish(old);
  for (const auto& [setting, value] : options_.settings)
    PQclear(PQexec(connection_, ("SET " + quote_setting(setting) + " = " + quote_literal(value)).c_str()));
}

bool ClusterConnection::reconnect() {
  std::fprintf(stderr, "connection lost, reconnecting…\n");
  Micros limit = boottime_us() + kReconnectLimitUs;
  int pause_ms = kFirstPauseMs;
  std::string old_session = session_;
  do {
    for (std::size_t i = 0; i < options_.hosts.size(); ++i) {
      std::size_t candidate = (host_ + i) % options_.hosts.size();
      std::string why;
      session_ = old_session;
      if (!try_host(options_.hosts[candidate], true, why)) continue;
      host_ = candidate;
      if (session_ != old_session) set_again();
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    pause_ms = std::min(pause_ms * 2, kLongestPauseMs);
  } while (boottime_us() < limit);
  return false;
}

/// A session that is gone took its settings along; the database came with the connection.
void ClusterConnection::set_again() {
  std::string names;
  for (const auto& [name, value] : options_.settings) {
    Result set(PQexec(connection_, ("SET " + quote_setting(name) + " = " + quote_literal(value)).c_str()));
    if (PQresultStatus(set.result) == PGRES_COMMAND_OK) names += (names.empty() ? "" : ", ") + name;
    else std::fprintf(stderr, "%s could not be set again: %s", name.c_str(), PQresultErrorMessage(set.result));
  }
  std::fprintf(stderr, "the session was lost: this is a new one in database %s%s\n", options_.database.c_str(),
               names.empty() ? ", with the default settings" : (", with these settings made again: " + names).c_str());
}

/// The server says what is set: a SET may have any form, and a script several.
void ClusterConnection::remember_settings() {
  Result now(PQexec(connection_, "RESET tajo.request_id; SELECT NULL, current_database() UNION ALL "
                                 "SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session'"));
  if (PQresultStatus(now.result) != PGRES_TUPLES_OK) return;  // a broken connection: what was known before is set again
  options_.settings.clear();
  for (int i = 0; i < PQntuples(now.result); ++i) {
    const std::string name = PQgetvalue(now.result, i, 0);
    if (PQgetisnull(now.result, i, 0) == 1) options_.database = PQgetvalue(now.result, i, 1);
    else if (name != "application_name" && name != "client_encoding") options_.settings.emplace_back(name, PQgetvalue(now.result, i, 1));
  }
}

bool ClusterConnection::name_request(const std::string& request_id, StatementError& error) {
  Result set(PQexec(connection_, ("SET tajo.request_id = '" + request_id + "'").c_str()));
  if (PQresultStatus(set.result) == PGRES_COMMAND_OK) return true;
  error = error_of(set.result);
  return false;
}

bool ClusterConnection::run(const std::string& sql, ResultReceiver& receiver, const CopyLines& copy, const Tick& tick,
                            StatementError& error) {
  if (connection_ == nullptr && !reconnect()) {
    error = {"08006", "not connected to the cluster", "", "", 0};
    return false;
  }
  std::string request_id = new_request_id();
  int losses = 0, unknowns = 0;
  for (;;) {
    bool in_block = PQtransactionStatus(connection_) == PQTRANS_INTRANS;
    error = {};
    switch (attempt(sql, request_id, receiver, copy, tick, error)) {
      case Attempt::kDone: return true;
      case Attempt::kFailed: return false;
      case Attempt::kAgain:
        if (++unknowns > kOutcomeRetries || receiver.shown()) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(kOutcomePauseMs));
        break;
      case Attempt::kLost: {
        bool again = !receiver.shown() && !in_block && ++losses <= kMaxLosses;
        ::shutdown(PQsocket(connection_), SHUT_RDWR);  // no goodbye: that would end the session
        close();
        if (!reconnect()) {
          error.message = "connection to the cluster lost: " + error.message;
          return false;
        }
        if (!again) {
          error = {"08006", in_block ? "connection lost inside a transaction block" : "connection lost while rows were shown",
                   "", "Connected again: run the statement again.", 0};
          return false;
        }
        break;
      }
    }
    receiver.reset();
  }
}

bool ClusterConnection::feed_copy(const CopyLines& copy) {
  for (std::string line = copy ? copy() : ""; !line.empty(); line = copy())
    if (PQputCopyData(connection_, line.data(), static_cast<int>(line.size())) != 1) return false;
  return PQputCopyEnd(connection_, copy ? nullptr : "no input for COPY FROM STDIN here") == 1;
}

ClusterConnection::Attempt ClusterConnection::attempt(const std::string& sql, const std::string& request_id,
                                                      ResultReceiver& receiver, const CopyLines& copy, const Tick& tick,
                                                      StatementError& error) {
  if (!name_request(request_id, error)) return means_lost(connection_, error.sqlstate) ? Attempt::kLost : Attempt::kFailed;
  CancelScope cancel(connection_);
  bool sent = PQsendQuery(connection_, sql.c_str()) == 1;
  if (sent) PQsetSingleRowMode(connection_);
  bool described = false, changes_settings = false;
  bool failed = false;
  for (;;) {
    while (sent && PQisBusy(connection_) == 1) {
      pollfd waiting{PQsocket(connection_), POLLIN, 0};
      if (::poll(&waiting, 1, kTickMs) > 0 && PQconsumeInput(connection_) == 0) break;
      if (tick) tick();
    }
    PGresult* next = sent ? PQgetResult(connection_) : nullptr;
    if (next == nullptr) break;
    Result r(next);
    switch (PQresultStatus(r.result)) {
      case PGRES_SINGLE_TUPLE:
      case PGRES_TUPLES_OK:
        if (!described) receiver.columns(r.result);
        described = true;
        for (int i = 0; i < PQntuples(r.result); ++i) receiver.row(r.result, i);
        if (PQresultStatus(r.result) == PGRES_SINGLE_TUPLE) break;
        receiver.complete(PQcmdStatus(r.result));
        described = false;
        break;
      case PGRES_COMMAND_OK:
        changes_settings = changes_settings || changes_session(PQcmdStatus(r.result));
        receiver.complete(PQcmdStatus(r.result));
        break;
      case PGRES_EMPTY_QUERY: break;
      case PGRES_COPY_IN:
        if (!feed_copy(copy)) sent = false;
        break;
      case PGRES_COPY_OUT: {
        char* line = nullptr;
        while (PQgetCopyData(connection_, &line, 0) > 0) {
          std::fputs(line, stdout);
          PQfreemem(line);
        }
        break;
      }
      default:
        failed = true;
        error = error_of(r.result);
    }
  }
  if (!sent && !failed) error.message = first_line(PQerrorMessage(connection_));
  if (changes_settings && PQstatus(connection_) == CONNECTION_OK) remember_settings();
  if (!failed && sent) return Attempt::kDone;
  if (means_lost(connection_, error.sqlstate)) return Attempt::kLost;
  if (error.sqlstate == sqlstate::kOutcomeUnknown) return Attempt::kAgain;
  return Attempt::kFailed;
}

namespace {

class Collect : public ResultReceiver {
 public:
  void columns(const PGresult*) override {}
  void row(const PGresult* result, int row) override {
    std::vector<std::string>& values = all.emplace_back();
    for (int i = 0; i < PQnfields(result); ++i) values.emplace_back(PQgetvalue(result, row, i));
  }
  void complete(const std::string&) override {}
  bool shown() const override { return false; }
  void reset() override { all.clear(); }
  std::vector<std::vector<std::string>> all;
};

}  // namespace

std::vector<std::vector<std::string>> ClusterConnection::rows(const std::string& sql) {
  Collect collect;
  StatementError error;
  if (!run(sql, collect, {}, {}, error)) throw Error(error.sqlstate.empty() ? "08006" : error.sqlstate, error.message);
  return std::move(collect.all);
}

}  // namespace tajo::client
