// Calls: scalar functions, aggregates, window functions.
#include <unordered_map>

#include "binder.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using functions::Expression;

namespace {

/// Second names of aggregates; those of scalar functions are known to make_call.
std::string canonical_name(const std::string& name) { return name == "every" ? "bool_and" : name; }

/// Functions that exist only with OVER, and how many arguments they take.
struct WindowFunction {
  std::size_t least, most;
};
const WindowFunction* window_function(const std::string& name) {
  static const std::unordered_map<std::string_view, WindowFunction> kFunctions = {
      {"row_number", {0, 0}}, {"rank", {0, 0}}, {"dense_rank", {0, 0}},  {"percent_rank", {0, 0}}, {"cume_dist", {0, 0}}, {"ntile", {1, 1}},
      {"lag", {1, 3}},        {"lead", {1, 3}}, {"first_value", {1, 1}}, {"last_value", {1, 1}},   {"nth_value", {2, 2}}};
  const auto at = kFunctions.find(name);
  return at == kFunctions.end() ? nullptr : &at->second;
}

Type window_type(const std::string& name, const std::vector<ExpressionPtr>& args) {
  if (name == "row_number" || name == "rank" || name == "dense_rank") return Type::of(TypeId::kInt8);
  if (name == "percent_rank" || name == "cume_dist") return Type::of(TypeId::kFloat8);
  if (name == "ntile") return Type::of(TypeId::kInt4);
  return args[0]->type;
}

constexpr int kFrameNonDefault = 0x1;  // FRAMEOPTION_NONDEFAULT of PostgreSQL's tree

}  // namespace

ExpressionPtr Binder::bind_function(const PgQuery__FuncCall* f, const Clause& clause) {
  const NodeSpan names = TAJO_NODES(f, funcname);
  const std::string written(string_in(names.back()));
  if (names.size() > 1 && string_in(names[0]) != "pg_catalog" && string_in(names[0]) != "public")
    fail(sqlstate::kUndefinedFunction, "function " + std::string(string_in(names[0])) + "." + written + " does not exist", f->location);
  const std::string name = canonical_name(written);
  if (f->func_variadic) unsupported("VARIADIC", f->location);
  if (f->agg_within_group) unsupported("WITHIN GROUP", f->location);
  if (f->over != nullptr) return bind_window(name, f, clause);
  if (functions::is_aggregate(name)) return bind_aggregate(name, f, clause);
  if (window_function(name) != nullptr) fail("42809", "window function " + name + " requires an OVER clause", f->location);
  if (f->agg_star || f->agg_distinct || f->n_agg_order > 0)
    fail("42809",
         std::string(f->agg_star       ? "*"
                     : f->agg_distinct ? "DISTINCT"
                                       : "ORDER BY") +
             " specified, but " + name + " is not an aggregate function",
         f->location);
  if (f->agg_filter != nullptr) fail("42809", "FILTER specified, but " + name + " is not an aggregate function", f->location);
  if (name == "generate_series" || name == "unnest") unsupported("set-returning function " + name + " outside FROM", f->location);

  std::vector<ExpressionPtr> args = bind_all(TAJO_NODES(f, args), clause);
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
  if (ExpressionPtr known = bind_catalog_function(name, args, f->location)) return known;
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

  std::vector<Type> types;
  for (const ExpressionPtr& arg : aggregate.args) types.push_back(arg->type);
  try {
    aggregate.type = functions::aggregate_type(name, types, aggregate.distinct);
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
    if (other.name == name && other.distinct == aggregate.distinct && same_filter && other.order_by.empty() && aggregate.order_by.empty() &&
        same_list(other.args, aggregate.args))
      return column(sink.ids[i], f->location);
  }
  const ColumnId id = add_id(name, "", aggregate.type, name == "count");
  sink.aggregates.push_back(std::move(aggregate));
  sink.ids.push_back(id);
  return column(id, f->location);
}

