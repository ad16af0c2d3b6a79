#include "client_front.hpp"

#include "run.hpp"
#include "tajo/data/batch_codec.hpp"
#include "tajo/storage/result_file.hpp"
#include "tajo/storage/write.hpp"
#include "uuid.hpp"

namespace tajo::master {

using protocol::ClientReply;
using protocol::ClientRequest;

namespace {

constexpr Micros kCatalogPatienceUs = 10'000'000;  ///< until this master's catalog shows the table of a COPY as the active's does
constexpr Micros kCatalogLookUs = 2'000;
constexpr int kCatalogLooks = 100;            ///< before the active is asked again
constexpr Micros kLookForActiveUs = 250'000;  ///< a waiting client looks this often whether there is a master to wait for

}  // namespace

MasterNode::Front::Front(MasterNode& node) : node_(node), name_(make_uuid(node_.parts_.runtime).substr(0, 8)) {}

MasterNode::Front::Connection& MasterNode::Front::connection(const SessionToken& session) { return connections_[session]; }

std::string MasterNode::Front::next_request_id(const SessionToken& session, bool by_client) {
  std::lock_guard lock(mutex_);
  Connection& c = connection(session);
  if (by_client && !c.next_request_id.empty()) return clients_request_id(c.user, std::exchange(c.next_request_id, ""));
  return fresh_request_id(session);
}

std::string MasterNode::Front::fresh_request_id(const SessionToken& session) {
  return session + "#" + name_ + "-" + std::to_string(next_request_.fetch_add(1));
}

ClientReply MasterNode::Front::ask(ClientRequest request) {
  if (node_.runner_.active()) {
    ClientReply reply = node_.runner_.run(request);
    if (!reply.not_active) return reply;
  }
  auto answer = std::make_shared<Promised<ClientReply>>();
  node_.forward(std::move(request), [answer](ClientReply reply) { answer->set(std::move(reply)); });
  // The forwarder repeats it until some active answers; no answer at all is the end of a wait, not of the statement.
  Micros without_active = 0;
  while (!answer->wait(node_.parts_.runtime, kLookForActiveUs)) {
    if (node_.parts_.resources.view().active() != kNoRank) {
      without_active = 0;
      continue;
    }
    without_active += kLookForActiveUs;
    if (without_active >= kWaitForActiveUs) throw Error("57P03", "there is no active master");
  }
  return answer->take(node_.parts_.runtime);
}

OpenedSession MasterNode::Front::opened(ClientReply reply, const std::string& user) {
  std::lock_guard lock(mutex_);
  Connection& c = connection(reply.session);
  c.block = 'I';  // a block is not taken up again
  c.database = reply.database;
  c.user = user;
  return {reply.session, std::move(reply.parameters)};
}

OpenedSession MasterNode::Front::open_session(const SessionOptions& options) {
  ClientRequest request;
  request.kind = ClientRequest::Kind::kOpenSession;
  request.user = options.user;
  if (options.resume) {
    // This master may not have read that far: the active knows whether the session is there.
    request.session = *options.resume;
    request.resume = true;
    ClientReply reply = ask(request);
    if (reply.error) throw protocol::to_error(*reply.error);
    if (!reply.session.empty()) return opened(std::move(reply), options.user);
    request.resume = false;
  }
  request.session = make_uuid(node_.parts_.runtime);
  request.database = options.database;
  request.client = options.client;
  request.settings = options.settings;
  ClientReply reply = ask(std::move(request));
  if (reply.error) throw protocol::to_error(*reply.error);
  return opened(std::move(reply), options.user);
}

void MasterNode::Front::tell(ClientRequest::Kind kind, const SessionToken& session, bool vanished) {
  ClientRequest request;
  request.kind = kind;
  request.session = session;
  request.vanished = vanished;
  node_.forward(std::move(request), [](ClientReply) {});
}

void MasterNode::Front::close_session(const SessionToken& session) {
  {
    std::lock_guard lock(mutex_);
    connections_.erase(session);
  }
  tell(ClientRequest::Kind::kCloseSession, session);
}

void MasterNode::Front::leave_session(const SessionToken& session) {
  {
    std::lock_guard lock(mutex_);
    connections_.erase(session);
  }
  tell(ClientRequest::Kind::kLeaveSession, session);
}

void MasterNode::Front::hold_sessions() {
  ClientRequest request;
  request.kind = ClientRequest::Kind::kHoldSessions;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [session, connection] : connections_) request.held.push_back(session);
  }
  if (request.held.empty() || holding_.exchange(true)) return;
  node_.forward(std::move(request), [this](ClientReply) { holding_ = false; });
}

