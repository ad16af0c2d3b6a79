// The active master's own work on tables: small inserts become files, files nobody names are removed.
#include <filesystem>
#include <set>

#include "run.hpp"
#include "tajo/common/log.hpp"
#include "tajo/storage/result_file.hpp"

namespace tajo::master {

namespace {

/// One stage on one worker that reads the fragments that ride in the log and writes them as files.
plan::PhysicalPlan flush_plan(const catalog::Table& table, std::vector<data::FragmentInfo> fragments) {
  plan::PhysicalPlan plan;
  plan.write = plan::WriteTarget{table.number, table.source, false};
  plan.tables.push_back({table.number, table.name, table.version, table.source, std::move(fragments)});
  auto root = std::make_unique<plan::PhysicalNode>();
  plan::ScanNode scan;
  for (std::uint32_t c = 0; c < table.source.schema.columns.size(); ++c) {
    scan.columns.push_back(c);
    const data::Column& column = table.source.schema.columns[c];
    root->output.push_back({column.name, column.type, data::physical_of(column.type), {}});
  }
  root->detail = std::move(scan);
  root->id = 1;
  plan::Stage stage;
  stage.root = std::move(root);
  stage.output.kind = plan::StageOutput::Kind::kTable;
  plan.stages.push_back(std::move(stage));
  return plan;
}

/// The query a warehouse file was written by: `q_<ms>_<n>…`, with a dot before while it is written (its writer may have
/// been killed); empty for other names.
QueryId writer_of(std::string name) {
  if (name.starts_with(".")) name.erase(0, 1);
  auto second = name.find('_', 2);
  if (!name.starts_with("q_") || second == std::string::npos) return {};
  auto end = name.find_first_not_of("0123456789", second + 1);
  return QueryId::parse(name.substr(0, end));
}

}  // namespace

void StatementRunner::flush_table(const catalog::Table& table) {
  std::vector<data::FragmentInfo> inlined;
  catalog::CommitFragments record;
  record.table = table.number;
  for (const data::FragmentInfo& f : table.fragments) {
    if (!f.inline_rows) continue;
    inlined.push_back(f);
    record.remove.push_back(f.id);
  }
  Run run;
  run.background = true;
  run.epoch = run.submitted_epoch = epoch_;
  run.query = next_query_id();
  run.started_at = parts_.runtime.boottime();
  run.started_ms = parts_.runtime.wall() / 1000;
  run.session.user = parts_.owner;
  auto done = run_distributed(run, flush_plan(table, std::move(inlined)), {});
  record.add = std::move(done.fragments);
  std::unique_lock lock(catalog_change_);
  auto now = parts_.catalog.snapshot_now()->find(table.database, table.name);
  if (!now || now->number != table.number) return;
  std::set<std::uint32_t> there;
  for (const data::FragmentInfo& f : now->fragments) there.insert(f.id);
  for (std::uint32_t id : record.remove)
    if (!there.contains(id)) return;  // replaced meanwhile: the new file stays unnamed and is swept
  cluster::Proposal proposal;
  proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(record));
  commit_or_throw(std::move(proposal), run);
}

int StatementRunner::flush_inline_rows(Micros min_age_us) {
  std::lock_guard one(flush_lock_);
  auto snapshot = parts_.catalog.snapshot_now();
  const Micros now = parts_.runtime.boottime(), wall = parts_.runtime.wall();
  decltype(inline_since_) seen;
  int flushed = 0;
  for (const auto& [database_name, database] : snapshot->databases) {
    for (const auto& [name, table] : database->tables) {
      bool due = false;
      for (const data::FragmentInfo& f : table->fragments) {
        if (!f.inline_rows) continue;
        const std::pair key{table->number, f.id};
        auto before = inline_since_.find(key);
        const Micros since = seen[key] = before == inline_since_.end() ? now : before->second;
        // The wall clock counts what passed under an earlier active; this rank's goes on when somebody sets that one back.
        due |= now - since >= min_age_us || wall - f.mtime_us >= min_age_us;
      }
      if (!due) continue;
      try {
        flush_table(*table);
        ++flushed;
      } catch (const Superseded&) {
        return flushed;
      } catch (const Error& e) {
        log_warn("master", "flush of " + database_name + "." + name + ": " + e.message());
      }
    }
  }
  inline_since_ = std::move(seen);
  return flushed;
}