ExpressionPtr Binder::bind_window(const std::string& name, const PgQuery__FuncCall* f, const Clause& clause) {
  if (clause.in_window) fail("42P20", "window function calls cannot be nested", f->location);
  if (clause.in_aggregate) fail("42803", "aggregate function calls cannot contain window function calls", f->location);
  if (clause.windows == nullptr) fail("42P20", std::string("window functions are not allowed in ") + clause.name, f->location);
  const WindowFunction* only_window = window_function(name);
  if (only_window == nullptr && !functions::is_aggregate(name))
    fail("42809", "OVER specified, but " + name + " is not a window function nor an aggregate function", f->location);
  if (f->agg_distinct) unsupported("DISTINCT in a window function", f->location);
  if (f->agg_filter != nullptr) unsupported("FILTER in a window function", f->location);
  if (f->n_agg_order > 0) unsupported("ORDER BY in the arguments of a window function", f->location);

  // OVER w and OVER (w …) build on a named window.
  const PgQuery__WindowDef* over = f->over;
  const PgQuery__WindowDef* base = nullptr;
  const std::string wanted = over->name[0] != '\0' ? over->name : over->refname;
  if (!wanted.empty()) {
    for (const Node* node : clause.windows->named)
      if (node->window_def->name == wanted) base = node->window_def;
    if (base == nullptr) fail("42704", "window \"" + wanted + "\" does not exist", over->location);
    if (base->refname[0] != '\0') unsupported("a named window built on another one", base->location);
  }
  for (const PgQuery__WindowDef* w : {over, base})
    if (w != nullptr && (w->frame_options & kFrameNonDefault) != 0 && name != "row_number" && name != "rank" && name != "dense_rank")
      unsupported("a window frame", w->location);

  Clause inside = clause;
  inside.windows = nullptr;
  inside.in_window = true;
  plan::WindowExpression window;
  window.name = name;
  window.args = bind_all(TAJO_NODES(f, args), inside);
  for (ExpressionPtr& arg : window.args)
    if (arg->type.id == TypeId::kUnknown) arg = coerce(std::move(arg), Type::of(TypeId::kText));
  for (const PgQuery__WindowDef* w : {base, over}) {
    if (w == nullptr) continue;
    for (const Node* node : TAJO_NODES(w, partition_clause)) window.partition_by.push_back(bind(node, inside));
    for (plan::SortKey& key : bind_sort_keys(TAJO_NODES(w, order_clause), inside)) window.order_by.push_back(std::move(key));
  }
  if (only_window != nullptr) {
    if (window.args.size() < only_window->least || window.args.size() > only_window->most)
      fail(sqlstate::kUndefinedFunction, "function " + name + " does not take " + std::to_string(window.args.size()) + " arguments",
           f->location);
    window.type = window_type(name, window.args);
    const auto integer = [&](std::size_t i) {
      if (i < window.args.size()) window.args[i] = coerce(window.args[i], Type::of(TypeId::kInt4));
    };
    if (name == "ntile") integer(0);
    if (name == "lag" || name == "lead" || name == "nth_value") integer(1);
    if (window.args.size() > 2) window.args[2] = coerce(window.args[2], window.type);
  } else {
    std::vector<Type> types;
    for (const ExpressionPtr& arg : window.args) types.push_back(arg->type);
    if (f->agg_star ? name != "count" : window.args.empty())
      fail(sqlstate::kUndefinedFunction, "function " + name + (f->agg_star ? "(*)" : "()") + " does not exist", f->location);
    try {
      window.type = functions::aggregate_type(name, types, false);
    } catch (Error& e) {
      throw e.at(position(f->location));
    }
  }
  const auto add = [&](plan::WindowExpression w) {
    const ColumnId id = add_id(w.name, "", w.type);
    clause.windows->windows.push_back(std::move(w));
    clause.windows->ids.push_back(id);
    return column(id, f->location);
  };
  if (name != "avg") return add(std::move(window));
  // The engine runs base aggregates over windows: an average is the quotient of two of them.
  const Type type = window.type;
  window.name = "sum";
  window.type = functions::aggregate_type("sum", {window.args[0]->type}, false);
  ExpressionPtr sum = add(window);
  window.name = "count";
  window.type = Type::of(TypeId::kInt8);
  ExpressionPtr count = add(std::move(window));
  const Type operand = type.is_float() ? Type::of(TypeId::kFloat8) : Type::decimal(38, 0);
  if (type.is_float()) count = functions::make_cast(count, operand);
  if (type.is_float() || sum->type.is_integer()) sum = functions::make_cast(sum, operand);
  return functions::make_cast(functions::make_call("/", {sum, count}), type);
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

bool any_aggregate(const ProtobufCMessage* message) {
  const ProtobufCMessageDescriptor* descriptor = message->descriptor;
  if (descriptor == &pg_query__select_stmt__descriptor) return false;  // a subquery's aggregates are its own
  if (descriptor == &pg_query__func_call__descriptor) {
    const auto* f = reinterpret_cast<const PgQuery__FuncCall*>(message);
    if (f->over == nullptr && functions::is_aggregate(canonical_name(std::string(string_in(f->funcname[f->n_funcname - 1]))))) return true;
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
