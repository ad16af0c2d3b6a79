#include <algorithm>

#include "equivalence.hpp"
#include "null_rejection.hpp"
#include "rules.hpp"

namespace tajo::plan {
namespace {

using Conjuncts = std::vector<ExpressionPtr>;

/// Moves predicates towards the scans. `rejected`: columns a NULL in which drops the row further up.
class PushDown {
 public:
  explicit PushDown(Context& context) : context_(context) {}

  void count_uses(LogicalNode& node) {
    std::vector<std::uint32_t> columns;
    for_each_expression(node, [&](const ExpressionPtr& e) { functions::collect_columns(*e, columns); });
    for (std::uint32_t c : columns) use(c);
    for (const NodePtr& c : node.children) count_uses(*c);
  }
  void use(ColumnId c) {
    if (c >= uses_.size()) uses_.resize(c + 1, 0);
    ++uses_[c];
  }

  NodePtr push(NodePtr node, Conjuncts conjuncts, ColumnSet rejected) {
    for (const ExpressionPtr& c : conjuncts) rejected.add(rejected_columns(c));
    switch (node->kind) {
      case Kind::kFilter: return filter(std::move(node), std::move(conjuncts), std::move(rejected));
      case Kind::kProject: return project(std::move(node), std::move(conjuncts), std::move(rejected));
      case Kind::kJoin: return join(std::move(node), std::move(conjuncts), std::move(rejected));
      case Kind::kAggregate: return aggregate(std::move(node), std::move(conjuncts));
      case Kind::kWindow: return window(std::move(node), std::move(conjuncts));
      case Kind::kSort: {
        node->children[0] = push(std::move(node->children[0]), std::move(conjuncts), std::move(rejected));
        return node;
      }
      case Kind::kSetOperation: return set_operation(std::move(node), std::move(conjuncts));
      case Kind::kLimit:
        node->children[0] = push(std::move(node->children[0]), {}, {});
        return make_filter(std::move(node), std::move(conjuncts));
      default: return make_filter(std::move(node), std::move(conjuncts));
    }
  }

 private:
  /// Splits off what `goes` accepts.
  template <class F>
  static Conjuncts take(Conjuncts& from, F&& goes) {
    Conjuncts out;
    auto keep = from.begin();
    for (auto& c : from) {
      if (goes(c)) out.push_back(std::move(c));
      else *keep++ = std::move(c);
    }
    from.erase(keep, from.end());
    return out;
  }
  static Conjuncts take_covered(Conjuncts& from, const ColumnSet& set) {
    return take(from, [&](const ExpressionPtr& c) { return covered(c, set); });
  }

  NodePtr filter(NodePtr node, Conjuncts conjuncts, ColumnSet rejected) {
    Conjuncts own;
    split_and(node->predicate, own);
    Conjuncts fixed = take(own, [](const ExpressionPtr& c) { return functions::is_volatile(*c); });
    for (const ExpressionPtr& c : own) rejected.add(rejected_columns(c));
    // The filter's own conjuncts come first: they stand before those of the levels above.
    own.insert(own.end(), conjuncts.begin(), conjuncts.end());
    return make_filter(push(std::move(node->children[0]), std::move(own), std::move(rejected)), std::move(fixed));
  }

  NodePtr project(NodePtr node, Conjuncts conjuncts, ColumnSet rejected) {
    Substitution map;
    ColumnSet volatile_ids;
    for (std::size_t i = 0; i < node->ids.size(); ++i) {
      if (functions::is_volatile(*node->expressions[i])) volatile_ids.add(node->ids[i]);
      else map.emplace(node->ids[i], node->expressions[i]);
    }
    Conjuncts below = take(conjuncts, [&](const ExpressionPtr& c) { return !columns_of(c).intersects(volatile_ids); });
    for (ExpressionPtr& c : below) c = substitute(c, map);
    for (const auto& [id, e] : map)
      if (rejected.contains(id)) rejected.add(strict_columns(e));
    node->children[0] = push(std::move(node->children[0]), std::move(below), std::move(rejected));
    return make_filter(std::move(node), std::move(conjuncts));
  }

