#include "plans.hpp"

#include <algorithm>

namespace tajo::exec::test {

using functions::Expression;
using plan::JoinType;
using plan::PhysicalColumn;
using plan::PhysicalNode;

namespace {

std::uint32_t next_id = 0;

Node make(decltype(PhysicalNode::detail) detail, std::vector<PhysicalColumn> output) {
  auto node = std::make_unique<PhysicalNode>();
  node->detail = std::move(detail);
  node->output = std::move(output);
  node->id = next_id++;
  return node;
}

Node with_child(Node node, Node child) {
  node->children.push_back(std::move(child));
  return node;
}

PhysicalColumn column_of(const data::Type& type) { return {"", type, data::physical_of(type), {}}; }
PhysicalColumn column_of(const ExpressionPtr& e) { return {"", e->type, e->physical, e->bounds}; }

ExpressionPtr column_of(const PhysicalColumn& c, std::uint32_t i) {
  auto e = std::make_shared<Expression>(*functions::make_column(i, c.type, c.physical));
  e->bounds = c.bounds;
  return e;
}

}  // namespace

ExpressionPtr column(const Node& node, std::uint32_t i) { return column_of(node->output.at(i), i); }
ExpressionPtr column(const Node& a, const Node& b, std::uint32_t i) {
  const std::size_t left = a->output.size();
  return column_of(i < left ? a->output[i] : b->output.at(i - left), i);
}
ExpressionPtr constant(std::int64_t value) { return functions::make_constant(value, int4()); }
plan::SortKey ascending(ExpressionPtr e) { return {std::move(e), false, false}; }
plan::SortKey descending(ExpressionPtr e) { return {std::move(e), true, true}; }

Node values(const std::vector<data::Type>& types, Rows rows) {
  std::vector<PhysicalColumn> output;
  for (const data::Type& t : types) output.push_back(column_of(t));
  return make(plan::ValuesNode{std::move(rows)}, std::move(output));
}
Node series(std::int64_t start, std::int64_t stop, std::int64_t step) {
  return make(plan::SeriesNode{start, stop, step}, {column_of(int8())});
}
Node filter(Node child, std::vector<ExpressionPtr> conjuncts) {
  auto output = child->output;
  return with_child(make(plan::FilterNode{std::move(conjuncts)}, std::move(output)), std::move(child));
}
Node project(Node child, std::vector<ExpressionPtr> expressions) {
  std::vector<PhysicalColumn> output;
  for (const ExpressionPtr& e : expressions) output.push_back(column_of(e));
  return with_child(make(plan::ProjectNode{std::move(expressions)}, std::move(output)), std::move(child));
}
Node limit(Node child, std::int64_t limit, std::int64_t offset) {
  auto output = child->output;
  return with_child(make(plan::LimitNode{limit, offset}, std::move(output)), std::move(child));
}
Node union_all(Node a, Node b) {
  auto output = a->output;
  Node node = with_child(make(plan::UnionAllNode{}, std::move(output)), std::move(a));
  node->children.push_back(std::move(b));
  return node;
}
Node sort(Node child, std::vector<plan::SortKey> keys) {
  auto output = child->output;
  return with_child(make(plan::SortNode{std::move(keys)}, std::move(output)), std::move(child));
}
Node top_n(Node child, std::vector<plan::SortKey> keys, std::int64_t limit, std::int64_t offset) {
  auto output = child->output;
  return with_child(make(plan::TopNNode{std::move(keys), limit, offset}, std::move(output)), std::move(child));
}
Node aggregate(Node child, std::vector<ExpressionPtr> keys, std::vector<functions::AggregateCall> calls, plan::AggregateNode::Phase phase) {
  std::vector<PhysicalColumn> output;
  for (const ExpressionPtr& e : keys) output.push_back(column_of(e));
  for (const functions::AggregateCall& c : calls) output.push_back({"", c.type, c.physical, {}});
  return with_child(make(plan::AggregateNode{phase, std::move(keys), std::move(calls), 0}, std::move(output)), std::move(child));
}
functions::AggregateCall call(functions::AggregateKind kind, std::vector<ExpressionPtr> args, data::Type type) {
  functions::AggregateCall c;
  c.kind = kind;
  c.args = std::move(args);
  c.type = type;
  c.physical = data::physical_of(type);
  return c;
}

namespace {
std::pair<std::vector<std::uint32_t>, std::vector<PhysicalColumn>> emitted(JoinType type, const PhysicalNode& probe, const PhysicalNode& build) {
  std::vector<std::uint32_t> emit;
  std::vector<PhysicalColumn> output;
  const auto p = static_cast<std::uint32_t>(probe.output.size()), b = static_cast<std::uint32_t>(build.output.size());
  const bool build_only = type == JoinType::kRightSemi || type == JoinType::kRightAnti;
  const bool probe_only = type == JoinType::kSemi || type == JoinType::kAnti || type == JoinType::kMark;
  if (!build_only)
    for (std::uint32_t i = 0; i < p; ++i) emit.push_back(i), output.push_back(probe.output[i]);
  if (!probe_only)
    for (std::uint32_t i = 0; i < b; ++i) emit.push_back(p + i), output.push_back(build.output[i]);
  if (type == JoinType::kMark) emit.push_back(p + b), output.push_back(column_of(boolean()));
  return {std::move(emit), std::move(output)};
}
}  // namespace

Node hash_join(JoinType type, Node probe, Node build, std::vector<std::uint32_t> probe_keys, std::vector<std::uint32_t> build_keys,
               ExpressionPtr residual) {
  plan::HashJoinNode join;
  join.type = type;
  for (const std::uint32_t k : probe_keys) join.probe_keys.push_back(column(probe, k));
  for (const std::uint32_t k : build_keys) join.build_keys.push_back(column(build, k));
  join.residual = std::move(residual);
  auto [emit, output] = emitted(type, *probe, *build);
  join.emit = std::move(emit);
  Node node = with_child(make(std::move(join), std::move(output)), std::move(probe));
  node->children.push_back(std::move(build));
  return node;
}

Node nested_loop_join(JoinType type, Node probe, Node build, ExpressionPtr predicate) {
  plan::NestedLoopJoinNode join;
  join.type = type;
  join.predicate = std::move(predicate);
  auto [emit, output] = emitted(type, *probe, *build);
  join.emit = std::move(emit);
  Node node = with_child(make(std::move(join), std::move(output)), std::move(probe));
  node->children.push_back(std::move(build));
  return node;
}

Bench::Bench(int threads, std::size_t memory_bytes) {
  EngineConfig config;
  config.threads = threads;
  config.memory_bytes = memory_bytes;
  engine = Engine::make(config, storage, outputs);
}

void Bench::add_table(const std::string& name, const std::vector<data::Type>& types, std::vector<Rows> fragments, bool text_codes) {
  FakeStorage::Table table;
  for (const data::Type& t : types) table.types.push_back(data::physical_of(t));
  table.fragments = std::move(fragments);
  table.text_codes = text_codes;
  storage.tables[name] = std::move(table);
}

Node Bench::scan(const std::string& name, const std::vector<data::Type>& types) {
  plan::PlannedTable table;
  table.name = name;
  table.source.location = name;
  const auto& fragments = storage.tables.at(name).fragments;
  table.fragments.resize(fragments.size());
  plan::ScanNode scan;
  scan.table = static_cast<std::uint32_t>(tables.size());
  std::vector<PhysicalColumn> output;
  for (std::uint32_t c = 0; c < types.size(); ++c) {
    scan.columns.push_back(c);
    output.push_back(column_of(types[c]));
  }
  tables.push_back(std::move(table));
  Node node = make(std::move(scan), std::move(output));
  for (std::uint32_t f = 0; f < fragments.size(); ++f) splits[node->id].push_back(data::Split{f, 0, 1, std::max<std::uint64_t>(fragments[f].size(), 40000)});
  return node;
}

TaskSpec Bench::spec(Node root, plan::StageOutput output) {
  auto plan = std::make_shared<plan::PhysicalPlan>();
  plan->tables = tables;
  plan::Stage stage;
  stage.root = std::move(root);
  stage.output = std::move(output);
  plan->stages.push_back(std::move(stage));
  TaskSpec spec;
  spec.plan = std::move(plan);
  spec.id.query = QueryId{1, next_query_++};
  spec.splits = splits;
  return spec;
}

TaskResult Bench::wait(std::function<void(std::function<void(TaskResult)>)> submit) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<TaskResult> result;
  };
  auto shared = std::make_shared<Shared>();
  submit([shared](TaskResult r) {
    const std::lock_guard lock(shared->mutex);
    if (shared->result) std::abort();  // done came twice
    shared->result = std::move(r);
    shared->ready.notify_one();
  });
  std::unique_lock lock(shared->mutex);
  shared->ready.wait(lock, [&] { return shared->result.has_value(); });
  return *shared->result;
}

TaskResult Bench::run_task(TaskSpec spec) {
  return wait([&](auto done) { engine->submit(std::move(spec), std::move(done)); });
}

Rows Bench::rows_of(const TaskId& task, std::uint16_t partition) {
  const std::lock_guard lock(outputs.mutex);
  return outputs.sealed.at(task)->partitions.at(partition);
}

Rows Bench::run(Node root) {
  TaskSpec task = spec(std::move(root));
  const TaskId id = task.id;
  const TaskResult result = run_task(std::move(task));
  if (result.error) throw *result.error;
  return rows_of(id);
}

namespace {
bool less(const Value& a, const Value& b) { return a < b; }
}  // namespace

Rows sorted(Rows rows) {
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), less); });
  return rows;
}

std::string print(const Rows& rows) {
  std::string out;
  for (const Row& row : rows) {
    for (const Value& v : row) {
      if (data::is_null(v)) out += "NULL";
      else if (const auto* s = std::get_if<std::string>(&v)) out += *s;
      else if (const auto* d = std::get_if<double>(&v)) out += std::to_string(*d);
      else out += data::format_decimal(data::integer_value(v), 0);
      out += '|';
    }
    out += '\n';
  }
  return out;
}

}  // namespace tajo::exec::test
