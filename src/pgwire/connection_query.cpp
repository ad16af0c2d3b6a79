// The messages that carry statements: simple Query, and Parse, Bind, Describe, Execute, Close.
#include "binary_parameter.hpp"
#include "connection.hpp"
#include "wire_types.hpp"

namespace tajo::pgwire {
namespace {

constexpr std::int16_t kBinaryFormat = 1;

void put_empty(std::string& out, char type) { OutMessage message(out, type); }

std::int16_t checked_format(std::int16_t format) {
  if (format != 0 && format != kBinaryFormat)
    throw Error(sqlstate::kInvalidParameter, "unsupported format code: " + std::to_string(format));
  return format;
}

std::vector<std::int16_t> read_formats(BodyReader& body) {
  std::int16_t count = body.i16();
  std::vector<std::int16_t> formats;
  for (std::int16_t i = 0; i < count; ++i) formats.push_back(checked_format(body.i16()));
  return formats;
}

}  // namespace

/// Marks the connection as busy around `run`, so that a cancel, a stop or a vanished client reaches the statement.
template <class Run>
void Connection::run_statement(Run&& run) {
  if (!control_->begin_statement()) throw ConnectionClosed();
  struct Busy {
    ConnectionControl& control;
    ~Busy() { control.end_statement(); }
  };
  try {
    Busy busy{*control_};
    run();
  } catch (...) {
    // Whatever the service made of it: without a client there is nobody to tell.
    if (socket_.lost() || control_->gone()) throw ConnectionClosed();
    throw;
  }
}

void Connection::simple_query() {
  BodyReader body(message_.body);
  std::string sql(body.text());
  body.expect_end();
  check_utf8(sql);
  prepared_.close_statement("");
  prepared_.close_portal("");
  ResultStream stream(socket_, settings_);
  CopyFromClient copy(socket_);
  run_statement([&] { context_.service.execute(session_, sql, stream, &copy); });
  if (stream.nothing_sent()) put_empty(socket_.out(), 'I');
  ready();
}

void Connection::parse() {
  BodyReader body(message_.body);
  std::string name(body.text());
  PreparedStatement statement;
  statement.sql = body.text();
  std::int16_t count = body.i16();
  for (std::int16_t i = 0; i < count; ++i) {
    statement.given_oids.push_back(static_cast<std::uint32_t>(body.i32()));
    statement.given_types.push_back(type_of(statement.given_oids.back()));
  }
  body.expect_end();
  check_utf8(statement.sql);
  if (name.empty()) prepared_.close_statement(name);
  run_statement([&] { statement.description = context_.service.describe(session_, statement.sql, statement.given_types); });
  prepared_.add_statement(name, std::move(statement));
  put_empty(socket_.out(), '1');
}

void Connection::bind() {
  BodyReader body(message_.body);
  std::string portal_name(body.text());
  std::string statement_name(body.text());
  auto statement = prepared_.statement(statement_name);
  std::vector<std::int16_t> parameter_formats = read_formats(body);
  std::int16_t count = body.i16();
  auto parameters = static_cast<std::size_t>(count < 0 ? 0 : count);
  if (parameter_formats.size() > 1 && parameter_formats.size() != parameters)
    throw Error(sqlstate::kProtocolViolation, "bind message has " + std::to_string(parameter_formats.size()) +
                                                  " parameter formats but " + std::to_string(parameters) + " parameters");
  std::size_t wanted = statement->description.parameters.size();
  if (parameters != wanted)
    throw Error(sqlstate::kProtocolViolation, "bind message supplies " + std::to_string(parameters) +
                                                  " parameters, but prepared statement \"" + statement_name +
                                                  "\" requires " + std::to_string(wanted));
  std::vector<master::Parameter> values;
  for (std::size_t i = 0; i < parameters; ++i) {
    master::Parameter& value = values.emplace_back();
    const bool binary = format_of(parameter_formats, i) == kBinaryFormat;
    std::int32_t length = body.i32();
    value.is_null = length == -1;
    if (length < -1) throw Error(sqlstate::kProtocolViolation, "invalid message format");
    if (!value.is_null) value.bytes = body.raw(static_cast<std::size_t>(length));
    if (binary && !value.is_null) {
      const bool given = i < statement->given_oids.size() && statement->given_oids[i] != 0;
      value.bytes = binary_parameter_text(given ? statement->given_oids[i] : oid_of(statement->description.parameters[i]), value.bytes, i + 1);
    }
    check_utf8(value.bytes);
  }
  std::vector<std::int16_t> formats = read_formats(body);
  body.expect_end();
  std::size_t columns = statement->description.columns.size();
  if (formats.size() > 1 && formats.size() != columns)
    throw Error(sqlstate::kProtocolViolation, "bind message has " + std::to_string(formats.size()) +
                                                  " result formats but query has " + std::to_string(columns) + " columns");
  Portal& portal = prepared_.add_portal(portal_name);
  portal.statement = std::move(statement);
  portal.parameters = std::move(values);
  portal.formats = std::move(formats);
  put_empty(socket_.out(), '2');
}

void Connection::describe() {
  BodyReader body(message_.body);
  char kind = static_cast<char>(body.u8());
  std::string name(body.text());
  body.expect_end();
  std::string& out = socket_.out();
  std::shared_ptr<const PreparedStatement> statement;
  std::vector<std::int16_t> formats;
  if (kind == 'S') {
    statement = prepared_.statement(name);
    OutMessage message(out, 't');
    put_i16(out, static_cast<int>(statement->description.parameters.size()));
    for (const auto& type : statement->description.parameters) put_i32(out, oid_of(type));
  } else if (kind == 'P') {
    Portal& portal = prepared_.portal(name);
    statement = portal.statement;
    formats = portal.formats;
  } else {
    throw Error(sqlstate::kProtocolViolation, "invalid DESCRIBE message subtype " + std::to_string(kind));
  }
  if (statement->description.returns_rows) {
    put_row_description(out, statement->description.columns, formats);
  } else {
    put_empty(out, 'n');
  }
}

void Connection::execute() {
  BodyReader body(message_.body);
  std::string name(body.text());
  std::int32_t limit = body.i32();
  body.expect_end();
  Portal& portal = prepared_.portal(name);
  run_portal(portal, limit > 0 ? static_cast<std::uint64_t>(limit) : 0);
}

void Connection::run_portal(Portal& portal, std::uint64_t limit) {
  const PreparedStatement& statement = *portal.statement;
  std::string& out = socket_.out();
  bool in_portions = limit > 0 && statement.description.returns_rows;
  if (portal.state == Portal::State::kDone) {
    if (!statement.description.returns_rows)
      throw Error("55000", "portal cannot be run: it has already been executed");
    put_command_complete(out, portion_tag(portal.tag, 0));
    return;
  }
  if (portal.state == Portal::State::kReady) {
    if (in_portions) portal.spool = std::make_unique<PortalSpool>(context_.config.spool_directory);
    portal.state = Portal::State::kDone;  // also when it fails
    ResultStream stream(socket_, settings_, portal.formats, statement.description.columns, portal.spool.get());
    CopyFromClient copy(socket_);
    run_statement([&] {
      context_.service.execute_prepared(session_, statement.sql, statement.given_types, portal.parameters, stream, &copy);
    });
    if (stream.nothing_sent()) put_empty(out, 'I');
    portal.tag = in_portions ? stream.kept_tag() : "SELECT 0";
    if (!in_portions) return;
    portal.state = Portal::State::kSuspended;
  }
  std::uint64_t sent = portal.spool->send(socket_, limit);
  if (limit > 0 && sent == limit) {
    put_empty(out, 's');
    return;
  }
  put_command_complete(out, portion_tag(portal.tag, sent));
  portal.state = Portal::State::kDone;
  portal.spool.reset();
}

void Connection::close() {
  BodyReader body(message_.body);
  char kind = static_cast<char>(body.u8());
  std::string name(body.text());
  body.expect_end();
  if (kind == 'S') {
    prepared_.close_statement(name);
  } else if (kind == 'P') {
    prepared_.close_portal(name);
  } else {
    throw Error(sqlstate::kProtocolViolation, "invalid CLOSE message subtype " + std::to_string(kind));
  }
  put_empty(socket_.out(), '3');
}

void Connection::function_call() {
  throw Error(sqlstate::kFeatureNotSupported, "function calls by message are not supported").hint("Use SELECT function(...).");
}

}  // namespace tajo::pgwire