  NodePtr aggregate(NodePtr node, Conjuncts conjuncts) {
    Substitution map;
    ColumnSet keys;
    for (std::size_t i = 0; i < node->expressions.size(); ++i) {
      keys.add(node->ids[i]);
      map.emplace(node->ids[i], node->expressions[i]);
    }
    Conjuncts below = take(conjuncts, [&](const ExpressionPtr& c) {
      ColumnSet used = columns_of(c);
      return !used.empty() && used.subset_of(keys);
    });
    for (ExpressionPtr& c : below) c = substitute(c, map);
    node->children[0] = push(std::move(node->children[0]), std::move(below), {});
    return make_filter(std::move(node), std::move(conjuncts));
  }

  NodePtr window(NodePtr node, Conjuncts conjuncts) {
    ColumnSet common;
    for (std::size_t i = 0; i < node->windows.size(); ++i) {
      ColumnSet keys;
      for (const ExpressionPtr& e : node->windows[i].partition_by)
        if (e->kind == Expression::Kind::kColumn) keys.add(e->column);
      if (i == 0) common = keys;
      else common.keep(keys);
    }
    Conjuncts below = take(conjuncts, [&](const ExpressionPtr& c) {
      ColumnSet used = columns_of(c);
      return !used.empty() && used.subset_of(common);
    });
    node->children[0] = push(std::move(node->children[0]), std::move(below), {});
    return make_filter(std::move(node), std::move(conjuncts));
  }

  NodePtr set_operation(NodePtr node, Conjuncts conjuncts) {
    for (std::size_t c = 0; c < node->children.size(); ++c) {
      Substitution map;
      for (std::size_t i = 0; i < node->ids.size(); ++i) map.emplace(node->ids[i], context_.column(node->set_columns[c][i]));
      Conjuncts below;
      for (const ExpressionPtr& e : conjuncts) below.push_back(substitute(e, map));
      node->children[c] = push(std::move(node->children[c]), std::move(below), {});
    }
    return node;
  }

  NodePtr join(NodePtr node, Conjuncts conjuncts, ColumnSet rejected) {
    if (node->join_type == JoinType::kRight) {
      std::swap(node->children[0], node->children[1]);
      node->join_type = JoinType::kLeft;
    }
    if (context_.enabled("outer_to_inner")) {
      const bool outer = node->join_type == JoinType::kLeft || node->join_type == JoinType::kFull;
      const bool right_rejected = outer && rejected.intersects(visible(*node->children[1]));
      const bool left_rejected = node->join_type == JoinType::kFull && rejected.intersects(visible(*node->children[0]));
      if (node->join_type == JoinType::kLeft && right_rejected) node->join_type = JoinType::kInner;
      if (node->join_type == JoinType::kFull) {
        if (left_rejected && right_rejected) {
          node->join_type = JoinType::kInner;
        } else if (left_rejected) {
          node->join_type = JoinType::kLeft;
        } else if (right_rejected) {
          std::swap(node->children[0], node->children[1]);
          node->join_type = JoinType::kLeft;
        }
      }
    }
    switch (node->join_type) {
      case JoinType::kInner: return inner(std::move(node), std::move(conjuncts), std::move(rejected));
      case JoinType::kFull: {
        for (NodePtr& c : node->children) c = push(std::move(c), {}, {});
        return make_filter(std::move(node), std::move(conjuncts));
      }
      case JoinType::kMark: return mark(std::move(node), std::move(conjuncts), std::move(rejected));
      default: return outer(std::move(node), std::move(conjuncts), std::move(rejected));
    }
  }

