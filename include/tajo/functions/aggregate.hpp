#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
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

/// What one call reads of one batch: its evaluated arguments (kFlat or kConstant, at the rows' own positions) and the
/// value of its FILTER (nullptr: none).
struct AggregateInput {
  data::Vector args[2];
  const data::Vector* filter = nullptr;
};

/// A place within a row that points at text: a data::Str, or the growing text of string_agg.
struct TextPlace {
  std::uint32_t offset;
  bool growing;
};
/// The bytes it points at; empty when they lie in the place itself.
std::string_view text_of(const std::byte* row, TextPlace place);
/// Points a place whose text_of() is not empty at a copy of its bytes.
void move_text(std::byte* row, TextPlace place, const char* bytes);

/// All aggregates of a grouping: how their accumulators lie in a group's row, and loops that update all of them.
///
///   AggregateSet set(node.calls);                          // once per operator; immutable, any thread
///   row = zeroed memory of set.row_size() bytes, 16-aligned // per group; all zero = no rows yet
///   set.update(inputs, selection, groups, strings);        // groups[i]: row of the i-th selected row
///   set.update_dense(inputs, selection, numbers, table, group_count, strings);  // row = table + number * row_size()
///   set.update_single(inputs, selection, row, strings);    // no keys: vectorised sums
///   set.combine(into, other, strings);                     // two threads' rows of one group
///   Vector v = set.finish(call, rows, count, arena);       // result column of one call
///
/// Layout: [u64 rows][u64 seen bits, one a call, whole words][8-byte accumulators][16-byte accumulators]. `rows` counts
/// rows of batches in which no argument of a simple call (count, sum without FILTER) had a NULL: such a batch is one
/// pass that adds to all of them and sets no bit; it stands for their counts and seen bits until finish(). DISTINCT is
/// the caller's business. Text results and string_agg keep their bytes in `strings`, which must live as long as the rows.
class AggregateSet {
 public:
  explicit AggregateSet(std::span<const AggregateCall> calls);
  ~AggregateSet();
  AggregateSet(AggregateSet&&) noexcept;
  AggregateSet& operator=(AggregateSet&&) noexcept;

  std::size_t calls() const;
  std::uint32_t row_size() const;  ///< multiple of 16
  /// `inputs[c]` belongs to call c. Throws 22003 when an integer or decimal sum leaves its type.
  void update(std::span<const AggregateInput> inputs, const data::Selection& selection, std::byte* const* groups,
              data::Arena& strings) const;
  /// Group numbers below `group_count`; numbers[i] belongs to the i-th selected row. Fast for few groups.
  void update_dense(std::span<const AggregateInput> inputs, const data::Selection& selection, const std::uint32_t* numbers,
                    std::byte* table, std::uint32_t group_count, data::Arena& strings) const;
  void update_single(std::span<const AggregateInput> inputs, const data::Selection& selection, std::byte* group,
                     data::Arena& strings) const;
  void combine(std::byte* into, const std::byte* other, data::Arena& strings) const;
  data::Vector finish(std::size_t call, const std::byte* const* groups, std::uint32_t count, data::Arena& arena) const;

  /// Cells that point into `strings`: a row that moves to other memory takes their bytes along.
  std::vector<TextPlace> texts() const;

 private:
  struct Layout;
  std::unique_ptr<const Layout> layout_;
};

// One call by itself: a set of one.

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
