// Scalar expressions: literals, operators, predicates.
#include <algorithm>
#include <limits>

#include "binder.hpp"
#include "expression_kinds.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using functions::Expression;

namespace {

ExpressionPtr at_position(ExpressionPtr e, int position) {
  if (position == 0 || e->position == position) return e;
  auto copy = std::make_shared<Expression>(*e);
  copy->position = position;
  return copy;
}

constexpr int kParameterScale = 10;  // of a parameter that is compared with a DECIMAL

/// A parameter's DECIMAL value in the type its digits need: a wide one would make the whole comparison wide.
void narrow_decimal(Expression& e) {
  __int128 scaled = data::integer_value(e.constant);
  int scale = e.type.scale;
  while (scale > 0 && scaled % 10 == 0) {
    scaled /= 10;
    --scale;
  }
  const __int128 magnitude = scaled < 0 ? -scaled : scaled;
  int precision = std::max(scale, 1);
  while (precision < 38 && magnitude >= data::power_of_ten(precision)) ++precision;
  e.type = Type::decimal(precision, scale);
  e.physical = data::physical_of(e.type);
  e.constant = data::decimal_value(scaled, e.type);
}

}  // namespace

ExpressionPtr Binder::bind(const Node* node, const Clause& clause) {
  switch (node->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
      return bind_constant(node->a_const);
    case PG_QUERY__NODE__NODE_COLUMN_REF:
      return bind_column_ref(node->column_ref, clause);
    case PG_QUERY__NODE__NODE_PARAM_REF:
      return bind_parameter(node->param_ref);
    case PG_QUERY__NODE__NODE_A_EXPR:
      return bind_operator(node->a_expr, clause);
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
      return bind_bool(node->bool_expr, clause);
    case PG_QUERY__NODE__NODE_NULL_TEST: {
      if (is(node->null_test->arg, PG_QUERY__NODE__NODE_ROW_EXPR)) unsupported("IS NULL of a row", location_of(node));
      ExpressionPtr test = functions::make_is_null(bind(node->null_test->arg, clause));
      return node->null_test->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL ? test : functions::make_not(std::move(test));
    }
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
      return bind_boolean_test(node->boolean_test, clause);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
      return bind_case(node->case_expr, clause);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
      return bind_cast(node->type_cast, clause);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
      return bind_function(node->func_call, clause);
    case PG_QUERY__NODE__NODE_SUB_LINK:
      return bind_sublink(node->sub_link, clause);
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
      return bind_value_function(node->sqlvalue_function);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR: {
      std::vector<ExpressionPtr> args = bind_all(TAJO_NODES(node->coalesce_expr, args), clause);
      unify_unknown(args, 1, 0);
      return at_position(functions::make_coalesce(std::move(args)), position(node->coalesce_expr->location));
    }
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: {
      std::vector<ExpressionPtr> args = bind_all(TAJO_NODES(node->min_max_expr, args), clause);
      unify_unknown(args, 1, 0);
      // A NULL written out takes the type of the others, wherever it stands.
      const auto typed = std::find_if(args.begin(), args.end(), [&](const ExpressionPtr& a) { return !is_untyped(*a); });
      if (typed != args.end()) {
        const Type type = (*typed)->type;
        for (ExpressionPtr& a : args)
          if (is_untyped(*a)) a = coerce(std::move(a), type);
      }
      const bool greatest = node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST;
      return call(greatest ? "greatest" : "least", std::move(args), node->min_max_expr->location);
    }
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: {
      const NodeSpan names = TAJO_NODES(node->collate_clause, collname);
      const std::string_view name = string_in(names.back());
      if (name != "C" && name != "POSIX" && name != "default" && name != "ucs_basic")
        unsupported("collation \"" + std::string(name) + "\"", node->collate_clause->location);
      return bind(node->collate_clause->arg, clause);
    }
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
      fail(sqlstate::kSyntaxError, "DEFAULT is not allowed in this context", node->set_to_default->location);
    case PG_QUERY__NODE__NODE_ROW_EXPR:
      unsupported("a row as a value", node->row_expr->location);
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
      return bind_array(node->a_array_expr, clause);
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
      return bind_indirection(node->a_indirection, clause);
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
      unsupported("GROUPING()", node->grouping_func->location);
    case PG_QUERY__NODE__NODE_NAMED_ARG_EXPR:
      unsupported("a named argument", node->named_arg_expr->location);
    case PG_QUERY__NODE__NODE_XML_EXPR:
      unsupported("XML", node->xml_expr->location);
    default:
      unsupported("this kind of expression", location_of(node));
  }
}

bool Binder::is_array_element(const Expression& e) const {
  if (e.kind == Expression::Kind::kColumn) return elements_.contains(e.column);
  return e.kind == Expression::Kind::kCall && e.function == "array_element";
}