  /// Left, single, semi and anti joins: predicates from above go left, ON predicates right.
  NodePtr outer(NodePtr node, Conjuncts conjuncts, ColumnSet rejected) {
    const ColumnSet left = visible(*node->children[0]), right = visible(*node->children[1]);
    Conjuncts to_left = take_covered(conjuncts, left);
    Conjuncts on;
    split_and(node->predicate, on);
    const bool fixed = node->null_aware;  // a right row whose comparison is NULL counts
    if (node->join_type == JoinType::kSemi) {
      Conjuncts more = take_covered(on, left);
      to_left.insert(to_left.end(), more.begin(), more.end());
    }
    Conjuncts to_right;
    if (!fixed) {
      to_right = take(on, [&](const ExpressionPtr& c) { return covered(c, right) && !functions::is_volatile(*c); });
      if (context_.enabled("implied_predicates")) imply_across(on, to_left, left, right, to_right);
    }
    if (node->correlation) {
      Conjuncts where;
      split_and(node->correlation, where);
      Conjuncts more = take_covered(where, right);
      to_right.insert(to_right.end(), more.begin(), more.end());
      node->correlation = join_and(std::move(where));
    }
    ColumnSet rejected_right;
    if (!fixed)
      for (const ExpressionPtr& c : on) rejected_right.add(rejected_columns(c));
    if (node->join_type == JoinType::kSemi) rejected.add(rejected_right);
    node->predicate = join_and(std::move(on));
    node->children[0] = push(std::move(node->children[0]), std::move(to_left), std::move(rejected));
    node->children[1] = push(std::move(node->children[1]), std::move(to_right), std::move(rejected_right));
    return make_filter(std::move(node), std::move(conjuncts));
  }

  NodePtr mark(NodePtr node, Conjuncts conjuncts, ColumnSet rejected) {
    const ColumnId id = node->ids[0];
    const bool single_use = id < uses_.size() && uses_[id] == 1;
    if (single_use && context_.enabled("mark_to_semi")) {
      for (std::size_t i = 0; i < conjuncts.size(); ++i) {
        const Expression& c = *conjuncts[i];
        const bool plain = c.kind == Expression::Kind::kColumn && c.column == id;
        const bool negated = c.kind == Expression::Kind::kNot && c.args[0]->kind == Expression::Kind::kColumn && c.args[0]->column == id;
        if (!plain && !negated) continue;
        conjuncts.erase(conjuncts.begin() + static_cast<std::ptrdiff_t>(i));
        node->ids.clear();
        node->join_type = plain ? JoinType::kSemi : JoinType::kAnti;
        if (plain || is_true(node->predicate)) {
          Conjuncts all;
          split_and(node->predicate, all);
          split_and(node->correlation, all);
          node->predicate = join_and(std::move(all));
          node->correlation = nullptr;
        } else {
          node->null_aware = true;
        }
        return outer(std::move(node), std::move(conjuncts), std::move(rejected));
      }
    }
    for (const ExpressionPtr& c : conjuncts)
      if (single_use && columns_of(c).contains(id) && positive(c, id)) node->two_valued = true;
    const ColumnSet left = visible(*node->children[0]), right = visible(*node->children[1]);
    Conjuncts to_left = take_covered(conjuncts, left);
    Conjuncts where, to_right;
    split_and(node->correlation, where);
    to_right = take_covered(where, right);
    node->correlation = join_and(std::move(where));
    rejected.keep(left);
    node->children[0] = push(std::move(node->children[0]), std::move(to_left), std::move(rejected));
    node->children[1] = push(std::move(node->children[1]), std::move(to_right), {});
    return make_filter(std::move(node), std::move(conjuncts));
  }

  /// The column stands only under AND and OR: a NULL in it is as good as FALSE.
  static bool positive(const ExpressionPtr& e, ColumnId id) {
    if (e->kind == Expression::Kind::kColumn) return true;
    if (e->kind == Expression::Kind::kAnd || e->kind == Expression::Kind::kOr)
      return std::all_of(e->args.begin(), e->args.end(), [&](const ExpressionPtr& a) { return positive(a, id); });
    return !columns_of(e).contains(id);
  }

