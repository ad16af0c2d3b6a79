#pragma once
#include <atomic>

#include "operator.hpp"
#include "tajo/plan/physical.hpp"

namespace tajo::exec {

/// Constant rows; one lane, in order.
class ValuesSource final : public Source {
 public:
  explicit ValuesSource(const plan::PhysicalNode& node);
  int open(Context&, int) override { return 1; }
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context&, Local& local, Batch& out) override;

 private:
  struct State;
  const std::vector<plan::PhysicalColumn>& columns_;
  const std::vector<std::vector<data::Value>>& rows_;
};

/// start, start + step, … up to stop; lanes claim runs of numbers.
class SeriesSource final : public Source {
 public:
  explicit SeriesSource(const plan::PhysicalNode& node);
  int open(Context&, int threads) override;
  std::unique_ptr<Local> local(Context&) override;
  Flow next(Context&, Local& local, Batch& out) override;

 private:
  struct State;
  const plan::SeriesNode& series_;
  const data::Physical type_;
  std::uint64_t count_ = 0;
  std::atomic<std::uint64_t> claimed_{0};
};

}  // namespace tajo::exec
