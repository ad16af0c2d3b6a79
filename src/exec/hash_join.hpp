#pragma once
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "evaluator.hpp"
#include "join_table.hpp"
#include "operator.hpp"

namespace tajo::exec {

/// What build, probe and the pass over unmatched rows share: the table and which of its columns stand for which.
class HashJoin {
 public:
  HashJoin(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings, MemoryAccount& memory);

  plan::JoinType type() const { return join.type; }
  bool build_preserving() const {
    return type() == plan::JoinType::kRight || type() == plan::JoinType::kFull || type() == plan::JoinType::kRightSemi ||
           type() == plan::JoinType::kRightAnti;
  }
  bool asks_existence() const {
    return type() == plan::JoinType::kSemi || type() == plan::JoinType::kAnti || type() == plan::JoinType::kMark;
  }
  std::size_t mark_column() const { return probe_types.size() + build_types.size(); }
  static constexpr std::size_t kNotStored = ~std::size_t{0};

  const plan::PhysicalNode& node;
  const plan::HashJoinNode& join;
  const std::vector<data::Physical> probe_types, build_types;
  Evaluator probe_keys;
  Evaluator build_values;                   ///< one a stored column
  std::vector<std::size_t> stored_as;       ///< build column → stored column, or kNotStored
  std::vector<std::size_t> residual_build;  ///< build columns the residual reads
  std::vector<std::size_t> emitted_build;   ///< build columns that are emitted
  std::vector<std::size_t> used_probe;      ///< probe columns that are emitted or read by the residual
  Condition residual;
  std::optional<JoinTable> table;
  std::vector<std::shared_ptr<RuntimeFilter>> filters;  ///< by key, or null
};

class HashJoinBuild final : public Sink {
 public:
  explicit HashJoinBuild(HashJoin& join) : Sink(join.node.id), join_(join) {}
  std::unique_ptr<Local> local(Context& context) override;
  Flow take(Context&, Local& local, const Batch& in) override;
  void combine(Context&, Local& local) override;
  std::uint32_t phase(Context& context, std::uint32_t number) override;
  void part(Context&, std::uint32_t phase, std::uint32_t part) override;

 private:
  struct State;
  HashJoin& join_;
};

class HashJoinProbe final : public Step {
 public:
  explicit HashJoinProbe(HashJoin& join) : Step(join.node.id), join_(join) {}
  std::unique_ptr<Local> local(Context&) override;
  StepFlow run(Context& context, Local& local, const Batch& in, Batch& out) override;

 private:
  struct State;
  void begin(State& state, const Batch& in) const;
  StepFlow existence(Context& context, State& state, const Batch& in, Batch& out) const;
  StepFlow all_rows(State& state, const Batch& in, Batch& out) const;
  bool candidates(State& state, const Batch& in) const;
  void advance(State& state, std::uint32_t count) const;
  void emit(State& state, Batch& out) const;
  void unmatched(State& state, const Batch& in, Batch& out) const;
  void gather_build(State& state, const std::vector<std::size_t>& columns) const;
  HashJoin& join_;
};

/// Build rows without (right, full, right anti) or with (right semi) a match, after all probe pipelines.
class HashJoinRest final : public Source {
 public:
  explicit HashJoinRest(HashJoin& join) : Source(join.node.id), join_(join) {}
  int open(Context&, int) override;
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context&, Local& local, Batch& out) override;

 private:
  struct State;
  struct Piece {
    RowStore::Chunk chunk;
    bool null_key;
  };
  HashJoin& join_;
  std::vector<Piece> pieces_;
  std::atomic<std::uint32_t> next_{0};
};

}  // namespace tajo::exec
