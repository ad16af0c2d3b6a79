#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "portal_spool.hpp"
#include "tajo/master/client_service.hpp"

namespace tajo::pgwire {

inline constexpr std::size_t kMaxPreparedStatements = 10'000;  ///< of one session
inline constexpr std::size_t kMaxPortals = 1'000;

struct PreparedStatement {
  std::string sql;
  std::vector<std::uint32_t> given_oids;  ///< as the client declared them; 0: not
  std::vector<data::Type> given_types;  ///< as the client declared them
  master::StatementDescription description;
};

struct Portal {
  enum class State { kReady, kSuspended, kDone };
  std::shared_ptr<const PreparedStatement> statement;
  std::vector<master::Parameter> parameters;
  std::vector<std::int16_t> formats;
  State state = State::kReady;
  std::unique_ptr<PortalSpool> spool;  ///< the rest of the rows when suspended
  std::string tag;
};

/// The named things of one session: prepared statements and portals. Errors as PostgreSQL's.
class PreparedSet {
 public:
  void add_statement(const std::string& name, PreparedStatement statement);
  std::shared_ptr<const PreparedStatement> statement(const std::string& name) const;
  void close_statement(const std::string& name) { statements_.erase(name); }
  Portal& add_portal(const std::string& name);
  Portal& portal(const std::string& name);
  void close_portal(const std::string& name) { portals_.erase(name); }
  void close_portals() { portals_.clear(); }

 private:
  std::map<std::string, std::shared_ptr<const PreparedStatement>> statements_;
  std::map<std::string, Portal> portals_;
};

/// The tag of one portion: `SELECT 100` counts the rows of this Execute.
std::string portion_tag(const std::string& tag, std::uint64_t rows);

}  // namespace tajo::pgwire
