#include "validate.hpp"

#include <set>

#include "tajo/common/error.hpp"

namespace tajo::plan {
namespace {

using functions::Expression;

[[noreturn]] void broken(const PhysicalNode& node, const std::string& what) {
  throw Error(sqlstate::kInternalError, "invalid plan: operator " + std::to_string(node.id) + ": " + what);
}

class Validator {
 public:
  explicit Validator(const PhysicalPlan& plan) : plan_(plan) {}

  void stage(const Stage& s, std::size_t index) {
    if (s.number != index) throw Error(sqlstate::kInternalError, "invalid plan: stage numbers");
    for (std::uint16_t i : s.inputs)
      if (i >= index) throw Error(sqlstate::kInternalError, "invalid plan: a stage reads a later one");
    stage_ = &s;
    scans_.clear();
    exchanges_.clear();
    tree(*s.root);
    for (const ExpressionPtr& k : s.output.keys) refers(*s.root, k, s.root->output);
    if (exchanges_ != std::set<std::uint16_t>(s.inputs.begin(), s.inputs.end())) broken(*s.root, "inputs of the stage differ from its exchange inputs");
    if (s.distribution == Stage::Distribution::kSplits && (scans_.size() != 1 || !scans_.contains(s.driving_scan)))
      broken(*s.root, "a stage over splits needs exactly its driving scan");
    if (s.distribution == Stage::Distribution::kPartitions && !scans_.empty()) broken(*s.root, "a scan in a partitioned stage");
  }

 private:
  void refers(const PhysicalNode& node, const ExpressionPtr& e, const std::vector<PhysicalColumn>& columns) {
    if (!e) return;
    if (e->kind == Expression::Kind::kColumn) {
      if (e->column >= columns.size()) broken(node, "column " + std::to_string(e->column) + " of " + std::to_string(columns.size()));
      if (e->physical != columns[e->column].physical) broken(node, "physical type of column " + columns[e->column].name);
      if (e->type != columns[e->column].type) broken(node, "type of column " + columns[e->column].name);
    }
    for (const ExpressionPtr& a : e->args) refers(node, a, columns);
  }
  void refers(const PhysicalNode& node, const std::vector<ExpressionPtr>& es, const std::vector<PhysicalColumn>& columns) {
    for (const ExpressionPtr& e : es) refers(node, e, columns);
  }
  void refers(const PhysicalNode& node, const std::vector<SortKey>& keys, const std::vector<PhysicalColumn>& columns) {
    for (const SortKey& k : keys) refers(node, k.expression, columns);
  }
  static void made_by(const PhysicalNode& node, const PhysicalColumn& c, const Expression& e) {
    if (c.physical != e.physical) broken(node, "physical type of output " + c.name);
  }
  static void same_columns(const PhysicalNode& node, const PhysicalNode& child) {
    if (node.output.size() != child.output.size()) broken(node, "passes " + std::to_string(child.output.size()) + " columns as " + std::to_string(node.output.size()));
    for (std::size_t i = 0; i < node.output.size(); ++i)
      if (node.output[i].physical != child.output[i].physical) broken(node, "physical type of output " + node.output[i].name);
  }
  static void children(const PhysicalNode& node, std::size_t n) {
    if (node.children.size() != n) broken(node, "has " + std::to_string(node.children.size()) + " children");
  }

  void emitted(const PhysicalNode& node, const std::vector<std::uint32_t>& emit, bool mark) {
    const auto &probe = node.children[0]->output, &build = node.children[1]->output;
    if (emit.size() != node.output.size()) broken(node, "emit list and output differ");
    for (std::size_t i = 0; i < emit.size(); ++i) {
      const std::size_t p = emit[i];
      if (p >= probe.size() + build.size() + (mark ? 1 : 0)) broken(node, "emits a column that is not there");
      const data::Physical physical = p < probe.size()                  ? probe[p].physical
                                      : p < probe.size() + build.size() ? build[p - probe.size()].physical
                                                                        : data::Physical::kBool;
      if (physical != node.output[i].physical) broken(node, "physical type of output " + node.output[i].name);
    }
  }

  void tree(const PhysicalNode& node) {
    if (!ids_.insert(node.id).second) broken(node, "its id is used twice");
    std::visit([&](const auto& d) { check(node, d); }, node.detail);
    for (const auto& c : node.children) tree(*c);
  }

