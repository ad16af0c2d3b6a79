// Sessions of clients: opened, taken up again, left, closed; on the active.
#include <algorithm>

#include "run.hpp"
#include "settings.hpp"
#include "uuid.hpp"

namespace tajo::master {

using protocol::ClientReply;
using protocol::ClientRequest;

namespace {

ClientReply opened(const Session& session) {
  ClientReply reply;
  reply.session = session.id;
  reply.database = session.database;
  for (const auto& [name, setting] : known_settings()) {
    if (!setting.reported) continue;
    auto own = session.settings.find(name);
    reply.parameters.emplace_back(name, own == session.settings.end() ? setting.value : own->second);
  }
  return reply;
}

Error no_session(const std::string& id) { return {"08003", "session \"" + id + "\" does not exist or has expired"}; }

void check_owner(const std::optional<Session>& session, const ClientRequest& request) {
  if (!session) throw no_session(request.session);
  if (session->user != request.user) throw Error("28000", "session \"" + request.session + "\" belongs to another user");
}

}  // namespace

ClientReply StatementRunner::session_request(const ClientRequest& request, Rank serving, Epoch epoch) {
  switch (request.kind) {
    case ClientRequest::Kind::kOpenSession:
    case ClientRequest::Kind::kCloseSession:
      try {
        if (request.kind == ClientRequest::Kind::kCloseSession) return request.of_visitor ? end_session(request, epoch) : close_session(request, serving);
        return request.resume ? resume_session(request, serving, epoch) : open_session(request, serving, epoch);
      } catch (const Error& e) {
        prove(epoch);
        ClientReply reply;
        reply.error = protocol::to_text(e);
        return reply;
      }
    case ClientRequest::Kind::kLeaveSession: holders_.leave(serving, request.session, parts_.runtime.boottime()); break;
    case ClientRequest::Kind::kHoldSessions: holders_.hold(serving, request.held, parts_.runtime.boottime()); break;
    case ClientRequest::Kind::kCancel:
      if (request.vanished) abandon_session(request.session, serving);
      else cancel_session(request.session);
      break;
    default: break;
  }
  return {};
}

ClientReply StatementRunner::resume_session(const ClientRequest& request, Rank serving, Epoch epoch) {
  holders_.take(serving, request.session, parts_.runtime.boottime());
  auto known = parts_.sessions.find(request.session);
  prove(epoch);  // that it is there, or is not, must be so in the newest epoch
  if (!known) return {};
  check_owner(known, request);
  return opened(*known);
}

ClientReply StatementRunner::open_session(const ClientRequest& request, Rank serving, Epoch epoch) {
  check_place(request);
  cluster::Proposal proposal;
  if (parts_.sessions.size() >= SessionState::kMaxSessions) {
    auto alone = holders_.longest_alone(parts_.sessions.ids(), parts_.runtime.boottime());
    if (!alone) throw Error(sqlstate::kTooManyConnections, "sorry, too many clients already");
    proposal.records.emplace_back(journal::RecordKind::kSession, SessionState::close_record(*alone));
  }
  Session session;
  // The serving master names the session, so that a repeated request opens one.
  session.id = request.session.empty() ? make_uuid(parts_.runtime) : request.session;
  session.user = request.user;
  session.database = request.database;
  session.client = request.client;
  session.started_us = parts_.runtime.wall();
  for (const auto& [name, value] : request.settings) session.settings[name] = check_setting(name, value);
  if (auto known = parts_.sessions.find(session.id)) return opened(*known);  // a repeated request
  holders_.take(serving, session.id, parts_.runtime.boottime());  // before it can be seen to be alone
  proposal.records.emplace_back(journal::RecordKind::kSession, SessionState::open_record(session));
  commit_or_throw(std::move(proposal), epoch);
  return opened(session);
}

ClientReply StatementRunner::close_session(const ClientRequest& request, Rank serving) {
  if (holders_.goodbye(serving, request.session, parts_.runtime.boottime())) close_later(request.session);
  return {};
}

ClientReply StatementRunner::end_session(const ClientRequest& request, Epoch epoch) {
  check_owner(parts_.sessions.find(request.session), request);
  cluster::Proposal proposal;
  proposal.records.emplace_back(journal::RecordKind::kSession, SessionState::close_record(request.session));
  commit_or_throw(std::move(proposal), epoch);
  holders_.closed(request.session);
  return {};
}

/// A connection has taken its session up; a visitor's must be its user's, or is made for this statement alone. One that
/// was taken over from an earlier epoch goes on without its session.
Session StatementRunner::session_of(const Run& run) {
  const ClientRequest& request = run.request;
  auto session = parts_.sessions.find(request.session);
  if (run.adopt ? !session : request.own_session) {
    if (!run.adopt) check_place(request);
    return {.id = request.session, .user = request.user, .database = request.database, .client = {}, .started_us = 0, .settings = {}};
  }
  if (request.of_visitor && !run.adopt) {
    check_owner(session, request);
    holders_.visit(session->id, parts_.runtime.boottime());
  }
  if (!session) throw no_session(request.session);
  return std::move(*session);
}

/// Errors 28000, 3D000: who has no session in the log needs a user and a database all the same.
void StatementRunner::check_place(const ClientRequest& request) const {
  auto catalog = parts_.catalog.snapshot_now();
  if (request.user != parts_.owner && !catalog->users.contains(request.user))
    throw Error("28000", "role \"" + request.user + "\" does not exist");
  if (!catalog->databases.contains(request.database))
    throw Error("3D000", "database \"" + request.database + "\" does not exist");
}

void StatementRunner::close_later(const std::string& session) {
  holders_.closed(session);
  if (!parts_.sessions.find(session)) return;
  cluster::Proposal proposal;
  proposal.durability = journal::Durability::kState;
  proposal.records.emplace_back(journal::RecordKind::kSession, SessionState::close_record(session));
  parts_.loop.post([this, p = std::make_shared<cluster::Proposal>(std::move(proposal))] {
    parts_.node.propose(std::move(*p), [](cluster::Outcome) {});
  });
}

void StatementRunner::expire_sessions() {
  if (!active()) return;
  for (const std::string& session : holders_.expired(parts_.sessions.ids(), parts_.session_expiry_ms * 1000, parts_.runtime.boottime())) {
    if (runs_in(session)) holders_.visit(session, parts_.runtime.boottime());  // a visitor's statement holds no connection
    else close_later(session);
  }
}

bool StatementRunner::runs_in(const std::string& session) {
  std::lock_guard lock(mutex_);
  return std::any_of(runs_.begin(), runs_.end(), [&](const auto& one) { return one.second->request.session == session; });
}

void StatementRunner::cancel_session(const std::string& session) { stop_runs(session, false); }

void StatementRunner::abandon_session(const std::string& session, Rank serving) {
  if (!holders_.held(session, serving, parts_.runtime.boottime())) stop_runs(session, true);
}

void StatementRunner::stop_runs(const std::string& session, bool vanished) {
  std::vector<RunPtr> targets;
  {
    std::lock_guard lock(mutex_);
    for (auto& [id, run] : runs_)
      if (run->request.session == session) targets.push_back(run);
  }
  for (const RunPtr& run : targets) {
    {
      std::lock_guard lock(run->mutex);
      if (!run->canceled) run->vanished = vanished;
      run->canceled = true;
    }
    run->changed.notify_all();
  }
}

}  // namespace tajo::master
