#include "aggregates.hpp"

#include "null_rejection.hpp"
#include "rules.hpp"
#include "tajo/common/error.hpp"

namespace tajo::plan {
namespace {

using data::Type;
using data::TypeId;
using functions::make_call;
using functions::make_cast;
using functions::make_constant;

ExpressionPtr integer(std::int64_t v) { return make_constant(data::Value(v), Type::of(TypeId::kInt8)); }

/// Splits one SQL aggregate into base aggregates and the expression over their results.
class Splitter {
 public:
  explicit Splitter(Context& context) : context_(context) {}

  /// nullptr: a base aggregate, kept as it is.
  ExpressionPtr split(AggregateExpression& a) {
    const std::string& n = a.name;
    if (n == "avg") return average(a);
    if (n == "var_pop" || n == "var_samp" || n == "variance" || n == "stddev_pop" || n == "stddev_samp" || n == "stddev") return variance(a);
    if (n == "covar_pop" || n == "covar_samp" || n == "corr" || n.starts_with("regr_")) return pairs(a);
    if (n == "every") a.name = "bool_and";
    // The least is as good as any, and the same one when a lost task runs again.
    if (n == "any_value" && (a.type.is_numeric() || a.type.is_text() || a.type.is_datetime())) a.name = "min";
    return nullptr;
  }

  std::vector<AggregateExpression> made;
  std::vector<ColumnId> ids;

 private:
  /// The column of a base aggregate, shared with an equal one.
  ExpressionPtr base(const AggregateExpression& like, std::string name, std::vector<ExpressionPtr> args, const Type& type, bool distinct) {
    for (std::size_t i = 0; i < made.size(); ++i)
      if (made[i].name == name && made[i].distinct == distinct && made[i].args.size() == args.size() && same(made[i].filter, like.filter)) {
        bool all = true;
        for (std::size_t j = 0; j < args.size(); ++j) all = all && functions::equal(*made[i].args[j], *args[j]);
        if (all) return context_.column(ids[i]);
      }
    AggregateExpression a;
    a.name = name;
    a.args = std::move(args);
    a.distinct = distinct;
    a.filter = like.filter;
    a.type = type;
    ids.push_back(context_.new_column(std::move(name), "", type));
    made.push_back(std::move(a));
    return context_.column(ids.back());
  }
  static bool same(const ExpressionPtr& a, const ExpressionPtr& b) { return a == b || (a && b && functions::equal(*a, *b)); }

  ExpressionPtr average(const AggregateExpression& a) {
    const ExpressionPtr& x = a.args[0];
    const Type sum_type = functions::aggregate_type("sum", {x->type}, a.distinct);
    ExpressionPtr sum = base(a, "sum", {x}, sum_type, a.distinct);
    ExpressionPtr count = base(a, "count", {x}, Type::of(TypeId::kInt8), a.distinct);
    if (a.type.is_float()) return make_cast(make_call("/", {make_cast(sum, Type::of(TypeId::kFloat8)), make_cast(count, Type::of(TypeId::kFloat8))}), a.type);
    if (sum->type.is_integer()) sum = make_cast(sum, Type::decimal(38, 0));
    return make_cast(make_call("/", {sum, count}), a.type);
  }

  static ExpressionPtr when(ExpressionPtr condition, ExpressionPtr value) { return functions::make_case({std::move(condition), std::move(value)}); }

  ExpressionPtr variance(const AggregateExpression& a) {
    const Type real = Type::of(TypeId::kFloat8);
    const ExpressionPtr x = make_cast(a.args[0], real);
    ExpressionPtr n = base(a, "count", {a.args[0]}, Type::of(TypeId::kInt8), a.distinct);
    ExpressionPtr sum = base(a, "sum", {x}, real, a.distinct);
    ExpressionPtr squares = base(a, kSumSquares, {x}, real, a.distinct);
    const bool population = a.name.ends_with("_pop");
    ExpressionPtr count = make_cast(n, real);
    // sum (x - mean)^2, kept from falling below zero by rounding.
    ExpressionPtr spread = make_call("-", {squares, make_call("/", {make_call("*", {sum, sum}), count})});
    const ExpressionPtr zero = make_constant(data::Value(0.0), real);
    spread = functions::make_case({make_call("<", {spread, zero}), zero, spread});
    ExpressionPtr divisor = population ? count : make_call("-", {count, make_constant(data::Value(1.0), real)});
    ExpressionPtr out = make_call("/", {spread, divisor});
    if (a.name.starts_with("stddev")) out = make_call("sqrt", {out});
    return make_cast(when(make_call(">", {n, integer(population ? 0 : 1)}), out), a.type);
  }

