// Sessions of clients: opened, taken up again, left, closed; on the active.
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

}  // namespace

ClientReply StatementRunner::session_request(const ClientRequest& request, Rank serving, Epoch epoch) {
  switch (request.kind) {
    case ClientRequest::Kind::kOpenSession:
      try {
        return request.resume ? resume_session(request, serving, epoch) : open_session(request, serving, epoch);
      } catch (const Error& e) {
        prove(epoch);
        ClientReply reply;
        reply.error = protocol::to_text(e);
        return reply;
      }
    case ClientRequest::Kind::kCloseSession: return close_session(request, serving);
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
  if (known->user != request.user) throw Error("28000", "session \"" + request.session + "\" belongs to another user");
  return opened(*known);
}

ClientReply StatementRunner::open_session(const ClientRequest& request, Rank serving, Epoch epoch) {
  auto catalog = parts_.catalog.snapshot_now();
  if (request.user != parts_.owner && !catalog->users.contains(request.user))
    throw Error("28000", "role \"" + request.user + "\" does not exist");
  if (!catalog->databases.contains(request.database))
    throw Error("3D000", "database \"" + request.database + "\" does not exist");
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
  for (const std::string& session : holders_.expired(parts_.sessions.ids(), parts_.session_expiry_ms * 1000, parts_.runtime.boottime()))
    close_later(session);
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
