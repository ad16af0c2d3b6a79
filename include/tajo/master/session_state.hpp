#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tajo/journal/record.hpp"

namespace tajo::master {

struct Session {
  std::string id;  ///< UUID
  std::string user;
  std::string database;
  std::string client;
  std::int64_t started_us = 0;  ///< wall clock, for people
  std::map<std::string, std::string> settings;  ///< lower-case name → value
};

/// Sessions as a function of the log (records of kind kSession). apply/restore on the control thread, look-ups from any.
/// At most kMaxSessions; opening one more is refused by the proposer (53300).
class SessionState : public journal::StateMachine {
 public:
  static constexpr std::size_t kMaxSessions = 10'000;

  void apply(const journal::Record& record) override;
  Bytes snapshot() const override;
  void restore(ByteView snapshot) override;

  std::optional<Session> find(const std::string& id) const;
  std::size_t size() const;
  std::set<std::string> ids() const;
  std::vector<Session> all() const;

  static Bytes open_record(const Session& session);
  static Bytes close_record(const std::string& id);
  /// Sets (or with nullopt resets) a setting; the name "database" changes the current database.
  static Bytes set_record(const std::string& id, const std::string& name, const std::optional<std::string>& value);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Session> sessions_;
};

}  // namespace tajo::master
