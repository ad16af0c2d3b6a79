// Calls: scalar functions, aggregates, window functions.
#include <unordered_map>

#include "binder.hpp"
#include "window_functions.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using functions::Expression;

namespace {

/// Second names of aggregates; those of scalar functions are known to make_call.
std::string canonical_name(const std::string& name) { return name == "every" ? "bool_and" : name; }

}  // namespace

ExpressionPtr Binder::bind_function(const PgQuery__FuncCall* f, const Clause& clause) {
  const NodeSpan names = TAJO_NODES(f, funcname);
  const std::string written(string_in(names.back()));
  if (names.size() > 1 && string_in(names[0]) != "pg_catalog" && string_in(names[0]) != "public" &&
      !(string_in(names[0]) == "information_schema" && written == "_pg_expandarray"))
    fail(sqlstate::kUndefinedFunction, "function " + std::string(string_in(names[0])) + "." + written + " does not exist", f->location);
  const std::string name = canonical_name(written);
  if (f->func_variadic) unsupported("VARIADIC", f->location);
  if (f->agg_within_group) unsupported("WITHIN GROUP", f->location);
  if (f->over != nullptr) return bind_window(name, f, clause);
  if (functions::is_aggregate(name) || name == "array_agg") return bind_aggregate(name, f, clause);
  if (window_function(name) != nullptr) fail("42809", "window function " + name + " requires an OVER clause", f->location);
  if (f->agg_star || f->agg_distinct || f->n_agg_order > 0)
    fail("42809",
         std::string(f->agg_star       ? "*"
                     : f->agg_distinct ? "DISTINCT"
                                       : "ORDER BY") +
             " specified, but " + name + " is not an aggregate function",
         f->location);
  if (f->agg_filter != nullptr) fail("42809", "FILTER specified, but " + name + " is not an aggregate function", f->location);

  std::vector<ExpressionPtr> args = bind_all(TAJO_NODES(f, args), clause);
  if (name == "generate_series" || name == "unnest" || name == "generate_subscripts") return bind_series(name, std::move(args), clause, f->location);
  if (name == "json_build_object") return json_object(args, f->location);
  if (context_.session_function) {
    std::vector<data::Value> values;
    bool constant = true;
    for (const ExpressionPtr& arg : args) {
      constant = constant && arg->kind == Expression::Kind::kConstant;
      if (constant) values.push_back(arg->constant);
    }
    if (constant)
      if (auto result = context_.session_function(name, values)) return functions::make_constant(std::move(result->second), result->first);
  }
  if (args.empty() && (name == "current_database" || name == "current_schema"))
    return functions::make_constant(name == "current_schema" ? std::string("public") : context_.database, Type::of(TypeId::kText));
  if (ExpressionPtr known = bind_catalog_function(name, args, clause, f->location)) return known;
  if (name == "nullif" || name == "coalesce") unify_unknown(args, 1, 0);
  return call(name, std::move(args), f->location);
}

