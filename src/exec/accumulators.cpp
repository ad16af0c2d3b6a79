#include "accumulators.hpp"

namespace tajo::exec {

Accumulators::Accumulators(const std::vector<functions::AggregateCall>& calls) : calls_(calls) {
  for (const functions::AggregateCall& call : calls_) {
    offsets_.push_back(bytes_);
    bytes_ += (functions::accumulator_size(call) + 15) / 16 * 16;
  }
}

void Accumulators::update(std::size_t call, std::span<const data::Vector> args, const data::Selection& selection,
                          std::byte* const* groups, data::Arena& strings, std::vector<std::byte*>& scratch) const {
  const std::uint32_t offset = offsets_[call];
  if (offset != 0) {
    scratch.resize(selection.count);
    for (std::uint32_t i = 0; i < selection.count; ++i) scratch[i] = groups[i] + offset;
    groups = scratch.data();
  }
  functions::update_accumulators(calls_[call], args, selection, groups, strings);
}

void Accumulators::combine(std::byte* into, const std::byte* other, data::Arena& strings) const {
  for (std::size_t c = 0; c < calls_.size(); ++c)
    if (!calls_[c].distinct) functions::combine_accumulator(calls_[c], into + offsets_[c], other + offsets_[c], strings);
}

data::Vector Accumulators::finish(std::size_t call, const std::byte* const* groups, std::uint32_t count, data::Arena& arena,
                                  std::vector<const std::byte*>& scratch) const {
  scratch.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) scratch[i] = groups[i] + offsets_[call];
  return functions::finish_accumulators(calls_[call], scratch.data(), count, arena);
}

}  // namespace tajo::exec
