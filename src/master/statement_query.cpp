// Statements that run a plan: SELECT, EXPLAIN, INSERT, COPY, CREATE TABLE AS.
#include <cmath>
#include <shared_mutex>

#include "rows.hpp"
#include "run.hpp"
#include "tajo/plan/explain.hpp"
#include "tajo/storage/write.hpp"

namespace tajo::master {

namespace {

/// External tables are listed when a query is planned: size and mtime of their files are fixed from here on.
void list_external_files(plan::LogicalNode& node, storage::Storage& storage) {
  if (node.kind == plan::LogicalNode::Kind::kScan && node.table->external) {
    auto listed = std::make_shared<catalog::Table>(*node.table);
    listed->fragments = storage.list_external(listed->source);
    node.table = std::move(listed);
  }
  for (auto& child : node.children) list_external_files(*child, storage);
}

std::vector<data::Column> result_columns(const plan::LogicalPlan& query) {
  std::vector<data::Column> columns;
  for (std::size_t i = 0; i < query.outputs.size(); ++i)
    columns.push_back({query.names[i], query.columns[query.outputs[i]].type, false});
  return columns;
}

struct Nobody final : exchange::Waker {
  void wake() override {}
};

/// One stage that reads a feed (kFeedStage) and writes it as fragments.
plan::PhysicalPlan feed_plan(const catalog::Table& table, const functions::EvaluationSettings& settings) {
  plan::PhysicalPlan plan;
  plan.settings = settings;
  plan.write = plan::WriteTarget{table.number, table.source, false};
  auto root = std::make_unique<plan::PhysicalNode>();
  root->detail = plan::ExchangeInputNode{kFeedStage, {}};
  for (const data::Column& c : table.source.schema.columns)
    root->output.push_back({c.name, c.type, data::physical_of(c.type), {}});
  plan::Stage stage;
  stage.root = std::move(root);
  stage.inputs = {kFeedStage};
  stage.output.kind = plan::StageOutput::Kind::kTable;
  plan.stages.push_back(std::move(stage));
  return plan;
}

}  // namespace

exchange::Waker& nobody_to_wake() {
  static Nobody nobody;
  return nobody;
}

void StatementRunner::visit(Run& run, plan::SelectStatement& s) {
  const bool tables = has_tables(s.query);
  run.reply.returns_rows = true;
  run.reply.columns = result_columns(s.query);
  if (tables) list_external_files(*s.query.root, parts_.storage);
  plan::PhysicalPlan plan = plan::optimize(std::move(s.query), planner_settings(run, !tables));
  if (run_is_immediate(plan)) {
    run_immediate(run, std::make_shared<const plan::PhysicalPlan>(std::move(plan)));
    if (std::exchange(run.rests_on_state, false)) prove(run.epoch);
    const std::string tag = "SELECT " + std::to_string(run.record.rows);
    if (run.request.unrecorded) run.reply.tag = tag;
    else record_state(run, tag);
    return;
  }
  if (run.request.unrecorded) throw Error(sqlstate::kFeatureNotSupported, "this needs workers, so it is a query with a history");
  protocol::QueryDone done = run_distributed(run, plan, {});
  run.reply.blocks = std::move(done.blocks);
  run.reply.result_path = done.result_path;
  record_state(run, "SELECT " + std::to_string(done.rows));
}

void StatementRunner::visit(Run& run, std::unique_ptr<plan::ExplainStatement>& s) {
  plan::LogicalPlan* query = nullptr;
  std::optional<plan::WriteTarget> target;
  if (auto* select = std::get_if<plan::SelectStatement>(&s->statement.body)) query = &select->query;
  if (auto* insert = std::get_if<plan::InsertStatement>(&s->statement.body)) {
    query = &insert->query;
    target = plan::WriteTarget{insert->table->number, insert->table->source, insert->overwrite};
  }
  if (auto* create = std::get_if<plan::CreateTableStatement>(&s->statement.body); create != nullptr && create->query) {
    query = &*create->query;
    target = plan::WriteTarget{0, create->source, false};
  }
  if (query == nullptr) throw Error(sqlstate::kFeatureNotSupported, "EXPLAIN of this statement is not supported");
  const bool tables = has_tables(*query);
  if (tables) list_external_files(*query->root, parts_.storage);
  auto settings = planner_settings(run, !tables);
  Micros before = parts_.runtime.boottime();
  const auto plan = std::make_shared<const plan::PhysicalPlan>(target ? plan::optimize_write(std::move(*query), *target, settings)
                                                                     : plan::optimize(std::move(*query), settings));
  Micros planned = parts_.runtime.boottime();
  plan::PlanRun measured;
  plan::ExplainOptions options{s->global, nullptr, static_cast<double>(planned - before) / 1000};
  if (s->analyze) {
    if (target) throw Error(sqlstate::kFeatureNotSupported, "EXPLAIN ANALYZE of a statement that writes is not supported");
    measured = analyze(run, plan);
    measured.execution_ms = static_cast<double>(parts_.runtime.boottime() - planned) / 1000;
    options.run = &measured;
  }
  std::vector<std::string> lines = s->json ? std::vector{plan::explain_json(*plan, options)} : plan::explain(*plan, options);
  run.reply.returns_rows = true;
  run.reply.columns = {{"QUERY PLAN", data::Type::of(data::TypeId::kText), false}};
  Rows rows;
  for (std::string& line : lines) rows.push_back({data::Value(std::move(line))});
  run.reply.blocks = encode_rows(run.reply.columns, rows);
  run.reply.result_path.clear();
  if (run.submitted) record_state(run, "EXPLAIN");
  run.reply.tag = "EXPLAIN";
}

/// Runs the plan for its counters; the rows are thrown away.
plan::PlanRun StatementRunner::analyze(Run& run, const std::shared_ptr<const plan::PhysicalPlan>& plan) {
  plan::PlanRun out;
  if (run_is_immediate(*plan)) {
    for (const exec::NodeCounters& c : run_immediate(run, plan)) out.samples.push_back({c.node, -1, c.rows, c.bytes, c.time_ns, c.memory_bytes, c.spilled_bytes});
    out.rows = run.record.rows;
  } else {
    const protocol::QueryDone done = run_distributed(run, *plan, {});
    for (const protocol::OperatorCounters& c : done.counters)
      out.samples.push_back({c.node, static_cast<std::int32_t>(c.worker), c.rows, c.bytes, c.time_ns, c.memory_bytes, c.spilled_bytes});
    out.rows = done.rows;
    out.rows_read = done.rows_read;
    out.bytes_read = done.bytes_read;
    out.tasks = done.tasks;
    out.task_retries = done.task_retries;
  }
  run.reply.blocks.clear();
  return out;
}

void StatementRunner::commit_insert(Run& run, const catalog::TablePtr& table, bool replace, protocol::QueryDone& done,
                                    const std::string& tag_prefix) {
  std::shared_lock lock(catalog_change_);
  auto now = parts_.catalog.snapshot_now()->find(table->database, table->name);
  if (!now || now->number != table->number)
    throw Error(sqlstate::kUndefinedTable, "table \"" + table->name + "\" was dropped while rows were inserted");
  catalog::CommitFragments record;
  record.table = table->number;
  record.replace = replace;
  record.add = std::move(done.fragments);
  cluster::Proposal proposal;
  proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(record));
  run.record.rows = done.rows;
  finish_record(run, tag_prefix + std::to_string(done.rows), proposal);
  commit_or_throw(std::move(proposal), run);
}

