// What becomes of a statement's outcome: kept here and at a backup, given again to whoever asks again.
#include <filesystem>

#include "run.hpp"
#include "tajo/common/log.hpp"
#include "tajo/storage/result_file.hpp"

namespace tajo::master {

using protocol::ClientReply;
using protocol::ClientRequest;

namespace {

/// Failed without effect and for a reason that may pass: the same request may run again (docs/decisions.md).
bool is_transient(const std::string& state) {
  for (const char* c : {"08", "40001", "53", "55P03", "57P", "58030"})
    if (state.starts_with(c)) return true;
  return false;
}

/// What a statement without rows told its client the first time.
ClientReply recorded(const QueryRecord& query) {
  ClientReply reply;
  reply.query = query.id;
  reply.database = query.database;
  if (query.state == "QUERY_SUCCEEDED") reply.tag = query.tag;
  else reply.error = protocol::ErrorText{query.sqlstate, query.error, "", "", 0};
  return reply;
}

ClientReply refused(const Error& error) {
  ClientReply reply;
  reply.error = protocol::to_text(error);
  return reply;
}

}  // namespace

std::uint64_t digest_of(const ClientRequest& request) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  auto add = [&hash](std::string_view text) {
    for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    hash = (hash ^ 0x100U) * 0x100000001B3ULL;  // the end of a text is no byte of one
  };
  add(request.sql);
  for (const auto& parameter : request.parameters) add(parameter ? "=" + *parameter : std::string());
  return hash;
}

std::string StatementRunner::result_path(const QueryId& query) const { return parts_.staging_directory + "/" + query.str() + "/RESULT"; }

std::optional<ClientReply> StatementRunner::known_outcome(const ClientRequest& request, std::uint64_t digest) {
  auto another = [] {
    return refused(Error(sqlstate::kInvalidParameter, "this request id names another statement").hint("Use a new tajo.request_id for each statement."));
  };
  if (auto kept = kept_.by_request(request.request_id)) {
    if (kept->digest != digest) return another();
    if (!kept->error || !is_transient(kept->error->sqlstate)) return *kept;
    return std::nullopt;
  }
  auto earlier = parts_.queries.find_request(request.request_id);
  if (!earlier) return std::nullopt;
  if (earlier->digest != digest) return another();
  if (earlier->finished_ms == 0) {
    std::lock_guard lock(mutex_);
    auto announced = announced_.find(earlier->id);
    if (announced == announced_.end()) return std::nullopt;
    earlier = announced->second;
  }
  return outcome_of(*earlier);
}

std::optional<ClientReply> StatementRunner::outcome_of(const QueryRecord& ended) {
  if (ended.state != "QUERY_SUCCEEDED") return is_transient(ended.sqlstate) ? std::nullopt : std::optional(recorded(ended));
  return ended.returns_rows ? result_of(ended) : std::optional(recorded(ended));
}

std::optional<ClientReply> StatementRunner::result_of(const QueryRecord& ended) {
  // What is there is given; it leaves by time that has passed, not by a clock (tidy_results, sweep_files).
  kept_.drop_before(parts_.runtime.boottime() / 1000 - parts_.result_retention_ms);
  if (auto kept = kept_.by_query(ended.id)) return *kept;
  const std::string path = result_path(ended.id);
  std::error_code ignored;
  if (!parts_.staging_directory.empty() && std::filesystem::exists(path, ignored)) {
    ClientReply reply = recorded(ended);
    reply.returns_rows = true;
    reply.columns = storage::ResultFileReader(path).columns();
    reply.result_path = path;
    return reply;
  }
  if (!hooks_.ask) return std::nullopt;
  auto found = std::make_shared<Promised<KeptResults::Reply>>();
  hooks_.ask(ended.id, [found](KeptResults::Reply reply) { found->set(std::move(reply)); });
  if (!found->wait(parts_.runtime, kAskResultUs)) return std::nullopt;
  auto reply = found->take(parts_.runtime);
  return reply ? std::optional(*reply) : std::nullopt;
}

void StatementRunner::take_up(Run& run, const QueryRecord& query) {
  {
    std::lock_guard lock(run.mutex);  // progress() may look
    run.query = query.id;
  }
  run.record = query;
  run.adopt = true;
  run.submitted = true;
  run.submitted_epoch = query.epoch;
}

void StatementRunner::copy_out(Run& run, const KeptResults::Reply& outcome) {
  const bool waits = run.distributed && outcome->returns_rows && !outcome->error;
  if (!waits) parts_.loop.post([this, id = run.query] { parts_.coordinator.release(id); });
  if (outcome->record.empty()) return;
  // A backup that serves the client holds the reply itself, and says so.
  if (run.serving != kNoRank || !hooks_.copy) return;
  if (!waits) return hooks_.copy(outcome, {});  // made again in no time
  auto there = std::make_shared<Promised<bool>>();
  hooks_.copy(outcome, [this, there, id = run.query] {
    parts_.coordinator.release(id);
    there->set(true);
  });
  if (!there->wait(parts_.runtime, kCopyWaitUs)) log_warn("master", "the result of " + run.query.str() + " leaves without a copy at a backup");
}

ClientReply StatementRunner::fetch_result(Run& run, const std::string& name) {
  const QueryId id = QueryId::parse(name);
  auto query = id ? parts_.queries.find(id) : std::nullopt;
  if (!query) throw Error("42704", "query \"" + name + "\" is not in the history");
  if (query->user != run.session.user && run.session.user != parts_.owner) throw Error("42501", "the result of " + name + " is another user's");
  if (query->finished_ms == 0) {
    RunPtr running;
    {
      std::lock_guard lock(mutex_);
      if (auto it = runs_.find(query->request_id); it != runs_.end()) running = it->second;
    }
    if (!running) throw Error("55000", "query " + name + " has no result yet");
    std::unique_lock wait(running->mutex);
    while (!parts_.runtime.wait(wait, running->changed, 100'000, [&] { return running->finished; })) {
      std::lock_guard lock(run.mutex);
      if (run.canceled) throw Error(sqlstate::kQueryCanceled, "canceling statement due to user request");
    }
    if (running->outcome->not_active) throw Superseded{};
    if (running->outcome->returns_rows || running->outcome->error) return *running->outcome;
    query = parts_.queries.find(id);
  }
  if (query->state != "QUERY_SUCCEEDED") throw Error(query->sqlstate, query->error);
  if (!query->returns_rows) throw Error("42809", "query " + name + " returned no rows").detail("Its command tag is \"" + query->tag + "\".");
  auto result = result_of(*query);
  if (!result)
    throw Error("55000", "the result of " + name + " is not kept any longer")
        .hint("Results are kept for tajo.query.result.retention-min (" + std::to_string(parts_.result_retention_ms / 60'000) + " minutes); run the query again.");
  return *result;
}

void StatementRunner::visit(Run& run, plan::FetchResultStatement& s) {
  end_planning(run);
  ClientReply result = fetch_result(run, s.query);
  if (result.error) throw protocol::to_error(*result.error);
  run.keep = false;  // it is kept already
  run.reply.query = {};  // under another query's id
  run.reply.returns_rows = true;
  run.reply.columns = std::move(result.columns);
  run.reply.blocks = std::move(result.blocks);
  run.reply.result_path = std::move(result.result_path);
  run.reply.tag = std::move(result.tag);
}

}  // namespace tajo::master