std::optional<ScramSecret> MasterNode::Front::secret(const std::string& user) {
  auto snapshot = node_.parts_.catalog.snapshot_now();
  auto it = snapshot->users.find(user);
  if (it == snapshot->users.end() || it->second.scram_secret.empty()) return std::nullopt;
  return ScramSecret{it->second.scram_secret};
}

std::string MasterNode::Front::cluster_owner() const { return node_.parts_.owner; }

/// BEGIN, COMMIT, ROLLBACK: a block belongs to the connection. False: another tag.
bool MasterNode::Front::step_transaction(const SessionToken& session, const std::string& tag, ResultSink& sink) {
  if (!is_any(tag, {"BEGIN", "COMMIT", "ROLLBACK"})) return false;
  const bool begins = tag == "BEGIN";
  std::unique_lock lock(mutex_);
  Connection& c = connection(session);
  const char before = c.block;
  c.block = begins ? 'T' : 'I';
  lock.unlock();
  if (begins && before == 'T') sink.notice("WARNING", Error("25001", "there is already a transaction in progress"));
  if (!begins && before == 'I') sink.notice("WARNING", Error("25P01", "there is no transaction in progress"));
  sink.complete(before == 'E' ? "ROLLBACK" : tag);
  return true;
}

/// The rows are read here, so the statement is bound here; but first where a statement that crashes the parser is noticed,
/// and where the catalog is the newest: what this master has read of the log may not show the table yet, or the one before
/// it of that name.
plan::Statement MasterNode::Front::bind_copy(const SessionToken& session, const ClientRequest& request) {
  Runtime& runtime = node_.parts_.runtime;
  sql::BindContext context;
  for (const Micros until = runtime.boottime() + kCatalogPatienceUs;;) {
    const ClientReply told = ask(description(session, request.sql, {}));
    if (told.error) throw protocol::to_error(*told.error);
    for (int look = 0; look < kCatalogLooks; ++look) {
      context.catalog = node_.parts_.catalog.snapshot_now();
      {
        std::lock_guard lock(mutex_);
        context.database = connection(session).database;
      }
      std::optional<Error> not_here;
      try {
        auto parsed = sql::parse({request.sql, request.offset});
        plan::Statement bound = sql::bind(*parsed, context);
        auto* copy = std::get_if<plan::CopyStatement>(&bound.body);
        if (copy == nullptr || copy->table->number == told.table) return bound;
      } catch (const Error& e) {
        not_here = e;
      }
      if (runtime.boottime() >= until)
        throw not_here.value_or(Error("40001", "the table of the COPY is replaced again and again").hint("Repeat the COPY."));
      runtime.sleep(kCatalogLookUs);
    }
  }
}

