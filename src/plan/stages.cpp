#include "stages.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "tajo/common/error.hpp"

namespace tajo::plan {
namespace {

using Distribution = Stage::Distribution;
using OutputKind = StageOutput::Kind;

constexpr double kRowsWorthAThread = 65'536;   // inputs below this for every thread of the cluster stay on one worker
constexpr int kPartitionsPerWorker = 2;
constexpr int kMostPartitions = 4'096;
constexpr double kSmallTableRows = 65'536;     // a table of one block is read by one task
constexpr double kGatheredGroups = 10'000;     // so few groups are merged by one task
constexpr double kPoorReduction = 0.6;         // partial aggregation that keeps more rows than this is not worth it
constexpr double kGroupsAPartition = 8;        // fewer, and partitions by them would be uneven
constexpr double kBroadcastMemoryShare = 0.125;  // of a worker's memory, for one broadcast side
constexpr std::size_t kUnionHashColumns = 4;

/// A stage that is still growing.
struct Part {
  PhysicalPtr root;
  Distribution distribution = Distribution::kOne;
  std::uint32_t driving_scan = 0;
  std::vector<std::uint16_t> inputs;
  std::uint16_t partitions = 1;
  /// Of kPartitions: for each key of the partitioning the output columns that hold it; empty: unknown.
  std::vector<std::vector<std::uint32_t>> keys;
  bool repeatable = true;
};

double row_bytes(const PhysicalNode& node) {
  double bytes = 8;
  for (const PhysicalColumn& c : node.output) bytes += c.physical == data::Physical::kStr ? 32 : static_cast<double>(data::physical_width(c.physical));
  return bytes;
}

void visit(const PhysicalNode& node, const std::function<void(const PhysicalNode&)>& f) {
  f(node);
  for (const PhysicalPtr& c : node.children) visit(*c, f);
}

bool has_volatile(const std::vector<ExpressionPtr>& es) {
  return std::any_of(es.begin(), es.end(), [](const ExpressionPtr& e) { return e && functions::is_volatile(*e); });
}

ExpressionPtr column_at(const PhysicalNode& node, std::size_t i) {
  auto e = std::make_shared<Expression>();
  e->kind = Expression::Kind::kColumn;
  e->type = node.output[i].type;
  e->physical = node.output[i].physical;
  e->bounds = node.output[i].bounds;
  e->column = static_cast<std::uint32_t>(i);
  return e;
}

/// Keeps track of the partitioning through an operator: `to[p]` are the output columns that hold input column p.
void remap(Part& part, const std::vector<std::vector<std::uint32_t>>& to) {
  for (auto& key : part.keys) {
    std::vector<std::uint32_t> moved;
    for (std::uint32_t p : key)
      if (p < to.size()) moved.insert(moved.end(), to[p].begin(), to[p].end());
    if (moved.empty()) {
      part.keys.clear();
      return;
    }
    key = std::move(moved);
  }
}

class Cutter {
 public:
  Cutter(const PlannerSettings& settings, PhysicalPlan& plan, const PhysicalNode& root) : settings_(settings), plan_(plan) {
    visit(root, [&](const PhysicalNode& n) { next_id_ = std::max(next_id_, n.id + 1); });
    partitions_ = static_cast<std::uint16_t>(std::clamp(settings.workers * kPartitionsPerWorker, 1, kMostPartitions));
  }

  Part cut(PhysicalPtr node) {
    return std::visit([&](auto& d) { return part(std::move(node), d); }, node->detail);
  }

  std::uint16_t finish(Part part, OutputKind kind, std::vector<ExpressionPtr> keys, std::uint16_t partitions) {
    Stage s;
    s.number = static_cast<std::uint16_t>(plan_.stages.size());
    s.estimated_rows = part.root->estimated_rows;
    s.output.kind = kind;
    s.output.partitions = partitions;
    // Sums of floats differ in the last bits from run to run: they must not decide a row's partition.
    if (kind == OutputKind::kHash)
      for (const ExpressionPtr& k : keys)
        if (k->type.is_float()) part.repeatable = false;
    s.output.keys = std::move(keys);
    s.root = std::move(part.root);
    s.inputs = std::move(part.inputs);
    s.distribution = part.distribution;
    s.driving_scan = part.driving_scan;
    s.repeatable = part.repeatable;
    plan_.stages.push_back(std::move(s));
    return plan_.stages.back().number;
  }