void StatementRunner::sweep_files() {
  namespace fs = std::filesystem;
  auto snapshot = parts_.catalog.snapshot_now();
  std::set<std::string> named;
  for (const auto& [database_name, database] : snapshot->databases)
    for (const auto& [name, table] : database->tables)
      for (const data::FragmentInfo& f : table->fragments)
        if (!table->external && !f.inline_rows) named.insert(parts_.warehouse_directory + "/" + table->source.location + "/" + f.path);
  const Micros now = parts_.runtime.boottime();
  Micros oldest_running = now;
  std::set<QueryId> running;
  std::map<QueryId, Micros> running_since;
  for (const QueryRecord& q : parts_.queries.running()) {
    running.insert(q.id);
    // By the clock it began earlier than it was seen, or else the clock has jumped.
    const auto seen = running_since_.find(q.id);
    running_since[q.id] = std::min(seen == running_since_.end() ? now : seen->second, now - (parts_.runtime.wall() - q.started_ms * 1000));
    oldest_running = std::min(oldest_running, running_since[q.id]);
  }
  running_since_ = std::move(running_since);
  std::map<std::string, Micros> unnamed;
  std::error_code ignored;
  for (auto it = fs::recursive_directory_iterator(parts_.warehouse_directory, ignored); it != fs::recursive_directory_iterator();
       it.increment(ignored)) {
    if (!it->is_regular_file(ignored)) continue;
    const std::string path = it->path().string();
    QueryId writer = writer_of(it->path().filename().string());
    if (!writer || running.contains(writer) || named.contains(path)) continue;
    auto earlier = unnamed_files_.find(path);
    const Micros since = earlier == unnamed_files_.end() ? now : earlier->second;
    // Queries that began while a manifest named it hold their snapshot; a flush under way has not named its file yet.
    if (now - since >= kSweepAfterUs && oldest_running > since) fs::remove(path, ignored);
    else unnamed[path] = since;
  }
  unnamed_files_ = std::move(unnamed);
  parts_.storage.release_removed();
  std::map<QueryId, Micros> ended;
  for (auto it = fs::directory_iterator(parts_.staging_directory, ignored); it != fs::directory_iterator(); it.increment(ignored)) {
    QueryId id = QueryId::parse(it->path().filename().string());
    if (!id || running.contains(id)) continue;
    auto query = parts_.queries.find(id);
    if (query && query->finished_ms == 0) continue;
    if (query) {
      const Micros since = ended_results_.try_emplace(id, now).first->second;
      ended[id] = since;
      if (now - since < parts_.result_retention_ms * 1000) continue;
    }
    if (!query && unknown_results_.insert(id).second) continue;  // its submission may be on its way to the log: next time
    fs::remove_all(it->path(), ignored);
    unknown_results_.erase(id);
  }
  ended_results_ = std::move(ended);
}

void StatementRunner::tidy_results() {
  kept_.drop_before(parts_.runtime.boottime() / 1000 - parts_.result_retention_ms);
  if (!active() || parts_.staging_directory.empty()) return;
  for (auto reply = kept_.to_move(); reply && move_result(reply); reply = kept_.to_move()) {}
}

bool StatementRunner::save_results() {
  if (!active() || parts_.staging_directory.empty()) return true;
  auto reply = kept_.to_save();
  while (reply && move_result(reply)) reply = kept_.to_save();
  return reply == nullptr;
}

bool StatementRunner::move_result(const KeptResults::Reply& reply) {
  const std::string path = result_path(reply->query);
  try {
    storage::write_result_file(path, reply->columns, reply->blocks);
  } catch (const Error& e) {
    log_warn("master", "results that are kept stay in memory: " + e.message());
    return false;
  }
  kept_.moved(reply, path);
  return true;
}

std::int64_t StatementRunner::age_now_ms() {
  std::lock_guard lock(mutex_);
  return ages_.now_ms(parts_.runtime.wall(), parts_.runtime.boottime());
}

void StatementRunner::expire_history() {
  if (parts_.history_expiry_ms == 0) return;
  const std::int64_t before_ms = age_now_ms() - parts_.history_expiry_ms;
  auto oldest = parts_.queries.oldest_finished_ms();
  if (!oldest || *oldest >= before_ms) return;
  cluster::Proposal proposal;
  proposal.durability = journal::Durability::kState;
  proposal.records.emplace_back(journal::RecordKind::kQuery, QueryState::expired_record(before_ms));
  propose(std::move(proposal), epoch_);
}

}  // namespace tajo::master
