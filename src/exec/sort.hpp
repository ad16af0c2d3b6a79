#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "tajo/exec/engine.hpp"

#include "operator.hpp"
#include "run_merger.hpp"
#include "sort_keys.hpp"

namespace tajo::exec {

/// Rows of one lane with normalised keys.
struct SortedRows {
  SortedRows(const SortLayout& layout, MemoryAccount& memory, const char* owner)
      : store(layout.rows().size()), any_null(layout.stored(), false), reservation(memory, owner) {}
  RowStore store;
  data::Arena rows, strings;
  std::vector<bool> any_null;
  Reservation reservation;
};

/// Collects rows in lanes; the finishing phase sorts runs in parallel, SortSource merges them. Rows may be given more
/// columns: `appended` expressions over the input. A lane that gets no more memory sorts what it has and writes it as a
/// run to the spill files; further phases merge those until few are left.
class SortSink final : public Sink {
 public:
  SortSink(std::uint32_t node, const std::vector<plan::SortKey>& keys, const std::vector<plan::PhysicalColumn>& input,
           const std::vector<functions::ExpressionPtr>& appended, const functions::EvaluationSettings& settings,
           const EngineConfig& config);
  std::unique_ptr<Local> local(Context& context) override;
  Flow take(Context&, Local& local, const Batch& in) override;
  void combine(Context&, Local& local) override;
  std::uint32_t phase(Context& context, std::uint32_t number) override;
  void part(Context&, std::uint32_t phase, std::uint32_t part) override;
  std::uint64_t spilled() const override { return files_.bytes(); }

  const SortLayout& layout() const { return layout_; }
  const RowFormat& format() const { return format_; }
  /// After the finishing phases: sorted runs in memory, and in spill files.
  const std::vector<std::span<SortEntry>>& runs() const { return runs_; }
  const std::vector<SpilledRows>& spilled_runs() const { return spilled_runs_; }
  bool any_null(std::size_t column) const { return any_null_[column]; }

 private:
  struct State;
  void spill(SortedRows& rows);
  std::uint32_t sort_rest();
  const Evaluator appended_;
  const SortLayout layout_;
  const RowFormat format_;
  const int threads_;
  SpillFiles files_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SortedRows>> parts_;
  std::vector<SortEntry> entries_;
  std::vector<std::span<SortEntry>> runs_;
  std::vector<SpilledRows> spilled_runs_;
  std::vector<SpilledRows> merged_runs_;   ///< of the phase under way
  bool writing_rest_ = false;              ///< the phase under way writes what the lanes still had
  std::vector<bool> any_null_;
};

/// The rows of a SortSink in order; one lane.
class SortSource final : public Source {
 public:
  SortSource(const plan::PhysicalNode& node, const SortSink& sink) : Source(node.id), sink_(sink) {}
  int open(Context&, int) override { return 1; }
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context&, Local& local, Batch& out) override;

 private:
  struct State;
  const SortSink& sink_;
};

/// The first rows of an order: every lane keeps the best offset + limit and drops what surely comes after them.
class TopNSink final : public Sink {
 public:
  TopNSink(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings);
  std::unique_ptr<Local> local(Context& context) override;
  Flow take(Context& context, Local& local, const Batch& in) override;
  void combine(Context&, Local& local) override;

 private:
  friend class TopNSource;
  struct State;
  void shrink(Context& context, State& state) const;
  const std::uint64_t offset_, keep_;
  const SortLayout layout_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SortedRows>> parts_;
};

class TopNSource final : public Source {
 public:
  TopNSource(const plan::PhysicalNode& node, TopNSink& sink) : Source(node.id), sink_(sink) {}
  int open(Context& context, int threads) override;
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context&, Local& local, Batch& out) override;

 private:
  struct State;
  TopNSink& sink_;
  std::vector<SortEntry> entries_;
  std::vector<bool> any_null_;
};

}  // namespace tajo::exec