  Part gathered(Part part, std::vector<SortKey> merge = {}) {
    if (part.distribution == Distribution::kOne) return part;
    const std::uint16_t s = finish(std::move(part), OutputKind::kGather, {}, 1);
    Part out;
    out.root = input(s, std::move(merge));
    out.inputs = {s};
    return out;
  }

 private:
  PhysicalPtr make(double rows) {
    auto n = std::make_unique<PhysicalNode>();
    n->id = next_id_++;
    n->estimated_rows = rows;
    return n;
  }
  PhysicalPtr input(std::uint16_t stage, std::vector<SortKey> merge = {}) {
    PhysicalPtr n = make(plan_.stages[stage].estimated_rows);
    n->output = plan_.stages[stage].root->output;
    n->detail = ExchangeInputNode{stage, std::move(merge)};
    return n;
  }

  /// The part's rows, partitioned by the keys, as the start of a new part.
  Part hashed(Part part, std::vector<ExpressionPtr> keys, std::uint16_t partitions) {
    Part out;
    out.distribution = Distribution::kPartitions;
    out.partitions = partitions;
    for (const ExpressionPtr& k : keys) {
      out.keys.emplace_back();
      if (k->kind == Expression::Kind::kColumn) out.keys.back().push_back(k->column);
    }
    if (std::any_of(out.keys.begin(), out.keys.end(), [](const auto& k) { return k.empty(); })) out.keys.clear();
    const std::uint16_t s = finish(std::move(part), OutputKind::kHash, std::move(keys), partitions);
    out.root = input(s);
    out.inputs = {s};
    return out;
  }

  static void absorb(Part& into, Part& other) {
    for (std::uint16_t i : other.inputs)
      if (std::find(into.inputs.begin(), into.inputs.end(), i) == into.inputs.end()) into.inputs.push_back(i);
    into.repeatable = into.repeatable && other.repeatable;
  }

  /// A unary operator that passes its input's columns on.
  Part over(PhysicalPtr node) {
    Part p = cut(std::move(node->children[0]));
    node->children[0] = std::move(p.root);
    p.root = std::move(node);
    return p;
  }

  Part part(PhysicalPtr node, ScanNode& d) {
    Part p;
    double rows = 0;
    for (const data::FragmentInfo& f : plan_.tables[d.table].fragments) rows += f.unknown_rows ? kSmallTableRows : static_cast<double>(f.rows);
    if (rows >= kSmallTableRows || settings_.force_distributed) {
      p.distribution = Distribution::kSplits;
      p.driving_scan = node->id;
    }
    p.repeatable = !has_volatile(d.filters);
    p.root = std::move(node);
    return p;
  }
  Part leaf(PhysicalPtr node) {
    Part p;
    p.root = std::move(node);
    return p;
  }
  Part part(PhysicalPtr node, ValuesNode&) { return leaf(std::move(node)); }
  Part part(PhysicalPtr node, SeriesNode&) { return leaf(std::move(node)); }
  Part part(PhysicalPtr node, ExchangeInputNode&) { return leaf(std::move(node)); }

  Part part(PhysicalPtr node, FilterNode& d) {
    const bool fixed = !has_volatile(d.conjuncts);
    Part p = over(std::move(node));
    p.repeatable = p.repeatable && fixed;
    return p;
  }

  Part part(PhysicalPtr node, ProjectNode& d) {
    std::vector<std::vector<std::uint32_t>> to(node->children[0]->output.size());
    for (std::size_t i = 0; i < d.expressions.size(); ++i)
      if (d.expressions[i]->kind == Expression::Kind::kColumn) to[d.expressions[i]->column].push_back(static_cast<std::uint32_t>(i));
    const bool fixed = !has_volatile(d.expressions);
    Part p = over(std::move(node));
    p.repeatable = p.repeatable && fixed;
    remap(p, to);
    return p;
  }

