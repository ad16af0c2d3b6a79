// Arrays as clients of pg_catalog write them. There is no array type: an array is text in PostgreSQL's form `{a,b}`
// (functions_catalog.cpp), so ARRAY[…], ANY, subscripts and unnest work on text.
#include "binder.hpp"
#include "expression_kinds.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using functions::Expression;

namespace {

Type text_type() { return Type::of(TypeId::kText); }
ExpressionPtr text(const std::string& value) { return functions::make_constant(value, text_type()); }
ExpressionPtr number(std::int64_t value) { return functions::make_constant(value, Type::of(TypeId::kInt4)); }

/// Most rows of unnest or generate_series over columns of other FROM items: as many as a table has columns.
constexpr std::int64_t kMaxLateralRows = 1'600;

}  // namespace

ExpressionPtr Binder::bind_array(const PgQuery__AArrayExpr* array, const Clause& clause) {
  std::vector<ExpressionPtr> elements = bind_all(TAJO_NODES(array, elements), clause);
  for (ExpressionPtr& e : elements) e = coerce(std::move(e), text_type(), array->location);
  return elements.empty() ? text("{}") : call("make_array", std::move(elements), array->location);
}

/// What string_agg joins to an array's text.
ExpressionPtr Binder::array_piece(ExpressionPtr e, int location) {
  e = coerce(std::move(e), text_type(), location);
  return functions::make_coalesce({call("array_quote", {std::move(e)}, location), text("NULL")});
}

ExpressionPtr Binder::array_around(ExpressionPtr pieces, bool empty_is_null, int location) {
  if (!empty_is_null) pieces = functions::make_coalesce({std::move(pieces), text("")});
  return call("||", {call("||", {text("{"), std::move(pieces)}, location), text("}")}, location);
}

ExpressionPtr Binder::bind_array_sublink(const PgQuery__SubLink* link, const Clause& clause) {
  BoundQuery query = bind_subquery(link, clause);
  if (query.outputs.size() != 1) fail(sqlstate::kSyntaxError, "subquery must return only one column", link->location);
  plan::AggregateExpression joined;
  joined.name = "string_agg";
  joined.args = {array_piece(column(query.outputs[0]), link->location), text(",")};
  joined.type = text_type();
  if (query.root->kind == LogicalNode::Kind::kSort) joined.order_by = query.root->sort_keys;
  NodePtr group = make_node(LogicalNode::Kind::kAggregate, std::move(query.root));
  const ColumnId id = add_id("array", "", text_type());
  group->ids = {id};
  group->aggregates.push_back(std::move(joined));
  clause.subqueries->push_back({plan::JoinType::kSingle, std::move(group), nullptr, {}});
  return array_around(column(id), false, link->location);
}

/// x op ANY (ARRAY[…]), x op ALL (ARRAY[…]): a list of comparisons. Any other array: `=` and `<>` by its elements' text.
ExpressionPtr Binder::bind_any_array(const PgQuery__AExpr* e, const Clause& clause) {
  const Node* array = e->rexpr;
  while (is(array, PG_QUERY__NODE__NODE_TYPE_CAST)) array = array->type_cast->arg;
  const std::string op = operator_name(TAJO_NODES(e, name));
  const bool any = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY;
  ExpressionPtr x = bind(e->lexpr, clause);
  if (!is(array, PG_QUERY__NODE__NODE_A_ARRAY_EXPR)) {
    if (op != (any ? "=" : "<>")) unsupported("operator " + op + (any ? " ANY" : " ALL") + " of an array value", e->location);
    ExpressionPtr values = coerce(bind(e->rexpr, clause), text_type(), e->location);
    x = coerce(std::move(x), text_type(), e->location);
    ExpressionPtr found = call("array_contains", {std::move(x), std::move(values)}, e->location);
    return any ? found : functions::make_not(std::move(found));
  }
  std::vector<ExpressionPtr> tests;
  for (const Node* item : TAJO_NODES(array->a_array_expr, elements)) {
    ExpressionPtr y = bind(item, clause);
    tests.push_back(is_comparison(op) ? compare(op, x, std::move(y), e->location) : call(op, {x, std::move(y)}, e->location));
  }
  if (any) return tests.empty() ? truth(false) : functions::make_or(std::move(tests));
  return functions::make_and(std::move(tests));
}

