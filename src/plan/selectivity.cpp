#include <algorithm>
#include <cmath>
#include <map>

#include "estimate.hpp"

namespace tajo::plan {
namespace {

// Guesses where statistics say nothing.
constexpr double kEqualityGuess = 0.05;
constexpr double kRangeGuess = 0.3;
constexpr double kColumnsCompared = 0.5;  // a < b of two columns
constexpr double kPredicateGuess = 0.5;
constexpr double kContains = 0.08, kStartsWith = 0.1, kEndsWith = 0.15;  // LIKE
constexpr double kFurtherPart = 0.3;                                     // each further literal part of a pattern
constexpr double kLeast = 1e-9;

const Expression* without_casts(const Expression* e) {
  while (e->kind == Expression::Kind::kCast) e = e->args[0].get();
  return e;
}

double like(const std::string& pattern) {
  int parts = 0;
  bool inside = false;
  for (char c : pattern) {
    const bool wild = c == '%' || c == '_';
    if (!wild && !inside) ++parts;
    inside = !wild;
  }
  if (parts == 0) return 0.95;
  if (pattern.find_first_of("%_") == std::string::npos) return kEqualityGuess;
  const bool front = pattern.front() == '%', back = pattern.back() == '%';
  const double first = front && back ? kContains : front ? kEndsWith : kStartsWith;
  return first * std::pow(kFurtherPart, parts - 1);
}

struct Range {
  double lo = -INFINITY, hi = INFINITY;
};

/// P(X < x) of a normal distribution.
double normal_below(double x, double mean, double deviation) { return 0.5 * std::erfc((mean - x) / (deviation * std::sqrt(2.0))); }

}  // namespace

double Estimator::compare(const Expression& e) {
  const Expression *a = without_casts(e.args[0].get()), *b = without_casts(e.args[1].get());
  std::string op = e.function;
  if (a->kind == Expression::Kind::kConstant) {
    std::swap(a, b);
    op = mirrored(op);
  }
  if (b->kind != Expression::Kind::kConstant) {
    if (op != "=" && op != "<>") return a->kind == Expression::Kind::kColumn && b->kind == Expression::Kind::kColumn ? kColumnsCompared : kRangeGuess;
    const double s = equality_selectivity(e.args[0], 1e18, e.args[1], 1e18);
    return op == "=" ? std::min(s, 1.0) : 1 - std::min(s, 0.5);
  }
  if (data::is_null(b->constant)) return 0;
  if (a->kind != Expression::Kind::kColumn) {
    const double d = expression_distinct(e.args[0]->kind == Expression::Kind::kConstant ? e.args[1] : e.args[0], 1e18);
    const double equality = d > 0 && d < 1e6 ? 1 / d : kEqualityGuess;
    return op == "=" ? equality : op == "<>" ? 1 - equality : kRangeGuess;
  }
  const ColumnStatistic& s = column(a->column);
  double value = 0;
  const bool number = numeric_value(b->constant, b->type, value);
  if (op == "=" || op == "<>") {
    double equality = s.distinct > 0 ? 1 / s.distinct : kEqualityGuess;
    if (number && s.has_range && (value < s.lo || value > s.hi)) equality = kLeast;
    return (op == "=" ? equality : 1 - equality) * (1 - s.null_fraction);
  }
  if (!number) return kRangeGuess;
  if (s.deviation > 0) {
    const double below = normal_below(value, s.mean, s.deviation);
    return std::max(kLeast, op[0] == '<' ? below : 1 - below);
  }
  if (!s.has_range) return kRangeGuess;
  // Inclusive and exclusive ends differ by one value: it matters for columns of few values.
  const double step = s.distinct > 1 ? (s.hi - s.lo) / (s.distinct - 1) : 0;
  const double width = s.hi - s.lo + step;
  if (width <= 0) return (op[0] == '<' ? s.lo < value || (op == "<=" && s.lo == value) : s.lo > value || (op == ">=" && s.lo == value)) ? 1 : kLeast;
  double fraction = 0;
  if (op == "<") fraction = (value - s.lo) / width;
  if (op == "<=") fraction = (value + step - s.lo) / width;
  if (op == ">") fraction = (s.hi - value) / width;
  if (op == ">=") fraction = (s.hi + step - value) / width;
  return std::clamp(fraction, kLeast, 1.0) * (1 - s.null_fraction);
}

double Estimator::selectivity(const ExpressionPtr& e) {
  using K = Expression::Kind;
  if (is_true(e)) return 1;
  if (is_false(e)) return 0;
  switch (e->kind) {
    case K::kAnd: return selectivity(std::vector<ExpressionPtr>(e->args.begin(), e->args.end()));
    case K::kOr: {
      double none = 1;
      for (const ExpressionPtr& a : e->args) none *= 1 - selectivity(a);
      return 1 - none;
    }
    case K::kNot: return std::clamp(1 - selectivity(e->args[0]), kLeast, 1.0);
    case K::kIsNull: {
      const Expression* arg = without_casts(e->args[0].get());
      if (arg->kind != K::kColumn) return 0.05;
      return std::max(kLeast, column(arg->column).null_fraction);
    }
    case K::kInList: {
      const Expression* arg = without_casts(e->args[0].get());
      const double d = arg->kind == K::kColumn ? column(arg->column).distinct : expression_distinct(e->args[0], 1e18);
      const double n = static_cast<double>(e->args.size() - 1);
      return std::min(1.0, d > 0 && d < 1e12 ? n / d : n * kEqualityGuess);
    }
    case K::kCall: {
      if (is_comparison(*e)) return compare(*e);
      if ((e->function == "like" || e->function == "not_like" || e->function == "ilike") && e->args.size() >= 2) {
        const auto* pattern = e->args[1]->kind == K::kConstant ? std::get_if<std::string>(&e->args[1]->constant) : nullptr;
        const double s = pattern != nullptr && !pattern->empty() ? like(*pattern) : kContains;
        return e->function == "not_like" ? 1 - s : s;
      }
      return kPredicateGuess;
    }
    default: return kPredicateGuess;
  }
}

double Estimator::selectivity(const std::vector<ExpressionPtr>& conjuncts) {
  using K = Expression::Kind;
  std::map<ColumnId, Range> ranges;
  double s = 1;
  for (const ExpressionPtr& c : conjuncts) {
    if (is_comparison(*c) && c->function != "=" && c->function != "<>") {
      const Expression *a = without_casts(c->args[0].get()), *b = without_casts(c->args[1].get());
      std::string op = c->function;
      if (a->kind == K::kConstant) {
        std::swap(a, b);
        op = mirrored(op);
      }
      double value = 0;
      if (a->kind == K::kColumn && b->kind == K::kConstant && numeric_value(b->constant, b->type, value) &&
          column(a->column).has_range && column(a->column).deviation == 0) {
        const ColumnStatistic& st = column(a->column);
        const double step = st.distinct > 1 ? (st.hi - st.lo) / (st.distinct - 1) : 0;
        Range& r = ranges[a->column];
        if (op == "<") r.hi = std::min(r.hi, value);
        if (op == "<=") r.hi = std::min(r.hi, value + step);
        if (op == ">") r.lo = std::max(r.lo, value + step);
        if (op == ">=") r.lo = std::max(r.lo, value);
        continue;
      }
    }
    s *= selectivity(c);
  }
  for (const auto& [id, r] : ranges) {
    const ColumnStatistic& st = column(id);
    const double step = st.distinct > 1 ? (st.hi - st.lo) / (st.distinct - 1) : 1;
    const double lo = std::max(r.lo, st.lo), hi = std::min(r.hi, st.hi + step), width = st.hi - st.lo + step;
    s *= std::clamp((hi - lo) / width, kLeast, 1.0) * (1 - st.null_fraction);
  }
  return std::max(s, kLeast);
}

}  // namespace tajo::plan
