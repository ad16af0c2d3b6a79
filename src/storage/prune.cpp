#include "prune.hpp"

#include <optional>
#include <string>

namespace tajo::storage {
namespace {

using functions::Expression;
using functions::ExpressionPtr;

/// A column, perhaps behind a cast that keeps value and order.
const Expression* as_column(const Expression& e) {
  if (e.kind == Expression::Kind::kColumn) return &e;
  if (e.kind != Expression::Kind::kCast || e.args.size() != 1) return nullptr;
  const Expression* inner = as_column(*e.args[0]);
  if (inner == nullptr) return nullptr;
  const data::Type& from = e.args[0]->type;
  const data::Type& to = e.type;
  bool integers = from.is_integer() && to.is_integer() && from.id <= to.id;
  // Cutting to a length changes values, CHAR pads.
  bool texts = (from.id == data::TypeId::kVarchar || from.id == data::TypeId::kText) &&
               (to.id == data::TypeId::kText || (to.id == data::TypeId::kVarchar && to.length == 0));
  bool decimals = from.id == data::TypeId::kDecimal && to.id == data::TypeId::kDecimal && from.scale == to.scale &&
                  from.precision <= to.precision && data::physical_of(from) == data::physical_of(to);
  return integers || texts || decimals ? inner : nullptr;
}

bool comparable(const data::Value& a, const data::Value& b) { return a.index() == b.index(); }

std::optional<int> order(const data::Value& a, const data::Value& b, const data::Type& type) {
  if (data::is_null(a) || data::is_null(b)) return std::nullopt;
  if (comparable(a, b)) return data::compare_values(a, b, type);
  // Wide decimals: a value that fits 64 bits may come as either alternative.
  auto wide = [](const data::Value& v) -> std::optional<__int128> {
    if (const auto* i = std::get_if<std::int64_t>(&v)) return *i;
    if (const auto* w = std::get_if<__int128>(&v)) return *w;
    return std::nullopt;
  };
  auto x = wide(a);
  auto y = wide(b);
  if (!x || !y || type.id == data::TypeId::kInterval) return std::nullopt;
  return *x < *y ? -1 : *x > *y ? 1 : 0;
}

bool compare_may_match(const std::string& op, const ColumnRange& r, const data::Value& constant, const data::Type& type) {
  auto low = order(r.min, constant, type);
  auto high = order(r.max, constant, type);
  if (op == "=") return !(low && *low > 0) && !(high && *high < 0);
  if (op == "<") return !(low && *low >= 0);
  if (op == "<=") return !(low && *low > 0);
  if (op == ">") return !(high && *high <= 0);
  if (op == ">=") return !(high && *high < 0);
  if (op == "<>" || op == "!=") return type.is_text() || !(low && high && *low == 0 && *high == 0);
  return true;
}

std::string mirrored(const std::string& op) {
  if (op == "<") return ">";
  if (op == "<=") return ">=";
  if (op == ">") return "<";
  if (op == ">=") return "<=";
  return op;
}

bool is_comparison(const std::string& op) {
  return op == "=" || op == "<" || op == "<=" || op == ">" || op == ">=" || op == "<>" || op == "!=";
}

/// Values of both types are measured alike: an int64 may be an integer, days, microseconds or a scaled decimal.
bool same_measure(const data::Type& a, const data::Type& b) {
  if (a.is_integer()) return b.is_integer();
  if (a.is_text()) return b.is_text();
  if (a.is_float()) return b.is_float();
  return a.id == b.id && (a.id != data::TypeId::kDecimal || a.scale == b.scale);
}

/// CHAR(n) is compared without trailing blanks, which prefixes of padded bytes do not show.
bool bytewise(const data::Type& type) { return type.id != data::TypeId::kChar; }

bool like_may_match(const ColumnRange& r, const std::string& pattern) {
  std::string prefix;
  for (char c : pattern) {
    if (c == '%' || c == '_' || c == '\\') break;
    prefix += c;
  }
  if (prefix.empty()) return true;
  const auto* min = std::get_if<std::string>(&r.min);
  const auto* max = std::get_if<std::string>(&r.max);
  if (max != nullptr && *max < prefix) return false;
  return min == nullptr || std::string_view(*min).substr(0, prefix.size()) <= prefix;
}

bool may_be_true(const Expression& e, const RangeOf& range);

bool call_may_be_true(const Expression& e, const RangeOf& range) {
  if (e.args.size() < 2) return true;
  const Expression* column = as_column(*e.args[0]);
  const Expression* constant = e.args[1].get();
  std::string op = e.function;
  if (column == nullptr) {
    column = as_column(*e.args[1]);
    constant = e.args[0].get();
    op = mirrored(op);
    if (e.function == "like") return true;
  }
  if (column == nullptr || constant->kind != Expression::Kind::kConstant) return true;
  if (data::is_null(constant->constant)) return !is_comparison(op);
  if (!same_measure(column->type, constant->type) || !bytewise(column->type)) return true;
  ColumnRange r = range(column->column);
  if (!r.known) return true;
  if (!r.has_values) return !is_comparison(op) && op != "like";
  if (op == "like" && e.args.size() == 2) {
    const auto* pattern = std::get_if<std::string>(&constant->constant);
    return pattern == nullptr || like_may_match(r, *pattern);
  }
  return !is_comparison(op) || compare_may_match(op, r, constant->constant, column->type);
}

bool in_may_be_true(const Expression& e, const RangeOf& range) {
  const Expression* column = as_column(*e.args[0]);
  if (column == nullptr || !bytewise(column->type)) return true;
  ColumnRange r = range(column->column);
  if (!r.known) return true;
  if (!r.has_values) return false;
  for (std::size_t i = 1; i < e.args.size(); ++i) {
    const Expression& item = *e.args[i];
    if (item.kind != Expression::Kind::kConstant || !same_measure(column->type, item.type)) return true;
    if (!data::is_null(item.constant) && compare_may_match("=", r, item.constant, column->type)) return true;
  }
  return false;
}

bool not_may_be_true(const Expression& inner, const RangeOf& range) {
  if (inner.kind == Expression::Kind::kIsNull) {
    const Expression* column = as_column(*inner.args[0]);
    if (column == nullptr) return true;
    ColumnRange r = range(column->column);
    return !r.known || r.has_values;
  }
  if (inner.kind == Expression::Kind::kColumn) {
    ColumnRange r = range(inner.column);
    const auto* min = std::get_if<std::int64_t>(&r.min);
    return !r.known || (r.has_values && (min == nullptr || *min == 0));
  }
  return true;
}

bool may_be_true(const Expression& e, const RangeOf& range) {
  switch (e.kind) {
    case Expression::Kind::kConstant: {
      const auto* v = std::get_if<std::int64_t>(&e.constant);
      return v != nullptr && *v != 0;
    }
    case Expression::Kind::kColumn: {
      ColumnRange r = range(e.column);
      const auto* max = std::get_if<std::int64_t>(&r.max);
      return !r.known || (r.has_values && (max == nullptr || *max != 0));
    }
    case Expression::Kind::kAnd:
      for (const ExpressionPtr& arg : e.args)
        if (!may_be_true(*arg, range)) return false;
      return true;
    case Expression::Kind::kOr:
      for (const ExpressionPtr& arg : e.args)
        if (may_be_true(*arg, range)) return true;
      return e.args.empty();
    case Expression::Kind::kNot: return not_may_be_true(*e.args[0], range);
    case Expression::Kind::kIsNull: {
      const Expression* column = as_column(*e.args[0]);
      if (column == nullptr) return true;
      ColumnRange r = range(column->column);
      return !r.known || r.nulls > 0;
    }
    case Expression::Kind::kInList: return in_may_be_true(e, range);
    case Expression::Kind::kCall: return call_may_be_true(e, range);
    default: return true;
  }
}

}  // namespace

bool may_match(std::span<const ExpressionPtr> conjuncts, const RangeOf& range) {
  for (const ExpressionPtr& e : conjuncts)
    if (!may_be_true(*e, range)) return false;
  return true;
}

}  // namespace tajo::storage