  /// left = right and a predicate on that left column alone: the same predicate holds on the right side's rows that count.
  static void imply_across(const Conjuncts& on, const Conjuncts& known, const ColumnSet& left, const ColumnSet& right, Conjuncts& out) {
    for (const ExpressionPtr& c : on) {
      if (!is_call(*c, "=") || c->args[0]->kind != Expression::Kind::kColumn || c->args[1]->kind != Expression::Kind::kColumn) continue;
      ExpressionPtr l = c->args[0], r = c->args[1];
      if (right.contains(l->column)) std::swap(l, r);
      if (!left.contains(l->column) || !right.contains(r->column) || l->type != r->type) continue;
      for (const ExpressionPtr& k : known)
        if (implies_for_equals(*k) && columns_of(k).size() == 1 && columns_of(k).contains(l->column))
          out.push_back(substitute(k, {{l->column, r}}));
    }
  }

  void flatten(NodePtr node, std::vector<NodePtr>& leaves, Conjuncts& conjuncts) {
    if (node->kind == Kind::kJoin && node->join_type == JoinType::kInner && !node->dependent) {
      split_and(node->predicate, conjuncts);
      flatten(std::move(node->children[0]), leaves, conjuncts);
      flatten(std::move(node->children[1]), leaves, conjuncts);
      return;
    }
    if (node->kind == Kind::kFilter && node->children[0]->kind == Kind::kJoin && !functions::is_volatile(*node->predicate)) {
      split_and(node->predicate, conjuncts);
      flatten(std::move(node->children[0]), leaves, conjuncts);
      return;
    }
    leaves.push_back(std::move(node));
  }

  NodePtr inner(NodePtr node, Conjuncts conjuncts, ColumnSet rejected) {
    std::vector<NodePtr> leaves;
    flatten(std::move(node), leaves, conjuncts);
    if (context_.enabled("implied_predicates")) add_implied(conjuncts);
    for (const ExpressionPtr& c : conjuncts) rejected.add(rejected_columns(c));
    std::vector<ColumnSet> columns;
    for (NodePtr& leaf : leaves) {
      columns.push_back(visible(*leaf));
      Conjuncts own = take(conjuncts, [&](const ExpressionPtr& c) {
        return !functions::is_volatile(*c) && covered(c, columns.back()) && !columns_of(c).empty();
      });
      leaf = push(std::move(leaf), std::move(own), rejected);
    }
    return connect(std::move(leaves), std::move(columns), std::move(conjuncts));
  }

  /// Joins the leaves in their order, but a leaf that a predicate connects to what stands comes before one that none does.
  static NodePtr connect(std::vector<NodePtr> leaves, std::vector<ColumnSet> columns, Conjuncts conjuncts) {
    NodePtr tree = std::move(leaves[0]);
    ColumnSet have = columns[0];
    std::vector<std::size_t> rest;
    for (std::size_t i = 1; i < leaves.size(); ++i) rest.push_back(i);
    while (!rest.empty()) {
      auto connected = [&](std::size_t i) {
        ColumnSet both = have;
        both.add(columns[i]);
        return std::any_of(conjuncts.begin(), conjuncts.end(), [&](const ExpressionPtr& c) { return covered(c, both) && columns_of(c).intersects(columns[i]); });
      };
      auto it = std::find_if(rest.begin(), rest.end(), connected);
      if (it == rest.end()) it = rest.begin();
      const std::size_t i = *it;
      rest.erase(it);
      have.add(columns[i]);
      Conjuncts on = take(conjuncts, [&](const ExpressionPtr& c) { return !functions::is_volatile(*c) && covered(c, have); });
      tree = make_join(JoinType::kInner, std::move(tree), std::move(leaves[i]), join_and(std::move(on)));
    }
    return make_filter(std::move(tree), std::move(conjuncts));
  }

  Context& context_;
  std::vector<int> uses_;
};

}  // namespace

void push_down(Context& context, NodePtr& root) {
  PushDown rule(context);
  rule.count_uses(*root);
  for (ColumnId c : context.plan.outputs) rule.use(c);
  root = rule.push(std::move(root), {}, {});
}

}  // namespace tajo::plan
