#pragma once
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "evaluator.hpp"
#include "hash_join_spill.hpp"
#include "join_table.hpp"
#include "operator.hpp"

namespace tajo::exec {

/// What build, probe and the pass over unmatched rows share: the table and which of its columns stand for which.
class HashJoin {
 public:
  HashJoin(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings, MemoryAccount& memory,
           const std::vector<std::string>& tmpdirs);

  plan::JoinType type() const { return join.type; }
  bool build_preserving() const {
    return type() == plan::JoinType::kRight || type() == plan::JoinType::kFull || type() == plan::JoinType::kRightSemi ||
           type() == plan::JoinType::kRightAnti;
  }
  bool asks_existence() const {
    return type() == plan::JoinType::kSemi || type() == plan::JoinType::kAnti || type() == plan::JoinType::kMark;
  }
  bool may_spill() { return !keeps_order && spill.files().possible(); }
  void begin_spilling();
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
  JoinTable::Shape shape;
  std::vector<std::size_t> spilled_probe;   ///< probe columns that are emitted or read
  /// The probe side gives rows in an order that has to stay: the join cannot leave some for later.
  bool keeps_order = false;
  JoinSpill spill;
};

class HashJoinBuild final : public Sink {
 public:
  explicit HashJoinBuild(HashJoin& join) : Sink(join.node.id), join_(join) {}
  std::unique_ptr<Local> local(Context& context) override;
  Flow take(Context&, Local& local, const Batch& in) override;
  void combine(Context&, Local& local) override;
  std::uint32_t phase(Context& context, std::uint32_t number) override;
  void part(Context&, std::uint32_t phase, std::uint32_t part) override;
  std::uint64_t spilled() const override { return join_.spill.files().bytes(); }

 private:
  struct State;
  enum class Phase : std::uint8_t { kCollect, kFlush, kLink };
  std::uint32_t complete(Context& context);
  Phase phase_ = Phase::kCollect;           ///< whose parts are under way
  HashJoin& join_;
};

class HashJoinProbe final : public Step {
 public:
  explicit HashJoinProbe(HashJoin& join) : Step(join.node.id), join_(join) {}
  std::unique_ptr<Local> local(Context&) override;
  StepFlow run(Context& context, Local& local, const Batch& in, Batch& out) override;
  /// The same against a given table.
  StepFlow probe(Context& context, Local& local, const JoinTable& table, const Batch& in, Batch& out) const;

 private:
  struct State;
  void put_aside(State& state, const Batch& in) const;
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

/// What is left after all probe pipelines: build rows without (right, full, right anti) or with (right semi) a match,
/// and the join of what lies in spill files.
class HashJoinRest final : public Source {
 public:
  HashJoinRest(HashJoin& join, HashJoinProbe& probe) : Source(join.node.id), join_(join), probe_(probe) {}
  int open(Context&, int) override;
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context&, Local& local, Batch& out) override;

 private:
  struct State;
  struct Piece {
    RowStore::Chunk chunk;
    bool null_key;
  };
  void give(State& state, const JoinTable& table, Batch& out) const;
  bool collect(State& state, const JoinTable& table, const Piece& piece) const;
  bool next_resident(State& state, Batch& out);
  bool next_null_key(State& state, Batch& out);
  bool begin_item(Context& context, State& state);
  bool some_at_a_time() const;
  bool load(Context& context, State& state, bool some) const;
  void divide(Context& context, SpilledJoin&& item);
  bool next_of_item(Context& context, State& state, Batch& out);
  bool read_probe(State& state) const;
  HashJoin& join_;
  HashJoinProbe& probe_;
  std::vector<Piece> pieces_;
  std::atomic<std::uint32_t> next_{0};
  SpilledRows null_keys_;
  std::atomic<std::size_t> next_null_key_{0};
  std::mutex items_mutex_;
  std::vector<SpilledJoin> items_;          ///< bound: kSpillPartitions for each division under way
};

}  // namespace tajo::exec