std::vector<ExpressionPtr> Binder::bind_all(NodeSpan nodes, const Clause& clause) {
  std::vector<ExpressionPtr> out;
  out.reserve(nodes.size());
  for (const Node* node : nodes) out.push_back(bind(node, clause));
  return out;
}

ExpressionPtr Binder::bind_constant(const PgQuery__AConst* c) {
  const auto constant = [&](data::Value value, Type type) {
    auto e = std::make_shared<Expression>();
    e->kind = Expression::Kind::kConstant;
    e->type = type;
    e->physical = data::physical_of(type);
    e->constant = std::move(value);
    e->position = position(c->location);
    return e;
  };
  if (c->isnull) return constant({}, Type::of(TypeId::kUnknown));
  switch (c->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
      return constant(std::int64_t{c->ival->ival}, Type::of(TypeId::kInt4));
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
      return constant(std::int64_t{c->boolval->boolval != 0}, Type::of(TypeId::kBool));
    case PG_QUERY__A__CONST__VAL_SVAL:
      return constant(std::string(c->sval->sval), Type::of(TypeId::kUnknown));
    case PG_QUERY__A__CONST__VAL_FVAL: {
      const std::string_view text = c->fval->fval;
      __int128 scaled = 0;
      int precision = 0;
      int scale = 0;
      if (data::parse_decimal_literal(text, scaled, precision, scale)) {
        const bool integer = text.find_first_of(".eE") == std::string_view::npos;
        if (integer && scaled >= std::numeric_limits<std::int64_t>::min() && scaled <= std::numeric_limits<std::int64_t>::max())
          return constant(static_cast<std::int64_t>(scaled), Type::of(TypeId::kInt8));
        const Type type = Type::decimal(precision, scale);
        return constant(data::decimal_value(scaled, type), type);
      }
      if (text.find_first_of("eE") == std::string_view::npos)
        fail(sqlstate::kNumericOutOfRange, "value \"" + std::string(text) + "\" is out of range for type numeric", c->location);
      return coerce(constant(std::string(text), Type::of(TypeId::kUnknown)), Type::of(TypeId::kFloat8), c->location);
    }
    case PG_QUERY__A__CONST__VAL_BSVAL:
      unsupported("bit strings", c->location);
    default:
      return constant({}, Type::of(TypeId::kUnknown));
  }
}

ExpressionPtr Binder::bind_parameter(const PgQuery__ParamRef* p) {
  if (p->number < 1 || p->number > 65535) fail("42P02", "there is no parameter $" + std::to_string(p->number), p->location);
  const auto index = static_cast<std::size_t>(p->number) - 1;
  if (parameters_.size() <= index) parameters_.resize(index + 1);
  auto e = std::make_shared<Expression>();
  e->kind = Expression::Kind::kConstant;
  e->type = parameters_[index];
  e->physical = data::physical_of(e->type);
  e->position = position(p->location);
  if (is_untyped(*e)) e->column = static_cast<std::uint32_t>(p->number);
  if (context_.parameters != nullptr) {
    if (index >= context_.parameters->size()) fail("42P02", "there is no parameter $" + std::to_string(p->number), p->location);
    e->constant = (*context_.parameters)[index];
    if (e->type.id == TypeId::kDecimal && !data::is_null(e->constant)) narrow_decimal(*e);
  }
  return e;
}

ExpressionPtr Binder::coerce(ExpressionPtr e, const Type& wanted, int location) {
  if (e->type == wanted) return e;
  const int where = location >= 0 ? position(location) : e->position;
  if (is_open_parameter(*e)) {
    const Type type = wanted.id == TypeId::kDecimal && wanted.precision == 0 ? Type::decimal(38, kParameterScale) : wanted;
    parameters_[e->column - 1] = type;
    if (!std::holds_alternative<std::string>(e->constant)) {
      auto constant = std::make_shared<Expression>(*e);
      constant->type = type;
      constant->physical = data::physical_of(type);
      constant->column = 0;
      return constant;
    }
  }
  if (is_untyped(*e) && e->column != 0) {
    auto literal = std::make_shared<Expression>(*e);
    literal->column = 0;
    e = std::move(literal);
  }
  const int literal_position = e->position;
  try {
    return at_position(functions::make_cast(std::move(e), wanted, where), where);
  } catch (Error& error) {
    throw error.at(literal_position != 0 && error.sqlstate().starts_with("22") ? literal_position : where);
  }
}

ExpressionPtr Binder::boolean(ExpressionPtr e, const char* where, int location) {
  if (e->type.id == TypeId::kBool) return e;
  if (is_untyped(*e)) return coerce(std::move(e), Type::of(TypeId::kBool));
  fail("42804", std::string("argument of ") + where + " must be type boolean, not type " + data::postgres_type_name(e->type), location);
}