  void check(const PhysicalNode& node, const ScanNode& d) {
    children(node, 0);
    scans_.insert(node.id);
    if (d.table >= plan_.tables.size()) broken(node, "unknown table");
    const auto& schema = plan_.tables[d.table].source.schema.columns;
    if (d.columns.size() != node.output.size()) broken(node, "columns and output differ");
    for (std::size_t i = 0; i < d.columns.size(); ++i) {
      if (d.columns[i] >= schema.size()) broken(node, "unknown table column");
      if (data::physical_of(schema[d.columns[i]].type) != node.output[i].physical) broken(node, "physical type of scanned column " + node.output[i].name);
    }
    refers(node, d.filters, node.output);
    for (const RuntimeFilterTarget& t : d.runtime_filters)
      if (t.column >= node.output.size()) broken(node, "runtime filter on a column that is not there");
  }
  void check(const PhysicalNode& node, const ValuesNode& d) {
    children(node, 0);
    for (const auto& r : d.rows)
      if (r.size() != node.output.size()) broken(node, "a row of another width");
  }
  void check(const PhysicalNode& node, const SeriesNode&) { children(node, 0); }
  void check(const PhysicalNode& node, const ExchangeInputNode& d) {
    children(node, 0);
    if (d.stage >= stage_->number) broken(node, "reads a later stage");
    same_columns(node, *plan_.stages[d.stage].root);
    refers(node, d.merge_keys, node.output);
    exchanges_.insert(d.stage);
  }
  void check(const PhysicalNode& node, const FilterNode& d) {
    children(node, 1);
    same_columns(node, *node.children[0]);
    refers(node, d.conjuncts, node.output);
  }
  void check(const PhysicalNode& node, const ProjectNode& d) {
    children(node, 1);
    if (d.expressions.size() != node.output.size()) broken(node, "expressions and output differ");
    refers(node, d.expressions, node.children[0]->output);
    for (std::size_t i = 0; i < d.expressions.size(); ++i) made_by(node, node.output[i], *d.expressions[i]);
  }
  void check(const PhysicalNode& node, const HashJoinNode& d) {
    children(node, 2);
    if (d.probe_keys.empty() || d.probe_keys.size() != d.build_keys.size()) broken(node, "join keys");
    if (!d.runtime_filters.empty() && d.runtime_filters.size() != d.build_keys.size()) broken(node, "runtime filters");
    if (d.null_aware && (d.probe_keys.size() != 1 || d.residual)) broken(node, "null-aware join of several conditions");
    refers(node, d.probe_keys, node.children[0]->output);
    refers(node, d.build_keys, node.children[1]->output);
    for (std::size_t i = 0; i < d.probe_keys.size(); ++i)
      if (d.probe_keys[i]->physical != d.build_keys[i]->physical) broken(node, "keys of different physical types");
    std::vector<PhysicalColumn> both = node.children[0]->output;
    both.insert(both.end(), node.children[1]->output.begin(), node.children[1]->output.end());
    refers(node, d.residual, both);
    emitted(node, d.emit, d.type == JoinType::kMark);
  }
  void check(const PhysicalNode& node, const NestedLoopJoinNode& d) {
    children(node, 2);
    std::vector<PhysicalColumn> both = node.children[0]->output;
    both.insert(both.end(), node.children[1]->output.begin(), node.children[1]->output.end());
    refers(node, d.predicate, both);
    emitted(node, d.emit, d.type == JoinType::kMark);
  }
  void check(const PhysicalNode& node, const AggregateNode& d) {
    children(node, 1);
    if (node.output.size() != d.keys.size() + d.calls.size()) broken(node, "keys, calls and output differ");
    refers(node, d.keys, node.children[0]->output);
    for (std::size_t i = 0; i < d.keys.size(); ++i) made_by(node, node.output[i], *d.keys[i]);
    for (std::size_t i = 0; i < d.calls.size(); ++i) {
      refers(node, d.calls[i].args, node.children[0]->output);
      refers(node, d.calls[i].filter, node.children[0]->output);
      if (d.calls[i].physical != node.output[d.keys.size() + i].physical) broken(node, "physical type of an aggregate");
    }
  }
  void check(const PhysicalNode& node, const WindowNode& d) {
    children(node, 1);
    const auto& in = node.children[0]->output;
    if (node.output.size() != in.size() + d.windows.size()) broken(node, "windows and output differ");
    for (const WindowExpression& w : d.windows) {
      refers(node, w.args, in);
      refers(node, w.partition_by, in);
      refers(node, w.order_by, in);
    }
  }
  void check(const PhysicalNode& node, const SortNode& d) {
    children(node, 1);
    same_columns(node, *node.children[0]);
    refers(node, d.keys, node.output);
  }
  void check(const PhysicalNode& node, const TopNNode& d) {
    children(node, 1);
    same_columns(node, *node.children[0]);
    refers(node, d.keys, node.output);
  }
  void check(const PhysicalNode& node, const LimitNode&) {
    children(node, 1);
    same_columns(node, *node.children[0]);
  }
  void check(const PhysicalNode& node, const UnionAllNode&) {
    for (const auto& c : node.children) same_columns(node, *c);
  }

  const PhysicalPlan& plan_;
  const Stage* stage_ = nullptr;
  std::set<std::uint32_t> ids_, scans_;
  std::set<std::uint16_t> exchanges_;
};

}  // namespace

void validate(const PhysicalPlan& plan) {
  if (plan.stages.empty()) throw Error(sqlstate::kInternalError, "invalid plan: no stage");
  Validator validator(plan);
  for (std::size_t i = 0; i < plan.stages.size(); ++i) validator.stage(plan.stages[i], i);
}

}  // namespace tajo::plan
