#include "rules.hpp"

#include <algorithm>

namespace tajo::plan {
namespace {

using K = Expression::Kind;
using Conjuncts = std::vector<ExpressionPtr>;

bool contains(const Conjuncts& list, const ExpressionPtr& e) {
  return std::any_of(list.begin(), list.end(), [&](const ExpressionPtr& x) { return functions::equal(*x, *e); });
}

class Factors {
 public:
  explicit Factors(const LogicalNode& root) { number_scans(root); }

  void visit(LogicalNode& node) {
    if (node.predicate && (node.kind == Kind::kFilter || (node.kind == Kind::kJoin && node.join_type == JoinType::kInner))) {
      Conjuncts all, out;
      split_and(node.predicate, all);
      for (const ExpressionPtr& c : all) add(c, out);
      node.predicate = join_and(std::move(out));
    } else if (node.predicate) {
      Conjuncts all, out;
      split_and(node.predicate, all);
      for (const ExpressionPtr& c : all) factor(c, out);
      node.predicate = join_and(std::move(out));
    }
    for (const NodePtr& c : node.children) visit(*c);
  }

 private:
  void number_scans(const LogicalNode& node) {
    if (node.kind == Kind::kScan) {
      for (ColumnId id : node.ids) {
        if (id >= scan_of_.size()) scan_of_.resize(id + 1, -1);
        scan_of_[id] = scans_;
      }
      ++scans_;
    }
    for (const NodePtr& c : node.children) number_scans(*c);
  }

  void add(const ExpressionPtr& c, Conjuncts& out) {
    Conjuncts parts;
    factor(c, parts);
    for (const ExpressionPtr& p : parts) {
      out.push_back(p);
      if (p->kind == K::kOr) imply(p, out);
    }
  }

  /// (a AND b) OR (a AND c) → a, (b OR c); x = 1 OR x = 2 → x IN (1, 2).
  static void factor(const ExpressionPtr& e, Conjuncts& out) {
    if (e->kind != K::kOr || functions::is_volatile(*e)) {
      out.push_back(e);
      return;
    }
    std::vector<Conjuncts> branches;
    for (const ExpressionPtr& a : e->args) {
      branches.emplace_back();
      split_and(a, branches.back());
    }
    Conjuncts common;
    for (const ExpressionPtr& c : branches[0]) {
      bool everywhere = true;
      for (const Conjuncts& b : branches) everywhere = everywhere && contains(b, c);
      if (everywhere && !contains(common, c)) common.push_back(c);
    }
    if (common.empty()) {
      ExpressionPtr list = as_in_list(branches);
      out.push_back(list ? std::move(list) : e);
      return;
    }
    out.insert(out.end(), common.begin(), common.end());
    std::vector<ExpressionPtr> rest;
    for (const Conjuncts& b : branches) {
      Conjuncts own;
      for (const ExpressionPtr& c : b)
        if (!contains(common, c)) own.push_back(c);
      if (own.empty()) return;  // this branch asks for nothing else: the OR is the common part
      rest.push_back(join_and(std::move(own)));
    }
    ExpressionPtr smaller = functions::make_or(std::move(rest));
    if (smaller->kind == K::kOr) factor(smaller, out);
    else split_and(smaller, out);
  }

  static ExpressionPtr as_in_list(const std::vector<Conjuncts>& branches) {
    std::vector<ExpressionPtr> args;
    for (const Conjuncts& b : branches) {
      if (b.size() != 1) return nullptr;
      const Expression& e = *b[0];
      const bool equality = is_call(e, "=") && e.args[1]->kind == K::kConstant && !data::is_null(e.args[1]->constant);
      const bool list = e.kind == K::kInList;
      if ((!equality && !list) || e.args[0]->kind != K::kColumn) return nullptr;
      if (args.empty()) args.push_back(e.args[0]);
      else if (!functions::equal(*args[0], *e.args[0])) return nullptr;
      for (std::size_t i = 1; i < e.args.size(); ++i) {
        if (e.args[i]->type != e.args[0]->type && !(e.args[i]->type.is_text() && e.args[0]->type.is_text())) return nullptr;
        args.push_back(e.args[i]);
      }
    }
    return args.size() > 2 ? functions::make_in_list(std::move(args)) : nullptr;
  }

  /// What every branch asks of one table alone, as a predicate of that table.
  void imply(const ExpressionPtr& e, Conjuncts& out) const {
    for (int scan = 0; scan < scans_; ++scan) {
      std::vector<ExpressionPtr> branches;
      bool whole = true;  // the OR is about this table only: nothing to gain
      for (const ExpressionPtr& a : e->args) {
        Conjuncts all, own;
        split_and(a, all);
        for (const ExpressionPtr& c : all) {
          if (of_scan(c, scan)) own.push_back(c);
          else whole = false;
        }
        if (own.empty()) break;
        branches.push_back(join_and(std::move(own)));
      }
      if (whole || branches.size() != e->args.size()) continue;
      factor(functions::make_or(std::move(branches)), out);
    }
  }
  bool of_scan(const ExpressionPtr& e, int scan) const {
    const ColumnSet used = columns_of(e);
    bool all = !used.empty();
    used.for_each([&](ColumnId c) { all = all && c < scan_of_.size() && scan_of_[c] == scan; });
    return all;
  }

  std::vector<int> scan_of_;
  int scans_ = 0;
};

}  // namespace

void factor_disjunctions(Context&, NodePtr& root) { Factors(*root).visit(*root); }

}  // namespace tajo::plan
