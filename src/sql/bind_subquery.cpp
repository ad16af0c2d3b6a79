// Subqueries in expressions: joins that stand below the operator that uses them.
#include "binder.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using functions::Expression;
using plan::JoinType;

BoundQuery Binder::bind_subquery(const PgQuery__SubLink* link, const Clause& clause) {
  if (clause.subqueries == nullptr) unsupported(std::string("a subquery in ") + clause.name, link->location);
  BoundQuery query = bind_query(link->subselect->select_stmt, clause.scope, clause.groups);
  settle_unknown(query);
  return query;
}

/// `test op column` for one column, or a row's comparisons; with `negated` its contrary.
ExpressionPtr Binder::comparison_with(const PgQuery__SubLink* link, const BoundQuery& query, const Clause& clause, bool negated) {
  const NodeSpan names = TAJO_NODES(link, oper_name);
  const std::string op = names.empty() ? "=" : std::string(string_in(names.back()));
  std::vector<ExpressionPtr> left;
  if (is(link->testexpr, PG_QUERY__NODE__NODE_ROW_EXPR))
    left = bind_all(TAJO_NODES(link->testexpr->row_expr, args), clause);
  else
    left.push_back(bind(link->testexpr, clause));
  if (left.size() != query.outputs.size())
    fail(sqlstate::kSyntaxError, left.size() < query.outputs.size() ? "subquery has too many columns" : "subquery has too few columns",
         link->location);
  if (left.size() > 1 && op != "=" && op != "<>") unsupported("operator " + op + " between a row and a subquery", link->location);
  std::vector<ExpressionPtr> parts;
  static const std::map<std::string, std::string> kContrary = {{"=", "<>"}, {"<>", "="}, {"<", ">="},
                                                               {">=", "<"}, {">", "<="}, {"<=", ">"}};
  const auto contrary = kContrary.find(op);
  for (std::size_t i = 0; i < left.size(); ++i) {
    ExpressionPtr right = column(query.outputs[i], link->location);
    if (contrary == kContrary.end()) {
      const std::string plain = op == "~~" || op == "!~~"     ? "like"
                                : op == "~~*" || op == "!~~*" ? "ilike"
                                : op.starts_with("!")         ? op.substr(1)
                                                              : op;
      ExpressionPtr test = call(plain, {left[i], std::move(right)}, link->location);
      parts.push_back(op.starts_with("!") != negated ? functions::make_not(std::move(test)) : std::move(test));
    } else {
      parts.push_back(compare(negated ? contrary->second : op, left[i], std::move(right), link->location));
    }
  }
  // (a, b) = (x, y) needs all pairs, (a, b) <> (x, y) any of them.
  const bool all_pairs = (op == "<>") == negated;
  return all_pairs || parts.size() == 1 ? functions::make_and(std::move(parts)) : functions::make_or(std::move(parts));
}

ExpressionPtr Binder::bind_sublink(const PgQuery__SubLink* link, const Clause& clause) {
  switch (link->sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK: {
      BoundQuery query = bind_subquery(link, clause);
      if (query.outputs.size() != 1) fail(sqlstate::kSyntaxError, "subquery must return only one column", link->location);
      not_null_[query.outputs[0]] = false;
      clause.subqueries->push_back({JoinType::kSingle, std::move(query.root), nullptr, {}});
      return column(query.outputs[0], link->location);
    }
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK: {
      BoundQuery query = bind_subquery(link, clause);
      const ColumnId mark = add_id("exists", "", Type::of(TypeId::kBool), true);
      clause.subqueries->push_back({JoinType::kMark, std::move(query.root), nullptr, {mark}});
      return column(mark, link->location);
    }
    case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK: {
      const bool all = link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK;
      BoundQuery query = bind_subquery(link, clause);
      ExpressionPtr predicate = comparison_with(link, query, clause, all);
      const ColumnId mark = add_id("mark", "", Type::of(TypeId::kBool));
      clause.subqueries->push_back({JoinType::kMark, std::move(query.root), std::move(predicate), {mark}});
      ExpressionPtr found = column(mark, link->location);
      return all ? functions::make_not(std::move(found)) : found;
    }
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK:
      return bind_array_sublink(link, clause);
    default:
      unsupported("this kind of subquery", link->location);
  }
}