void MasterNode::Front::feed_copy(const SessionToken& session, ClientRequest& request, CopySource* copy) {
  plan::Statement bound = bind_copy(session, request);
  auto* statement = std::get_if<plan::CopyStatement>(&bound.body);
  if (statement == nullptr || !statement->path.empty()) return;
  if (copy == nullptr) throw Error("08P01", "COPY FROM STDIN needs a client that sends data");
  data::Schema file_schema;
  for (std::uint32_t c : statement->columns) file_schema.columns.push_back(statement->table->source.schema.columns[c]);
  storage::CopyFormat format{statement->csv, statement->delimiter, statement->quote, statement->escape, statement->null_text, statement->header};
  auto parser = storage::make_copy_parser(file_schema, format);
  std::vector<data::Physical> physicals;
  for (const data::Column& c : statement->table->source.schema.columns) physicals.push_back(data::physical_of(c.type));
  TaskId feed{{static_cast<std::uint64_t>(node_.parts_.runtime.wall()), static_cast<std::uint32_t>(node_.port_.self() + 1)}, kFeedStage, 0, 0};
  auto& outputs = node_.parts_.outputs;
  auto output = outputs.create(feed, 1, physicals, true);

  std::uint64_t rows = 0;
  data::Arena arena;
  auto drain = [&] {
    data::Batch in;
    in.arena = &arena;
    while (parser->next(in)) {
      // Columns of the table that the file lacks are NULL.
      data::Batch out;
      out.rows = in.rows;
      out.selection = in.selection;
      out.arena = &arena;
      static const std::uint64_t kNoneValid = 0;
      static const __int128 kZero = 0;
      for (std::size_t c = 0; c < physicals.size(); ++c) {
        data::Vector null;
        null.form = data::Vector::Form::kConstant;
        null.type = physicals[c];
        null.data = &kZero;
        null.valid = &kNoneValid;
        out.columns.push_back(null);
      }
      for (std::size_t i = 0; i < statement->columns.size(); ++i) out.columns[statement->columns[i]] = in.columns[i];
      while (output->append(0, out, out.selection, nobody_to_wake()) == exchange::Flow::kBlocked)
        node_.parts_.runtime.sleep(kFeedBlockedUs);
      rows += in.selection.count;
      arena.reset();
    }
  };
  try {
    copy->begin(static_cast<int>(statement->columns.size()));
    for (std::string bytes = copy->read(); !bytes.empty(); bytes = copy->read()) {
      parser->feed(bytes);
      drain();
    }
    parser->end();
    drain();
  } catch (...) {
    output.reset();
    outputs.drop_query(feed.query);
    throw;
  }
  auto sealed = output->seal();
  request.feed = protocol::SourceRef{node_.port_.self(), feed, sealed.inline_output};
  request.feed_rows = rows;
  request.feed_table = statement->table->number;
}

void MasterNode::Front::deliver(const SessionToken& session, const ClientReply& reply, ResultSink& sink) {
  {
    std::lock_guard lock(mutex_);
    Connection& c = connection(session);
    if (!reply.database.empty()) c.database = reply.database;
    if (reply.next_request_id) c.next_request_id = *reply.next_request_id;
  }
  for (const auto& [severity, text] : reply.notices) sink.notice(severity, protocol::to_error(text));
  if (reply.error) throw protocol::to_error(*reply.error);
  for (const auto& [name, value] : reply.parameters) sink.parameter_status(name, value);
  deliver_rows(reply, sink);
  if (!step_transaction(session, reply.tag, sink)) sink.complete(reply.tag);
}

void MasterNode::Front::deliver_rows(const ClientReply& reply, ResultSink& sink) {
  if (reply.returns_rows) sink.columns(reply.columns);
  data::Arena arena;
  auto send = [&](const Bytes& block) {
    data::BlockReader reader(block);
    data::Batch batch;
    batch.arena = &arena;
    while (reader.next(batch)) {
      sink.rows(batch);
      arena.reset();
    }
  };
  for (const auto& block : reply.blocks) send(*block);
  if (!reply.result_path.empty()) {
    storage::ResultFileReader file(reply.result_path);
    Bytes block;
    while (file.next(block)) send(block);
  }
}