  Part part(PhysicalPtr node, HashJoinNode& d) {
    Part probe = cut(std::move(node->children[0])), build = cut(std::move(node->children[1]));
    const bool keeps_build = d.type == JoinType::kRight || d.type == JoinType::kFull || d.type == JoinType::kRightSemi || d.type == JoinType::kRightAnti;
    if (probe.distribution == Distribution::kOne && build.distribution == Distribution::kOne) return joined(std::move(node), std::move(probe), std::move(build), d.emit);
    const double build_bytes = build.root->estimated_rows * row_bytes(*build.root);
    const double rows = probe.root->estimated_rows + build.root->estimated_rows;
    if (rows < kSmallTableRows && !settings_.force_distributed)
      return joined(std::move(node), gathered(std::move(probe)), gathered(std::move(build)), d.emit);
    const bool small = build.root->estimated_rows * settings_.workers <= probe.root->estimated_rows &&
                       build_bytes <= static_cast<double>(settings_.worker_memory_bytes) * kBroadcastMemoryShare;
    if (d.null_aware || (!keeps_build && small && probe.distribution != Distribution::kOne))
      return joined(std::move(node), std::move(probe), broadcast(std::move(build)), d.emit);

    // Partition both sides, but leave a side alone that lies right already.
    std::vector<std::size_t> order = aligned(probe, d.probe_keys);
    if (!order.empty()) {
      if (build.partitions != probe.partitions || aligned(build, d.build_keys) != order)
        build = hashed(std::move(build), picked(d.build_keys, order), probe.partitions);
    } else if (order = aligned(build, d.build_keys); !order.empty()) {
      probe = hashed(std::move(probe), picked(d.probe_keys, order), build.partitions);
    } else {
      probe = hashed(std::move(probe), d.probe_keys, partitions_);
      build = hashed(std::move(build), d.build_keys, partitions_);
    }
    return joined(std::move(node), std::move(probe), std::move(build), d.emit);
  }

  /// For each key of the part's partitioning the join key that is the same column; empty when one has none.
  static std::vector<std::size_t> aligned(const Part& part, const std::vector<ExpressionPtr>& keys) {
    std::vector<std::size_t> out;
    if (part.distribution != Distribution::kPartitions) return out;
    for (const auto& columns : part.keys) {
      auto it = std::find_if(keys.begin(), keys.end(), [&](const ExpressionPtr& k) {
        return k->kind == Expression::Kind::kColumn && std::find(columns.begin(), columns.end(), k->column) != columns.end();
      });
      if (it == keys.end()) return {};
      out.push_back(static_cast<std::size_t>(it - keys.begin()));
    }
    return out;
  }
  static std::vector<ExpressionPtr> picked(const std::vector<ExpressionPtr>& keys, const std::vector<std::size_t>& order) {
    std::vector<ExpressionPtr> out;
    for (std::size_t i : order) out.push_back(keys[i]);
    return out;
  }

  Part broadcast(Part build) {
    const std::uint16_t s = finish(std::move(build), OutputKind::kBroadcast, {}, 1);
    Part out;
    out.root = input(s);
    out.inputs = {s};
    return out;
  }

