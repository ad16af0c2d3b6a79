#include "tajo/master/session_holders.hpp"

#include <algorithm>

namespace tajo::master {

void SessionHolders::begin(Micros now) {
  std::lock_guard lock(mutex_);
  holdings_.clear();
  began_ = now;
}

void SessionHolders::take(Rank master, const std::string& session, Micros now) {
  std::lock_guard lock(mutex_);
  Holding& holding = holdings_[session];
  holding.told[master] = now;
  holding.newest = master;
  holding.goodbye = false;
}

void SessionHolders::hold(Rank master, std::span<const std::string> sessions, Micros now) {
  std::lock_guard lock(mutex_);
  for (const std::string& session : sessions) holdings_[session].told[master] = now;
}

void SessionHolders::leave(Rank master, const std::string& session, Micros now) {
  std::lock_guard lock(mutex_);
  Holding& holding = holdings_[session];
  holding.told.erase(master);
  holding.left = now;
}

void SessionHolders::visit(const std::string& session, Micros now) {
  std::lock_guard lock(mutex_);
  Holding& holding = holdings_[session];
  holding.left = now;
  holding.goodbye = false;
}

void SessionHolders::closed(const std::string& session) {
  std::lock_guard lock(mutex_);
  holdings_.erase(session);
}

bool SessionHolders::goodbye(Rank master, const std::string& session, Micros now) {
  std::lock_guard lock(mutex_);
  auto it = holdings_.find(session);
  if (it == holdings_.end()) return true;
  it->second.told.erase(master);
  if (alone(session, now)) return true;
  it->second.left = now;
  if (it->second.newest == master) it->second.goodbye = true;
  return false;
}

bool SessionHolders::held(const std::string& session, Rank but, Micros now) const {
  std::lock_guard lock(mutex_);
  auto it = holdings_.find(session);
  return it != holdings_.end() && std::any_of(it->second.told.begin(), it->second.told.end(),
                                              [&](const auto& one) { return one.first != but && now - one.second < kHeldUs; });
}

bool SessionHolders::alone(const std::string& session, Micros now) const {
  auto it = holdings_.find(session);
  return it == holdings_.end() ||
         std::none_of(it->second.told.begin(), it->second.told.end(), [&](const auto& one) { return now - one.second < kHeldUs; });
}

bool SessionHolders::said_goodbye(const std::string& session) const {
  auto it = holdings_.find(session);
  return it != holdings_.end() && it->second.goodbye;
}

Micros SessionHolders::alone_since(const std::string& session) const {
  auto it = holdings_.find(session);
  if (it == holdings_.end()) return began_;
  Micros since = std::max(began_, it->second.left);
  for (const auto& [master, told] : it->second.told) since = std::max(since, told);
  return since;
}

std::set<std::string> SessionHolders::expired(const std::set<std::string>& sessions, Micros kept_us, Micros now) {
  std::lock_guard lock(mutex_);
  std::erase_if(holdings_, [&](const auto& one) { return !sessions.contains(one.first) && now - alone_since(one.first) > kHeldUs; });
  std::set<std::string> out;
  if (now - began_ < kHeldUs) return out;  // who holds what is not known yet
  for (const std::string& session : sessions)
    if (alone(session, now) && (said_goodbye(session) || now - alone_since(session) >= kept_us)) out.insert(session);
  return out;
}

std::optional<std::string> SessionHolders::longest_alone(const std::set<std::string>& sessions, Micros now) const {
  std::lock_guard lock(mutex_);
  std::optional<std::string> found;
  if (now - began_ < kHeldUs) return found;
  Micros oldest = now;
  for (const std::string& session : sessions) {
    const Micros since = alone_since(session);
    if (since >= oldest || !alone(session, now)) continue;
    oldest = since;
    found = session;
  }
  return found;
}

}  // namespace tajo::master
