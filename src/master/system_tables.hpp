#pragma once
#include "tajo/master/statement_runner.hpp"

namespace tajo::master {

/// information_schema and the part of pg_catalog that clients ask for, as rows at bind time.
class SystemTablesView : public sql::SystemTables {
 public:
  SystemTablesView(const MasterParts& parts, const Session& session, catalog::SnapshotPtr snapshot)
      : parts_(parts), session_(session), snapshot_(std::move(snapshot)) {}
  std::optional<data::Schema> schema(const std::string& schema, const std::string& table) const override;
  std::vector<std::vector<data::Value>> rows(const std::string& schema, const std::string& table) const override;

  /// Whether an answer rests on the catalog or the cluster's state and so needs a proof.
  bool asked() const { return asked_; }

 private:
  mutable bool asked_ = false;
  const MasterParts& parts_;
  const Session& session_;
  catalog::SnapshotPtr snapshot_;
};

}  // namespace tajo::master
