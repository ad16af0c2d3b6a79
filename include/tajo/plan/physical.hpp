#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tajo/catalog/types.hpp"
#include "tajo/functions/aggregate.hpp"
#include "tajo/functions/expression.hpp"
#include "tajo/functions/program.hpp"
#include "tajo/plan/logical.hpp"

namespace tajo::plan {

/// A column of an operator's output; expressions above name it by position.
struct PhysicalColumn {
  std::string name;
  data::Type type;
  data::Physical physical = data::Physical::kI32;
  data::Bounds bounds;
};

/// A scan column filtered by the keys of a hash join's build side. The scan is below the probe side of that join, perhaps
/// under other operators (also aggregates): its pipeline starts when the build is complete.
struct RuntimeFilterTarget {
  std::uint16_t filter = 0;   ///< number within the stage
  std::uint32_t column = 0;   ///< position in the scan's output
};

struct ScanNode {
  std::uint32_t table = 0;                    ///< index into PhysicalPlan::tables
  std::vector<std::uint32_t> columns;         ///< table columns delivered, in output order
  std::vector<ExpressionPtr> filters;         ///< conjuncts over the delivered columns: prune blocks, then filter rows
  std::vector<RuntimeFilterTarget> runtime_filters;
};
struct ValuesNode { std::vector<std::vector<data::Value>> rows; };
struct SeriesNode { std::int64_t start = 0, stop = 0, step = 1; };
/// What another stage gave: partition p of all its tasks for task p of a partitioned stage; partition 0 for kGather
/// and kBroadcast. `merge_keys` not empty: inputs are sorted by them and are merged.
struct ExchangeInputNode { std::uint16_t stage = 0; std::vector<SortKey> merge_keys; };
struct FilterNode { std::vector<ExpressionPtr> conjuncts; };
struct ProjectNode { std::vector<ExpressionPtr> expressions; };
/// children[0] probe, children[1] build. Output: the columns `emit` of (probe columns ++ build columns ++ mark).
/// For kRight/kFull unmatched build rows are emitted at the end; kSemi/kAnti/kMark/kLeft/kSingle preserve the probe side.
/// kRightSemi/kRightAnti preserve the build side: build rows with (without) a match are emitted once, at the end, and
/// `emit` names build columns only. A NULL key matches nothing.
struct HashJoinNode {
  JoinType type = JoinType::kInner;
  std::vector<ExpressionPtr> probe_keys, build_keys;   ///< same physical type pairwise
  ExpressionPtr residual;                              ///< over probe ++ build columns; may be null
  /// Anti/mark join of NOT IN / IN; then exactly one key and no residual: without a match the mark is NULL (the anti
  /// join drops the row) when the build side has a NULL key, or when it has any row and the probe key is NULL.
  bool null_aware = false;
  bool build_unique = false;                           ///< proved: at most one build row a key
  std::vector<std::uint32_t> emit;
  std::vector<std::uint16_t> runtime_filters;          ///< filter made from build_keys[i]; 0xFFFF = none
};
/// Joins without equality; the build side is materialised. Same roles and emit rule as HashJoinNode.
struct NestedLoopJoinNode {
  JoinType type = JoinType::kInner;
  ExpressionPtr predicate;  ///< may be null
  std::vector<std::uint32_t> emit;
};
/// Output: keys, then one column a call. No keys: exactly one row (in the single and final phase also for no input).
struct AggregateNode {
  enum class Phase : std::uint8_t { kSingle, kPartial, kFinal };
  Phase phase = Phase::kSingle;
  std::vector<ExpressionPtr> keys;
  std::vector<functions::AggregateCall> calls;
  std::uint64_t estimated_groups = 0;
};
struct WindowNode { std::vector<WindowExpression> windows; };  ///< input columns ++ one a window
struct SortNode { std::vector<SortKey> keys; };
struct TopNNode { std::vector<SortKey> keys; std::int64_t limit = 0, offset = 0; };
struct LimitNode { std::int64_t limit = -1, offset = 0; };
struct UnionAllNode {};

struct PhysicalNode {
  std::variant<ScanNode, ValuesNode, SeriesNode, ExchangeInputNode, FilterNode, ProjectNode, HashJoinNode,
               NestedLoopJoinNode, AggregateNode, WindowNode, SortNode, TopNNode, LimitNode, UnionAllNode>
      detail;
  std::vector<std::unique_ptr<PhysicalNode>> children;
  std::vector<PhysicalColumn> output;
  std::uint32_t id = 0;             ///< unique in the plan: counters of EXPLAIN ANALYZE
  double estimated_rows = 0;
};

struct StageOutput {
  enum class Kind : std::uint8_t {
    kResult,     ///< partition 0 of the single task is the query's result, in order
    kGather,     ///< one partition, read by a single task
    kHash,       ///< partitioned by hash_rows(keys) % partitions
    kBroadcast,  ///< one partition, read by every task of the consumer
    kTable,      ///< rows are written as fragments of PhysicalPlan::write
  };
  Kind kind = Kind::kResult;
  std::vector<ExpressionPtr> keys;
  std::uint16_t partitions = 1;
};

/// What runs between two exchanges: a tree of operators, run by one or more tasks.
struct Stage {
  enum class Distribution : std::uint8_t {
    kOne,         ///< one task with all splits of all its scans
    kSplits,      ///< tasks share the splits of the one scan `driving_scan`; other inputs are broadcast
    kPartitions,  ///< as many tasks as the inputs have partitions
  };
  std::uint16_t number = 0;
  std::unique_ptr<PhysicalNode> root;
  StageOutput output;
  std::vector<std::uint16_t> inputs;       ///< stages it reads
  Distribution distribution = Distribution::kOne;
  std::uint32_t driving_scan = 0;          ///< PhysicalNode::id of the scan
  bool repeatable = true;                  ///< a lost output may be made again alone (design: one attempt for all)
  double estimated_rows = 0;
};

struct PlannedTable {
  catalog::TableNumber number = 0;
  std::string name;
  std::uint64_t version = 0;
  data::TableSource source;
  std::vector<data::FragmentInfo> fragments;  ///< without sketches and block statistics; stripped by the encoder
};

struct WriteTarget {
  catalog::TableNumber table = 0;
  data::TableSource source;     ///< schema the fragments are written with
  bool replace = false;         ///< INSERT OVERWRITE
};

/// Everything workers need to run a query, fixed at planning: snapshot, now(), seeds, sizes of external files.
struct PhysicalPlan {
  std::vector<PlannedTable> tables;
  std::vector<Stage> stages;              ///< topological: inputs come before their consumers; the last is the root
  std::vector<PhysicalColumn> result;     ///< columns of a kResult plan
  std::optional<WriteTarget> write;
  functions::EvaluationSettings settings;
  std::uint64_t planning_us = 0;
};

}  // namespace tajo::plan
