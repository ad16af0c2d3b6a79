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
#include "spill.hpp"

namespace tajo::exec {

/// What an aggregation has in spill files of one partition of its groups.
struct SpilledGroups {
  SpilledRows groups;
  std::vector<SpilledRows> distinct;   ///< values of DISTINCT calls, one a separate call
  std::uint32_t divisions = 0;         ///< how often the partition was divided
};

/// Groups rows: each lane into a table of its own, partitioned by hash; AggregateSource joins the lanes' partitions.
/// A lane that gets no more memory writes its groups to the partitions' spill files and starts afresh; what it wrote are
/// rows like those of another lane.
class AggregateSink final : public Sink {
 public:
  AggregateSink(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings,
                const std::vector<std::string>& tmpdirs);
  ~AggregateSink() override;
  std::unique_ptr<Local> local(Context& context) override;
  Flow take(Context&, Local& local, const Batch& in) override;
  void combine(Context&, Local& local) override;
  std::uint64_t spilled() const override { return files_.bytes(); }

 private:
  friend class AggregateSource;
  /// A call with FILTER or DISTINCT evaluates its arguments by itself.
  struct Separate {
    Condition filter;
    Evaluator args;
    std::optional<GroupLayout> distinct;   ///< keys ++ args, to tell repeated values
    RowFormat format;                      ///< of those rows
    std::unique_ptr<SpillPartitions> spilled;
  };
  struct Tables;
  struct State;
  void find_groups(State& state, const Batch& in) const;
  bool number_groups(State& state, const Batch& in, std::span<const data::Vector> keys) const;
  void hash_groups(State& state, const Batch& in, std::span<const data::Vector> keys) const;
  void fold_few(State& state) const;
  void update_together(State& state, const Batch& in) const;
  void update_separate(State& state, std::size_t index, const Batch& in) const;
  void keep_within_memory(Context& context, State& state);
  void spill(Tables& tables, bool groups);

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

  RowFormat format_;                               ///< of group rows
  SpillFiles files_;
  SpillPartitions spilled_;
  std::atomic<bool> spilling_{false};
  std::atomic<std::uint32_t> pressure_{0};         ///< grows when a lane gets no memory: the others spill, too
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
  bool may_merge_in_memory(Context& context, int lanes);
  void spill_finished();
  void merge(Context& context, State& state, std::uint32_t partition);
  void add_distinct(State& state, std::uint32_t partition, std::size_t separate);
  void count_values(State& state, std::size_t separate, std::span<const std::byte* const> rows) const;
  void group_hashes(State& state, std::size_t separate, std::span<const std::byte* const> rows) const;
  void add_row(State& state, std::byte* row, bool copy) const;
  // What lies in spill files (aggregate_spill.cpp).
  void merge_spilled(Context& context, State& state, SpilledGroups&& item);
  bool collect(Context& context, State& state, const SpilledRows& spilled) const;
  void divide(Context& context, State& state, SpilledGroups&& item);
  void count_spilled(Context& context, State& state, std::size_t separate, const SpilledRows& spilled, std::uint32_t divisions);
  void emit(State& state, Batch& out) const;
  AggregateSink& sink_;
  std::atomic<std::uint32_t> next_{0};
  std::vector<std::uint32_t> partitions_;   ///< those with rows
  std::vector<bool> any_null_;              ///< by key
  std::vector<std::vector<bool>> any_null_value_;  ///< by separate call with DISTINCT, then by key and argument
  std::vector<SpilledGroups> spilled_;      ///< parallel to partitions_
  Reservation merge_memory_;                ///< of joining partitions that lie in memory
};

}  // namespace tajo::exec