void StatementRunner::visit(Run& run, plan::InsertStatement& s) {
  if (s.table->external) throw Error("42809", "cannot insert into external table \"" + s.table->name + "\"");
  protocol::QueryDone done;
  if (has_tables(s.query)) {
    list_external_files(*s.query.root, parts_.storage);
    plan::WriteTarget target{s.table->number, s.table->source, s.overwrite};
    done = run_distributed(run, plan::optimize_write(std::move(s.query), target, planner_settings(run, false)), {});
    return commit_insert(run, s.table, s.overwrite, done, "INSERT 0 ");
  }
  plan::LogicalPlan query = std::move(s.query);
  plan::PhysicalPlan plan = plan::optimize(std::move(query), planner_settings(run, true));
  if (!run_is_immediate(plan)) {  // many generated rows: workers make and write them
    plan::Statement again = bind(run);
    auto& insert = std::get<plan::InsertStatement>(again.body);
    plan::WriteTarget target{s.table->number, s.table->source, s.overwrite};
    done = run_distributed(run, plan::optimize_write(std::move(insert.query), target, planner_settings(run, false)), {});
    return commit_insert(run, s.table, s.overwrite, done, "INSERT 0 ");
  }
  std::vector<data::Physical> physicals;
  for (const auto& c : plan.result) physicals.push_back(c.physical);
  run_immediate(run, std::make_shared<const plan::PhysicalPlan>(std::move(plan)));
  done.rows = run.record.rows;
  std::size_t bytes = 0;
  for (const auto& block : run.reply.blocks) bytes += block->size();
  if (bytes <= kMaxInlineInsertBytes) {
    for (const auto& block : run.reply.blocks) {
      if (data::BlockReader(*block).rows() == 0) continue;
      done.fragments.push_back(storage::make_inline_fragment(s.table->source.schema, Bytes(*block)));
      done.fragments.back().mtime_us = parts_.runtime.wall();  // flushed to a file kFlushAfterUs later
    }
  } else {
    // Too much for the log: a worker writes it from this rank's output, as it does for COPY.
    run.own_feed = true;
    TaskId feed{run.query, kFeedStage, 0, 0};
    auto output = parts_.outputs.create(feed, 1, physicals, true);
    for (const auto& block : run.reply.blocks) {
      data::BlockReader reader(*block);
      data::Batch batch;
      data::Arena arena;
      batch.arena = &arena;
      while (reader.next(batch)) {
        while (output->append(0, batch, batch.selection, nobody_to_wake()) == exchange::Flow::kBlocked)
          parts_.runtime.sleep(kFeedBlockedUs);
        arena.reset();
      }
    }
    auto sealed = output->seal();
    protocol::StageInputs feeds;
    feeds[kFeedStage] = {{parts_.node.active(), feed, sealed.inline_output}};
    std::uint64_t rows = done.rows;
    try {
      done = run_distributed(run, feed_plan(*s.table, planner_settings(run, true).evaluation), std::move(feeds));
    } catch (...) {
      parts_.outputs.drop_query(run.query);
      throw;
    }
    parts_.outputs.drop_query(run.query);
    done.rows = rows;
  }
  run.reply.blocks.clear();
  commit_insert(run, s.table, s.overwrite, done, "INSERT 0 ");
}

