#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "evaluator.hpp"
#include "operator.hpp"
#include "runtime_filter.hpp"
#include "task.hpp"

namespace tajo::exec {

/// Work units dealt to lanes: each lane has a contiguous range and takes from its front; a lane that is through takes
/// from the back of the others', from the front of those nobody has begun. So what one lane reads comes in order.
class RangeQueue {
 public:
  void deal(std::uint32_t units, int lanes);
  /// False: nothing is left.
  bool claim(int lane, std::uint32_t& unit);

 private:
  struct alignas(64) Range {
    std::atomic<std::uint64_t> span{0};  ///< end:32 begin:32
    std::atomic<bool> begun{false};
  };
  static bool take(Range& range, bool back, std::uint32_t& unit);
  std::vector<Range> ranges_;
};

/// Reads the task's splits of one table, filters rows by the plan's conjuncts and by runtime filters of joins above.
class ScanSource final : public Source {
 public:
  struct Filter {
    std::shared_ptr<const RuntimeFilter> filter;
    std::uint32_t column;
  };
  ScanSource(const plan::PhysicalNode& node, const TaskSpec& spec, storage::Storage& storage, TaskReport& report,
             std::vector<Filter> filters);
  int open(Context& context, int threads) override;
  std::unique_ptr<Local> local(Context& context) override;
  Flow next(Context& context, Local& local, Batch& out) override;

 private:
  struct State;
  void cut_splits(const std::vector<data::Split>& splits);

  const plan::PhysicalNode& plan_node_;
  const plan::ScanNode& scan_node_;
  const plan::PlannedTable& table_;
  storage::Storage& storage_;
  TaskReport& report_;
  const std::vector<Filter> filters_;
  Condition condition_;
  std::shared_ptr<const storage::Scan> scan_;
  std::vector<data::Split> units_;
  RangeQueue queue_;
};

}  // namespace tajo::exec
