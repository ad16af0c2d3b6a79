#pragma once
#include <chrono>
#include <condition_variable>
#include <memory>
#include <vector>

#include "fakes.hpp"
#include "tajo/exec/engine.hpp"

namespace tajo::exec::test {

using functions::ExpressionPtr;
using Node = std::unique_ptr<plan::PhysicalNode>;

inline data::Type int4() { return data::Type::of(data::TypeId::kInt4); }
inline data::Type int8() { return data::Type::of(data::TypeId::kInt8); }
inline data::Type text() { return data::Type::of(data::TypeId::kText); }
inline data::Type boolean() { return data::Type::of(data::TypeId::kBool); }
inline data::Type float8() { return data::Type::of(data::TypeId::kFloat8); }
inline data::Type decimal(int precision, int scale) { return data::Type::decimal(precision, scale); }

/// Column `i` of a node's output as an expression, with its bounds.
ExpressionPtr column(const Node& node, std::uint32_t i);
/// Column `i` of a (left) ++ b (right).
ExpressionPtr column(const Node& a, const Node& b, std::uint32_t i);
ExpressionPtr constant(std::int64_t value);
plan::SortKey ascending(ExpressionPtr e);
plan::SortKey descending(ExpressionPtr e);

Node values(const std::vector<data::Type>& types, Rows rows);
Node series(std::int64_t start, std::int64_t stop, std::int64_t step = 1);
Node filter(Node child, std::vector<ExpressionPtr> conjuncts);
Node project(Node child, std::vector<ExpressionPtr> expressions);
Node limit(Node child, std::int64_t limit, std::int64_t offset = 0);
Node union_all(Node a, Node b);
Node sort(Node child, std::vector<plan::SortKey> keys);
Node top_n(Node child, std::vector<plan::SortKey> keys, std::int64_t limit, std::int64_t offset = 0);
Node aggregate(Node child, std::vector<ExpressionPtr> keys, std::vector<functions::AggregateCall> calls,
               plan::AggregateNode::Phase phase = plan::AggregateNode::Phase::kSingle);
functions::AggregateCall call(functions::AggregateKind kind, std::vector<ExpressionPtr> args, data::Type type);
/// Emits all columns that the type has.
Node hash_join(plan::JoinType type, Node probe, Node build, std::vector<std::uint32_t> probe_keys, std::vector<std::uint32_t> build_keys,
               ExpressionPtr residual = nullptr);
Node nested_loop_join(plan::JoinType type, Node probe, Node build, ExpressionPtr predicate);

/// An engine over fakes; plans of one stage run as one task over all fragments.
class Bench {
 public:
  explicit Bench(int threads = 2, std::size_t memory_bytes = std::size_t{1} << 30);
  explicit Bench(const EngineConfig& config) : engine(Engine::make(config, storage, outputs)) {}
  /// A scan of a table of the fake storage; all its columns.
  Node scan(const std::string& table, const std::vector<data::Type>& types);
  void add_table(const std::string& name, const std::vector<data::Type>& types, std::vector<Rows> fragments, bool text_codes = false);

  TaskSpec spec(Node root, plan::StageOutput output = {});
  TaskResult run_task(TaskSpec spec);
  TaskResult wait(std::function<void(std::function<void(TaskResult)>)> submit);
  /// Rows of the result; a failed task throws its Error.
  Rows run(Node root);
  Rows rows_of(const TaskId& task, std::uint16_t partition = 0);

  FakeStorage storage;
  FakeOutputs outputs;
  std::unique_ptr<Engine> engine;
  std::vector<plan::PlannedTable> tables;
  std::map<std::uint32_t, std::vector<data::Split>> splits;

 private:
  std::uint32_t next_query_ = 1;
};

Rows sorted(Rows rows);
std::string print(const Rows& rows);

}  // namespace tajo::exec::test