void StatementRunner::visit(Run& run, plan::CopyStatement& s) {
  if (s.table->external) throw Error("42809", "cannot copy to external table \"" + s.table->name + "\"");
  if (!run.request.feed) {
    if (run.adopt) throw Error("57P01", "COPY was interrupted: the master the client talked to was lost");
    throw Error(sqlstate::kFeatureNotSupported, "COPY FROM a file of the server is not supported").hint("Use COPY FROM STDIN, or CREATE EXTERNAL TABLE … USING CSV.");
  }
  if (run.request.feed_table != s.table->number)
    throw Error("40001", "relation \"" + s.table->name + "\" was replaced while rows for it came").hint("Repeat the COPY.");
  protocol::QueryDone done;
  if (run.request.feed_rows > 0) {
    protocol::StageInputs feeds;
    feeds[kFeedStage] = {*run.request.feed};
    done = run_distributed(run, feed_plan(*s.table, planner_settings(run, true).evaluation), std::move(feeds));
    done.rows = run.request.feed_rows;
  }
  commit_insert(run, s.table, false, done, "COPY ");
}

void StatementRunner::visit(Run& run, plan::CreateTableStatement& s) {
  auto exists = [&] {
    auto snapshot = parts_.catalog.snapshot_now();
    if (!snapshot->databases.contains(s.database)) throw Error("3D000", "database \"" + s.database + "\" does not exist");
    return snapshot->find(s.database, s.name) != nullptr;
  };
  auto there = [&] {
    run.rests_on_state = true;
    if (!s.if_not_exists) throw Error("42P07", "relation \"" + s.name + "\" already exists");
    run.reply.notices.emplace_back("NOTICE", protocol::ErrorText{"42P07", "relation \"" + s.name + "\" already exists, skipping", "", "", 0});
    run.reply.tag = "CREATE TABLE";
  };
  if (exists()) return there();
  catalog::CreateTable record;
  record.database = s.database;
  record.name = s.name;
  record.external = s.external;
  record.source = s.source;
  if (s.external && s.infer_schema && record.source.schema.columns.empty()) record.source.schema = parts_.storage.infer_schema(record.source);
  record.source.managed = !s.external;
  if (!s.external) {
    record.source.format = "hdf5";
    record.source.location = s.database + "/" + s.name;  // below tajo.warehouse.directory
  }
  std::string tag = "CREATE TABLE";
  if (s.query) {
    const bool tables = has_tables(*s.query);
    if (tables) list_external_files(*s.query->root, parts_.storage);
    plan::WriteTarget target{0, record.source, false};
    auto done = run_distributed(run, plan::optimize_write(std::move(*s.query), target, planner_settings(run, !tables)), {});
    record.fragments = std::move(done.fragments);
    run.record.rows = done.rows;
    tag = "SELECT " + std::to_string(done.rows);
  }
  std::unique_lock lock(catalog_change_);
  if (exists()) return there();
  cluster::Proposal proposal;
  proposal.records.emplace_back(journal::RecordKind::kCatalog, catalog::encode(record));
  finish_record(run, tag, proposal);
  commit_or_throw(std::move(proposal), run);
}

}  // namespace tajo::master