void MasterNode::Front::run_statement(const SessionToken& session, ClientRequest request, ResultSink& sink, CopySource* copy) {
  const Admission::Ticket inside(node_.admission_);
  try {
    // Statements are parsed on the active alone: what crashes the parser must not take a second kind of master along.
    const sql::Beginning beginning = sql::beginning_of(request.sql);
    const std::string& word = beginning.word;
    {
      std::lock_guard lock(mutex_);
      const char block = connection(session).block;
      if (block == 'E' && !is_any(word, {"COMMIT", "END", "ROLLBACK", "ABORT"}))
        throw Error("25P02", "current transaction is aborted, commands ignored until end of transaction block");
      request.in_block = block != 'I';
    }
    if (beginning.alone && is_any(word, {"BEGIN", "COMMIT", "ROLLBACK"}) && step_transaction(session, word, sink)) return;
    const bool named = !is_any(word, {"SET", "RESET", "SHOW", "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"});
    request.request_id = next_request_id(session, named);
    if (word == "COPY") feed_copy(session, request, copy);
    auto feed = request.feed;
    ClientReply reply;
    try {
      reply = ask(std::move(request));
    } catch (...) {
      if (feed) node_.parts_.outputs.drop_query(feed->task.query);
      throw;
    }
    if (feed) node_.parts_.outputs.drop_query(feed->task.query);
    deliver(session, reply, sink);
  } catch (const Error&) {
    std::lock_guard lock(mutex_);
    Connection& c = connection(session);
    if (c.block == 'T') c.block = 'E';
    throw;
  }
}

void MasterNode::Front::execute(const SessionToken& session, const std::string& sql, ResultSink& sink, CopySource* copy) {
  for (sql::StatementText& text : sql::split_script(sql)) {
    ClientRequest request;
    request.session = session;
    request.sql = std::move(text.text);
    request.offset = text.offset;
    run_statement(session, std::move(request), sink, copy);
  }
}

ClientRequest MasterNode::Front::description(const SessionToken& session, const std::string& sql, std::span<const data::Type> parameter_types) {
  ClientRequest request;
  request.kind = ClientRequest::Kind::kDescribe;
  request.session = session;
  request.request_id = next_request_id(session, false);
  request.sql = sql;
  request.prepared = true;
  request.parameter_types.assign(parameter_types.begin(), parameter_types.end());
  return request;
}

StatementDescription MasterNode::Front::describe(const SessionToken& session, const std::string& sql, std::span<const data::Type> parameter_types) {
  ClientReply reply = ask(description(session, sql, parameter_types));
  if (reply.error) throw protocol::to_error(*reply.error);
  return {std::move(reply.parameter_types), std::move(reply.columns), reply.returns_rows};
}

void MasterNode::Front::execute_prepared(const SessionToken& session, const std::string& sql, std::span<const data::Type> parameter_types,
                                         std::span<const Parameter> parameters, ResultSink& sink, CopySource* copy) {
  ClientRequest request;
  request.session = session;
  request.sql = sql;
  request.prepared = true;
  request.parameter_types.assign(parameter_types.begin(), parameter_types.end());
  for (const Parameter& p : parameters) {
    request.parameters.push_back(p.is_null ? std::nullopt : std::optional(p.bytes));
  }
  run_statement(session, std::move(request), sink, copy);
}

char MasterNode::Front::transaction_status(const SessionToken& session) {
  std::lock_guard lock(mutex_);
  auto it = connections_.find(session);
  return it == connections_.end() ? 'I' : it->second.block;
}

void MasterNode::Front::cancel(const SessionToken& session) noexcept {
  try {
    node_.runner_.cancel_session(session);
    tell(ClientRequest::Kind::kCancel, session);
  } catch (...) {  // nobody can be told: the statement simply goes on
  }
}

void MasterNode::Front::abandon(const SessionToken& session) noexcept {
  try {
    tell(ClientRequest::Kind::kCancel, session, true);
  } catch (...) {  // as above
  }
}

std::optional<Progress> MasterNode::Front::progress(const SessionToken& session) {
  ClientRequest request;
  request.kind = ClientRequest::Kind::kProgress;
  request.session = session;
  ClientReply reply = ask(std::move(request));
  if (!reply.query) return std::nullopt;
  return Progress{reply.query, reply.fraction, reply.rows_read, reply.bytes_read, reply.elapsed_us};
}

bool MasterNode::Front::is_active() const { return node_.runner_.active(); }

}  // namespace tajo::master
