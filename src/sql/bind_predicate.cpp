// Predicates: comparisons of rows, BETWEEN, IN, ANY, patterns, truth tests.
#include "binder.hpp"
#include "expression_kinds.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using functions::Expression;

ExpressionPtr Binder::distinct_from(ExpressionPtr a, ExpressionPtr b, int location) {
  ExpressionPtr differs = compare("<>", a, b, location);
  ExpressionPtr b_is_value = functions::make_not(functions::make_is_null(b));
  return functions::make_case(
      {functions::make_is_null(a), std::move(b_is_value), functions::make_is_null(b), truth(true), std::move(differs)});
}

ExpressionPtr Binder::bind_row_comparison(const std::string& op, NodeSpan left, NodeSpan right, const Clause& clause, int location) {
  if (left.size() != right.size()) fail(sqlstate::kSyntaxError, "unequal number of entries in row expressions", location);
  if (!is_comparison(op)) unsupported("operator " + op + " between rows", location);
  std::vector<ExpressionPtr> a = bind_all(left, clause);
  std::vector<ExpressionPtr> b = bind_all(right, clause);
  if (op == "=" || op == "<>") {
    std::vector<ExpressionPtr> parts;
    for (std::size_t i = 0; i < a.size(); ++i) parts.push_back(compare(op, a[i], b[i], location));
    return op == "=" ? functions::make_and(std::move(parts)) : functions::make_or(std::move(parts));
  }
  // (a1, a2) < (b1, b2): a1 < b1 OR (a1 = b1 AND a2 < b2); the last pair decides about equality.
  const std::string strict = op.substr(0, 1);
  ExpressionPtr result = compare(op, a.back(), b.back(), location);
  for (std::size_t i = a.size() - 1; i-- > 0;)
    result = functions::make_or({compare(strict, a[i], b[i], location), functions::make_and({compare("=", a[i], b[i], location), result})});
  return result;
}

ExpressionPtr Binder::bind_between(const PgQuery__AExpr* e, const Clause& clause) {
  const NodeSpan limits = TAJO_NODES(e->rexpr->list, items);
  const ExpressionPtr x = bind(e->lexpr, clause);
  const ExpressionPtr low = bind(limits[0], clause);
  const ExpressionPtr high = bind(limits[1], clause);
  const auto within = [&](const ExpressionPtr& a, const ExpressionPtr& b) {
    return functions::make_and({compare(">=", x, a, e->location), compare("<=", x, b, e->location)});
  };
  const auto outside = [&](const ExpressionPtr& a, const ExpressionPtr& b) {
    return functions::make_or({compare("<", x, a, e->location), compare(">", x, b, e->location)});
  };
  switch (e->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
      return within(low, high);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
      return outside(low, high);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
      return functions::make_or({within(low, high), within(high, low)});
    default:
      return functions::make_and({outside(low, high), outside(high, low)});
  }
}

ExpressionPtr Binder::bind_in_list(const PgQuery__AExpr* e, const Clause& clause) {
  const bool negated = operator_name(TAJO_NODES(e, name)) == "<>";
  const NodeSpan items = TAJO_NODES(e->rexpr->list, items);
  ExpressionPtr result;
  if (is(e->lexpr, PG_QUERY__NODE__NODE_ROW_EXPR)) {
    std::vector<ExpressionPtr> rows;
    for (const Node* item : items) {
      if (!is(item, PG_QUERY__NODE__NODE_ROW_EXPR)) unsupported("IN between a row and a value", e->location);
      rows.push_back(bind_row_comparison("=", TAJO_NODES(e->lexpr->row_expr, args), TAJO_NODES(item->row_expr, args), clause, e->location));
    }
    result = functions::make_or(std::move(rows));
  } else {
    std::vector<ExpressionPtr> args{bind(e->lexpr, clause)};
    for (const Node* item : items) args.push_back(bind(item, clause));
    unify_unknown(args, 1, 0);
    try {
      result = functions::make_in_list(std::move(args));
    } catch (Error& error) {
      throw error.at(error.position() == 0 ? position(e->location) : error.position());
    }
  }
  return negated ? functions::make_not(std::move(result)) : result;
}

