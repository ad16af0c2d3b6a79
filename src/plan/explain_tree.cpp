#include "explain_tree.hpp"

#include <utility>

namespace tajo::plan {
namespace {

const char* join_name(JoinType t) {
  switch (t) {
    case JoinType::kInner: return "Inner";
    case JoinType::kLeft: return "Left";
    case JoinType::kRight: return "Right";
    case JoinType::kFull: return "Full";
    case JoinType::kSemi: return "Semi";
    case JoinType::kAnti: return "Anti";
    case JoinType::kMark: return "Mark";
    case JoinType::kSingle: return "Single";
    case JoinType::kRightSemi: return "Right Semi";
    case JoinType::kRightAnti: return "Right Anti";
  }
  return "?";
}

std::string aggregate_name(functions::AggregateKind k) {
  using K = functions::AggregateKind;
  switch (k) {
    case K::kCountStar:
    case K::kCount: return "count";
    case K::kSum: return "sum";
    case K::kMin: return "min";
    case K::kMax: return "max";
    case K::kAnyValue: return "any_value";
    case K::kBoolAnd: return "bool_and";
    case K::kBoolOr: return "bool_or";
    case K::kSumCounts: return "sum_counts";
    case K::kSumSquares: return "sum_squares";
    case K::kStringAgg: return "string_agg";
  }
  return "?";
}

/// Makes the items of a plan; in the whole tree the stages hang below their exchanges.
class Explainer {
 public:
  Explainer(const PhysicalPlan& plan, bool global) : plan_(plan), global_(global) {}

  std::vector<ExplainItem> items() {
    std::vector<ExplainItem> out;
    if (!global_) {
      out.push_back(below(write_line(), tree(*plan_.stages.back().root)));
      return out;
    }
    for (const Stage& s : plan_.stages) {
      ExplainItem stage;
      stage.title = stage_line(s);
      stage.children.push_back(below(s.output.kind == StageOutput::Kind::kTable ? write_line() : "", tree(*s.root)));
      out.push_back(std::move(stage));
    }
    return out;
  }

 private:
  using Names = std::vector<std::string>;

  std::string write_line() const {
    return plan_.write ? std::string(plan_.write->replace ? "Overwrite Table" : "Insert into Table") : "";
  }

  static Names names(const std::vector<PhysicalColumn>& columns) {
    Names out;
    for (const PhysicalColumn& c : columns) out.push_back(c.name);
    return out;
  }
  static std::string text(const ExpressionPtr& e, const Names& n) { return functions::to_string(*e, &n); }
  static std::string list(const std::vector<ExpressionPtr>& es, const Names& n, const char* separator = ", ") {
    std::string s;
    for (const ExpressionPtr& e : es) s += (s.empty() ? "" : separator) + text(e, n);
    return s;
  }
  static std::string list(const std::vector<SortKey>& keys, const Names& n) {
    std::string s;
    for (const SortKey& k : keys) {
      s += (s.empty() ? "" : ", ") + text(k.expression, n);
      if (k.descending) s += " DESC";
      if (k.nulls_first != k.descending) s += k.nulls_first ? " NULLS FIRST" : " NULLS LAST";
    }
    return s;
  }

  std::string output_text(const Stage& s) const {
    switch (s.output.kind) {
      case StageOutput::Kind::kResult: return "result";
      case StageOutput::Kind::kGather: return "gather";
      case StageOutput::Kind::kHash:
        return "hash(" + list(s.output.keys, names(s.root->output)) + ") into " + std::to_string(s.output.partitions) + " partitions";
      case StageOutput::Kind::kBroadcast: return "broadcast";
      case StageOutput::Kind::kTable: return "table fragments";
    }
    return "?";
  }
  std::string stage_line(const Stage& s) const {
    std::string t = "Stage " + std::to_string(s.number) + ": ";
    switch (s.distribution) {
      case Stage::Distribution::kOne: t += "one task"; break;
      case Stage::Distribution::kSplits: t += "tasks over splits of operator " + std::to_string(s.driving_scan); break;
      case Stage::Distribution::kPartitions: t += "a task for each partition"; break;
    }
    t += " -> " + output_text(s);
    if (!s.repeatable) t += ", not repeatable";
    return t;
  }

  static ExplainItem below(const std::string& title, ExplainItem item) {
    if (title.empty()) return item;
    ExplainItem above;
    above.title = title;
    above.children.push_back(std::move(item));
    return above;
  }

  ExplainItem tree(const PhysicalNode& node) {
    ExplainItem item;
    item.node = &node;
    ExplainItem* const outer = std::exchange(item_, &item);
    const PhysicalNode* const outer_node = std::exchange(node_, &node);
    std::visit([&](const auto& d) { show(d); }, node.detail);
    item_ = outer;
    node_ = outer_node;
    for (const auto& c : node.children) item.children.push_back(tree(*c));
    return item;
  }

  void head(const std::string& text) { item_->title = text; }
  void detail(const std::string& label, const std::string& text) {
    if (!text.empty()) item_->details.emplace_back(label, text);
  }
  Names input(std::size_t child = 0) const { return names(node_->children[child]->output); }

