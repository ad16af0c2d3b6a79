// Window functions: OVER, frames.
#include "binder.hpp"
#include "expression_kinds.hpp"
#include "window_functions.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;
using plan::WindowFrame;

namespace {

// Frame bits of PostgreSQL's tree (FRAMEOPTION_… of parsenodes.h).
constexpr int kFrameNonDefault = 0x1, kFrameRows = 0x4, kFrameGroups = 0x8;
constexpr int kStartUnboundedPreceding = 0x20, kEndUnboundedPreceding = 0x40, kStartUnboundedFollowing = 0x80;
constexpr int kEndUnboundedFollowing = 0x100, kStartPreceding = 0x800, kEndPreceding = 0x1000;
constexpr int kStartFollowing = 0x2000, kEndFollowing = 0x4000, kExclude = 0x8000 | 0x10000 | 0x20000;

WindowFrame::Bound bound_of(int options, int unbounded_preceding, int preceding, int following, int unbounded_following) {
  using Bound = WindowFrame::Bound;
  if ((options & unbounded_preceding) != 0) return Bound::kUnboundedPreceding;
  if ((options & preceding) != 0) return Bound::kPreceding;
  if ((options & following) != 0) return Bound::kFollowing;
  if ((options & unbounded_following) != 0) return Bound::kUnboundedFollowing;
  return Bound::kCurrentRow;
}

Type window_type(const std::string& name, const std::vector<ExpressionPtr>& args) {
  if (name == "row_number" || name == "rank" || name == "dense_rank") return Type::of(TypeId::kInt8);
  if (name == "percent_rank" || name == "cume_dist") return Type::of(TypeId::kFloat8);
  if (name == "ntile") return Type::of(TypeId::kInt4);
  return args[0]->type;
}

}  // namespace

/// ROWS, RANGE or GROUPS of a window. Functions that do not look at a frame take any.
void Binder::bind_frame(plan::WindowExpression& window, const PgQuery__WindowDef* def, const Clause& clause) {
  const int options = def->frame_options;
  if ((options & kFrameNonDefault) == 0) return;
  WindowFrame frame;
  frame.mode = (options & kFrameRows) != 0 ? WindowFrame::Mode::kRows : (options & kFrameGroups) != 0 ? WindowFrame::Mode::kGroups : WindowFrame::Mode::kRange;
  frame.start = bound_of(options, kStartUnboundedPreceding, kStartPreceding, kStartFollowing, kStartUnboundedFollowing);
  frame.end = bound_of(options, kEndUnboundedPreceding, kEndPreceding, kEndFollowing, kEndUnboundedFollowing);
  if ((options & kExclude) != 0) unsupported("EXCLUDE in a window frame", def->location);
  if (frame.mode == WindowFrame::Mode::kGroups && window.order_by.empty()) fail("42P20", "GROUPS mode requires an ORDER BY clause", def->location);
  for (const bool start : {true, false}) {
    const WindowFrame::Bound bound = start ? frame.start : frame.end;
    if (!frame.has_offset(bound)) continue;
    const Node* node = start ? def->start_offset : def->end_offset;
    const std::string which = start ? "starting" : "ending";
    ExpressionPtr offset = bind(node, clause);
    const auto check = [&](const data::Value& value, bool number) {
      if (data::is_null(value)) fail("22004", "frame " + which + " offset must not be null", location_of(node));
      if (number && data::integer_value(value) < 0) fail("22013", "frame " + which + " offset must not be negative", location_of(node));
    };
    if (frame.mode != WindowFrame::Mode::kRange) {
      offset = coerce(std::move(offset), Type::of(TypeId::kInt8), location_of(node));
      if (!functions::is_constant(*offset)) unsupported("a window frame's offset that is not a constant", location_of(node));
      const data::Value value = functions::evaluate_constant(*offset, context_.settings);
      check(value, true);
      (start ? frame.start_offset : frame.end_offset) = std::get<std::int64_t>(value);
      continue;
    }
    if (window.order_by.size() != 1)
      fail("42P20", "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column", def->location);
    const plan::SortKey& key = window.order_by[0];
    if (functions::is_constant(*offset) && offset->type.is_integer()) check(functions::evaluate_constant(*offset, context_.settings), true);
    if (key.expression->type.is_text() || key.expression->type.id == TypeId::kBool)
      fail("0A000", "RANGE with offset PRECEDING/FOLLOWING is not supported for column type " + data::postgres_type_name(key.expression->type), location_of(node));
    if (is_untyped(*offset)) {
      const bool time = key.expression->type.is_datetime() || key.expression->type.id == TypeId::kInterval;
      offset = coerce(std::move(offset), time ? Type::of(TypeId::kInterval) : key.expression->type, location_of(node));
    }
    const bool back = (bound == WindowFrame::Bound::kPreceding) != key.descending;
    ExpressionPtr value = call(back ? "-" : "+", {key.expression, std::move(offset)}, location_of(node));
    const Type type = functions::common_type(key.expression->type, value->type);
    window.args.push_back(coerce(key.expression, type));
    window.args.push_back(coerce(std::move(value), type));
  }
  window.frame = frame;
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
  // OVER w takes the frame of w; OVER (w …) has its own.
  const bool framed = only_window == nullptr || name == "first_value" || name == "last_value" || name == "nth_value";
  if (framed) bind_frame(window, over->name[0] != '\0' && base != nullptr ? base : over, clause);
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

}  // namespace tajo::sql