  /// corr, covar, regr: aggregates of (y, x) over rows where neither is NULL.
  ExpressionPtr pairs(const AggregateExpression& a) {
    const Type real = Type::of(TypeId::kFloat8);
    const ExpressionPtr y0 = make_cast(a.args[0], real), x0 = make_cast(a.args[1], real);
    auto both = [&](const ExpressionPtr& v, const ExpressionPtr& other) { return when(functions::make_not(functions::make_is_null(other)), v); };
    const ExpressionPtr y = both(y0, x0), x = both(x0, y0);
    ExpressionPtr n = base(a, "count", {make_call("*", {y0, x0})}, Type::of(TypeId::kInt8), a.distinct);
    if (a.name == "regr_count") return make_cast(n, a.type);
    ExpressionPtr count = make_cast(n, real);
    ExpressionPtr sx = base(a, "sum", {x}, real, a.distinct), sy = base(a, "sum", {y}, real, a.distinct);
    auto minus = [](ExpressionPtr p, ExpressionPtr q) { return make_call("-", {std::move(p), std::move(q)}); };
    auto over = [](ExpressionPtr p, ExpressionPtr q) { return make_call("/", {std::move(p), std::move(q)}); };
    auto times = [](ExpressionPtr p, ExpressionPtr q) { return make_call("*", {std::move(p), std::move(q)}); };
    auto sxy = [&] { return minus(base(a, "sum", {make_call("*", {y0, x0})}, real, a.distinct), over(times(sx, sy), count)); };
    auto sxx = [&] { return minus(base(a, kSumSquares, {x}, real, a.distinct), over(times(sx, sx), count)); };
    auto syy = [&] { return minus(base(a, kSumSquares, {y}, real, a.distinct), over(times(sy, sy), count)); };
    const ExpressionPtr zero = make_constant(data::Value(0.0), real);
    auto if_positive = [&](const ExpressionPtr& v, ExpressionPtr out) { return when(make_call(">", {v, zero}), std::move(out)); };
    auto some = [&](ExpressionPtr out) { return when(make_call(">", {n, integer(0)}), std::move(out)); };
    ExpressionPtr out;
    if (a.name == "covar_pop") out = some(over(sxy(), count));
    else if (a.name == "covar_samp") out = when(make_call(">", {n, integer(1)}), over(sxy(), minus(count, make_constant(data::Value(1.0), real))));
    else if (a.name == "regr_sxx") out = some(sxx());
    else if (a.name == "regr_syy") out = some(syy());
    else if (a.name == "regr_sxy") out = some(sxy());
    else if (a.name == "regr_avgx") out = some(over(sx, count));
    else if (a.name == "regr_avgy") out = some(over(sy, count));
    else if (a.name == "regr_slope") out = some(if_positive(sxx(), over(sxy(), sxx())));
    else if (a.name == "regr_intercept") out = some(if_positive(sxx(), over(minus(sy, over(times(sx, sxy()), sxx())), count)));
    else if (a.name == "corr") out = some(if_positive(times(sxx(), syy()), over(sxy(), make_call("sqrt", {times(sxx(), syy())}))));
    else throw Error(sqlstate::kFeatureNotSupported, "aggregate function " + a.name + " is not supported");
    return make_cast(out, a.type);
  }

