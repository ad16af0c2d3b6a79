#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "operator.hpp"
#include "sort.hpp"

namespace tajo::exec {

/// The windows of one partitioning and order, computed in one pass over rows sorted by them.
struct WindowPass {
  struct Function {
    std::size_t window;                               ///< index into WindowNode::windows
    std::vector<std::size_t> arguments;               ///< columns of the sorted rows
  };
  std::vector<plan::SortKey> keys;                    ///< partition, then order
  std::size_t partition_keys = 0;
  std::vector<plan::PhysicalColumn> input;            ///< the node's input and what earlier passes computed
  std::vector<functions::ExpressionPtr> arguments;    ///< appended to the rows
  std::vector<Function> functions;
  std::vector<std::size_t> emit;                      ///< of (input ++ this pass's results)
};
/// Error 0A000 for a function that no pass can compute.
std::vector<WindowPass> window_passes(const plan::PhysicalNode& node);

/// Computes the functions of one pass over sorted rows and gives the rows on; one lane. Rows of spilled runs are taken
/// some whole partitions at a time; one partition has to fit into memory.
class WindowSource final : public Source {
 public:
  WindowSource(const plan::PhysicalNode& node, WindowPass pass, const SortSink& sorted);
  int open(Context& context, int threads) override;
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context&, Local& local, Batch& out) override;

 private:
  struct State;
  /// Values by sorted row; or, for functions that give a value of another row, which row (nullptr: `fallback`).
  struct Result {
    data::Physical type;
    std::vector<std::byte> values;
    std::vector<std::uint64_t> valid;
    std::vector<const std::byte*> rows;
    std::size_t column = 0, fallback = kNone;         ///< of `rows`
  };
  static constexpr std::size_t kNone = ~std::size_t{0};
  struct Range {
    std::size_t begin, end;
  };
  void merge_runs();
  bool load_portion(Context& context);
  void compute_all(Context& context);
  void compute(Context& context, const WindowPass::Function& function, Result& result);
  void number(const plan::WindowExpression& window, const WindowPass::Function& function, Range partition, Result& result) const;
  void fetch(const plan::WindowExpression& window, const WindowPass::Function& function, Range partition, Result& result) const;
  void accumulate(Context& context, const plan::WindowExpression& window, const WindowPass::Function& function, Range partition,
                  Result& result);
  std::size_t peers_end(std::size_t row, std::size_t end) const;
  /// The rows each row of the partition sees; both ends only ever grow.
  std::vector<Range> frames(const plan::WindowExpression& window, const WindowPass::Function& function, Range partition) const;
  void frames_by_value(const plan::WindowExpression& window, const WindowPass::Function& function, Range partition, std::vector<Range>& out) const;
  void accumulate_frames(Context& context, const functions::AggregateCall& call, const WindowPass::Function& function, std::size_t arguments,
                         Range partition, const std::vector<Range>& frames, Result& result);
  void store_value(Result& result, const data::Vector& value, std::size_t row) const;
  std::int64_t integer_argument(const WindowPass::Function& function, std::size_t argument, std::size_t row, std::int64_t otherwise) const;

  const plan::WindowNode& window_node_;
  const WindowPass pass_;
  const SortSink& sorted_;
  std::vector<const std::byte*> rows_;                ///< all, or a portion of whole partitions when runs were spilled
  std::vector<Result> results_;
  data::Arena strings_;                               ///< of text results
  Reservation reservation_;
  // Only when runs were spilled.
  std::optional<RunMerger> merger_;
  std::span<const std::byte* const> ahead_;           ///< of the merger, not yet taken
  std::unique_ptr<SortedRows> portion_;
};

}  // namespace tajo::exec