bool Binder::not_null(const Expression& e) const {
  if (e.kind == Expression::Kind::kConstant) return !data::is_null(e.constant);
  return e.kind == Expression::Kind::kColumn && not_null_[e.column];
}

/// IN, EXISTS and their negations as conjuncts filter rows: semi and anti joins say so directly.
bool Binder::attach_conjunct(const Node* node, const Clause& clause, ExpressionPtr& rest) {
  bool negated = false;
  while (is(node, PG_QUERY__NODE__NODE_BOOL_EXPR) && node->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR) {
    negated = !negated;
    node = node->bool_expr->args[0];
  }
  if (!is(node, PG_QUERY__NODE__NODE_SUB_LINK)) return false;
  const PgQuery__SubLink* link = node->sub_link;
  if (link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK) {
    BoundQuery query = bind_subquery(link, clause);
    clause.subqueries->push_back({negated ? JoinType::kAnti : JoinType::kSemi, std::move(query.root), nullptr, {}});
    return true;
  }
  if (link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK) return false;
  if (negated) {
    // NOT IN is an anti join only where no comparison can be NULL; that shows after binding, so the mark join that
    // binding makes is turned into one.
    ExpressionPtr found = bind_sublink(link, clause);
    Attachment& join = clause.subqueries->back();
    bool proved = join.predicate != nullptr;
    const auto pair_proved = [&](const Expression& e) {
      if (e.kind != Expression::Kind::kCall || e.function != "=") return false;
      for (const ExpressionPtr& arg : e.args)
        if (!not_null(arg->kind == Expression::Kind::kCast ? *arg->args[0] : *arg)) return false;
      return true;
    };
    if (proved && join.predicate->kind == Expression::Kind::kAnd)
      for (const ExpressionPtr& part : join.predicate->args) proved = proved && pair_proved(*part);
    else
      proved = proved && pair_proved(*join.predicate);
    if (proved) {
      join.type = JoinType::kAnti;
      join.mark.clear();
      return true;
    }
    rest = functions::make_not(std::move(found));
    return true;
  }
  BoundQuery query = bind_subquery(link, clause);
  ExpressionPtr predicate = comparison_with(link, query, clause, false);
  clause.subqueries->push_back({JoinType::kSemi, std::move(query.root), std::move(predicate), {}});
  return true;
}

ExpressionPtr Binder::bind_condition(const Node* node, const Clause& clause) {
  if (node == nullptr) return nullptr;
  std::vector<const Node*> conjuncts;
  if (is(node, PG_QUERY__NODE__NODE_BOOL_EXPR) && node->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR)
    for (const Node* arg : TAJO_NODES(node->bool_expr, args)) conjuncts.push_back(arg);
  else
    conjuncts.push_back(node);
  std::vector<ExpressionPtr> rest;
  for (const Node* conjunct : conjuncts) {
    ExpressionPtr left_over;
    if (attach_conjunct(conjunct, clause, left_over)) {
      if (left_over) rest.push_back(std::move(left_over));
      continue;
    }
    rest.push_back(boolean(bind(conjunct, clause), clause.name, location_of(conjunct)));
  }
  return rest.empty() ? nullptr : functions::make_and(std::move(rest));
}

NodePtr Binder::attach(NodePtr input, std::vector<Attachment>& attachments) {
  for (Attachment& a : attachments) {
    const bool dependent = is_dependent(*input, *a.right);
    input = make_node(LogicalNode::Kind::kJoin, std::move(input), std::move(a.right));
    input->join_type = a.type;
    input->predicate = std::move(a.predicate);
    input->dependent = dependent;
    input->ids = std::move(a.mark);
  }
  attachments.clear();
  return input;
}

}  // namespace tajo::sql