  /// Both inputs in the probe's part.
  Part joined(PhysicalPtr node, Part probe, Part build, const std::vector<std::uint32_t>& emit) {
    const std::size_t probe_width = probe.root->output.size(), width = probe_width + build.root->output.size();
    std::vector<std::vector<std::uint32_t>> to(width);
    for (std::size_t i = 0; i < emit.size(); ++i)
      if (emit[i] < width) to[emit[i]].push_back(static_cast<std::uint32_t>(i));
    if (const auto* d = std::get_if<HashJoinNode>(&node->detail)) {
      // Rows filled up with NULLs lie where their other side lies: then a key column of the filled side tells nothing.
      const bool probe_filled = d->type == JoinType::kRight || d->type == JoinType::kFull;
      const bool build_filled = d->type == JoinType::kLeft || d->type == JoinType::kFull || d->type == JoinType::kSingle;
      std::vector<std::vector<std::uint32_t>> merged(probe_width);
      for (std::size_t p = 0; p < probe_width && !probe_filled; ++p) merged[p] = to[p];
      for (std::size_t k = 0; k < d->probe_keys.size() && !build_filled; ++k) {
        const Expression &p = *d->probe_keys[k], &b = *d->build_keys[k];
        if (p.kind != Expression::Kind::kColumn || b.kind != Expression::Kind::kColumn) continue;
        const auto& more = to[probe_width + b.column];
        merged[p.column].insert(merged[p.column].end(), more.begin(), more.end());
      }
      to = std::move(merged);
    } else {
      to.resize(probe_width);
    }
    absorb(probe, build);
    node->children[0] = std::move(probe.root);
    node->children[1] = std::move(build.root);
    probe.root = std::move(node);
    remap(probe, to);
    return probe;
  }

  Part part(PhysicalPtr node, NestedLoopJoinNode& d) {
    Part probe = cut(std::move(node->children[0])), build = cut(std::move(node->children[1]));
    const bool keeps_build = d.type == JoinType::kFull || d.type == JoinType::kRight || d.type == JoinType::kRightSemi || d.type == JoinType::kRightAnti;
    if (keeps_build) {
      probe = gathered(std::move(probe));
      build = gathered(std::move(build));
    } else if (probe.distribution != Distribution::kOne || build.distribution != Distribution::kOne) {
      build = probe.distribution == Distribution::kOne ? gathered(std::move(build)) : broadcast(std::move(build));
    }
    return joined(std::move(node), std::move(probe), std::move(build), d.emit);
  }

  Part part(PhysicalPtr node, AggregateNode& d) {
    const bool ordered = std::any_of(d.calls.begin(), d.calls.end(), [](const auto& c) { return c.kind == functions::AggregateKind::kStringAgg; });
    const bool whole = ordered || std::any_of(d.calls.begin(), d.calls.end(), [](const auto& c) { return c.distinct; });
    PhysicalPtr sort;
    if (ordered && std::holds_alternative<SortNode>(node->children[0]->detail)) {
      sort = std::move(node->children[0]);
      node->children[0] = std::move(sort->children[0]);
    }
    const std::vector<std::uint32_t> wanted = std::exchange(wanted_, {});
    // A grouping of groups: the inner one is partitioned as the outer one needs it.
    if (const auto* inner = std::get_if<AggregateNode>(&node->children[0]->detail);
        inner != nullptr && static_cast<double>(d.estimated_groups) >= kGroupsAPartition * partitions_)
      for (const ExpressionPtr& k : d.keys)
        if (k->kind == Expression::Kind::kColumn && k->column < inner->keys.size()) wanted_.push_back(k->column);
    Part in = cut(std::move(node->children[0]));
    wanted_.clear();
    auto place = [&](Part p) {
      if (sort) {
        sort->children[0] = std::move(p.root);
        p.root = std::move(sort);
      }
      std::vector<std::vector<std::uint32_t>> to(p.root->output.size());
      for (std::size_t i = 0; i < d.keys.size(); ++i)
        if (d.keys[i]->kind == Expression::Kind::kColumn) to[d.keys[i]->column].push_back(static_cast<std::uint32_t>(i));
      node->children[0] = std::move(p.root);
      p.root = std::move(node);
      remap(p, to);
      if (ordered) p.repeatable = false;
      return p;
    };
    if (in.distribution == Distribution::kOne || !aligned(in, d.keys).empty()) return place(std::move(in));
    const double rows = in.root->estimated_rows, groups = static_cast<double>(d.estimated_groups);
    if (whole || (!d.keys.empty() && groups > rows * kPoorReduction && groups > kGatheredGroups)) {
      Part p = d.keys.empty() ? gathered(std::move(in)) : hashed(std::move(in), chosen(d.keys, wanted), partitions_);
      return place(std::move(p));
    }
    return two_phases(std::move(node), d, std::move(in), rows, groups, wanted);
  }

