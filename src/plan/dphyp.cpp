#include <algorithm>
#include <bit>

#include "join_graph.hpp"

namespace tajo::plan {
namespace {

constexpr std::size_t kMostExactRelations = 12;
constexpr int kMostPairs = 20'000;  // pairs of sets looked at before the greedy order takes over (cliques)

struct Edge {
  RelationSet left, right;
};

RelationSet lowest(RelationSet s) { return s & (~s + 1); }
RelationSet up_to(RelationSet one) { return one | (one - 1); }  ///< the relation and all before it

class DPhyp {
 public:
  DPhyp(const JoinGraph& graph, std::vector<JoinPlan>& plans) : graph_(graph), plans_(plans), best_(std::size_t{1} << graph.relations.size(), -1) {}

  int run() {
    make_edges();
    for (std::size_t i = 0; i < graph_.relations.size(); ++i) {
      JoinPlan p;
      p.set = RelationSet{1} << i;
      p.rows = graph_.relations[i].rows;
      plans_.push_back(p);
      best_[p.set] = static_cast<int>(plans_.size() - 1);
    }
    for (std::size_t i = graph_.relations.size(); i-- > 0 && pairs_ <= kMostPairs;) {
      const RelationSet v = RelationSet{1} << i;
      emit_connected(v);
      grow_connected(v, up_to(v));
    }
    return pairs_ > kMostPairs ? -1 : best_[graph_.all()];
  }

 private:
  void make_edges() {
    for (std::size_t i = 0; i < graph_.relations.size(); ++i)
      if (graph_.relations[i].join) edges_.push_back({graph_.relations[i].needs, RelationSet{1} << i});
    for (const Predicate& p : graph_.predicates) {
      if (p.equality) {
        add(p.left, p.right);
        continue;
      }
      // A condition over several relations connects each of them to the others.
      for (RelationSet rest = p.refs; rest != 0; rest &= rest - 1) {
        const RelationSet one = lowest(rest);
        if ((one & graph_.appendages) == 0) add(p.refs & ~one, one);
      }
    }
    // Parts that nothing connects are joined by a cross product of their smallest relations.
    std::vector<RelationSet> parts;
    for (std::size_t i = 0; i < graph_.relations.size(); ++i) {
      RelationSet part = RelationSet{1} << i;
      for (bool grown = true; grown;) {
        grown = false;
        for (const Edge& e : edges_)
          if (((e.left | e.right) & part) != 0 && ((e.left | e.right) & ~part) != 0) {
            part |= e.left | e.right;
            grown = true;
          }
      }
      if (std::find(parts.begin(), parts.end(), part) == parts.end()) parts.push_back(part);
    }
    for (std::size_t i = 1; i < parts.size(); ++i) edges_.push_back({smallest(parts[i - 1]), smallest(parts[i])});
    for (const Edge& e : edges_)
      if (std::has_single_bit(e.left) && std::has_single_bit(e.right)) {
        simple_[static_cast<std::size_t>(std::countr_zero(e.left))] |= e.right;
        simple_[static_cast<std::size_t>(std::countr_zero(e.right))] |= e.left;
      } else {
        complex_.push_back(e);
      }
  }
  void add(RelationSet l, RelationSet r) {
    for (const Edge& e : edges_)
      if ((e.left == l && e.right == r) || (e.left == r && e.right == l)) return;
    edges_.push_back({l, r});
  }
  RelationSet smallest(RelationSet part) const {
    RelationSet out = 0;
    double rows = 0;
    for (RelationSet s = part & ~graph_.appendages; s != 0; s &= s - 1) {
      const double r = graph_.relations[static_cast<std::size_t>(std::countr_zero(s))].rows;
      if (out == 0 || r < rows) {
        out = lowest(s);
        rows = r;
      }
    }
    return out;
  }

  RelationSet neighbours(RelationSet s, RelationSet excluded) const {
    RelationSet out = 0;
    const RelationSet gone = s | excluded;
    for (RelationSet r = s; r != 0; r &= r - 1) out |= simple_[static_cast<std::size_t>(std::countr_zero(r))];
    out &= ~gone;
    for (const Edge& e : complex_) {
      if ((e.left & ~s) == 0 && (e.right & gone) == 0) out |= lowest(e.right);
      if ((e.right & ~s) == 0 && (e.left & gone) == 0) out |= lowest(e.left);
    }
    return out;
  }

  bool edge_between(RelationSet a, RelationSet b) const {
    for (RelationSet r = a; r != 0; r &= r - 1)
      if ((simple_[static_cast<std::size_t>(std::countr_zero(r))] & b) != 0) return true;
    for (const Edge& e : complex_)
      if (((e.left & ~a) == 0 && (e.right & ~b) == 0) || ((e.right & ~a) == 0 && (e.left & ~b) == 0)) return true;
    return false;
  }

