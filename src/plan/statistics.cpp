#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tajo::plan {
namespace {

constexpr double kGuessedRowBytes = 100;  // of files whose rows nobody has counted

/// How many different values a column draws from when `rows` draws showed `distinct`: solves
/// distinct = d (1 - exp(-rows / d)) for d.
double domain_size(double distinct, double rows) {
  if (distinct >= rows * 0.98) return -1;  // all different: the domain has no visible end
  double lo = distinct, hi = distinct;
  auto seen = [&](double d) { return d * (1 - std::exp(-rows / d)); };
  while (seen(hi) < distinct && hi < 1e18) hi *= 2;
  for (int i = 0; i < 40; ++i) {
    const double mid = (lo + hi) / 2;
    (seen(mid) < distinct ? lo : hi) = mid;
  }
  return hi;
}

struct FragmentColumn {
  const data::FragmentInfo* fragment;
  const data::ColumnStatistics* column;
};

bool proved_unique(std::vector<FragmentColumn>& parts, const data::Type& type) {
  for (const FragmentColumn& p : parts)
    if (!p.column->strictly_increasing) return false;
  std::sort(parts.begin(), parts.end(), [&](const auto& a, const auto& b) { return data::compare_values(a.column->min, b.column->min, type) < 0; });
  for (std::size_t i = 0; i + 1 < parts.size(); ++i)
    if (data::compare_values(parts[i].column->max, parts[i + 1].column->min, type) >= 0) return false;
  return true;
}

/// Numeric ranges that together cover little more than their union: cut along the column but for a value at each end.
bool hardly_overlap(const std::vector<FragmentColumn>& parts, const data::Type& type) {
  constexpr double kSlack = 1.05;
  double total = 0, lo = 0, hi = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    double a = 0, b = 0;
    if (!numeric_value(parts[i].column->min, type, a) || !numeric_value(parts[i].column->max, type, b)) return false;
    total += b - a;
    lo = i == 0 ? a : std::min(lo, a);
    hi = i == 0 ? b : std::max(hi, b);
  }
  return total <= (hi - lo) * kSlack;
}

/// Fragments cut along this column (their ranges do not overlap): distinct counts add up.
double merged_distinct(const std::vector<FragmentColumn>& parts, const data::Type& type) {
  double total_rows = 0, sum = 0;
  const FragmentColumn* largest = nullptr;
  bool disjoint = true;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double rows = static_cast<double>(parts[i].fragment->rows - std::min(parts[i].fragment->rows, parts[i].column->nulls));
    total_rows += rows;
    sum += static_cast<double>(parts[i].column->distinct);
    if (largest == nullptr || parts[i].fragment->rows > largest->fragment->rows) largest = &parts[i];
    if (i > 0 && disjoint)
      disjoint = data::compare_values(parts[i - 1].column->max, parts[i].column->min, type) < 0;
  }
  if (parts.size() == 1 || disjoint || hardly_overlap(parts, type)) return sum;
  const double rows = static_cast<double>(largest->fragment->rows);
  const double domain = domain_size(static_cast<double>(largest->column->distinct), rows);
  if (domain < 0) return sum;
  return std::min(sum, domain * (1 - std::exp(-total_rows / domain)));
}

}  // namespace

bool is_exact_number(const data::Type& type) {
  return type.is_integer() || type.id == data::TypeId::kDecimal || type.id == data::TypeId::kBool || type.is_datetime();
}

bool numeric_value(const data::Value& value, const data::Type& type, double& out) {
  if (data::is_null(value) || std::holds_alternative<std::string>(value)) return false;
  if (type.id == data::TypeId::kInterval) return false;
  out = data::float_value(value);
  if (type.id == data::TypeId::kDecimal && type.scale != 0) out /= std::pow(10.0, type.scale);
  return true;
}

double table_rows(const catalog::Table& table) {
  double rows = 0;
  for (const data::FragmentInfo& f : table.fragments)
    rows += f.unknown_rows ? std::max(1.0, static_cast<double>(f.bytes) / kGuessedRowBytes) : static_cast<double>(f.rows);
  return rows;
}

ColumnStatistic table_column_statistic(const catalog::Table& table, std::uint32_t column) {
  ColumnStatistic out;
  const data::Type& type = table.source.schema.columns[column].type;
  std::vector<FragmentColumn> parts;
  bool complete = true;
  double rows = 0, nulls = 0;
  for (const data::FragmentInfo& f : table.fragments) {
    if (!f.unknown_rows && f.rows == 0) continue;
    if (f.unknown_rows || column >= f.columns.size()) {
      complete = false;
      continue;
    }
    const data::ColumnStatistics& c = f.columns[column];
    rows += static_cast<double>(f.rows);
    nulls += static_cast<double>(c.nulls);
    if (data::is_null(c.min)) {
      complete = complete && c.nulls == f.rows;
      continue;
    }
    parts.push_back({&f, &c});
  }
  out.null_fraction = rows > 0 ? nulls / rows : 0;
  out.bounds.may_be_null = !complete || nulls > 0;
  if (parts.empty()) return out;
  out.unique = complete && nulls == 0 && proved_unique(parts, type);
  out.distinct = merged_distinct(parts, type);
  if (out.unique) out.distinct = rows;
  const data::Value *min = &parts[0].column->min, *max = &parts[0].column->max;
  for (const FragmentColumn& p : parts) {
    if (data::compare_values(p.column->min, *min, type) < 0) min = &p.column->min;
    if (data::compare_values(p.column->max, *max, type) > 0) max = &p.column->max;
  }
  out.has_range = numeric_value(*min, type, out.lo) && numeric_value(*max, type, out.hi);
  if (complete && is_exact_number(type)) {
    out.bounds.lo = data::integer_value(*min);
    out.bounds.hi = data::integer_value(*max);
    out.bounds.proved = true;
    if (type.is_integer() || type.id == data::TypeId::kDate || type.id == data::TypeId::kBool)
      out.distinct = std::min(out.distinct, out.hi - out.lo + 1);
  }
  return out;
}

}  // namespace tajo::plan
