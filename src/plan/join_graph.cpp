#include "join_graph.hpp"

#include <bit>
#include <cmath>
#include <map>

namespace tajo::plan {
namespace {

constexpr double kResidualMatches = 0.9;  // semi joins: matches that survive further conditions

RelationSet bit(std::size_t i) { return RelationSet{1} << i; }

bool is_appendage_join(const LogicalNode& n) {
  switch (n.join_type) {
    case JoinType::kLeft:
    case JoinType::kSemi:
    case JoinType::kAnti:
    case JoinType::kMark:
    case JoinType::kSingle: return true;
    default: return false;
  }
}

class Builder {
 public:
  Builder(Context& context, Estimator& estimator) : context_(context), estimator_(estimator) {}

  JoinGraph build(NodePtr root) {
    flatten(std::move(root));
    for (std::size_t i = 0; i < graph_.relations.size(); ++i) {
      if (graph_.relations[i].join) graph_.appendages |= bit(i);
      graph_.relations[i].columns.for_each([&](ColumnId c) { owner_[c] = static_cast<int>(i); });
    }
    for (std::size_t i = 0; i < graph_.relations.size(); ++i)
      if (graph_.relations[i].join) appendage(i);
    for (ExpressionPtr& c : conjuncts_) add(std::move(c));
    finish_classes();
    return std::move(graph_);
  }

 private:
  void flatten(NodePtr node) {
    const bool room = graph_.relations.size() < kMostRelations;
    if (room && node->kind == Kind::kFilter && !functions::is_volatile(*node->predicate) && node->children[0]->kind == Kind::kJoin &&
        (node->children[0]->join_type == JoinType::kInner || is_appendage_join(*node->children[0]))) {
      split_and(node->predicate, conjuncts_);
      flatten(std::move(node->children[0]));
      return;
    }
    if (room && node->kind == Kind::kJoin && node->join_type == JoinType::kInner &&
        (!node->predicate || !functions::is_volatile(*node->predicate))) {
      split_and(node->predicate, conjuncts_);
      flatten(std::move(node->children[0]));
      flatten(std::move(node->children[1]));
      return;
    }
    if (room && node->kind == Kind::kJoin && is_appendage_join(*node)) {
      const std::size_t first = graph_.relations.size();
      flatten(std::move(node->children[0]));
      const std::size_t end = graph_.relations.size();
      Relation r;
      r.node = std::move(node->children[1]);
      r.rows = estimator_.rows(*r.node);
      if (node->join_type == JoinType::kLeft || node->join_type == JoinType::kSingle) r.columns = visible(*r.node);
      for (ColumnId id : node->ids) r.columns.add(id);
      for (std::size_t i = first; i < end; ++i) r.needs |= bit(i);  // narrowed by its predicate later
      node->children.clear();
      r.join = std::move(node);
      graph_.relations.push_back(std::move(r));
      return;
    }
    Relation r;
    r.rows = estimator_.rows(*node);
    const LogicalNode* base = node->kind == Kind::kFilter ? node->children[0].get() : node.get();
    r.base_rows = std::max(1.0, base->kind == Kind::kScan ? estimator_.rows(*base) : r.rows);
    r.columns = visible(*node);
    r.node = std::move(node);
    graph_.relations.push_back(std::move(r));
  }

  RelationSet refs(const ExpressionPtr& e) const {
    RelationSet out = 0;
    columns_of(e).for_each([&](ColumnId c) {
      auto it = owner_.find(c);
      if (it != owner_.end()) out |= bit(static_cast<std::size_t>(it->second));
    });
    return out;
  }
  RelationSet closure(RelationSet s) const {
    for (;;) {
      RelationSet more = s;
      for (std::size_t i = 0; i < graph_.relations.size(); ++i)
        if ((s & bit(i)) != 0) more |= graph_.relations[i].needs;
      if (more == s) return s;
      s = more;
    }
  }

  void appendage(std::size_t i) {
    Relation& r = graph_.relations[i];
    std::vector<ExpressionPtr> on;
    split_and(r.join->predicate, on);
    split_and(r.join->correlation, on);
    const ColumnSet own = visible(*r.node);
    RelationSet needs = 0;
    double fraction = 1, matches = r.rows;
    for (const ExpressionPtr& c : on) {
      RelationSet s = 0;
      columns_of(c).for_each([&](ColumnId id) {
        if (own.contains(id)) return;
        auto it = owner_.find(id);
        if (it != owner_.end()) s |= bit(static_cast<std::size_t>(it->second));
      });
      needs |= s;
      const bool equality = is_call(*c, "=") && s != 0 && columns_of(c).intersects(own);
      r.has_key = r.has_key || equality;
      if (equality) {
        ExpressionPtr a = c->args[0], b = c->args[1];
        if (covered(a, own)) std::swap(a, b);
        const double mine = b->kind == Expression::Kind::kColumn ? estimator_.distinct(b->column, r.rows) : estimator_.expression_distinct(b, r.rows);
        const double s_eq = estimator_.equality_selectivity(a, 1e9, b, r.rows);
        fraction *= std::min(1.0, mine * s_eq);
        matches *= s_eq;
      } else {
        fraction *= kResidualMatches;
        matches *= estimator_.selectivity(c);
      }
    }
    if (needs != 0) r.needs = needs;
    r.needs = closure(r.needs) & ~bit(i);
    switch (r.join->join_type) {
      case JoinType::kSemi: r.factor = std::min(1.0, fraction); break;
      case JoinType::kAnti: r.factor = std::max(0.05, 1 - fraction); break;
      case JoinType::kLeft: r.factor = std::max(1.0, matches); break;
      default: r.factor = 1;
    }
  }

