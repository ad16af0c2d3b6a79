#pragma once
#include <vector>

#include "tajo/functions/aggregate.hpp"

namespace tajo::exec {

/// The accumulators of an aggregation at the end of a group's row: those that every row updates as one set, and, each
/// by itself, those with FILTER or DISTINCT. Immutable.
class Accumulators {
 public:
  explicit Accumulators(const std::vector<functions::AggregateCall>& calls);

  struct Separate {
    std::size_t call;
    functions::AggregateSet set;
    std::uint32_t offset;
  };
  std::uint32_t bytes() const { return bytes_; }
  std::size_t size() const { return places_.size(); }
  const functions::AggregateSet& together() const { return together_; }       ///< at the start of the accumulators
  const std::vector<std::size_t>& together_calls() const { return together_calls_; }
  const std::vector<Separate>& separate() const { return separate_; }

  /// Places within the accumulators that point at text.
  std::vector<functions::TextPlace> texts() const;
  void combine(std::byte* into, const std::byte* other, data::Arena& strings) const;
  /// `groups[i]`: start of the accumulators of group i.
  data::Vector finish(std::size_t call, const std::byte* const* groups, std::uint32_t count, data::Arena& arena,
                      std::vector<const std::byte*>& scratch) const;

 private:
  struct Place {
    bool separate;
    std::size_t index;   ///< within the set, or of the Separate
  };
  std::vector<Place> places_;
  std::vector<std::size_t> together_calls_;
  functions::AggregateSet together_;
  std::vector<Separate> separate_;
  std::uint32_t bytes_ = 0;
};

}  // namespace tajo::exec