/// LIKE, ILIKE and SIMILAR TO, each with ESCAPE.
ExpressionPtr Binder::bind_pattern(const PgQuery__AExpr* e, const Clause& clause) {
  const bool negated = operator_name(TAJO_NODES(e, name)).starts_with("!");
  const auto text = [](ExpressionPtr x) {
    return is_untyped(*x) && x->column == 0 ? functions::make_cast(std::move(x), Type::of(TypeId::kText)) : x;
  };
  ExpressionPtr result;
  if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR) {
    result = bind_similar(bind(e->lexpr, clause), e->rexpr, clause, e->location);
  } else {
    ExpressionPtr subject = text(bind(e->lexpr, clause));
    ExpressionPtr pattern = text(bind(e->rexpr, clause));
    for (ExpressionPtr* side : {&subject, &pattern})
      if (is_open_parameter(**side)) *side = coerce(*side, Type::of(TypeId::kText));
    result =
        call(e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE ? "ilike" : "like", {std::move(subject), std::move(pattern)}, e->location);
  }
  return negated ? functions::make_not(std::move(result)) : result;
}

namespace {

/// SQL's SIMILAR pattern as an ordinary regular expression that matches the whole string.
std::string similar_pattern(std::string_view pattern, char escape) {
  std::string out = "^(?:";
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (escape != '\0' && c == escape && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      if (std::string_view("%_|*+?{}()[].^$\\").find(next) != std::string_view::npos) out += '\\';
      out += next;
    } else if (in_class) {
      if (c == '\\') out += '\\';
      out += c;
      in_class = c != ']';
    } else if (c == '%') {
      out += "(?s:.*)";
    } else if (c == '_') {
      out += "(?s:.)";
    } else if (c == '(') {
      out += "(?:";
    } else {
      if (c == '.' || c == '^' || c == '$' || c == '\\') out += '\\';
      in_class = c == '[';
      out += c;
    }
  }
  return out + ")$";
}

}  // namespace

ExpressionPtr Binder::bind_similar(ExpressionPtr text, const Node* pattern, const Clause& clause, int location) {
  char escape = '\\';
  if (is(pattern, PG_QUERY__NODE__NODE_FUNC_CALL)) {  // similar_to_escape(pattern[, escape])
    const PgQuery__FuncCall* f = pattern->func_call;
    if (f->n_args > 1) {
      const ExpressionPtr given = bind(f->args[1], clause);
      const auto* value = std::get_if<std::string>(&given->constant);
      if (value == nullptr || value->size() > 1) fail("22025", "invalid escape string", location);
      escape = value->empty() ? '\0' : (*value)[0];
    }
    pattern = f->args[0];
  }
  const ExpressionPtr bound = bind(pattern, clause);
  if (bound->kind != Expression::Kind::kConstant) unsupported("SIMILAR TO a pattern that is not a constant", location);
  const auto* value = std::get_if<std::string>(&bound->constant);
  ExpressionPtr expression =
      functions::make_constant(value == nullptr ? data::Value() : data::Value(similar_pattern(*value, escape)), Type::of(TypeId::kText));
  return call("~", {std::move(text), std::move(expression)}, location);
}

ExpressionPtr Binder::bind_bool(const PgQuery__BoolExpr* e, const Clause& clause) {
  const char* where = e->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR  ? "AND"
                      : e->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR ? "OR"
                                                                       : "NOT";
  std::vector<ExpressionPtr> args;
  for (const Node* arg : TAJO_NODES(e, args)) args.push_back(boolean(bind(arg, clause), where, location_of(arg)));
  if (e->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR) return functions::make_and(std::move(args));
  if (e->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR) return functions::make_or(std::move(args));
  return functions::make_not(std::move(args[0]));
}

ExpressionPtr Binder::bind_boolean_test(const PgQuery__BooleanTest* e, const Clause& clause) {
  ExpressionPtr x = boolean(bind(e->arg, clause), "IS TRUE", location_of(e->arg));
  switch (e->booltesttype) {
    case PG_QUERY__BOOL_TEST_TYPE__IS_TRUE:
      return functions::make_coalesce({x, truth(false)});
    case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE:
      return functions::make_not(functions::make_coalesce({x, truth(false)}));
    case PG_QUERY__BOOL_TEST_TYPE__IS_FALSE:
      return functions::make_not(functions::make_coalesce({x, truth(true)}));
    case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE:
      return functions::make_coalesce({x, truth(true)});
    case PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN:
      return functions::make_is_null(x);
    default:
      return functions::make_not(functions::make_is_null(x));
  }
}

}  // namespace tajo::sql