  Context& context_;
};

bool same_args(const std::vector<ExpressionPtr>& a, const std::vector<ExpressionPtr>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!functions::equal(*a[i], *b[i])) return false;
  return true;
}

bool same_aggregate(const AggregateExpression& a, const AggregateExpression& b) {
  if (a.name != b.name || a.distinct != b.distinct || a.type != b.type || !a.order_by.empty() || !b.order_by.empty()) return false;
  if ((a.filter || b.filter) && !(a.filter && b.filter && functions::equal(*a.filter, *b.filter))) return false;
  for (const ExpressionPtr& e : a.args)
    if (functions::is_volatile(*e)) return false;
  return same_args(a.args, b.args);
}

/// count(x) of an x that is never NULL is count(*): one counter for all of them.
void count_rows(Context& context, LogicalNode& agg, std::vector<AggregateExpression>& aggregates) {
  Estimator estimator(context);
  for (AggregateExpression& a : aggregates)
    if (a.name == "count" && !a.distinct && a.args.size() == 1 && never_null(a.args[0], estimator, *agg.children[0])) a.args.clear();
}

/// avg, variance …: base aggregates below, a projection above that makes the old columns.
void split_aggregates(Context& context, NodePtr& node) {
  LogicalNode& agg = *node;
  const std::size_t keys = agg.expressions.size();
  Splitter splitter(context);
  auto project = make_node(Kind::kProject);
  std::vector<ColumnId> ids(agg.ids.begin(), agg.ids.begin() + static_cast<std::ptrdiff_t>(keys));
  std::vector<AggregateExpression> kept;
  std::vector<ColumnId> kept_ids;
  for (std::size_t j = 0; j < agg.aggregates.size(); ++j) {
    AggregateExpression& a = agg.aggregates[j];
    if (a.name == "min" || a.name == "max" || a.name == "bool_and" || a.name == "bool_or" || a.name == "any_value") a.distinct = false;
    if (ExpressionPtr e = splitter.split(a)) {
      project->ids.push_back(agg.ids[keys + j]);
      project->expressions.push_back(std::move(e));
    } else {
      kept.push_back(std::move(a));
      kept_ids.push_back(agg.ids[keys + j]);
    }
  }
  count_rows(context, agg, kept);
  count_rows(context, agg, splitter.made);
  // Equal aggregates are computed once: sum(x) beside avg(x), or written twice.
  const std::size_t written = kept.size();
  for (std::size_t i = 0; i < splitter.made.size(); ++i) {
    kept.push_back(std::move(splitter.made[i]));
    kept_ids.push_back(splitter.ids[i]);
  }
  std::size_t unique = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    std::size_t k = 0;
    while (k < unique && !same_aggregate(kept[k], kept[i])) ++k;
    if (k == unique) {
      if (unique != i) kept[unique] = std::move(kept[i]);
      kept_ids[unique++] = kept_ids[i];
      continue;
    }
    for (ExpressionPtr& e : project->expressions) e = substitute(e, {{kept_ids[i], context.column(kept_ids[k])}});
    if (i < written) {
      project->ids.push_back(kept_ids[i]);
      project->expressions.push_back(context.column(kept_ids[k]));
    }
  }
  kept.resize(unique);
  kept_ids.resize(unique);
  agg.aggregates = std::move(kept);
  ids.insert(ids.end(), kept_ids.begin(), kept_ids.end());
  agg.ids = std::move(ids);
  if (project->ids.empty()) return;
  project->children.push_back(std::move(node));
  node = std::move(project);
}

std::string merge_name(const std::string& name) {
  if (name == "count") return kSumCounts;
  if (name == kSumSquares) return "sum";
  return name;
}

/// f(distinct x), g(y) by k → f(x), merge(g') by k over (g(y) as g' by k, x): the second grouping counts each x once.
/// Left alone when the distinct arguments differ from each other or something cannot be merged.
void split_distinct(Context& context, NodePtr& node) {
  LogicalNode& agg = *node;
  const AggregateExpression* first = nullptr;
  for (const AggregateExpression& a : agg.aggregates) {
    if (a.name == "string_agg") return;
    if (!a.distinct) continue;
    if (a.filter || a.args.size() != 1) return;
    if (first != nullptr && !same_args(first->args, a.args)) return;
    first = &a;
  }
  if (first == nullptr) return;
  const std::size_t keys = agg.expressions.size();
  auto below = make_node(Kind::kAggregate, std::move(agg.children[0]));
  std::vector<ExpressionPtr> outer_keys;
  for (std::size_t i = 0; i < keys; ++i) {
    below->expressions.push_back(agg.expressions[i]);
    below->ids.push_back(context.new_column(context.info(agg.ids[i]).name, "", agg.expressions[i]->type));
    outer_keys.push_back(context.column(below->ids.back()));
  }
  const ExpressionPtr argument = first->args[0];
  below->expressions.push_back(argument);
  below->ids.push_back(context.new_column("distinct", "", argument->type));
  const ExpressionPtr distinct = context.column(below->ids.back());
  for (AggregateExpression& a : agg.aggregates) {
    if (a.distinct) {
      a.distinct = false;
      a.args = {distinct};
      continue;
    }
    AggregateExpression partial = a;
    const Type type = a.type;
    below->ids.push_back(context.new_column(a.name, "", type));
    below->aggregates.push_back(std::move(partial));
    a.name = merge_name(a.name);
    a.args = {context.column(below->ids.back())};
    a.filter = nullptr;
  }
  agg.expressions = std::move(outer_keys);
  agg.children[0] = std::move(below);
}

void visit(Context& context, NodePtr& node) {
  for (NodePtr& c : node->children) visit(context, c);
  if (node->kind != Kind::kAggregate) return;
  split_aggregates(context, node);
  split_distinct(context, node->kind == Kind::kAggregate ? node : node->children[0]);
}

}  // namespace

void rewrite_aggregates(Context& context, NodePtr& root) { visit(context, root); }

}  // namespace tajo::plan