  void add(ExpressionPtr e) {
    Predicate p;
    const RelationSet direct = refs(e);
    p.refs = closure(direct);
    p.expression = std::move(e);
    if (direct == 0) {
      graph_.above.push_back(std::move(p.expression));
      return;
    }
    if (std::popcount(p.refs) == 1) {
      Relation& r = graph_.relations[static_cast<std::size_t>(std::countr_zero(p.refs))];
      std::vector<ExpressionPtr> one{p.expression};
      r.node = make_filter(std::move(r.node), one);
      r.rows *= estimator_.selectivity(p.expression);
      return;
    }
    const Expression& x = *p.expression;
    if (is_call(x, "=")) {
      p.left = closure(refs(x.args[0]));
      p.right = closure(refs(x.args[1]));
      p.equality = p.left != 0 && p.right != 0 && (p.left & p.right) == 0;
    }
    if (p.equality && x.args[0]->kind == Expression::Kind::kColumn && x.args[1]->kind == Expression::Kind::kColumn) {
      p.equivalence = unite(x.args[0]->column, x.args[1]->column);
      p.selectivity = 1;
    } else if (p.equality) {
      p.selectivity = estimator_.equality_selectivity(x.args[0], 1e9, x.args[1], 1e9);
    } else {
      p.selectivity = conditional(p.expression, p.refs);
    }
    graph_.predicates.push_back(std::move(p));
  }

  /// Of an OR over several relations whose parts were tested on each relation already (or_factors): what is left of it.
  double conditional(const ExpressionPtr& e, RelationSet refs) {
    double s = estimator_.selectivity(e);
    if (e->kind != Expression::Kind::kOr) return s;
    for (RelationSet rest = refs; rest != 0; rest &= rest - 1) {
      const Relation& r = graph_.relations[static_cast<std::size_t>(std::countr_zero(rest))];
      double none = 1;
      bool everywhere = true;
      for (const ExpressionPtr& branch : e->args) {
        std::vector<ExpressionPtr> all, own;
        split_and(branch, all);
        for (const ExpressionPtr& c : all)
          if (!columns_of(c).empty() && covered(c, r.columns)) own.push_back(c);
        everywhere = everywhere && !own.empty();
        none *= 1 - estimator_.selectivity(own);
      }
      if (everywhere && none < 1) s /= 1 - none;
    }
    return std::min(1.0, s);
  }

  int find(int c) const {
    while (parent_[static_cast<std::size_t>(c)] != c) c = parent_[static_cast<std::size_t>(c)];
    return c;
  }
  int number(ColumnId c) {
    auto [it, fresh] = column_class_.emplace(c, static_cast<int>(parent_.size()));
    if (fresh) parent_.push_back(it->second);
    return it->second;
  }
  int unite(ColumnId a, ColumnId b) {
    const int x = find(number(a)), y = find(number(b));
    parent_[static_cast<std::size_t>(x)] = y;
    return y;
  }

  void finish_classes() {
    std::map<int, int> compact;
    std::vector<std::vector<ColumnId>> columns;
    for (const auto& [c, n] : column_class_) {
      auto [it, fresh] = compact.emplace(find(n), static_cast<int>(compact.size()));
      if (fresh) {
        graph_.classes.emplace_back();
        columns.emplace_back();
      }
      const std::size_t k = static_cast<std::size_t>(it->second);
      const int owner = owner_.at(c);
      const Relation& r = graph_.relations[static_cast<std::size_t>(owner)];
      const double d = estimator_.column(c).distinct;
      graph_.classes[k].members.push_back({owner, d >= 0 ? std::max(1.0, d) : std::max(1.0, r.rows)});
      columns[k].push_back(c);
    }
    std::vector<std::size_t> pairs(graph_.classes.size(), 0);
    for (Predicate& p : graph_.predicates) {
      if (p.equivalence < 0) continue;
      p.equivalence = compact.at(find(number(p.expression->args[0]->column)));
      ++pairs[static_cast<std::size_t>(p.equivalence)];
    }
    for (std::size_t k = 0; k < graph_.classes.size(); ++k) {
      const std::size_t n = graph_.classes[k].members.size();
      graph_.classes[k].complete = pairs[k] >= n * (n - 1) / 2;
    }
  }

