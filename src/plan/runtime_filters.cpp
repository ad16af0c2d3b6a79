#include "stages.hpp"

namespace tajo::plan {
namespace {

constexpr double kLeastProbeRows = 4'096;   // below, probing is cheaper than the filter

bool drops_unmatched_probe_rows(JoinType t) {
  return t == JoinType::kInner || t == JoinType::kSemi || t == JoinType::kRight || t == JoinType::kRightSemi || t == JoinType::kRightAnti;
}
bool keeps_probe_rows_apart(JoinType t) {  // a probe row less changes no other output row
  return t != JoinType::kRight && t != JoinType::kFull && t != JoinType::kRightSemi && t != JoinType::kRightAnti;
}

struct Target {
  PhysicalNode* scan = nullptr;
  std::uint32_t column = 0;
};

/// The scan column an output column comes from, where rows of the scan may be dropped by its value without changing
/// the rows that keep it.
Target trace(PhysicalNode& node, std::uint32_t column) {
  if (std::holds_alternative<ScanNode>(node.detail)) return {&node, column};
  if (std::holds_alternative<FilterNode>(node.detail) || std::holds_alternative<SortNode>(node.detail)) return trace(*node.children[0], column);
  if (auto* p = std::get_if<ProjectNode>(&node.detail)) {
    const Expression& e = *p->expressions[column];
    return e.kind == Expression::Kind::kColumn ? trace(*node.children[0], e.column) : Target{};
  }
  if (auto* a = std::get_if<AggregateNode>(&node.detail)) {
    if (column >= a->keys.size() || a->keys[column]->kind != Expression::Kind::kColumn) return {};
    return trace(*node.children[0], a->keys[column]->column);
  }
  const std::vector<std::uint32_t>* emit = nullptr;
  JoinType type = JoinType::kInner;
  if (auto* j = std::get_if<HashJoinNode>(&node.detail)) {
    emit = &j->emit;
    type = j->type;
  } else if (auto* n = std::get_if<NestedLoopJoinNode>(&node.detail)) {
    emit = &n->emit;
    type = n->type;
  }
  if (emit == nullptr) return {};
  const std::uint32_t p = (*emit)[column];
  const std::uint32_t width = static_cast<std::uint32_t>(node.children[0]->output.size());
  if (p < width) return keeps_probe_rows_apart(type) ? trace(*node.children[0], p) : Target{};
  if (p - width >= node.children[1]->output.size()) return {};
  const bool build = type == JoinType::kInner || type == JoinType::kRightSemi || type == JoinType::kRightAnti;
  return build ? trace(*node.children[1], p - width) : Target{};
}

class Filters {
 public:
  void stage(PhysicalNode& node) {
    if (auto* j = std::get_if<HashJoinNode>(&node.detail)) join(node, *j);
    for (PhysicalPtr& c : node.children) stage(*c);
  }

 private:
  void join(PhysicalNode& node, HashJoinNode& j) {
    for (std::size_t k = 0; k < j.probe_keys.size(); ++k) {
      if (j.runtime_filters[k] != kFilterCandidate) continue;
      j.runtime_filters[k] = kNoFilter;
      const Expression& key = *j.probe_keys[k];
      if (!drops_unmatched_probe_rows(j.type) || key.kind != Expression::Kind::kColumn) continue;
      if (key.physical != data::Physical::kI32 && key.physical != data::Physical::kI64) continue;
      const Target t = trace(*node.children[0], key.column);
      if (t.scan == nullptr || t.scan->output[t.column].physical != key.physical || t.scan->estimated_rows < kLeastProbeRows) continue;
      auto& scan = std::get<ScanNode>(t.scan->detail);
      j.runtime_filters[k] = next_;
      scan.runtime_filters.push_back({next_, t.column});
      ++next_;
    }
  }

  std::uint16_t next_ = 0;
};

}  // namespace

void add_runtime_filters(PhysicalPlan& plan) {
  for (Stage& s : plan.stages) Filters().stage(*s.root);
}

}  // namespace tajo::plan
