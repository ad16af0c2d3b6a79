#include "prepared.hpp"

namespace tajo::pgwire {

void PreparedSet::add_statement(const std::string& name, PreparedStatement statement) {
  if (!name.empty() && statements_.contains(name))
    throw Error("42P05", "prepared statement \"" + name + "\" already exists");
  if (statements_.size() >= kMaxPreparedStatements)
    throw Error("53400", "too many prepared statements in one session (" + std::to_string(kMaxPreparedStatements) + ")");
  statements_[name] = std::make_shared<const PreparedStatement>(std::move(statement));
}

std::shared_ptr<const PreparedStatement> PreparedSet::statement(const std::string& name) const {
  auto found = statements_.find(name);
  if (found == statements_.end())
    throw Error("26000", name.empty() ? "unnamed prepared statement does not exist"
                                      : "prepared statement \"" + name + "\" does not exist");
  return found->second;
}

Portal& PreparedSet::add_portal(const std::string& name) {
  if (name.empty()) portals_.erase(name);
  if (portals_.contains(name)) throw Error("42P03", "cursor \"" + name + "\" already exists");
  if (portals_.size() >= kMaxPortals)
    throw Error("53400", "too many open portals in one session (" + std::to_string(kMaxPortals) + ")");
  return portals_[name];
}

Portal& PreparedSet::portal(const std::string& name) {
  auto found = portals_.find(name);
  if (found == portals_.end()) throw Error("34000", "portal \"" + name + "\" does not exist");
  return found->second;
}

std::string portion_tag(const std::string& tag, std::uint64_t rows) {
  std::size_t blank = tag.rfind(' ');
  return tag.starts_with("SELECT ") || tag.starts_with("FETCH ") ? tag.substr(0, blank + 1) + std::to_string(rows) : tag;
}

}  // namespace tajo::pgwire