  void emit_connected(RelationSet s) {
    const RelationSet excluded = s | up_to(lowest(s));
    const RelationSet n = neighbours(s, excluded);
    for (RelationSet rest = n; rest != 0;) {
      const RelationSet v = RelationSet{1} << (63 - std::countl_zero(rest));
      rest &= ~v;
      if (edge_between(s, v)) emit(s, v);
      grow_complement(s, v, excluded | (up_to(v) & n));
    }
  }

  void grow_connected(RelationSet s, RelationSet excluded) {
    if (pairs_ > kMostPairs) return;
    const RelationSet n = neighbours(s, excluded);
    if (n == 0) return;
    for (RelationSet sub = n & (~n + 1); sub != 0; sub = (sub - n) & n)
      if (best_[s | sub] >= 0) emit_connected(s | sub);
    for (RelationSet sub = n & (~n + 1); sub != 0; sub = (sub - n) & n) grow_connected(s | sub, excluded | n);
  }

  void grow_complement(RelationSet s, RelationSet other, RelationSet excluded) {
    if (pairs_ > kMostPairs) return;
    const RelationSet n = neighbours(other, excluded);
    if (n == 0) return;
    for (RelationSet sub = n & (~n + 1); sub != 0; sub = (sub - n) & n)
      if (best_[other | sub] >= 0 && edge_between(s, other | sub)) emit(s, other | sub);
    for (RelationSet sub = n & (~n + 1); sub != 0; sub = (sub - n) & n) grow_complement(s, other | sub, excluded | n);
  }

  void emit(RelationSet a, RelationSet b) {
    ++pairs_;
    const int how = graph_.combine(a, b);
    const int ia = best_[a], ib = best_[b];
    if (how == 0 || ia < 0 || ib < 0) return;
    const RelationSet both = a | b;
    const JoinPlan &pa = plans_[static_cast<std::size_t>(ia)], &pb = plans_[static_cast<std::size_t>(ib)];
    bool keyed = false;
    JoinPlan p;
    p.set = both;
    p.left = how == 3 ? ib : ia;
    p.right = how == 3 ? ia : ib;
    p.rows = graph_.rows(a, pa.rows, b, pb.rows, how, keyed);
    p.cost = join_cost(graph_, pa, pb, how, p.rows, keyed);
    int& best = best_[both];
    if (best < 0) {
      best = static_cast<int>(plans_.size());
      plans_.push_back(p);
    } else if (p.cost < plans_[static_cast<std::size_t>(best)].cost) {
      plans_[static_cast<std::size_t>(best)] = p;
    }
  }

  const JoinGraph& graph_;
  std::vector<JoinPlan>& plans_;
  std::vector<int> best_;
  std::vector<Edge> edges_, complex_;
  RelationSet simple_[kMostExactRelations] = {};
  int pairs_ = 0;
};

}  // namespace

bool order_exactly(const JoinGraph& graph, std::vector<JoinPlan>& plans, int& best) {
  if (graph.relations.size() > kMostExactRelations) return false;
  plans.clear();
  plans.reserve(std::size_t{1} << std::min<std::size_t>(graph.relations.size(), 8));
  best = DPhyp(graph, plans).run();
  return best >= 0;
}

void order_greedily(const JoinGraph& graph, std::vector<JoinPlan>& plans, int& best) {
  plans.clear();
  std::vector<int> open;
  for (std::size_t i = 0; i < graph.relations.size(); ++i) {
    JoinPlan p;
    p.set = RelationSet{1} << i;
    p.rows = graph.relations[i].rows;
    plans.push_back(p);
    open.push_back(static_cast<int>(i));
  }
  while (open.size() > 1) {
    JoinPlan choice;
    bool found = false, found_connected = false;
    std::size_t at_a = 0, at_b = 0;
    for (std::size_t i = 0; i < open.size(); ++i)
      for (std::size_t j = i + 1; j < open.size(); ++j) {
        const JoinPlan &a = plans[static_cast<std::size_t>(open[i])], &b = plans[static_cast<std::size_t>(open[j])];
        const int how = graph.combine(a.set, b.set);
        if (how == 0) continue;
        const bool connected = graph.connected(a.set, b.set);
        if (found_connected && !connected) continue;
        bool keyed = false;
        const double rows = graph.rows(a.set, a.rows, b.set, b.rows, how, keyed);
        if (found && connected == found_connected && rows >= choice.rows) continue;
        choice.set = a.set | b.set;
        choice.left = how == 3 ? open[j] : open[i];
        choice.right = how == 3 ? open[i] : open[j];
        choice.rows = rows;
        choice.cost = join_cost(graph, a, b, how, rows, keyed);
        found = true;
        found_connected = found_connected || connected;
        at_a = i;
        at_b = j;
      }
    plans.push_back(choice);
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(at_b));
    open[at_a] = static_cast<int>(plans.size() - 1);
  }
  best = open[0];
}

}  // namespace tajo::plan
