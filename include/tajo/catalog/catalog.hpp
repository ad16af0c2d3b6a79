#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tajo/catalog/types.hpp"
#include "tajo/journal/record.hpp"

namespace tajo::catalog {

/// Records that change the catalog; encoded in catalog_records.cpp (kind RecordKind::kCatalog).
struct CreateDatabase { std::string name; };
struct DropDatabase { std::string name; };
/// `fragments`: rows of CREATE TABLE AS, so that table and contents appear together.
struct CreateTable {
  std::string database, name;
  bool external = false;
  data::TableSource source;
  std::vector<data::FragmentInfo> fragments;
};
struct DropTable { std::string database; std::string name; };
/// The commit of INSERT (append) and CTAS/INSERT OVERWRITE (replace). Fragment ids are given by apply().
struct CommitFragments {
  TableNumber table = 0;
  bool replace = false;
  std::vector<data::FragmentInfo> add;
  std::vector<std::uint32_t> remove;  ///< merge and flush: swapped in the same record
};
struct PutUser { User user; };
struct DropUser { std::string name; };

Bytes encode(const CreateDatabase& r);
Bytes encode(const DropDatabase& r);
Bytes encode(const CreateTable& r);
Bytes encode(const DropTable& r);
Bytes encode(const CommitFragments& r);
Bytes encode(const PutUser& r);
Bytes encode(const DropUser& r);

/// The catalog as a function of the log. apply/restore on the control thread; snapshot_now() from any thread.
/// A record that no longer fits (table dropped meanwhile, name taken) changes nothing: the proposer checks before it
/// proposes and `applied()` tells whether the last record took effect.
class Catalog : public journal::StateMachine {
 public:
  Catalog();  ///< with the database "default"
  void apply(const journal::Record& record) override;
  Bytes snapshot() const override;
  void restore(ByteView snapshot) override;  ///< empty: with the database "default" only
  SnapshotPtr snapshot_now() const;
  bool applied() const { return applied_; }

 private:
  mutable std::mutex mutex_;
  SnapshotPtr current_;
  std::uint64_t next_number_ = 1;
  bool applied_ = true;
};

}  // namespace tajo::catalog
