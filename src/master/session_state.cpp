#include "tajo/master/session_state.hpp"

namespace tajo::master {
namespace {

enum class Change : std::uint8_t { kOpen = 1, kClose = 2, kSet = 3, kReset = 4 };

void put_session(ByteWriter& out, const Session& s) {
  out.text(s.id);
  out.text(s.user);
  out.text(s.database);
  out.text(s.client);
  out.put(s.started_us);
  out.put(static_cast<std::uint32_t>(s.settings.size()));
  for (const auto& [name, value] : s.settings) {
    out.text(name);
    out.text(value);
  }
}

Session get_session(ByteReader& in) {
  Session s;
  s.id = in.text();
  s.user = in.text();
  s.database = in.text();
  s.client = in.text();
  s.started_us = in.get<std::int64_t>();
  auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string name = in.text();
    s.settings[name] = in.text();
  }
  return s;
}

}  // namespace

Bytes SessionState::open_record(const Session& session) {
  ByteWriter out;
  out.put(Change::kOpen);
  put_session(out, session);
  return out.take();
}

Bytes SessionState::close_record(const std::string& id) {
  ByteWriter out;
  out.put(Change::kClose);
  out.text(id);
  return out.take();
}

Bytes SessionState::set_record(const std::string& id, const std::string& name, const std::optional<std::string>& value) {
  ByteWriter out;
  out.put(value ? Change::kSet : Change::kReset);
  out.text(id);
  out.text(name);
  if (value) out.text(*value);
  return out.take();
}

void SessionState::apply(const journal::Record& record) {
  if (record.kind != journal::RecordKind::kSession) return;
  ByteReader in(record.payload);
  auto change = in.get<Change>();
  std::lock_guard lock(mutex_);
  if (change == Change::kOpen) {
    Session s = get_session(in);
    if (sessions_.size() < kMaxSessions) sessions_[s.id] = std::move(s);
    return;
  }
  auto it = sessions_.find(in.text());
  if (it == sessions_.end()) return;
  if (change == Change::kClose) {
    sessions_.erase(it);
    return;
  }
  std::string name = in.text();
  if (change == Change::kReset) it->second.settings.erase(name);
  else if (name == "database") it->second.database = in.text();
  else it->second.settings[name] = in.text();
}

Bytes SessionState::snapshot() const {
  std::lock_guard lock(mutex_);
  ByteWriter out;
  out.put(static_cast<std::uint32_t>(sessions_.size()));
  for (const auto& [id, session] : sessions_) put_session(out, session);
  return out.take();
}

void SessionState::restore(ByteView snapshot) {
  std::map<std::string, Session> restored;
  if (!snapshot.empty()) {
    ByteReader in(snapshot);
    auto count = in.get<std::uint32_t>();
    for (std::uint32_t i = 0; i < count; ++i) {
      Session s = get_session(in);
      restored[s.id] = std::move(s);
    }
  }
  std::lock_guard lock(mutex_);
  sessions_ = std::move(restored);
}

std::optional<Session> SessionState::find(const std::string& id) const {
  std::lock_guard lock(mutex_);
  auto it = sessions_.find(id);
  return it == sessions_.end() ? std::nullopt : std::optional(it->second);
}

std::size_t SessionState::size() const {
  std::lock_guard lock(mutex_);
  return sessions_.size();
}

std::set<std::string> SessionState::ids() const {
  std::lock_guard lock(mutex_);
  std::set<std::string> out;
  for (const auto& [id, session] : sessions_) out.insert(id);
  return out;
}

std::vector<Session> SessionState::all() const {
  std::lock_guard lock(mutex_);
  std::vector<Session> out;
  for (const auto& [id, session] : sessions_) out.push_back(session);
  return out;
}

}  // namespace tajo::master
