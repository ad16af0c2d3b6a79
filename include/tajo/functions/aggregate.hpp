#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tajo/data/type.hpp"
#include "tajo/data/vector.hpp"
#include "tajo/functions/expression.hpp"

namespace tajo::functions {

/// The closed set the engine runs. avg, var, stddev, corr … are rewritten by the planner into these and a final
/// expression, so that partial results are plain columns: count → kSumCounts, the others merge with themselves.
enum class AggregateKind : std::uint8_t {
  kCountStar, kCount, kSum, kMin, kMax, kAnyValue, kBoolAnd, kBoolOr,
  kSumCounts,   ///< sum of partial counts: 0, not NULL, for no rows
  kSumSquares,  ///< sum(x*x) in float8
  kStringAgg,   ///< args: text, delimiter; one phase only
};

struct AggregateCall {
  AggregateKind kind = AggregateKind::kCountStar;
  std::vector<ExpressionPtr> args;
  ExpressionPtr filter;    ///< FILTER (WHERE …), may be null
  bool distinct = false;   ///< rewritten by the planner into a grouping below, except beside other aggregates
  data::Type type;         ///< result
  data::Physical physical = data::Physical::kI64;  ///< of the accumulator's result; bounds may have narrowed it
};

/// The SQL aggregate `name` over these argument types: result type, as PostgreSQL 15 (sum(int4) → int8,
/// sum(int8) → DECIMAL(38,0), sum(decimal(p,s)) → DECIMAL(38,s), avg(int) → DECIMAL(38,…) as documented, float8 for floats).
bool is_aggregate(const std::string& name);
data::Type aggregate_type(const std::string& name, const std::vector<data::Type>& args, bool distinct);

/// How an accumulator lies in a group's row: fixed size, zero-initialised, alignment 16.
std::uint32_t accumulator_size(const AggregateCall& call);
/// The kind that merges partial results of `kind`.
AggregateKind merge_kind(AggregateKind kind);

/// Updates accumulators: groups[i] points at the accumulator of the i-th selected row. `args` are flat or constant,
/// at the rows' own positions. kMin/kMax/kAnyValue of text copy into `strings`. Throws 22003 on overflow.
void update_accumulators(const AggregateCall& call, std::span<const data::Vector> args, const data::Selection& selection,
                         std::byte* const* groups, data::Arena& strings);
/// Folds `other` into `into` (two threads' tables of one task).
void combine_accumulator(const AggregateCall& call, std::byte* into, const std::byte* other, data::Arena& strings);
/// Result values of `count` groups into a flat vector in `arena`.
data::Vector finish_accumulators(const AggregateCall& call, const std::byte* const* groups, std::uint32_t count,
                                 data::Arena& arena);

}  // namespace tajo::functions
