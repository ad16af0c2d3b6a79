#pragma once
#include <memory>
#include <vector>

#include "estimate.hpp"
#include "tajo/plan/physical.hpp"

namespace tajo::plan {

using PhysicalPtr = std::unique_ptr<PhysicalNode>;

/// A physical operator and which query-wide column stands at each position of its output.
struct Lowered {
  PhysicalPtr node;
  std::vector<ColumnId> layout;
};

/// Turns the rewritten logical tree into one tree of physical operators that deliver only what is needed above;
/// chooses join methods and sides, proves bounds, narrows physical types. Stages are cut afterwards.
class Lower {
 public:
  Lower(Context& context, PhysicalPlan& out)
      : context_(context), out_(out), estimator_(context), prune_(context.settings.workers > 1 || context.settings.force_distributed) {}

  /// The tree whose output is exactly `outputs`.
  PhysicalPtr root(LogicalNode& node, const std::vector<ColumnId>& outputs);

 private:
  Lowered lower(LogicalNode& node, const ColumnSet& required);
  Lowered dispatch(LogicalNode& node, const ColumnSet& required);
  Lowered pruned(Lowered in, const ColumnSet& required);
  Lowered scan(LogicalNode& node, const ColumnSet& required, const LogicalNode* filter);
  Lowered filter(LogicalNode& node, const ColumnSet& required);
  Lowered values(LogicalNode& node, const ColumnSet& required);
  Lowered series(LogicalNode& node);
  Lowered project(LogicalNode& node, const ColumnSet& required);
  Lowered window(LogicalNode& node, const ColumnSet& required);
  Lowered sort(LogicalNode& node, const ColumnSet& required);
  Lowered limit(LogicalNode& node, const ColumnSet& required);
  Lowered empty(const LogicalNode& node, const ColumnSet& required);
  // lower_join.cpp
  Lowered join(LogicalNode& node, const ColumnSet& required);
  Lowered hash_join(LogicalNode& node, const ColumnSet& required, JoinType type, bool swap, bool null_aware,
                    const std::vector<ExpressionPtr>& keys, const std::vector<ExpressionPtr>& residual);
  /// True when the build side's keys keep a good part of the probe rows away.
  bool filters_rows(const ExpressionPtr& probe, const LogicalNode& probe_node, const ExpressionPtr& build, const LogicalNode& build_node);
  Lowered nested_loop(LogicalNode& node, const ColumnSet& required, JoinType type, ExpressionPtr predicate);
  // lower_aggregate.cpp
  Lowered aggregate(LogicalNode& node, const ColumnSet& required);
  functions::AggregateCall call(const AggregateExpression& a, const Lowered& input, double input_rows, bool grouped,
                                PhysicalColumn& column);
  // lower_set.cpp
  Lowered set_operation(LogicalNode& node, const ColumnSet& required);
  Lowered union_all(LogicalNode& node, const std::vector<std::size_t>& positions);

  PhysicalPtr make(double rows);
  /// The expression over positions of `input`, with bounds and physical types derived from its columns.
  ExpressionPtr resolve(const ExpressionPtr& e, const Lowered& input);
  std::vector<ExpressionPtr> resolve(const std::vector<ExpressionPtr>& es, const Lowered& input);
  std::vector<SortKey> resolve(const std::vector<SortKey>& keys, const Lowered& input);
  /// Output column that holds the value of a resolved expression.
  PhysicalColumn column_of(const Expression& e, std::string name) const;
  /// Most rows the operator can give, proved; infinity when nothing is known.
  double most_rows(const PhysicalNode& node) const;
  std::uint32_t table_index(const catalog::TablePtr& table);

  Context& context_;
  PhysicalPlan& out_;
  Estimator estimator_;
  std::vector<std::int32_t> positions_;   ///< scratch of resolve(), by ColumnId
  std::vector<const catalog::Table*> tables_;
  std::uint32_t next_id_ = 1;
  bool prune_;   ///< columns that only filters use must not travel through exchanges
};

/// Bounds and the narrowest safe physical type of an expression over positions of `input` (expression_bounds.cpp).
ExpressionPtr narrow(const ExpressionPtr& e, const std::vector<PhysicalColumn>& input);
/// `e` brought to another physical form of the same type.
ExpressionPtr widen(const ExpressionPtr& e, data::Physical physical);
/// The wider of two physical forms of values of one type.
data::Physical wider(data::Physical a, data::Physical b);
/// Makes key pairs of the same physical type.
void align(ExpressionPtr& a, ExpressionPtr& b);

}  // namespace tajo::plan