/// Gives untyped literals and parameters among every `step`-th argument the common type of the others.
void Binder::unify_unknown(std::vector<ExpressionPtr>& args, std::size_t step, std::size_t first) {
  std::optional<Type> type;
  for (std::size_t i = first; i < args.size(); i += step) {
    if (is_untyped(*args[i])) continue;
    try {
      type = type ? functions::common_type(*type, args[i]->type) : args[i]->type;
    } catch (Error& e) {
      throw e.at(args[i]->position);
    }
  }
  if (!type) return;
  for (std::size_t i = first; i < args.size(); i += step)
    if (is_untyped(*args[i]) && args[i]->kind == Expression::Kind::kConstant && (!data::is_null(args[i]->constant) || args[i]->column != 0))
      args[i] = coerce(args[i], *type);
}

ExpressionPtr Binder::call(const std::string& function, std::vector<ExpressionPtr> args, int location) {
  std::vector<std::uint32_t> open;
  for (const ExpressionPtr& arg : args) open.push_back(is_open_parameter(*arg) ? arg->column : 0);
  const std::size_t count = args.size();
  ExpressionPtr e;
  try {
    e = functions::make_call(function, std::move(args), position(location));
  } catch (Error& error) {
    if (error.position() == 0) error.at(position(location));
    throw error;
  }
  if (e->kind == Expression::Kind::kCall && e->args.size() == count)
    for (std::size_t i = 0; i < count; ++i)
      if (open[i] != 0 && !is_untyped(*e->args[i])) parameters_[open[i] - 1] = e->args[i]->type;
  return e;
}

ExpressionPtr Binder::compare(const std::string& op, ExpressionPtr a, ExpressionPtr b, int location) {
  const auto settle = [&](ExpressionPtr& e, const Type& other) {
    if (is_open_parameter(*e)) {
      // A parameter takes the other side's type, but not its length or scale.
      if (other.id == TypeId::kDecimal)
        e = coerce(std::move(e), Type::decimal(38, std::max<int>(other.scale, kParameterScale)));
      else
        e = coerce(std::move(e), other.is_text() ? Type::of(TypeId::kText) : other);
    } else if (const auto* text = std::get_if<std::string>(&e->constant);
               text != nullptr && other.id == TypeId::kChar && text->ends_with(' ')) {
      // Blanks at the end of a CHAR do not count, and are not stored.
      auto trimmed = std::make_shared<Expression>(*e);
      trimmed->constant = text->substr(0, text->find_last_not_of(' ') + 1);
      e = std::move(trimmed);
    }
  };
  if (is_untyped(*a) && !is_untyped(*b))
    settle(a, b->type);
  else if (is_untyped(*b) && !is_untyped(*a))
    settle(b, a->type);
  return call(op, {std::move(a), std::move(b)}, location);
}

ExpressionPtr Binder::bind_operator(const PgQuery__AExpr* e, const Clause& clause) {
  switch (e->kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
      break;
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
      return bind_any_array(e, clause);
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
      return distinct_from(bind(e->lexpr, clause), bind(e->rexpr, clause), e->location);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
      return functions::make_not(distinct_from(bind(e->lexpr, clause), bind(e->rexpr, clause), e->location));
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF: {
      ExpressionPtr a = bind(e->lexpr, clause);
      ExpressionPtr same = compare("=", a, bind(e->rexpr, clause), e->location);
      if (is_untyped(*a)) a = coerce(std::move(a), Type::of(TypeId::kText));
      return functions::make_case({std::move(same), functions::make_constant({}, a->type), a});
    }
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
      return bind_in_list(e, clause);
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
      return bind_pattern(e, clause);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
      return bind_between(e, clause);
    default:
      unsupported("this kind of operator", e->location);
  }
  const std::string op = operator_name(TAJO_NODES(e, name));
  if (is(e->lexpr, PG_QUERY__NODE__NODE_ROW_EXPR) && is(e->rexpr, PG_QUERY__NODE__NODE_ROW_EXPR))
    return bind_row_comparison(op, TAJO_NODES(e->lexpr->row_expr, args), TAJO_NODES(e->rexpr->row_expr, args), clause, e->location);
  if (e->lexpr == nullptr) {
    ExpressionPtr arg = bind(e->rexpr, clause);
    if (op == "+" && (arg->type.is_numeric() || arg->type.id == TypeId::kInterval)) return arg;
    return call(op, {std::move(arg)}, e->location);
  }
  ExpressionPtr a = bind(e->lexpr, clause);
  ExpressionPtr b = bind(e->rexpr, clause);
  // Arrays are text, so an element takes the type it is used with.
  for (auto [element, other] : {std::pair{&a, &b}, std::pair{&b, &a}})
    if (is_array_element(**element) && !is_untyped(**other) && !(*other)->type.is_text())
      *element = coerce(std::move(*element), (*other)->type, e->location);
  if (is_comparison(op)) return compare(op, std::move(a), std::move(b), e->location);
  // A parameter in arithmetic takes its partner's type; beside a date or time that would leave out intervals.
  if (is_open_parameter(*a) && b->type.is_numeric()) a = coerce(std::move(a), b->type);
  if (is_open_parameter(*b) && a->type.is_numeric()) b = coerce(std::move(b), a->type);
  if (op == "~" || op == "!~" || op == "~*" || op == "!~*") {
    // Tajo matches the whole string, PostgreSQL any part of it.
    if (context_.tajo_compatibility)
      b = call("||",
               {call("||", {functions::make_constant(std::string("^(?:"), Type::of(TypeId::kText)), b}, e->location),
                functions::make_constant(std::string(")$"), Type::of(TypeId::kText))},
               e->location);
    if (op[0] == '!') return functions::make_not(call(op.substr(1), {std::move(a), std::move(b)}, e->location));
  }
  return call(op, {std::move(a), std::move(b)}, e->location);
}

