#include "tajo/catalog/catalog.hpp"

#include <algorithm>

#include "catalog_records.hpp"

namespace tajo::catalog {

std::uint64_t Table::rows() const {
  std::uint64_t sum = 0;
  for (const data::FragmentInfo& f : fragments) sum += f.rows;
  return sum;
}

std::uint64_t Table::bytes() const {
  std::uint64_t sum = 0;
  for (const data::FragmentInfo& f : fragments) sum += f.bytes;
  return sum;
}

TablePtr Snapshot::find(const std::string& database, const std::string& table) const {
  const auto d = databases.find(database);
  if (d == databases.end()) return nullptr;
  const auto t = d->second->tables.find(table);
  return t == d->second->tables.end() ? nullptr : t->second;
}

namespace {

constexpr const char* kDefaultDatabase = "default";

/// Applies one record to a private copy of the snapshot; false: the record does not fit and nothing changed.
class Change {
 public:
  Change(Snapshot& next, std::uint64_t& next_number) : next_(next), next_number_(next_number) {}

  bool operator()(const CreateDatabase& r) {
    if (r.name.empty() || next_.databases.contains(r.name)) return false;
    auto database = std::make_shared<Database>();
    database->number = next_number_++;
    database->name = r.name;
    next_.databases.emplace(r.name, std::move(database));
    return true;
  }

  // Sessions start in the default database, so it stays.
  bool operator()(const DropDatabase& r) { return r.name != kDefaultDatabase && next_.databases.erase(r.name) == 1; }

  bool operator()(const CreateTable& r) {
    const auto found = next_.databases.find(r.database);
    if (r.name.empty() || found == next_.databases.end() || found->second->tables.contains(r.name)) return false;
    auto table = std::make_shared<Table>();
    table->number = next_number_++;
    table->database = r.database;
    table->name = r.name;
    table->external = r.external;
    table->source = r.source;
    table->version = 1;
    add(*table, r.fragments);
    put(*found->second, std::move(table));
    return true;
  }

  bool operator()(const DropTable& r) {
    const auto found = next_.databases.find(r.database);
    if (found == next_.databases.end() || !found->second->tables.contains(r.name)) return false;
    auto database = std::make_shared<Database>(*found->second);
    database->tables.erase(r.name);
    found->second = std::move(database);
    return true;
  }

  bool operator()(const CommitFragments& r) {
    const TablePtr old = find(r.table);
    if (!old || old->external) return false;
    auto table = std::make_shared<Table>(*old);
    if (!take_out(r, table->fragments)) return false;
    add(*table, r.add);
    ++table->version;
    put(*next_.databases.at(table->database), table);
    return true;
  }

  bool operator()(const PutUser& r) {
    if (r.user.name.empty()) return false;
    next_.users[r.user.name] = r.user;
    return true;
  }

  bool operator()(const DropUser& r) { return next_.users.erase(r.name) == 1; }

 private:
  TablePtr find(TableNumber number) const {
    for (const auto& [name, database] : next_.databases)
      for (const auto& [table_name, table] : database->tables)
        if (table->number == number) return table;
    return nullptr;
  }

  static void add(Table& table, const std::vector<data::FragmentInfo>& fragments) {
    for (data::FragmentInfo fragment : fragments) {
      fragment.id = table.next_fragment++;
      table.fragments.push_back(std::move(fragment));
    }
  }

  /// A merge whose inputs were replaced meanwhile must not bring their rows back: all of `remove` or nothing.
  static bool take_out(const CommitFragments& r, std::vector<data::FragmentInfo>& fragments) {
    for (const std::uint32_t id : r.remove)
      if (std::none_of(fragments.begin(), fragments.end(), [&](const auto& f) { return f.id == id; })) return false;
    if (r.replace) fragments.clear();
    std::erase_if(fragments,
                  [&](const data::FragmentInfo& f) { return std::find(r.remove.begin(), r.remove.end(), f.id) != r.remove.end(); });
    return true;
  }

  void put(const Database& old, std::shared_ptr<const Table> table) {
    auto database = std::make_shared<Database>(old);
    database->tables[table->name] = std::move(table);
    next_.databases[database->name] = database;
  }

  Snapshot& next_;
  std::uint64_t& next_number_;
};

/// The state before the first record.
SnapshotRecord beginning() {
  SnapshotRecord record;
  Change(record.snapshot, record.next_number)(CreateDatabase{kDefaultDatabase});
  return record;
}

}  // namespace

Catalog::Catalog() { restore({}); }

void Catalog::apply(const journal::Record& record) {
  if (record.kind != journal::RecordKind::kCatalog) return;
  const AnyRecord decoded = decode_record(record.payload);
  // current_ is written on this thread only; readers see either the old or the new snapshot.
  auto next = std::make_shared<Snapshot>(*current_);
  applied_ = std::visit(Change(*next, next_number_), decoded);
  next->lsn = record.lsn;
  const std::lock_guard lock(mutex_);
  current_ = std::move(next);
}

Bytes Catalog::snapshot() const { return encode_snapshot(*snapshot_now(), next_number_); }

void Catalog::restore(ByteView snapshot) {
  SnapshotRecord record = snapshot.empty() ? beginning() : decode_snapshot(snapshot);
  auto next = std::make_shared<const Snapshot>(std::move(record.snapshot));
  const std::lock_guard lock(mutex_);
  current_ = std::move(next);
  next_number_ = record.next_number;
  applied_ = true;
}

SnapshotPtr Catalog::snapshot_now() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

}  // namespace tajo::catalog
