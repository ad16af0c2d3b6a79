#pragma once
#include <vector>

#include "evaluator.hpp"
#include "tajo/functions/aggregate.hpp"

namespace tajo::exec {

/// The accumulators of all calls of an aggregation, side by side at the end of a group's row.
class Accumulators {
 public:
  explicit Accumulators(const std::vector<functions::AggregateCall>& calls);
  std::uint32_t bytes() const { return bytes_; }
  std::size_t size() const { return calls_.size(); }

  /// `groups[i]`: start of the accumulators of the i-th selected row's group.
  void update(std::size_t call, std::span<const data::Vector> args, const data::Selection& selection, std::byte* const* groups,
              data::Arena& strings, std::vector<std::byte*>& scratch) const;
  void combine(std::byte* into, const std::byte* other, data::Arena& strings) const;
  data::Vector finish(std::size_t call, const std::byte* const* groups, std::uint32_t count, data::Arena& arena,
                      std::vector<const std::byte*>& scratch) const;

 private:
  const std::vector<functions::AggregateCall>& calls_;
  std::vector<std::uint32_t> offsets_;
  std::uint32_t bytes_ = 0;
};

}  // namespace tajo::exec
