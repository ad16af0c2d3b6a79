#include "join_graph.hpp"
#include "rules.hpp"

namespace tajo::plan {
namespace {

class Reorder {
 public:
  Reorder(Context& context, Estimator& estimator) : context_(context), estimator_(estimator) {}

  void visit(NodePtr& node) {
    if (!starts_region(*node)) {
      for (NodePtr& c : node->children) visit(c);
      return;
    }
    JoinGraph graph = make_join_graph(context_, estimator_, std::move(node));
    for (Relation& r : graph.relations) visit_below(r);
    std::vector<JoinPlan> plans;
    int best = 0;
    if (!order_exactly(graph, plans, best)) order_greedily(graph, plans, best);
    node = make_filter(tree(graph, plans, best), std::move(graph.above));
  }

 private:
  static bool starts_region(const LogicalNode& node) {
    const LogicalNode* n = &node;
    if (n->kind == Kind::kFilter) n = n->children[0].get();
    if (n->kind != Kind::kJoin) return false;
    return n->join_type != JoinType::kFull && n->join_type != JoinType::kRight && (&node == n || !functions::is_volatile(*node.predicate));
  }
  void visit_below(Relation& r) {
    if (r.join) {
      visit(r.node);
      return;
    }
    for (NodePtr& c : r.node->children) visit(c);
  }

  NodePtr tree(JoinGraph& graph, const std::vector<JoinPlan>& plans, int index) {
    const JoinPlan& p = plans[static_cast<std::size_t>(index)];
    if (p.left < 0) {
      std::size_t i = 0;
      while ((p.set >> i & 1) == 0) ++i;
      return std::move(graph.relations[i].node);
    }
    const RelationSet a = plans[static_cast<std::size_t>(p.left)].set, b = plans[static_cast<std::size_t>(p.right)].set;
    NodePtr left = tree(graph, plans, p.left), right = tree(graph, plans, p.right);
    std::vector<ExpressionPtr> on = crossing(graph, a, b);
    std::size_t appendage = 0;
    while (appendage < graph.relations.size() && !(graph.relations[appendage].join && b == RelationSet{1} << appendage)) ++appendage;
    if (appendage == graph.relations.size()) {
      NodePtr join = make_join(JoinType::kInner, std::move(left), std::move(right), join_and(std::move(on)));
      join->estimated_rows = p.rows;
      return join;
    }
    NodePtr join = std::move(graph.relations[appendage].join);
    join->children.push_back(std::move(left));
    join->children.push_back(std::move(right));
    join->estimated_rows = plans[static_cast<std::size_t>(p.left)].rows * graph.relations[appendage].factor;
    return make_filter(std::move(join), std::move(on));
  }

  /// Predicates that become testable when a and b meet. Of a class whose pairs all have their predicate, one is enough.
  static std::vector<ExpressionPtr> crossing(JoinGraph& graph, RelationSet a, RelationSet b) {
    std::vector<ExpressionPtr> out;
    std::vector<bool> done(graph.classes.size(), false);
    for (const Predicate& p : graph.predicates) {
      if ((p.refs & ~(a | b)) != 0 || (p.refs & ~a) == 0 || (p.refs & ~b) == 0) continue;
      if (p.equivalence >= 0) {
        const std::size_t k = static_cast<std::size_t>(p.equivalence);
        if (done[k] && graph.classes[k].complete) continue;
        done[k] = true;
      }
      out.push_back(p.expression);
    }
    return out;
  }

  Context& context_;
  Estimator& estimator_;
};

}  // namespace

void order_joins(Context& context, NodePtr& root) {
  Estimator estimator(context);
  Reorder(context, estimator).visit(root);
}

}  // namespace tajo::plan
