// Statements that change the catalog and nothing else.
#include "run.hpp"
#include "tajo/master/scram.hpp"

namespace tajo::master {

namespace {

protocol::ErrorText notice(std::string_view sqlstate, std::string message) { return {std::string(sqlstate), std::move(message), "", "", 0}; }

}  // namespace

void StatementRunner::visit(Run& run, plan::DropTableStatement& s) {
  std::unique_lock lock(catalog_change_);
  auto snapshot = parts_.catalog.snapshot_now();
  cluster::Proposal proposal;
  for (const auto& [database, name] : s.tables) {
    if (!snapshot->find(database, name)) {
      if (!s.if_exists) throw Error(sqlstate::kUndefinedTable, "table \"" + name + "\" does not exist");
      run.reply.notices.emplace_back("NOTICE", notice("00000", "table \"" + name + "\" does not exist, skipping"));
      continue;
    }
    proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(catalog::DropTable{database, name}));
  }
  finish_record(run, "DROP TABLE", proposal);
  commit_or_throw(std::move(proposal), run);
}

void StatementRunner::visit(Run& run, plan::TruncateStatement& s) {
  std::unique_lock lock(catalog_change_);
  auto snapshot = parts_.catalog.snapshot_now();
  cluster::Proposal proposal;
  for (const auto& [database, name] : s.tables) {
    auto table = snapshot->find(database, name);
    if (!table) throw Error(sqlstate::kUndefinedTable, "table \"" + name + "\" does not exist");
    if (table->external) throw Error("42809", "cannot truncate external table \"" + name + "\"");
    catalog::CommitFragments record;
    record.table = table->number;
    record.replace = true;
    proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(record));
  }
  finish_record(run, "TRUNCATE TABLE", proposal);
  commit_or_throw(std::move(proposal), run);
}

void StatementRunner::visit(Run& run, plan::CreateDatabaseStatement& s) {
  std::unique_lock lock(catalog_change_);
  if (parts_.catalog.snapshot_now()->databases.contains(s.name)) {
    if (!s.if_not_exists) throw Error("42P04", "database \"" + s.name + "\" already exists");
    run.reply.notices.emplace_back("NOTICE", notice("42P04", "database \"" + s.name + "\" already exists, skipping"));
    run.reply.tag = "CREATE DATABASE";
    run.rests_on_state = true;
    return;
  }
  cluster::Proposal proposal;
  proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(catalog::CreateDatabase{s.name}));
  finish_record(run, "CREATE DATABASE", proposal);
  commit_or_throw(std::move(proposal), run);
}

void StatementRunner::visit(Run& run, plan::DropDatabaseStatement& s) {
  if (s.name == run.session.database) throw Error("55006", "cannot drop the currently open database");
  if (s.name == "default") throw Error("2BP01", "cannot drop the database \"default\"");
  std::unique_lock lock(catalog_change_);
  auto snapshot = parts_.catalog.snapshot_now();
  auto it = snapshot->databases.find(s.name);
  if (it == snapshot->databases.end()) {
    if (!s.if_exists) throw Error("3D000", "database \"" + s.name + "\" does not exist");
    run.reply.notices.emplace_back("NOTICE", notice("00000", "database \"" + s.name + "\" does not exist, skipping"));
    run.reply.tag = "DROP DATABASE";
    run.rests_on_state = true;
    return;
  }
  cluster::Proposal proposal;
  if (!it->second->tables.empty() && !s.cascade)
    throw Error("2BP01", "cannot drop database \"" + s.name + "\" because it holds " + std::to_string(it->second->tables.size()) + " tables")
        .hint("Use DROP DATABASE … CASCADE to drop the tables too.");
  for (const auto& [name, table] : it->second->tables)
    proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(catalog::DropTable{s.name, name}));
  proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(catalog::DropDatabase{s.name}));
  finish_record(run, "DROP DATABASE", proposal);
  commit_or_throw(std::move(proposal), run);
}

void StatementRunner::visit(Run& run, plan::UserStatement& s) {
  using Kind = plan::UserStatement::Kind;
  std::unique_lock lock(catalog_change_);
  auto snapshot = parts_.catalog.snapshot_now();
  const bool exists = snapshot->users.contains(s.name);
  const auto own = snapshot->users.find(run.session.user);
  const bool superuser = run.session.user == parts_.owner || (own != snapshot->users.end() && own->second.superuser);
  if (!superuser && !(s.kind == Kind::kAlter && s.name == run.session.user)) throw Error("42501", "permission denied to change users");
  cluster::Proposal proposal;
  run.record.sql = s.kind == Kind::kCreate ? "CREATE USER " + s.name : s.kind == Kind::kAlter ? "ALTER USER " + s.name : "DROP USER " + s.name;
  if (s.kind == Kind::kDrop) {
    if (!exists) {
      if (!s.if_exists) throw Error("42704", "role \"" + s.name + "\" does not exist");
      run.reply.tag = "DROP ROLE";
      run.rests_on_state = true;
      return;
    }
    proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(catalog::DropUser{s.name}));
    finish_record(run, "DROP ROLE", proposal);
    return commit_or_throw(std::move(proposal), run);
  }
  if (s.kind == Kind::kCreate && exists) throw Error("42710", "role \"" + s.name + "\" already exists");
  if (s.kind == Kind::kAlter && !exists && s.name != parts_.owner) throw Error("42704", "role \"" + s.name + "\" does not exist");
  catalog::User user;
  if (exists) user = snapshot->users.at(s.name);
  user.name = s.name;
  user.superuser = user.superuser || s.name == parts_.owner;
  if (s.password) user.scram_secret = make_scram_secret(*s.password);
  proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(catalog::PutUser{user}));
  finish_record(run, s.kind == Kind::kCreate ? "CREATE ROLE" : "ALTER ROLE", proposal);
  commit_or_throw(std::move(proposal), run);
}

}  // namespace tajo::master