/// array[i], and (information_schema._pg_expandarray(keys)).n as drivers ask for primary keys.
ExpressionPtr Binder::bind_indirection(const PgQuery__AIndirection* e, const Clause& clause) {
  ExpressionPtr value = bind(e->arg, clause);
  const int location = location_of(e->arg);
  for (const Node* step : TAJO_NODES(e, indirection)) {
    if (!value->type.is_text()) unsupported("a subscript or field of type " + data::postgres_type_name(value->type), location);
    const std::string_view field = string_in(step);
    if (is(step, PG_QUERY__NODE__NODE_A_INDICES) && !step->a_indices->is_slice) {
      ExpressionPtr index = coerce(bind(step->a_indices->uidx, clause), Type::of(TypeId::kInt4), location);
      value = call("array_element", {std::move(value), std::move(index)}, location);
    } else if (field == "x" || field == "n") {
      value = coerce(call("array_element", {std::move(value), number(field == "x" ? 1 : 2)}, location), Type::of(TypeId::kInt4));
    } else {
      unsupported("a slice or field of a value", location);
    }
  }
  return value;
}

/// Numbers 0, 1, … below kMaxLateralRows of which those below `count` stay: a series whose length other columns say.
NodePtr Binder::counted_rows(ExpressionPtr count, ColumnId id, int location) {
  NodePtr numbers = make_node(LogicalNode::Kind::kValues);
  numbers->ids = {id};
  for (std::int64_t i = 0; i < kMaxLateralRows; ++i) numbers->rows.push_back({functions::make_constant(i, Type::of(TypeId::kInt8))});
  ExpressionPtr bounded = call("lateral_rows", {coerce(std::move(count), Type::of(TypeId::kInt8)), functions::make_constant(kMaxLateralRows, Type::of(TypeId::kInt8))}, location);
  return filter(std::move(numbers), compare("<", column(id), std::move(bounded), location));
}

/// unnest(array) in FROM.
BoundFrom Binder::bind_unnest(const PgQuery__RangeFunction* range, ExpressionPtr array, int location) {
  array = coerce(std::move(array), text_type(), location);
  const ColumnId row = add_id("row", "", Type::of(TypeId::kInt8), true);
  NodePtr rows = counted_rows(call("cardinality", {array}, location), row, location);
  NodePtr node = make_node(LogicalNode::Kind::kProject, std::move(rows));
  ExpressionPtr index = call("+", {coerce(column(row), Type::of(TypeId::kInt4)), number(1)}, location);
  const std::string alias = range->alias != nullptr ? range->alias->aliasname : "unnest";
  const ColumnId id = add_id(alias, alias, text_type());
  elements_.insert(id);
  node->ids = {id};
  node->expressions = {call("array_element", {std::move(array), std::move(index)}, location)};
  return as_relation(std::move(node), Relation{"", alias, {{alias, id}}}, range->alias);
}

/// Rows of generate_series(start, stop, step), all int8.
ExpressionPtr Binder::series_count(const std::vector<ExpressionPtr>& args, int location) {
  const ExpressionPtr& step = args[2];
  const Type wide = Type::of(TypeId::kInt8);
  if (step->kind != Expression::Kind::kConstant || data::is_null(step->constant)) unsupported("generate_series with a step that is not a constant", location);
  if (data::integer_value(step->constant) == 0) fail("22023", "step size cannot equal zero", location);
  const ExpressionPtr one = functions::make_constant(std::int64_t{1}, wide);
  ExpressionPtr count = call("+", {call("/", {call("-", {args[1], args[0]}, location), step}, location), one}, location);
  // (stop - start) / step rounds towards zero: a series that runs away from its end has no rows.
  ExpressionPtr forward = compare(data::integer_value(step->constant) > 0 ? "<=" : ">=", args[0], args[1], location);
  return functions::make_case({std::move(forward), std::move(count), functions::make_constant(std::int64_t{0}, wide)});
}

