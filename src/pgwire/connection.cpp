#include "connection.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <new>

#include "scram.hpp"
#include "tajo/common/clock.hpp"
#include "tajo/common/log.hpp"

namespace tajo::pgwire {
namespace {

constexpr std::string_view kSessionSetting = "tajo.session";  // names the session, to take it up again elsewhere
constexpr std::string_view kKeepSetting = "tajo.session.keep";  // off: nobody comes back for it

bool is_utf8_name(std::string_view name) {
  std::string folded;
  for (char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      folded.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  // SQL_ASCII (a client in the C locale) takes bytes as they are, which are UTF-8 here
  return folded.empty() || folded == "UTF8" || folded == "UNICODE" || folded == "SQLASCII" || folded == "AUTO";
}

}  // namespace

Connection::Connection(ServerContext& context, int fd, bool local, std::string client,
                       std::shared_ptr<ConnectionControl> control)
    : context_(context), socket_(fd), local_(local), client_(std::move(client)), control_(std::move(control)) {}

Connection::~Connection() = default;

void Connection::run() noexcept {
  try {
    socket_.set_deadline(boottime_us() + context_.config.login_timeout_ms * 1000);
    if (login()) {
      socket_.set_deadline(0);
      serve();
    }
  } catch (const ConnectionClosed&) {
    if (control_->stopping())
      say_goodbye(Error("57P01", "terminating connection due to administrator command"));
  } catch (const Error& error) {
    say_goodbye(error);
  } catch (const std::bad_alloc&) {
    say_goodbye(Error(sqlstate::kOutOfMemory, "out of memory"));
  } catch (const std::exception& error) {
    say_goodbye(Error(sqlstate::kInternalError, error.what()));
  }
  if (watch_id_ != 0) context_.watch.remove(watch_id_, socket_.fd());
  if (cancel_key_.process != 0) context_.cancels.remove(cancel_key_);
  const auto end = session_.empty() ? SessionUse::End::kUsed : control_->let_go(ends_session_ || !keeps_session_);
  if (end != SessionUse::End::kUsed && !control_->stopping()) {
    try {
      if (end == SessionUse::End::kClosed) context_.service.close_session(session_);
      else context_.service.leave_session(session_);
    } catch (const std::exception& error) {
      log_warn("pgwire", std::string("closing a session failed: ") + error.what());
    }
  }
  control_->closed();
  socket_.close_gracefully();
  if (counted_) context_.logged_in.fetch_sub(1);
}

void Connection::say_goodbye(const Error& error) noexcept {
  try {
    put_error(socket_.out(), "FATAL", error);
    socket_.flush();
  } catch (const std::exception&) {
    return;  // nobody listens any more
  }
}

bool Connection::login() {
  if (!control_->enter_idle()) throw ConnectionClosed();
  auto first = read_startup(socket_);
  if (auto* key = std::get_if<CancelRegistry::Key>(&first)) {
    context_.cancels.cancel(*key);
    return false;
  }
  auto& startup = std::get<StartupMessage>(first);
  counted_ = true;
  if (context_.logged_in.fetch_add(1) >= context_.config.max_connections)
    throw Error(sqlstate::kTooManyConnections, "sorry, too many clients already")
        .hint("At most " + std::to_string(context_.config.max_connections) + " (tajo.master.max-connections).");
  if (startup.minor > 0 || !startup.unknown_protocol_options.empty()) {
    OutMessage message(socket_.out(), 'v');
    put_i32(socket_.out(), 0);  // newest minor version we speak
    put_i32(socket_.out(), static_cast<std::int64_t>(startup.unknown_protocol_options.size()));
    for (const auto& option : startup.unknown_protocol_options) put_text(socket_.out(), option);
  }
  authenticate(socket_, local_, startup.user, context_.service, context_.mock_secret);
  control_->leave_idle();
  open_session(startup);
  greet(startup);
  return true;
}

/// A client that comes back counts before the end of its old connection can take the session away.
void Connection::take_session(const master::SessionOptions& options) {
  if (options.resume) use_ = context_.sessions.begin(*options.resume);
  try {
    auto opened = context_.service.open_session(options);
    session_ = std::move(opened.token);
    reported_ = std::move(opened.parameters);
  } catch (...) {
    if (options.resume) context_.sessions.end(*options.resume, use_, false);
    throw;
  }
  if (options.resume && session_ != *options.resume) {
    context_.sessions.end(*options.resume, use_, false);
    lost_session_ = *options.resume;
  }
  if (!options.resume || !lost_session_.empty()) use_ = context_.sessions.begin(session_);
  // One that nobody has spoken in yet is not worth keeping.
  ends_session_ = !options.resume || !lost_session_.empty();
}

void Connection::open_session(const StartupMessage& startup) {
  master::SessionOptions options;
  options.user = startup.user;
  options.client = client_;
  if (!startup.database.empty()) options.database = startup.database;
  for (const auto& [name, value] : startup.settings) {
    if (name == "client_encoding" && !is_utf8_name(value))
      throw Error(sqlstate::kInvalidParameter, "invalid value for parameter \"client_encoding\": \"" + value + "\"")
          .hint("Only UTF8 is supported.");
    if (name == "TimeZone" || name == "timezone") {
      settings_.zone = TimeZone::find(value);
      if (!settings_.zone)
        throw Error(sqlstate::kInvalidParameter, "invalid value for parameter \"TimeZone\": \"" + value + "\"");
    }
    if (name == kKeepSetting) {
      if (value != "on" && value != "off")
        throw Error(sqlstate::kInvalidParameter, "invalid value for parameter \"" + name + "\": \"" + value + "\"").hint("It is on or off.");
      keeps_session_ = value == "on";
    } else if (name == kSessionSetting) {
      options.resume = value;
    } else {
      options.settings.emplace_back(name, value);
    }
  }
  try {
    take_session(options);
  } catch (const Error& error) {
    // libpq names the user's own database when it is given none; here that means the default one.
    if (error.sqlstate() != "3D000" || options.database != startup.user) throw;
    options.database = master::SessionOptions{}.database;
    take_session(options);
  }
  control_->logged_in(session_, use_);
}

void Connection::greet(const StartupMessage& startup) {
  std::string& out = socket_.out();
  reported_active_ = context_.service.is_active();
  put_parameter_status(out, "server_version", "15.0 (Tajo " + context_.config.version + ")");
  put_parameter_status(out, "server_encoding", "UTF8");
  put_parameter_status(out, "client_encoding", "UTF8");
  put_parameter_status(out, "session_authorization", startup.user);
  put_parameter_status(out, "is_superuser", startup.user == context_.service.cluster_owner() ? "on" : "off");
  put_parameter_status(out, "default_transaction_read_only", "off");
  put_parameter_status(out, "in_hot_standby", reported_active_ ? "off" : "on");
  put_parameter_status(out, kSessionSetting, session_);
  for (const auto& [name, value] : {std::pair{"DateStyle", "ISO, MDY"}, {"IntervalStyle", "postgres"}, {"integer_datetimes", "on"},
                                    {"standard_conforming_strings", "on"}, {"TimeZone", "UTC"}, {"application_name", ""}}) {
    // A session that is taken up again has its own values, whatever this connection came with.
    const auto own = std::find_if(reported_.begin(), reported_.end(), [n = name](const auto& one) { return wire_name(one.first) == n; });
    put_parameter_status(out, name, own == reported_.end() ? value : own->second);
    if (own == reported_.end() || std::string_view(name) != "TimeZone") continue;
    if (auto zone = TimeZone::find(own->second)) settings_.zone = std::move(zone);
  }
  if (!lost_session_.empty())
    put_notice(out, "WARNING", Error("01000", "session \"" + lost_session_ + "\" is gone, this is a new one: its settings are the defaults"));
  cancel_key_ = context_.cancels.add(control_);
  {
    OutMessage message(out, 'K');
    put_i32(out, cancel_key_.process);
    put_i32(out, cancel_key_.secret);
  }
  watch_id_ = context_.watch.add(socket_.fd(), control_);
  ready();
}

void Connection::ready() {
  bool active = context_.service.is_active();
  if (active != reported_active_) {
    reported_active_ = active;
    put_parameter_status(socket_.out(), "in_hot_standby", active ? "off" : "on");
  }
  char status = context_.service.transaction_status(session_);
  if (status == 'I') prepared_.close_portals();
  {
    OutMessage message(socket_.out(), 'Z');
    socket_.out().push_back(status);
  }
  socket_.flush();
}

bool Connection::next_message() {
  bool waits = socket_.buffered().empty();
  if (waits && !control_->enter_idle()) throw ConnectionClosed();
  bool got = read_message(socket_, message_);
  if (waits) control_->leave_idle();
  if (!got && control_->stopping()) throw ConnectionClosed();
  return got;
}

void Connection::serve() {
  while (next_message()) {
    ends_session_ = message_.type == 'X';  // else the connection broke
    if (ends_session_) return;
    extended_ = std::strchr("PBEDCH", message_.type) != nullptr;
    if (skip_until_sync_ && message_.type != 'S') continue;
    try {
      handle();
    } catch (const FatalError&) {
      throw;
    } catch (const Error& error) {
      fail(error);
    } catch (const std::bad_alloc&) {
      fail(Error(sqlstate::kOutOfMemory, "out of memory"));
    } catch (const ConnectionClosed&) {
      throw;
    } catch (const std::exception& error) {
      fail(Error(sqlstate::kInternalError, error.what()));
    }
  }
}

void Connection::fail(const Error& error) {
  if (socket_.lost()) throw ConnectionClosed();
  put_error(socket_.out(), "ERROR", error);
  if (extended_) {
    skip_until_sync_ = true;
    socket_.flush();
  } else {
    ready();
  }
}

void Connection::handle() {
  switch (message_.type) {
    case 'Q': return simple_query();
    case 'P': return parse();
    case 'B': return bind();
    case 'D': return describe();
    case 'E': return execute();
    case 'C': return close();
    case 'F': return function_call();
    case 'H': return socket_.flush();
    case 'S':
      skip_until_sync_ = false;
      return ready();
    case 'd':
    case 'c':
    case 'f':
      return;  // the rest of a COPY that has already failed
    default:
      throw FatalError(sqlstate::kProtocolViolation, std::string("unexpected message type ") + message_.type);
  }
}

}  // namespace tajo::pgwire
