#pragma once
#include "aggregate.hpp"

namespace tajo::exec {

/// What a lane leaves behind for the source: groups, and the values of DISTINCT calls (one table a Separate, or null).
struct AggregateSink::Tables {
  Tables(const AggregateSink& sink, MemoryAccount& memory) : groups(sink.layout_, memory, "hash aggregation") {
    if (sink.index_by_number_) groups.index_by_number(sink.packer_->range(), memory);
    for (const Separate& separate : sink.separate_)
      distinct.push_back(separate.distinct ? std::make_unique<GroupTable>(*separate.distinct, memory, "distinct aggregation") : nullptr);
  }
  GroupTable groups;
  std::vector<std::unique_ptr<GroupTable>> distinct;
};

struct AggregateSink::State final : Local {
  struct SeparateState {
    Condition::State filter;
    Evaluator::State args;
    std::vector<data::Vector> keys;
    std::vector<std::byte*> rows;
  };
  State(const AggregateSink& sink, MemoryAccount& memory)
      : tables(std::make_unique<Tables>(sink, memory)),
        keys(sink.keys_),
        args(sink.args_),
        inputs(sink.accumulators_.together_calls().size()),
        coder(KeyCoder::make(sink.aggregate_.keys)) {
    for (const Separate& s : sink.separate_)
      separate.push_back(SeparateState{Condition::State(s.filter), Evaluator::State(s.args), {}, {}});
  }
  std::unique_ptr<Tables> tables;
  Evaluator::State keys, args;
  std::vector<functions::AggregateInput> inputs;
  std::vector<SeparateState> separate;

  // Where the rows of the batch under way belong: `only`, or few[i] (below few_rows.size()), or groups[i].
  enum class Found : std::uint8_t { kOnly, kFew, kRows } found = Found::kRows;
  std::byte* only = nullptr;              ///< the group without keys
  std::vector<std::byte*> groups;         ///< group row by place in the selection
  std::vector<std::uint32_t> few;

  // Keys of small domains. Groups get compact numbers; while they are few their accumulators lie in an array.
  std::optional<KeyCoder> coder;
  std::vector<std::uint32_t> compact;     ///< coder's number → compact number + 1
  std::vector<std::byte*> numbered;       ///< compact number → group row
  std::vector<std::byte> few_memory;
  std::byte* few_table = nullptr;         ///< 16-byte aligned; nullptr once the groups are not few any more
  std::vector<data::Vector> flat_keys;
  std::uint32_t pressure = 0;             ///< of the sink, as this lane has answered it
};

}  // namespace tajo::exec
