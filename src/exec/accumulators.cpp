#include "accumulators.hpp"

namespace tajo::exec {

using functions::AggregateCall;
using functions::AggregateSet;

namespace {
bool stands_apart(const AggregateCall& call) { return call.filter != nullptr || call.distinct; }

AggregateSet common_set(const std::vector<AggregateCall>& calls) {
  std::vector<AggregateCall> together;
  for (const AggregateCall& call : calls)
    if (!stands_apart(call)) together.push_back(call);
  return AggregateSet(together);
}
}  // namespace

Accumulators::Accumulators(const std::vector<AggregateCall>& calls) : together_(common_set(calls)), bytes_(together_.row_size()) {
  for (std::size_t c = 0; c < calls.size(); ++c) {
    if (!stands_apart(calls[c])) {
      places_.push_back({false, together_calls_.size()});
      together_calls_.push_back(c);
      continue;
    }
    places_.push_back({true, separate_.size()});
    AggregateCall plain = calls[c];
    plain.filter = nullptr;  // rows are selected before they get here
    plain.distinct = false;
    separate_.push_back(Separate{c, AggregateSet({&plain, 1}), bytes_});
    bytes_ += separate_.back().set.row_size();
  }
}

std::vector<functions::TextPlace> Accumulators::texts() const {
  std::vector<functions::TextPlace> out = together_.texts();
  for (const Separate& s : separate_)
    for (const functions::TextPlace place : s.set.texts()) out.push_back({place.offset + s.offset, place.growing});
  return out;
}

void Accumulators::combine(std::byte* into, const std::byte* other, data::Arena& strings) const {
  together_.combine(into, other, strings);
  for (const Separate& s : separate_) s.set.combine(into + s.offset, other + s.offset, strings);
}

data::Vector Accumulators::finish(std::size_t call, const std::byte* const* groups, std::uint32_t count, data::Arena& arena,
                                  std::vector<const std::byte*>& scratch) const {
  const Place& place = places_[call];
  if (!place.separate) return together_.finish(place.index, groups, count, arena);
  const Separate& s = separate_[place.index];
  scratch.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) scratch[i] = groups[i] + s.offset;
  return s.set.finish(0, scratch.data(), count, arena);
}

}  // namespace tajo::exec