  static std::vector<ExpressionPtr> chosen(const std::vector<ExpressionPtr>& keys, const std::vector<std::uint32_t>& wanted) {
    if (wanted.empty()) return keys;
    std::vector<ExpressionPtr> out;
    for (std::uint32_t i : wanted) out.push_back(keys[i]);
    return out;
  }

  /// An aggregate passes no column on: a projection that only leaves columns out need not stand below it.
  static void see_through(PhysicalPtr& child, AggregateNode& d) {
    const auto* p = std::get_if<ProjectNode>(&child->detail);
    if (p == nullptr) return;
    for (const ExpressionPtr& e : p->expressions)
      if (e->kind != Expression::Kind::kColumn) return;
    auto through = [&](ExpressionPtr& e) {
      if (e) e = functions::transform(e, [&](const ExpressionPtr& x) -> ExpressionPtr { return x->kind == Expression::Kind::kColumn ? p->expressions[x->column] : nullptr; });
    };
    for (ExpressionPtr& k : d.keys) through(k);
    for (functions::AggregateCall& c : d.calls) {
      for (ExpressionPtr& a : c.args) through(a);
      through(c.filter);
    }
    PhysicalPtr below = std::move(child->children[0]);
    child = std::move(below);
  }

  Part two_phases(PhysicalPtr node, AggregateNode& d, Part in, double rows, double groups, const std::vector<std::uint32_t>& wanted) {
    if (in.distribution == Distribution::kSplits) see_through(in.root, d);
    PhysicalPtr partial = make(std::min(rows, groups * settings_.workers));
    AggregateNode first;
    first.phase = AggregateNode::Phase::kPartial;
    first.keys = d.keys;
    first.calls = d.calls;
    first.estimated_groups = d.estimated_groups;
    partial->output = node->output;
    partial->detail = std::move(first);
    partial->children.push_back(std::move(in.root));
    in.root = std::move(partial);
    const std::size_t keys = d.keys.size();
    std::vector<ExpressionPtr> columns;
    for (std::size_t i = 0; i < keys; ++i) columns.push_back(column_at(*in.root, i));
    Part out = keys == 0 || groups <= kGatheredGroups ? gathered(std::move(in)) : hashed(std::move(in), chosen(columns, wanted), partitions_);
    d.phase = AggregateNode::Phase::kFinal;
    d.keys = columns;
    for (std::size_t j = 0; j < d.calls.size(); ++j) {
      functions::AggregateCall& c = d.calls[j];
      c.kind = functions::merge_kind(c.kind);
      c.filter = nullptr;
      c.args = {column_at(*out.root, keys + j)};
    }
    node->children[0] = std::move(out.root);
    out.root = std::move(node);
    return out;  // keys are the first columns before and after
  }

  Part part(PhysicalPtr node, WindowNode& d) {
    Part in = cut(std::move(node->children[0]));
    const std::vector<ExpressionPtr>& keys = d.windows[0].partition_by;
    if (in.distribution != Distribution::kOne && aligned(in, keys).empty())
      in = keys.empty() ? gathered(std::move(in)) : hashed(std::move(in), keys, partitions_);
    node->children[0] = std::move(in.root);
    in.root = std::move(node);
    in.repeatable = false;  // ties by arrival
    return in;
  }

  Part part(PhysicalPtr node, SortNode& d) {
    std::vector<SortKey> keys = d.keys;
    return gathered(over(std::move(node)), std::move(keys));
  }

  Part part(PhysicalPtr node, TopNNode& d) {
    Part in = cut(std::move(node->children[0]));
    if (in.distribution != Distribution::kOne) {
      PhysicalPtr first = make(std::min(in.root->estimated_rows, static_cast<double>(d.limit + d.offset) * settings_.workers));
      first->output = node->output;
      first->detail = TopNNode{d.keys, d.limit + d.offset, 0};
      first->children.push_back(std::move(in.root));
      in.root = std::move(first);
      in.repeatable = false;  // ties by arrival
      in = gathered(std::move(in));
    }
    node->children[0] = std::move(in.root);
    in.root = std::move(node);
    in.repeatable = false;
    return in;
  }

