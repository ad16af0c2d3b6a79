#pragma once
#include "aggregate.hpp"

namespace tajo::exec {

/// What a lane leaves behind for the source: groups, and the values of DISTINCT calls (one table a Separate, or null).
struct AggregateSink::Tables {
  Tables(const AggregateSink& sink, MemoryAccount& memory) : groups(sink.layout_, memory, "hash aggregation") {
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
        coder(KeyCoder::make(sink.aggregate_.keys)) {
    for (const Separate& s : sink.separate_)
      separate.push_back(SeparateState{Condition::State(s.filter), Evaluator::State(s.args), {}, {}});
  }
  std::unique_ptr<Tables> tables;
  Evaluator::State keys, args;
  std::vector<SeparateState> separate;
  std::optional<KeyCoder> coder;
  std::vector<std::byte*> by_number;      ///< group rows by the coder's numbers
  std::vector<std::byte*> groups;         ///< of the batch under way
  std::vector<data::Vector> flat_keys;
  std::vector<std::byte*> scratch;
  std::byte* only = nullptr;              ///< the group without keys
};

}  // namespace tajo::exec
