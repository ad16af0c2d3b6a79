#pragma once
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "accumulators.hpp"
#include "evaluator.hpp"
#include "group_table.hpp"
#include "key_coder.hpp"
#include "key_packer.hpp"
#include "operator.hpp"

namespace tajo::exec {

/// Groups rows: each lane into a table of its own, partitioned by hash; AggregateSource joins the lanes' partitions.
class AggregateSink final : public Sink {
 public:
  AggregateSink(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings);
  ~AggregateSink() override;
  std::unique_ptr<Local> local(Context& context) override;
  Flow take(Context&, Local& local, const Batch& in) override;
  void combine(Context&, Local& local) override;

 private:
  friend class AggregateSource;
  /// A call with FILTER or DISTINCT evaluates its arguments by itself.
  struct Separate {
    Condition filter;
    Evaluator args;
    std::optional<GroupLayout> distinct;   ///< keys ++ args, to tell repeated values
  };
  struct Tables;
  struct State;
  void find_groups(State& state, const Batch& in) const;
  bool number_groups(State& state, const Batch& in, std::span<const data::Vector> keys) const;
  void hash_groups(State& state, const Batch& in, std::span<const data::Vector> keys) const;
  void fold_few(State& state) const;
  void update_together(State& state, const Batch& in) const;
  void update_separate(State& state, std::size_t index, const Batch& in) const;

  const plan::AggregateNode& aggregate_;
  Evaluator keys_;
  Evaluator args_;                                 ///< of the calls that are updated together
  Accumulators accumulators_;
  GroupLayout layout_;
  std::optional<KeyPacker> packer_;                ///< keys are one number, and rows' hashes stand for them
  bool index_by_number_ = false;                   ///< of small range: an array finds the groups
  std::vector<Separate> separate_;                 ///< parallel to accumulators_.separate()

  std::mutex mutex_;
  std::vector<std::unique_ptr<Tables>> finished_;  ///< of all lanes
};

/// The groups of an AggregateSink, partition by partition.
class AggregateSource final : public Source {
 public:
  AggregateSource(const plan::PhysicalNode& node, AggregateSink& sink) : Source(node.id), sink_(sink) {}
  int open(Context& context, int threads) override;
  std::unique_ptr<Local> local(Context& context) override;
  Flow next(Context& context, Local& local, Batch& out) override;

 private:
  struct State;
  void merge(Context& context, State& state, std::uint32_t partition);
  void add_distinct(State& state, std::uint32_t partition, std::size_t separate);
  void emit(State& state, Batch& out) const;
  AggregateSink& sink_;
  std::atomic<std::uint32_t> next_{0};
  std::vector<std::uint32_t> partitions_;   ///< those with rows
  std::vector<bool> any_null_;              ///< by key
};

}  // namespace tajo::exec