ExpressionPtr Binder::bind_case(const PgQuery__CaseExpr* e, const Clause& clause) {
  const ExpressionPtr subject = e->arg != nullptr ? bind(e->arg, clause) : nullptr;
  std::vector<ExpressionPtr> results;
  std::vector<ExpressionPtr> tests;
  for (const Node* node : TAJO_NODES(e, args)) {
    const PgQuery__CaseWhen* when = node->case_when;
    ExpressionPtr test = bind(when->expr, clause);
    tests.push_back(subject ? compare("=", subject, std::move(test), when->location)
                            : boolean(std::move(test), "CASE/WHEN", location_of(when->expr)));
    results.push_back(bind(when->result, clause));
  }
  if (e->defresult != nullptr) results.push_back(bind(e->defresult, clause));
  unify_unknown(results, 1, 0);
  std::vector<ExpressionPtr> args;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i < tests.size()) args.push_back(std::move(tests[i]));
    args.push_back(std::move(results[i]));
  }
  return at_position(functions::make_case(std::move(args)), position(e->location));
}

namespace {

/// Which unit INTERVAL '90' DAY gives its number; null for a span of units, where the text says them itself.
const char* interval_unit(int fields) {
  switch (fields) {
    case 1 << 1:
      return " months";
    case 1 << 2:
      return " years";
    case 1 << 3:
      return " days";
    case 1 << 10:
      return " hours";
    case 1 << 11:
      return " minutes";
    case 1 << 12:
      return " seconds";
    default:
      return nullptr;
  }
}

}  // namespace

ExpressionPtr Binder::bind_cast(const PgQuery__TypeCast* e, const Clause& clause) {
  if (ExpressionPtr named = bind_named_cast(e, clause)) return named;
  const Type type = bind_type(e->type_name);
  ExpressionPtr arg = bind(e->arg, clause);
  if (type.id == TypeId::kInterval && e->type_name->n_typmods > 0 && is(e->type_name->typmods[0], PG_QUERY__NODE__NODE_A_CONST) &&
      arg->kind == Expression::Kind::kConstant && is_untyped(*arg)) {
    const PgQuery__AConst* fields = e->type_name->typmods[0]->a_const;
    const char* unit = fields->val_case == PG_QUERY__A__CONST__VAL_IVAL ? interval_unit(fields->ival->ival) : nullptr;
    if (const auto* text = std::get_if<std::string>(&arg->constant);
        unit != nullptr && text != nullptr && text->find_first_not_of(" +-.0123456789") == std::string::npos) {
      auto with_unit = std::make_shared<Expression>(*arg);
      with_unit->constant = *text + unit;
      arg = std::move(with_unit);
    }
  }
  try {
    return coerce(std::move(arg), type, e->location);
  } catch (Error& error) {
    throw error.at(error.position() == 0 ? position(e->location) : error.position());
  }
}

ExpressionPtr Binder::bind_value_function(const PgQuery__SQLValueFunction* e) {
  const auto text = [&](const std::string& value) { return functions::make_constant(value, Type::of(TypeId::kText)); };
  switch (e->op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
      return call("current_date", {}, e->location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME:
      return call("current_time", {}, e->location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
      return call("current_timestamp", {}, e->location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
      return coerce(call("current_timestamp", {}, e->location), Type::of(TypeId::kTimestamp), e->location);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
      return text(context_.user);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
      return text(context_.database);
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
      return text("public");
    default:
      unsupported("a precision of the current time", e->location);
  }
}

}  // namespace tajo::sql