  Context& context_;
  Estimator& estimator_;
  JoinGraph graph_;
  std::vector<ExpressionPtr> conjuncts_;
  std::unordered_map<ColumnId, int> owner_;
  std::map<ColumnId, int> column_class_;
  std::vector<int> parent_;
};

}  // namespace

JoinGraph make_join_graph(Context& context, Estimator& estimator, NodePtr root) { return Builder(context, estimator).build(std::move(root)); }

int JoinGraph::combine(RelationSet a, RelationSet b) const {
  const bool a_alone = std::has_single_bit(a) && (a & appendages) != 0, b_alone = std::has_single_bit(b) && (b & appendages) != 0;
  if (a_alone && b_alone) return 0;
  if (b_alone) return (relations[static_cast<std::size_t>(std::countr_zero(b))].needs & ~a) == 0 ? 2 : 0;
  if (a_alone) return (relations[static_cast<std::size_t>(std::countr_zero(a))].needs & ~b) == 0 ? 3 : 0;
  return 1;
}

double JoinGraph::rows(RelationSet a, double rows_a, RelationSet b, double rows_b, int how, bool& keyed) const {
  if (how == 3) {
    std::swap(a, b);
    std::swap(rows_a, rows_b);
  }
  const RelationSet both = a | b;
  double out = rows_a * rows_b;
  keyed = false;
  if (how != 1) {
    const Relation& r = relations[static_cast<std::size_t>(std::countr_zero(b))];
    keyed = r.has_key;
    out = rows_a * r.factor;
  }
  double denominator = 1;
  int crossing = 0;
  RelationSet sides_a = ~RelationSet{0}, sides_b = ~RelationSet{0};
  for (const EquivalenceClass& k : classes) {
    double da = 0, db = 0;
    RelationSet in_a = 0, in_b = 0;
    for (const Member& m : k.members) {
      const RelationSet r = bit(static_cast<std::size_t>(m.relation));
      if ((r & a) != 0) {
        da = da == 0 ? m.distinct : std::min(da, m.distinct);
        in_a |= r;
      } else if ((r & b) != 0) {
        db = db == 0 ? m.distinct : std::min(db, m.distinct);
        in_b |= r;
      }
    }
    if (in_a == 0 || in_b == 0) continue;
    ++crossing;
    denominator *= std::max(da, db);
    sides_a &= in_a;
    sides_b &= in_b;
  }
  if (crossing > 0) keyed = true;
  if (crossing > 1 && sides_a != 0 && sides_b != 0) {
    // Several keys between two relations: no more combinations than the smaller of them has rows.
    const double most = std::min(relations[static_cast<std::size_t>(std::countr_zero(sides_a))].base_rows,
                                 relations[static_cast<std::size_t>(std::countr_zero(sides_b))].base_rows);
    denominator = std::min(denominator, std::max(1.0, most));
  }
  out /= denominator;
  for (const Predicate& p : predicates) {
    if (p.equivalence >= 0 || (p.refs & ~both) != 0 || (p.refs & ~a) == 0 || (p.refs & ~b) == 0) continue;
    out *= p.selectivity;
    if (p.equality && (((p.left & ~a) == 0 && (p.right & ~b) == 0) || ((p.left & ~b) == 0 && (p.right & ~a) == 0))) keyed = true;
  }
  return std::max(out, 1e-3);
}

bool JoinGraph::connected(RelationSet a, RelationSet b) const {
  const int how = combine(a, b);
  if (how == 0) return false;
  if (how != 1) return true;
  const RelationSet both = a | b;
  for (const Predicate& p : predicates)
    if ((p.refs & ~both) == 0 && (p.refs & ~a) != 0 && (p.refs & ~b) != 0) return true;
  return false;
}

double join_cost(const JoinGraph& graph, const JoinPlan& a, const JoinPlan& b, int how, double rows, bool keyed) {
  constexpr double kBuild = 2.5, kProbe = 1, kEmit = 0.6, kCompare = 0.15;
  if (!keyed) return a.cost + b.cost + a.rows * b.rows * kCompare + std::min(a.rows, b.rows) * kBuild + rows * kEmit;
  double build = std::min(a.rows, b.rows), probe = std::max(a.rows, b.rows);
  if (how != 1) {
    const Relation& r = graph.relations[static_cast<std::size_t>(std::countr_zero(how == 2 ? b.set : a.set))];
    if (r.join->join_type == JoinType::kMark || r.join->join_type == JoinType::kSingle || r.join->null_aware) {
      build = how == 2 ? b.rows : a.rows;  // these build on their right side, however large
      probe = how == 2 ? a.rows : b.rows;
    }
  }
  return a.cost + b.cost + build * kBuild + probe * kProbe + rows * kEmit;
}

}  // namespace tajo::plan