ExpressionPtr Binder::bind_aggregate(const std::string& name, const PgQuery__FuncCall* f, const Clause& clause) {
  if (clause.in_aggregate) fail("42803", "aggregate function calls cannot be nested", f->location);
  if (clause.aggregates == nullptr) fail("42803", std::string("aggregate functions are not allowed in ") + clause.name, f->location);
  plan::AggregateExpression aggregate;
  aggregate.name = name;
  aggregate.distinct = f->agg_distinct;
  Clause inside;
  inside.scope = clause.scope;
  inside.name = clause.name;
  inside.subqueries = clause.aggregates->below;
  inside.aggregates = clause.aggregates;
  inside.in_aggregate = true;
  aggregate.args = bind_all(TAJO_NODES(f, args), inside);
  if (f->agg_star ? name != "count" : aggregate.args.empty())
    fail(sqlstate::kUndefinedFunction,
         f->agg_star ? "function " + name + "(*) does not exist" : name + "(*) must be used to call a parameterless aggregate function",
         f->location);
  for (ExpressionPtr& arg : aggregate.args)
    if (arg->type.id == TypeId::kUnknown) arg = coerce(std::move(arg), Type::of(TypeId::kText));
  if (f->agg_filter != nullptr) aggregate.filter = boolean(bind(f->agg_filter, inside), "FILTER", location_of(f->agg_filter));
  aggregate.order_by = bind_sort_keys(TAJO_NODES(f, agg_order), inside);
  // An aggregate of nothing but an enclosing query's columns would belong to that query.
  std::vector<ColumnId> used;
  for (const ExpressionPtr& arg : aggregate.args) functions::collect_columns(*arg, used);
  bool own = used.empty();
  for (const ColumnId id : used) {
    for (const ScopeColumn& c : clause.scope->visible) own = own || c.id == id;
    for (const Relation& r : clause.scope->relations)
      for (const ScopeColumn& c : r.columns) own = own || c.id == id;
  }
  if (!own && inside.subqueries->empty()) unsupported("an aggregate of an enclosing query's columns in a subquery", f->location);

  const bool array = name == "array_agg";
  if (array) {  // the elements joined, and braces around them
    if (aggregate.args.size() != 1) fail(sqlstate::kUndefinedFunction, "function array_agg takes one argument", f->location);
    aggregate.name = "string_agg";
    aggregate.args = {array_piece(aggregate.args[0], f->location), functions::make_constant(std::string(","), Type::of(TypeId::kText))};
  }
  const auto result = [&](ColumnId id) { return array ? array_around(column(id, f->location), true, f->location) : column(id, f->location); };
  std::vector<Type> types;
  for (const ExpressionPtr& arg : aggregate.args) types.push_back(arg->type);
  try {
    aggregate.type = functions::aggregate_type(aggregate.name, types, aggregate.distinct);
  } catch (Error& e) {
    throw e.at(position(f->location));
  }
  AggregateSink& sink = *clause.aggregates;
  const auto same_list = [](const std::vector<ExpressionPtr>& a, const std::vector<ExpressionPtr>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!functions::equal(*a[i], *b[i]) || functions::is_volatile(*a[i])) return false;
    return true;
  };
  for (std::size_t i = 0; i < sink.aggregates.size(); ++i) {
    const plan::AggregateExpression& other = sink.aggregates[i];
    const bool same_filter = !other.filter && !aggregate.filter;
    if (other.name == aggregate.name && other.distinct == aggregate.distinct && same_filter && other.order_by.empty() && aggregate.order_by.empty() &&
        same_list(other.args, aggregate.args))
      return result(sink.ids[i]);
  }
  const ColumnId id = add_id(name, "", aggregate.type, name == "count");
  sink.aggregates.push_back(std::move(aggregate));
  sink.ids.push_back(id);
  return result(id);
}

void Binder::set_direction(plan::SortKey& key, const PgQuery__SortBy* by) {
  key.descending = by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
  key.nulls_first = by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
                    (by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT && key.descending);
}

std::vector<plan::SortKey> Binder::bind_sort_keys(NodeSpan sort_clause, const Clause& clause) {
  std::vector<plan::SortKey> keys;
  for (const Node* node : sort_clause) {
    const PgQuery__SortBy* by = node->sort_by;
    if (by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING) unsupported("ORDER BY … USING", by->location);
    plan::SortKey key;
    key.expression = bind(by->node, clause);
    if (key.expression->type.id == TypeId::kUnknown) key.expression = coerce(key.expression, Type::of(TypeId::kText));
    set_direction(key, by);
    keys.push_back(std::move(key));
  }
  return keys;
}

namespace {

bool is_any_aggregate(const std::string& name) { return functions::is_aggregate(name) || name == "array_agg"; }

bool any_aggregate(const ProtobufCMessage* message) {
  const ProtobufCMessageDescriptor* descriptor = message->descriptor;
  if (descriptor == &pg_query__select_stmt__descriptor) return false;  // a subquery's aggregates are its own
  if (descriptor == &pg_query__func_call__descriptor) {
    const auto* f = reinterpret_cast<const PgQuery__FuncCall*>(message);
    if (f->over == nullptr && is_any_aggregate(canonical_name(std::string(string_in(f->funcname[f->n_funcname - 1]))))) return true;
  }
  const auto* bytes = reinterpret_cast<const char*>(message);
  for (unsigned i = 0; i < descriptor->n_fields; ++i) {
    const ProtobufCFieldDescriptor& field = descriptor->fields[i];
    if (field.type != PROTOBUF_C_TYPE_MESSAGE) continue;
    if (field.label == PROTOBUF_C_LABEL_REPEATED) {
      const std::size_t count = *reinterpret_cast<const std::size_t*>(bytes + field.quantifier_offset);
      ProtobufCMessage* const* items = *reinterpret_cast<ProtobufCMessage* const* const*>(bytes + field.offset);
      for (std::size_t k = 0; k < count; ++k)
        if (items[k] != nullptr && any_aggregate(items[k])) return true;
      continue;
    }
    const bool in_union = (field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    if (in_union && *reinterpret_cast<const std::uint32_t*>(bytes + field.quantifier_offset) != field.id) continue;
    const auto* child = *reinterpret_cast<ProtobufCMessage* const*>(bytes + field.offset);
    if (child != nullptr && any_aggregate(child)) return true;
  }
  return false;
}

}  // namespace

bool Binder::contains_aggregate(const Node* node) const { return node != nullptr && any_aggregate(&node->base); }

}  // namespace tajo::sql