  Part part(PhysicalPtr node, LimitNode& d) {
    Part in = cut(std::move(node->children[0]));
    if (in.distribution != Distribution::kOne) {
      if (d.limit >= 0) {
        PhysicalPtr first = make(std::min(in.root->estimated_rows, static_cast<double>(d.limit + d.offset) * settings_.workers));
        first->output = node->output;
        first->detail = LimitNode{d.limit + d.offset, 0};
        first->children.push_back(std::move(in.root));
        in.root = std::move(first);
      }
      in.repeatable = false;
      in = gathered(std::move(in));
    }
    node->children[0] = std::move(in.root);
    in.root = std::move(node);
    in.repeatable = false;
    return in;
  }

  Part part(PhysicalPtr node, UnionAllNode&) {
    std::vector<Part> parts;
    bool all_one = true;
    for (PhysicalPtr& c : node->children) {
      parts.push_back(cut(std::move(c)));
      all_one = all_one && parts.back().distribution == Distribution::kOne;
    }
    const std::size_t columns = std::min(kUnionHashColumns, node->output.size());
    const bool gather = columns == 0 || node->estimated_rows < kGatheredGroups;
    Part out;
    if (!all_one && !gather) {
      out.distribution = Distribution::kPartitions;
      out.partitions = partitions_;
      for (std::uint32_t i = 0; i < columns; ++i) out.keys.push_back({i});
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Part p = std::move(parts[i]);
      if (!all_one && gather) {
        p = gathered(std::move(p));
      } else if (!all_one) {
        std::vector<ExpressionPtr> keys;
        for (std::size_t k = 0; k < columns; ++k) keys.push_back(column_at(*p.root, k));
        p = hashed(std::move(p), std::move(keys), partitions_);
      }
      absorb(out, p);
      node->children[i] = std::move(p.root);
    }
    out.root = std::move(node);
    return out;
  }

  const PlannerSettings& settings_;
  PhysicalPlan& plan_;
  std::uint32_t next_id_ = 1;
  std::uint16_t partitions_ = 1;
  std::vector<std::uint32_t> wanted_;  ///< keys by which the aggregate that is cut next should be partitioned
};

bool one_worker(const PhysicalNode& root, const PlannerSettings& settings, const PhysicalPlan& plan) {
  if (settings.force_distributed) return false;
  if (settings.workers <= 1) return true;
  double rows = 0;
  visit(root, [&](const PhysicalNode& n) {
    if (const auto* s = std::get_if<ScanNode>(&n.detail)) {
      for (const data::FragmentInfo& f : plan.tables[s->table].fragments)
        rows += f.unknown_rows ? static_cast<double>(f.bytes) / 100 : static_cast<double>(f.rows);
    } else if (std::holds_alternative<SeriesNode>(n.detail)) {
      rows += n.estimated_rows;
    }
  });
  return rows < kRowsWorthAThread * settings.workers * std::max(1, settings.threads_per_worker);
}

}  // namespace

void cut_stages(PhysicalPtr root, const PlannerSettings& settings, PhysicalPlan& plan) {
  const OutputKind last = plan.write ? OutputKind::kTable : OutputKind::kResult;
  Cutter cutter(settings, plan, *root);
  if (one_worker(*root, settings, plan)) {
    Part whole;
    visit(*root, [&](const PhysicalNode& n) {
      if (std::holds_alternative<LimitNode>(n.detail) || std::holds_alternative<TopNNode>(n.detail) || std::holds_alternative<WindowNode>(n.detail)) whole.repeatable = false;
    });
    whole.root = std::move(root);
    cutter.finish(std::move(whole), last, {}, 1);
    return;
  }
  Part top = cutter.cut(std::move(root));
  if (last == OutputKind::kResult) top = cutter.gathered(std::move(top));
  cutter.finish(std::move(top), last, {}, 1);
}

}  // namespace tajo::plan
