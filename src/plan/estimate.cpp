#include "estimate.hpp"

#include <cmath>

namespace tajo::plan {
namespace {

constexpr double kUnknownGroups = 0.1;  // distinct values of an expression nothing is known of, per row
constexpr double kSeriesRows = 1000;    // of generate_series with bounds that are not constant

}  // namespace

double Estimator::rows(const LogicalNode& node) {
  auto it = rows_.find(&node);
  if (it != rows_.end()) return it->second;
  const double r = std::max(0.0, compute(node));
  rows_[&node] = r;
  return r;
}

void Estimator::set(ColumnId id, ColumnStatistic s) {
  if (id >= columns_.size()) columns_.resize(context_.plan.columns.size());
  columns_[id].known = true;
  columns_[id].statistic = s;
}

const ColumnStatistic& Estimator::column(ColumnId id) {
  if (id >= columns_.size()) columns_.resize(context_.plan.columns.size());
  Entry& e = columns_[id];
  if (!e.known && e.scan != nullptr) {
    e.statistic = table_column_statistic(*e.scan->table, e.table_column);
    e.known = true;
  }
  return e.statistic;
}

double Estimator::distinct(ColumnId id, double rows) {
  const double d = column(id).distinct;
  if (d < 0) return std::max(1.0, rows * kUnknownGroups);
  return std::max(1.0, std::min(d, rows));
}

double Estimator::scan(const LogicalNode& node) {
  if (columns_.size() < context_.plan.columns.size()) columns_.resize(context_.plan.columns.size());
  for (std::size_t i = 0; i < node.ids.size(); ++i) {
    Entry& e = columns_[node.ids[i]];
    e.scan = &node;
    e.table_column = node.scan_columns[i];
    e.known = false;
  }
  return table_rows(*node.table);
}

double Estimator::compute(const LogicalNode& node) {
  for (const NodePtr& c : node.children) rows(*c);
  switch (node.kind) {
    case Kind::kScan: return scan(node);
    case Kind::kValues: return static_cast<double>(node.rows.size());
    case Kind::kSeries: {
      double v[3] = {0, kSeriesRows, 1};
      for (std::size_t i = 0; i < node.expressions.size() && i < 3; ++i)
        if (node.expressions[i]->kind != Expression::Kind::kConstant ||
            !numeric_value(node.expressions[i]->constant, node.expressions[i]->type, v[i]))
          return kSeriesRows;
      const double n = v[2] == 0 ? 0 : std::floor((v[1] - v[0]) / v[2]) + 1;
      ColumnStatistic s;
      s.distinct = std::max(0.0, n);
      s.unique = true;
      s.has_range = n > 0;
      s.lo = std::min(v[0], v[1]);
      s.hi = std::max(v[0], v[1]);
      s.bounds.may_be_null = false;
      if (node.ids.size() == 1) set(node.ids[0], s);
      return n;
    }
    case Kind::kFilter: {
      std::vector<ExpressionPtr> conjuncts;
      split_and(node.predicate, conjuncts);
      return rows(*node.children[0]) * selectivity(conjuncts);
    }
    case Kind::kProject: {
      const double r = rows(*node.children[0]);
      for (std::size_t i = 0; i < node.ids.size(); ++i) set(node.ids[i], of_expression(node.expressions[i], r));
      return r;
    }
    case Kind::kJoin: return join(node);
    case Kind::kAggregate: return aggregate(node);
    case Kind::kWindow: {
      const double r = rows(*node.children[0]);
      for (ColumnId id : node.ids) set(id, {});
      return r;
    }
    case Kind::kSort: return rows(*node.children[0]);
    case Kind::kLimit: {
      const double r = std::max(0.0, rows(*node.children[0]) - static_cast<double>(node.offset));
      return node.limit < 0 ? r : std::min(r, static_cast<double>(node.limit));
    }
    case Kind::kSetOperation: {
      double total = 0;
      for (const NodePtr& c : node.children) total += rows(*c);
      for (std::size_t i = 0; i < node.ids.size(); ++i) {
        ColumnStatistic s;
        double d = 0;
        for (std::size_t c = 0; c < node.children.size(); ++c)
          d = std::max(d, distinct(node.set_columns[c][i], rows(*node.children[c])));
        s.distinct = d;
        set(node.ids[i], s);
      }
      if (node.set_operation != LogicalNode::SetOperation::kUnion) return rows(*node.children[0]) / 2;
      return node.all ? total : total / 2;
    }
  }
  return 1;
}

ColumnStatistic Estimator::of_expression(const ExpressionPtr& e, double rows) {
  using K = Expression::Kind;
  if (e->kind == K::kColumn) return column(e->column);
  ColumnStatistic s;
  if (e->kind == K::kConstant) {
    s.distinct = 1;
    s.has_range = numeric_value(e->constant, e->type, s.lo);
    s.hi = s.lo;
    return s;
  }
  s.distinct = expression_distinct(e, rows);
  if (e->kind == K::kCast && e->args[0]->kind == K::kColumn) {
    const ColumnStatistic& arg = column(e->args[0]->column);
    s.has_range = arg.has_range && e->type.is_numeric() && e->args[0]->type.is_numeric();
    s.lo = arg.lo;
    s.hi = arg.hi;
    s.mean = arg.mean;
    s.deviation = arg.deviation;
    s.unique = arg.unique && e->type.is_numeric() && e->args[0]->type.is_integer();
  }
  return s;
}

double Estimator::expression_distinct(const ExpressionPtr& e, double rows) {
  using K = Expression::Kind;
  switch (e->kind) {
    case K::kConstant: return 1;
    case K::kColumn: return distinct(e->column, rows);
    case K::kIsNull:
    case K::kNot:
    case K::kAnd:
    case K::kOr:
    case K::kInList: return 2;
    case K::kCast: return expression_distinct(e->args[0], rows);
    case K::kCall: {
      if (is_comparison(*e)) return 2;
      // A year of a date: as many as the range has years.
      if ((e->function == "date_part" || e->function == "extract") && e->args.size() == 2) {
        const ExpressionPtr& part = e->args[0];
        const auto* name = part->kind == K::kConstant ? std::get_if<std::string>(&part->constant) : nullptr;
        const ExpressionPtr& arg = e->args[1];
        if (name != nullptr && arg->kind == K::kColumn && column(arg->column).has_range) {
          double days = column(arg->column).hi - column(arg->column).lo;
          if (arg->type.id != data::TypeId::kDate) days /= static_cast<double>(data::kMicrosPerDay);
          if (*name == "year") return std::max(1.0, std::ceil(days / 365.25));
          if (*name == "month") return std::min(12.0, std::max(1.0, days / 30));
          if (*name == "day") return std::min(31.0, std::max(1.0, days));
        }
      }
      double d = 1;
      for (const ExpressionPtr& a : e->args) d *= expression_distinct(a, rows);
      return std::max(1.0, std::min(d, rows));
    }
    case K::kCase: {
      double d = 0;
      for (std::size_t i = 1; i < e->args.size(); i += 2) d += expression_distinct(e->args[i], rows);
      return std::max(1.0, std::min(d + 1, rows));
    }
    default: {
      double d = 1;
      for (const ExpressionPtr& a : e->args) d *= expression_distinct(a, rows);
      return std::max(1.0, std::min(d, rows));
    }
  }
}

double Estimator::groups(const std::vector<ExpressionPtr>& keys, double rows) {
  if (keys.empty()) return 1;
  double d = 1;
  for (const ExpressionPtr& k : keys) d *= expression_distinct(k, rows);
  if (rows <= 0) return 0;
  if (d >= rows * 100) return rows;
  return std::max(1.0, std::min(rows, d * (1 - std::exp(-rows / d))));
}

double Estimator::aggregate(const LogicalNode& node) {
  const double input = rows(*node.children[0]);
  const std::size_t keys = node.expressions.size();
  const double out = node.expressions.empty() ? 1 : groups(node.expressions, input);
  for (std::size_t i = 0; i < keys; ++i) {
    ColumnStatistic s = of_expression(node.expressions[i], input);
    s.unique = keys == 1;
    set(node.ids[i], s);
  }
  const double per_group = out > 0 ? input / out : 1;
  for (std::size_t j = 0; j < node.aggregates.size(); ++j) {
    const AggregateExpression& a = node.aggregates[j];
    ColumnStatistic s;
    s.distinct = out;
    if (a.name == "count") {
      s.mean = per_group;
      s.deviation = std::max(0.5, std::sqrt(per_group));
      s.bounds.may_be_null = false;
    } else if ((a.name == "sum" || a.name == "avg") && a.args.size() == 1) {
      const ColumnStatistic arg = of_expression(a.args[0], input);
      if (arg.has_range) {
        const double n = a.name == "sum" ? per_group : 1;
        const double middle = (arg.lo + arg.hi) / 2, spread = (arg.hi - arg.lo) / std::sqrt(12.0);
        s.mean = n * middle;
        // Groups differ in size, too: half the mean size as variance is what foreign keys show.
        s.deviation = std::sqrt(n * spread * spread + n / 2 * middle * middle);
      }
    } else if ((a.name == "min" || a.name == "max") && a.args.size() == 1) {
      s = of_expression(a.args[0], input);
      s.unique = false;
      if (s.distinct > out) s.distinct = out;
      s.bounds.proved = false;
    }
    set(node.ids[keys + j], s);
  }
  return out;
}

double Estimator::equality_selectivity(const ExpressionPtr& a, double rows_a, const ExpressionPtr& b, double rows_b) {
  const double da = a->kind == Expression::Kind::kColumn && column(a->column).distinct >= 0 ? column(a->column).distinct
                                                                                           : expression_distinct(a, rows_a);
  const double db = b->kind == Expression::Kind::kColumn && column(b->column).distinct >= 0 ? column(b->column).distinct
                                                                                           : expression_distinct(b, rows_b);
  return 1 / std::max({1.0, da, db});
}

double Estimator::join_rows(JoinType type, double left, double right, double selectivity, const LogicalNode& left_node) {
  const double matches = left * right * selectivity;
  switch (type) {
    case JoinType::kInner: return matches;
    case JoinType::kSemi: return std::min(left, matches);
    case JoinType::kAnti: return std::max(left * 0.05, left - std::min(left, matches));
    case JoinType::kLeft: return std::max(left, matches);
    case JoinType::kRight: return std::max(right, matches);
    case JoinType::kFull: return std::max(matches, left + right);
    case JoinType::kMark:
    case JoinType::kSingle: return left;
    case JoinType::kRightSemi:
    case JoinType::kRightAnti: return rows(left_node);
  }
  return matches;
}

double Estimator::join(const LogicalNode& node) {
  const double left = rows(*node.children[0]), right = rows(*node.children[1]);
  for (ColumnId id : node.ids) set(id, {.distinct = 2, .bounds = {}});
  if (node.estimated_rows >= 0) return node.estimated_rows;
  std::vector<ExpressionPtr> conjuncts;
  split_and(node.predicate, conjuncts);
  split_and(node.correlation, conjuncts);
  return join_rows(node.join_type, left, right, selectivity(conjuncts), *node.children[0]);
}

std::vector<ColumnSet> Estimator::keys(const LogicalNode& node) {
  std::vector<ColumnSet> out;
  rows(node);
  switch (node.kind) {
    case Kind::kScan:
      for (ColumnId id : node.ids)
        if (column(id).unique) {
          out.emplace_back();
          out.back().add(id);
        }
      return out;
    case Kind::kSeries:
      out.emplace_back();
      out.back().add(node.ids[0]);
      return out;
    case Kind::kAggregate: {
      out.emplace_back();
      for (std::size_t i = 0; i < node.expressions.size(); ++i) out.back().add(node.ids[i]);
      return out;
    }
    case Kind::kProject:
    case Kind::kFilter:
    case Kind::kSort:
    case Kind::kLimit:
    case Kind::kWindow: return keys(*node.children[0]);
    case Kind::kSetOperation:
      if (!node.all) {
        out.emplace_back();
        for (ColumnId id : node.ids) out.back().add(id);
      }
      return out;
    case Kind::kJoin: {
      const LogicalNode &l = *node.children[0], &r = *node.children[1];
      switch (node.join_type) {
        case JoinType::kSemi:
        case JoinType::kAnti:
        case JoinType::kMark:
        case JoinType::kSingle: return keys(l);
        case JoinType::kInner:
        case JoinType::kLeft: {
          const ColumnSet left = visible(l), right = visible(r);
          ColumnSet left_equal, right_equal;
          std::vector<ExpressionPtr> conjuncts;
          split_and(node.predicate, conjuncts);
          for (const ExpressionPtr& c : conjuncts) {
            if (!is_call(*c, "=")) continue;
            for (int side = 0; side < 2; ++side) {
              const ExpressionPtr &a = c->args[static_cast<std::size_t>(side)], &b = c->args[static_cast<std::size_t>(1 - side)];
              if (a->kind == Expression::Kind::kColumn && left.contains(a->column) && covered(b, right)) left_equal.add(a->column);
              if (a->kind == Expression::Kind::kColumn && right.contains(a->column) && covered(b, left)) right_equal.add(a->column);
            }
          }
          if (exactly_one_row(r) || unique_on(r, right_equal)) out = keys(l);
          if (node.join_type == JoinType::kInner && (exactly_one_row(l) || unique_on(l, left_equal)))
            for (ColumnSet& k : keys(r)) out.push_back(std::move(k));
          return out;
        }
        default: return out;
      }
    }
    default: return out;
  }
}

bool Estimator::unique_on(const LogicalNode& node, const ColumnSet& columns) {
  if (columns.empty()) return exactly_one_row(node);
  for (const ColumnSet& k : keys(node))
    if (k.subset_of(columns)) return true;
  return false;
}

}  // namespace tajo::plan