namespace {

/// start, stop and step as int8.
std::vector<ExpressionPtr> wide_series(std::vector<ExpressionPtr> args) {
  const Type wide = Type::of(TypeId::kInt8);
  for (ExpressionPtr& arg : args) arg = functions::make_cast(std::move(arg), wide);
  if (args.size() == 2) args.push_back(functions::make_constant(std::int64_t{1}, wide));
  return args;
}

}  // namespace

/// generate_series whose bounds are columns of other FROM items or of an enclosing query.
BoundFrom Binder::bind_lateral_series(const PgQuery__RangeFunction* range, std::vector<ExpressionPtr> args, const Type& type, int location) {
  args = wide_series(std::move(args));
  const ColumnId row = add_id("row", "", Type::of(TypeId::kInt8), true);
  NodePtr node = make_node(LogicalNode::Kind::kProject, counted_rows(series_count(args, location), row, location));
  const std::string alias = range->alias != nullptr ? range->alias->aliasname : "generate_series";
  const ColumnId id = add_id(alias, alias, type);
  node->ids = {id};
  node->expressions = {coerce(call("+", {args[0], call("*", {column(row), args[2]}, location)}, location), type)};
  return as_relation(std::move(node), Relation{"", alias, {{alias, id}}}, range->alias);
}

/// unnest, generate_subscripts and generate_series in a select list.
ExpressionPtr Binder::bind_series(const std::string& name, std::vector<ExpressionPtr> args, const Clause& clause, int location) {
  if (clause.series == nullptr) fail(sqlstate::kFeatureNotSupported, std::string("set-returning functions are not allowed in ") + clause.name, location);
  SeriesSink& sink = *clause.series;
  const Type wide = Type::of(TypeId::kInt8);
  if (sink.ids.empty()) sink.row = add_id("row", "", wide, true);
  const ExpressionPtr index = call("+", {coerce(column(sink.row), Type::of(TypeId::kInt4)), number(1)}, location);
  ExpressionPtr count;
  ExpressionPtr value;
  if (name == "generate_series") {
    Type type = Type::of(TypeId::kInt4);
    bool integers = args.size() == 2 || args.size() == 3;
    for (const ExpressionPtr& arg : args) {
      integers = integers && arg->type.is_integer();
      if (arg->type.id == TypeId::kInt8) type = arg->type;
    }
    if (!integers) unsupported("generate_series of anything but integers", location);
    args = wide_series(std::move(args));
    count = series_count(args, location);
    value = coerce(call("+", {args[0], call("*", {column(sink.row), args[2]}, location)}, location), type);
    value = functions::make_case({compare("<", column(sink.row), count, location), std::move(value)});
  } else {
    if (args.size() != (name == "unnest" ? 1U : 2U)) unsupported(name + " with these arguments", location);
    ExpressionPtr array = coerce(args[0], text_type(), location);
    count = coerce(call("cardinality", {array}, location), wide);
    value = name == "unnest" ? call("array_element", {array, index}, location)
                             : functions::make_case({compare("<", column(sink.row), count, location), index});
  }
  const ColumnId id = add_id(name, "", value->type);
  if (name == "unnest") elements_.insert(id);
  sink.counts.push_back(functions::make_coalesce({std::move(count), functions::make_constant(std::int64_t{0}, wide)}));
  sink.values.push_back(std::move(value));
  sink.ids.push_back(id);
  return column(id, location);
}

/// json_build_object(key, value, …) as text.
ExpressionPtr Binder::json_object(const std::vector<ExpressionPtr>& args, int location) {
  if (args.size() % 2 != 0) fail("22023", "argument list must have even number of elements", location);
  std::vector<ExpressionPtr> pieces{text("{")};
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (i > 0) pieces.push_back(text(i % 2 == 0 ? ", " : " : "));
    const bool plain = args[i]->type.is_numeric() && i % 2 == 1;
    ExpressionPtr piece = args[i]->type.id == TypeId::kBool ? functions::make_case({args[i], text("true"), functions::make_not(args[i]), text("false")})
                                                            : coerce(args[i], text_type(), location);
    if (!plain && args[i]->type.id != TypeId::kBool) piece = call("json_quote", {std::move(piece)}, location);
    pieces.push_back(functions::make_coalesce({std::move(piece), text("null")}));
  }
  pieces.push_back(text("}"));
  return call("concat", std::move(pieces), location);
}

}  // namespace tajo::sql
