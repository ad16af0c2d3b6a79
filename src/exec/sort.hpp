#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "operator.hpp"
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
/// columns: `appended` expressions over the input.
class SortSink final : public Sink {
 public:
  SortSink(std::uint32_t node, const std::vector<plan::SortKey>& keys, const std::vector<plan::PhysicalColumn>& input,
           const std::vector<functions::ExpressionPtr>& appended, const functions::EvaluationSettings& settings, int threads);
  std::unique_ptr<Local> local(Context& context) override;
  Flow take(Context&, Local& local, const Batch& in) override;
  void combine(Context&, Local& local) override;
  std::uint32_t phase(Context& context, std::uint32_t number) override;
  void part(Context&, std::uint32_t phase, std::uint32_t part) override;

  const SortLayout& layout() const { return layout_; }
  /// After the finishing phase: sorted runs.
  const std::vector<std::span<SortEntry>>& runs() const { return runs_; }
  bool any_null(std::size_t column) const { return any_null_[column]; }

 private:
  struct State;
  const Evaluator appended_;
  const SortLayout layout_;
  const int threads_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SortedRows>> parts_;
  std::vector<SortEntry> entries_;
  Reservation entries_memory_;
  std::vector<std::span<SortEntry>> runs_;
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
