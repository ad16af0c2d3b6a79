#include "rules.hpp"

#include <algorithm>

namespace tajo::plan {
namespace {

using K = Expression::Kind;

bool all_constant(const Expression& e) {
  return !e.args.empty() && std::all_of(e.args.begin(), e.args.end(), [](const ExpressionPtr& a) { return a->kind == K::kConstant; });
}

/// Builds the node again where its arguments are constants now; the builders fold what can be folded.
ExpressionPtr fold_node(const ExpressionPtr& e) {
  switch (e->kind) {
    case K::kAnd: {
      bool changed = false;
      for (const ExpressionPtr& a : e->args) changed = changed || a->kind == K::kConstant || a->kind == K::kAnd;
      for (const ExpressionPtr& a : e->args)
        if (is_false(a) && !data::is_null(a->constant)) return a;
      return changed ? functions::make_and(e->args) : nullptr;
    }
    case K::kOr: {
      bool changed = false;
      for (const ExpressionPtr& a : e->args) {
        changed = changed || a->kind == K::kConstant || a->kind == K::kOr;
        if (is_true(a)) return a;
      }
      return changed ? functions::make_or(e->args) : nullptr;
    }
    case K::kNot: return all_constant(*e) ? functions::make_not(e->args[0]) : nullptr;
    case K::kIsNull: return all_constant(*e) ? functions::make_is_null(e->args[0]) : nullptr;
    case K::kCall: {
      if (!all_constant(*e) || functions::is_volatile(*e)) return nullptr;
      ExpressionPtr folded = functions::make_call(e->function, e->args, e->position);
      return folded->type == e->type ? folded : nullptr;
    }
    default: return nullptr;
  }
}

void visit(LogicalNode& node) {
  for_each_expression(node, [](ExpressionPtr& e) { e = functions::transform(e, fold_node); });
  for (const NodePtr& c : node.children) visit(*c);
}

}  // namespace

void fold(Context&, NodePtr& root) { visit(*root); }

}  // namespace tajo::plan