  void show(const ScanNode& d) {
    const PlannedTable& t = plan_.tables[d.table];
    head("Scan " + t.name);
    const Names n = names(node_->output);
    detail("Columns", [&] { std::string s; for (const std::string& c : n) s += (s.empty() ? "" : ", ") + c; return s; }());
    detail("Filter", list(d.filters, n, " AND "));
    std::string filters;
    for (const RuntimeFilterTarget& f : d.runtime_filters) filters += (filters.empty() ? "" : ", ") + ("#" + std::to_string(f.filter)) + " on " + n[f.column];
    detail("Runtime Filter", filters);
  }
  void show(const ValuesNode& d) { head("Values (" + std::to_string(d.rows.size()) + ")"); }
  void show(const SeriesNode& d) { head("Series " + std::to_string(d.start) + " to " + std::to_string(d.stop) + " by " + std::to_string(d.step)); }
  void show(const ExchangeInputNode& d) {
    const Stage& s = plan_.stages[d.stage];
    std::string kind = "Exchange";
    if (s.output.kind == StageOutput::Kind::kGather) kind = d.merge_keys.empty() ? "Gather" : "Merging Gather";
    if (s.output.kind == StageOutput::Kind::kBroadcast) kind = "Broadcast";
    if (s.output.kind == StageOutput::Kind::kHash) kind = "Hash Exchange (" + list(s.output.keys, names(s.root->output)) + ")";
    head(kind + " from stage " + std::to_string(d.stage));
    detail("Merge Key", list(d.merge_keys, names(node_->output)));
    if (!global_) item_->children.push_back(tree(*s.root));
  }
  void show(const FilterNode& d) {
    head("Filter");
    detail("Condition", list(d.conjuncts, input(), " AND "));
  }
  void show(const ProjectNode& d) {
    head("Project");
    const Names in = input();
    std::string computed;
    for (std::size_t i = 0; i < d.expressions.size(); ++i)
      if (d.expressions[i]->kind != functions::Expression::Kind::kColumn)
        computed += (computed.empty() ? "" : ", ") + text(d.expressions[i], in) + " AS " + node_->output[i].name;
    detail("Computes", computed);
  }
  void show(const HashJoinNode& d) {
    head(std::string("Hash ") + join_name(d.type) + " Join" + (d.null_aware ? " (null-aware)" : "") + (d.build_unique ? " (unique)" : ""));
    const Names p = input(0), b = input(1);
    std::string keys, filters;
    for (std::size_t i = 0; i < d.probe_keys.size(); ++i) {
      keys += (keys.empty() ? "" : " AND ") + text(d.probe_keys[i], p) + " = " + text(d.build_keys[i], b);
      if (i < d.runtime_filters.size() && d.runtime_filters[i] != 0xFFFF)
        filters += (filters.empty() ? "" : ", ") + ("#" + std::to_string(d.runtime_filters[i])) + " from " + text(d.build_keys[i], b);
    }
    detail("Keys", keys);
    if (d.residual) detail("Residual", text(d.residual, both(p, b)));
    detail("Makes Runtime Filter", filters);
  }
  void show(const NestedLoopJoinNode& d) {
    head(std::string("Nested Loop ") + join_name(d.type) + " Join");
    if (d.predicate) detail("Condition", text(d.predicate, both(input(0), input(1))));
  }
  void show(const AggregateNode& d) {
    const char* phase = d.phase == AggregateNode::Phase::kSingle ? "" : d.phase == AggregateNode::Phase::kPartial ? "Partial " : "Final ";
    head(std::string(phase) + "Aggregate");
    const Names in = input();
    detail("Group Key", list(d.keys, in));
    std::string calls;
    for (const functions::AggregateCall& c : d.calls) {
      calls += (calls.empty() ? "" : ", ") + aggregate_name(c.kind) + "(" + (c.distinct ? "DISTINCT " : "") +
               (c.kind == functions::AggregateKind::kCountStar ? "*" : list(c.args, in)) + ")";
      if (c.filter) calls += " FILTER (" + text(c.filter, in) + ")";
    }
    detail("Aggregates", calls);
  }
  void show(const WindowNode& d) {
    head("Window");
    const Names in = input();
    std::string calls;
    for (const WindowExpression& w : d.windows) calls += (calls.empty() ? "" : ", ") + w.name + "(" + list(w.args, in) + ")";
    detail("Functions", calls);
    if (!d.windows.empty()) {
      detail("Partition Key", list(d.windows[0].partition_by, in));
      detail("Order Key", list(d.windows[0].order_by, in));
    }
  }
  void show(const SortNode& d) {
    head("Sort");
    detail("Sort Key", list(d.keys, input()));
  }
  void show(const TopNNode& d) {
    head("Top " + std::to_string(d.limit) + (d.offset != 0 ? " offset " + std::to_string(d.offset) : ""));
    detail("Sort Key", list(d.keys, input()));
  }
  void show(const LimitNode& d) {
    head(std::string("Limit") + (d.limit >= 0 ? " " + std::to_string(d.limit) : "") + (d.offset != 0 ? " offset " + std::to_string(d.offset) : ""));
  }
  void show(const UnionAllNode&) { head("Union All"); }

  static Names both(Names a, const Names& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  const PhysicalPlan& plan_;
  bool global_;
  ExplainItem* item_ = nullptr;
  const PhysicalNode* node_ = nullptr;
};

}  // namespace

std::vector<ExplainItem> explain_items(const PhysicalPlan& plan, bool global) { return Explainer(plan, global).items(); }

}  // namespace tajo::plan
