#pragma once
#include <cstdint>
#include <vector>

#include "estimate.hpp"

namespace tajo::plan {

using RelationSet = std::uint64_t;

inline constexpr std::size_t kMostRelations = 60;  // of one graph; further subtrees are relations as a whole

/// What is joined: a subtree, and for the right side of a left, semi, anti, mark or single join that join itself
/// (an appendage: it can only be joined, by its own operator, to a set that has the relations its predicate needs).
struct Relation {
  NodePtr node;
  ColumnSet columns;          ///< what it adds: its columns, or the mark
  double rows = 1;
  double base_rows = 1;       ///< before filters: caps how many different keys it can have
  NodePtr join;               ///< of an appendage: the join without children
  RelationSet needs = 0;      ///< of an appendage
  double factor = 1;          ///< of an appendage: rows out per left row
  bool has_key = false;       ///< of an appendage: an equality in its predicate
};

struct Predicate {
  ExpressionPtr expression;
  RelationSet refs = 0;       ///< with the needs of appendages in it
  RelationSet left = 0, right = 0;  ///< of an equality: relations of its sides
  int equivalence = -1;       ///< class of a = b of bare columns
  double selectivity = 1;
  bool equality = false;
};

struct Member { int relation; double distinct; };  ///< of an equivalence class
struct EquivalenceClass {
  std::vector<Member> members;
  bool complete = false;      ///< every pair of members has its predicate
};

/// The joins of one region of the plan that may be reordered.
struct JoinGraph {
  std::vector<Relation> relations;
  std::vector<Predicate> predicates;
  std::vector<EquivalenceClass> classes;
  std::vector<ExpressionPtr> above;   ///< filters that belong to no join
  RelationSet appendages = 0;

  RelationSet all() const { return relations.size() == 64 ? ~RelationSet{0} : (RelationSet{1} << relations.size()) - 1; }
  /// 0: they cannot be joined; 1: inner; 2: b is an appendage of a; 3: a is an appendage of b.
  int combine(RelationSet a, RelationSet b) const;
  /// Rows of a ∪ b from those of a and b; `keyed`: an equality connects them.
  double rows(RelationSet a, double rows_a, RelationSet b, double rows_b, int how, bool& keyed) const;
  bool connected(RelationSet a, RelationSet b) const;
};

/// Takes the region under `root` apart. Filters between the joins become predicates.
JoinGraph make_join_graph(Context& context, Estimator& estimator, NodePtr root);

/// One way to join a set of relations: a pair of smaller ones.
struct JoinPlan {
  RelationSet set = 0;
  int left = -1, right = -1;   ///< indexes of plans; -1: a single relation
  double rows = 0, cost = 0;
};
double join_cost(const JoinGraph& graph, const JoinPlan& a, const JoinPlan& b, int how, double rows, bool keyed);

/// The best plan's tree as `plans` (its last element is the root). DPhyp (Moerkotte & Neumann, SIGMOD 2008).
bool order_exactly(const JoinGraph& graph, std::vector<JoinPlan>& plans, int& best);
/// Greedy operator ordering (Fegaras, 1998): always the pair with the smallest result.
void order_greedily(const JoinGraph& graph, std::vector<JoinPlan>& plans, int& best);

}  // namespace tajo::plan
