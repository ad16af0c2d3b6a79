// Statements about the session, and functions that ask or tell the master.
#include "rows.hpp"
#include "run.hpp"
#include "settings.hpp"
#include "system_tables.hpp"
#include "tajo/master/client_service.hpp"

namespace tajo::master {

namespace {

cluster::Proposal session_change(const Session& session, const std::string& name, const std::optional<std::string>& value) {
  cluster::Proposal proposal;
  proposal.records.emplace_back(journal::RecordKind::kSession, SessionState::set_record(session.id, name, value));
  return proposal;
}

data::Value text(std::string s) { return data::Value(std::move(s)); }

}  // namespace

void StatementRunner::visit(Run& run, plan::EmptyStatement&) { run.reply.tag = ""; }

void StatementRunner::visit(Run& run, plan::SetStatement& s) {
  run.reply.tag = s.value ? "SET" : "RESET";
  if (s.name == "tajo.request_id") {  // of the connection's next statement: nothing to remember here
    if (s.value && s.value->size() > kMaxRequestIdBytes)
      throw Error(sqlstate::kInvalidParameter, "tajo.request_id is longer than " + std::to_string(kMaxRequestIdBytes) + " bytes");
    run.reply.next_request_id = s.value.value_or("");
    return;
  }
  if (s.name == "all" && !s.value) {
    cluster::Proposal proposal;
    for (const auto& [name, value] : run.session.settings)
      proposal.records.emplace_back(journal::RecordKind::kSession, SessionState::set_record(run.session.id, name, std::nullopt));
    if (!proposal.records.empty()) commit_or_throw(std::move(proposal), run);
    return;
  }
  auto known = known_settings().find(s.name);
  if (known == known_settings().end() && s.name.find('.') == std::string::npos && s.value)
    throw Error("42704", "unrecognized configuration parameter \"" + s.name + "\"");
  std::optional<std::string> value;
  if (s.value) value = check_setting(s.name, *s.value);
  commit_or_throw(session_change(run.session, s.name, value), run);
  if (known != known_settings().end() && known->second.reported)
    run.reply.parameters.emplace_back(s.name, value.value_or(known->second.value));
}

void StatementRunner::visit(Run& run, plan::ShowStatement& s) {
  run.reply.returns_rows = true;
  run.reply.tag = "SHOW";
  run.rests_on_state = true;
  const auto text_type = data::Type::of(data::TypeId::kText);
  auto value_of = [&](const std::string& name) -> std::optional<std::string> {
    if (auto own = run.session.settings.find(name); own != run.session.settings.end()) return own->second;
    if (auto known = known_settings().find(name); known != known_settings().end()) return known->second.value;
    return std::nullopt;
  };
  Rows rows;
  if (s.name == "all") {
    run.reply.columns = {{"name", text_type, false}, {"setting", text_type, false}, {"description", text_type, false}};
    for (const auto& [name, setting] : known_settings()) rows.push_back({text(name), text(*value_of(name)), text(setting.description)});
  } else {
    auto value = value_of(s.name);
    if (!value) throw Error("42704", "unrecognized configuration parameter \"" + s.name + "\"");
    run.reply.columns = {{s.name, text_type, false}};
    rows.push_back({text(*value)});
  }
  run.reply.blocks = encode_rows(run.reply.columns, rows);
}

void StatementRunner::visit(Run& run, plan::UseDatabaseStatement& s) {
  if (!parts_.catalog.snapshot_now()->databases.contains(s.name)) throw Error("3D000", "database \"" + s.name + "\" does not exist");
  commit_or_throw(session_change(run.session, "database", s.name), run);
  run.reply.database = s.name;
  run.reply.tag = "SET";
}

void StatementRunner::visit(Run& run, plan::TransactionStatement& s) {
  // Blocks are the serving master's business (ClientFront); what arrives here only needs its tag.
  using Kind = plan::TransactionStatement::Kind;
  run.reply.tag = s.kind == Kind::kBegin ? "BEGIN" : s.kind == Kind::kCommit ? "COMMIT" : "ROLLBACK";
}

void StatementRunner::visit(Run& run, plan::DeallocateStatement&) { run.reply.tag = "DEALLOCATE"; }

void StatementRunner::visit(Run& run, plan::DiscardStatement&) {
  plan::SetStatement reset{"all", std::nullopt};
  visit(run, reset);
  run.reply.tag = "DISCARD ALL";
}

std::optional<std::pair<data::Type, data::Value>> StatementRunner::session_function(Run& run, const std::string& name,
                                                                                    const std::vector<data::Value>& args) {
  using data::TypeId;
  auto text_of = [&](std::size_t i) { return i < args.size() && std::holds_alternative<std::string>(args[i]) ? std::get<std::string>(args[i]) : std::string(); };
  auto as_text = [](std::string s) { return std::pair{data::Type::of(TypeId::kText), data::Value(std::move(s))}; };
  auto as_bool = [](bool b) { return std::pair{data::Type::of(TypeId::kBool), data::Value(std::int64_t{b})}; };
  auto as_int = [](std::int64_t i) { return std::pair{data::Type::of(TypeId::kInt8), data::Value(i)}; };
  if (name == "current_database" || name == "current_catalog") return as_text(run.session.database);
  if (name == "current_schema") return as_text("public");
  if (name == "current_user" || name == "session_user" || name == "user") return as_text(run.session.user);
  if (name == "version") return as_text("PostgreSQL 15.0 (Tajo for HPC)");
  if (name == "tajo_session_id") return as_text(run.session.id);
  if (name == "pg_backend_pid") return as_int(0);
  if (name == "pg_is_in_recovery") return as_bool(false);
  if (name == "current_setting") {
    run.rests_on_state = true;
    std::string key = text_of(0);
    if (key == "tajo.master.ha.enable") return as_text(parts_.ha ? "on" : "off");
    if (auto own = run.session.settings.find(key); own != run.session.settings.end()) return as_text(own->second);
    if (auto known = known_settings().find(key); known != known_settings().end()) return as_text(known->second.value);
    if (args.size() > 1) return std::pair{data::Type::of(TypeId::kText), data::Value{}};
    throw Error("42704", "unrecognized configuration parameter \"" + key + "\"");
  }
  if (run.request.kind != protocol::ClientRequest::Kind::kExecute) return std::nullopt;  // Describe has no effect
  if (name == "tajo_flush") return std::pair{data::Type::of(TypeId::kInt8), data::Value(std::int64_t{flush_inline_rows(0)})};
  if (name == "tajo_kill") {
    QueryId id = QueryId::parse(text_of(0));
    RunPtr target;
    {
      std::lock_guard lock(mutex_);
      for (auto& [request, other] : runs_)
        if (id && other->query == id) target = other;
    }
    if (!target) return as_bool(false);
    if (target->session.user != run.session.user && run.session.user != parts_.owner) throw Error("42501", "must be the query's user or the cluster's owner to kill it");
    {
      std::lock_guard lock(target->mutex);
      target->canceled = true;
    }
    target->changed.notify_all();
    return as_bool(true);
  }
  if (name == "tajo_decommission" || name == "tajo_recommission") return as_int(change_service(run, text_of(0), name == "tajo_decommission"));
  if (name == "tajo_hand_over") return as_bool(hand_over(run, text_of(0)));
  return std::nullopt;
}

}  // namespace tajo::master
