#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "evaluator.hpp"
#include "operator.hpp"
#include "rows.hpp"

namespace tajo::exec {

/// A join without equality: the build side is kept in column chunks; every batch meets every build row, either build
/// row by build row (few build rows) or probe row by probe row (few probe rows).
class NestedLoopJoin {
 public:
  NestedLoopJoin(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings);

  struct Chunk {
    std::vector<data::Vector> columns;    ///< flat, by build column
    std::uint32_t rows = 0;
    std::uint64_t first = 0;              ///< number of its first row
  };
  plan::JoinType type() const { return join.type; }
  bool build_preserving() const {
    return type() == plan::JoinType::kRight || type() == plan::JoinType::kFull || type() == plan::JoinType::kRightSemi ||
           type() == plan::JoinType::kRightAnti;
  }
  std::size_t mark_column() const { return probe_types.size() + build_types.size(); }
  void set_matched(std::uint64_t row) {
    std::atomic_ref<std::uint8_t> flag(matched[row]);
    if (flag.load(std::memory_order_relaxed) == 0) flag.store(1, std::memory_order_relaxed);
  }

  const plan::PhysicalNode& node;
  const plan::NestedLoopJoinNode& join;
  const std::vector<data::Physical> probe_types, build_types;
  Evaluator predicate;                    ///< empty: TRUE
  std::mutex mutex;                       ///< of chunks and storage while the build runs
  std::vector<Chunk> chunks;
  std::uint64_t rows = 0;
  std::vector<std::unique_ptr<data::Arena>> storage;
  std::vector<Reservation> reservations;
  ZeroedArray<std::uint8_t> matched;      ///< by build row
};

class NestedLoopBuild final : public Sink {
 public:
  explicit NestedLoopBuild(NestedLoopJoin& join) : Sink(join.node.id), join_(join) {}
  std::unique_ptr<Local> local(Context& context) override;
  Flow take(Context&, Local& local, const Batch& in) override;
  void combine(Context&, Local& local) override;
  std::uint32_t phase(Context& context, std::uint32_t number) override;

 private:
  struct State;
  void close_chunk(State& state) const;
  NestedLoopJoin& join_;
};

class NestedLoopProbe final : public Step {
 public:
  explicit NestedLoopProbe(NestedLoopJoin& join) : Step(join.node.id), join_(join) {}
  std::unique_ptr<Local> local(Context&) override;
  StepFlow run(Context& context, Local& local, const Batch& in, Batch& out) override;

 private:
  struct State;
  void begin(State& state, const Batch& in) const;
  bool pair_up(State& state, const Batch& in) const;
  void evaluate(State& state) const;
  void finish(State& state, const Batch& in, Batch& out) const;
  NestedLoopJoin& join_;
};

class NestedLoopRest final : public Source {
 public:
  explicit NestedLoopRest(NestedLoopJoin& join) : Source(join.node.id), join_(join) {}
  int open(Context&, int) override { return 1; }
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context&, Local& local, Batch& out) override;

 private:
  struct State;
  NestedLoopJoin& join_;
};

}  // namespace tajo::exec
