#include "tajo/functions/bounds.hpp"

#include <algorithm>
#include <limits>

#include "arithmetic.hpp"
#include "kernel.hpp"
#include "types.hpp"

namespace tajo::functions {

using data::Bounds;
using Kind = Expression::Kind;

namespace {

Bounds unknown(bool may_be_null) { return {0, 0, false, may_be_null}; }

bool bounded_type(const Type& type) {
  return type.is_integer() || type.id == TypeId::kDecimal || type.id == TypeId::kDate || type.id == TypeId::kBool ||
         type.id == TypeId::kTime || type.id == TypeId::kTimestamp || type.id == TypeId::kTimestampTz;
}

bool inside(const Bounds& inner, const Bounds& outer) { return inner.lo >= outer.lo && inner.hi <= outer.hi; }

bool fits64(const Bounds& b) {
  return b.proved && b.lo >= std::numeric_limits<std::int64_t>::min() && b.hi <= std::numeric_limits<std::int64_t>::max();
}

/// [a.lo op b.*] extremes; false on overflow of 128 bits.
bool product(const Bounds& a, const Bounds& b, Bounds& out) {
  __int128 corner[4];
  const __int128 left[] = {a.lo, a.hi};
  const __int128 right[] = {b.lo, b.hi};
  for (int i = 0; i < 4; ++i)
    if (__builtin_mul_overflow(left[i / 2], right[i % 2], &corner[i])) return false;
  out.lo = *std::min_element(corner, corner + 4);
  out.hi = *std::max_element(corner, corner + 4);
  return true;
}

Bounds arithmetic(const Expression& e, std::span<const Bounds> args) {
  Bounds out;
  out.may_be_null = std::any_of(args.begin(), args.end(), [](const Bounds& b) { return b.may_be_null; });
  if (!std::all_of(args.begin(), args.end(), [](const Bounds& b) { return b.proved; })) return unknown(out.may_be_null);
  bool fits = true;
  if (args.size() == 1) {
    fits = !__builtin_sub_overflow(__int128{0}, args[0].hi, &out.lo) && !__builtin_sub_overflow(__int128{0}, args[0].lo, &out.hi);
  } else if (e.function == "+") {
    fits = !__builtin_add_overflow(args[0].lo, args[1].lo, &out.lo) && !__builtin_add_overflow(args[0].hi, args[1].hi, &out.hi);
  } else if (e.function == "-") {
    fits = !__builtin_sub_overflow(args[0].lo, args[1].hi, &out.lo) && !__builtin_sub_overflow(args[0].hi, args[1].lo, &out.hi);
  } else if (e.function == "*") {
    fits = e.args[0]->type.scale + e.args[1]->type.scale == e.type.scale && product(args[0], args[1], out);
  } else if (e.function == "%") {
    const __int128 most = std::max(args[1].hi < 0 ? -args[1].hi : args[1].hi, args[1].lo < 0 ? -args[1].lo : args[1].lo);
    out.lo = args[0].lo >= 0 ? 0 : -most;
    out.hi = most;
  } else {
    fits = false;
  }
  out.proved = fits && inside(out, type_bounds(e.type));
  return out.proved ? out : unknown(out.may_be_null);
}

Bounds cast_bounds(const Expression& e, const Bounds& arg) {
  const Type& from = e.args[0]->type;
  const bool exact = (from.is_integer() || from.id == TypeId::kDecimal) && (e.type.is_integer() || e.type.id == TypeId::kDecimal);
  Bounds out = arg;
  if (!exact || !arg.proved) {
    if (from.id == TypeId::kDate && e.type.id == TypeId::kTimestamp && arg.proved) {
      out.lo *= data::kMicrosPerDay;
      out.hi *= data::kMicrosPerDay;
      return out;
    }
    return unknown(arg.may_be_null);
  }
  if (!data::rescale_decimal(arg.lo, from.scale, e.type.scale, out.lo) ||
      !data::rescale_decimal(arg.hi, from.scale, e.type.scale, out.hi))
    return unknown(arg.may_be_null);
  out.proved = inside(out, type_bounds(e.type));
  return out.proved ? out : unknown(arg.may_be_null);
}

Bounds joined(const Bounds& a, const Bounds& b) {
  return {std::min(a.lo, b.lo), std::max(a.hi, b.hi), a.proved && b.proved, a.may_be_null || b.may_be_null};
}

bool strict_call(const Expression& e) { return e.function != "concat" && e.function != "concat_ws" && e.function != "regexp_substr"; }

/// Bounds of `e` from those of its arguments.
Bounds bounds_of(const Expression& e, std::span<const Bounds> args, std::span<const Bounds> columns) {
  const bool any_null = std::any_of(args.begin(), args.end(), [](const Bounds& b) { return b.may_be_null; });
  switch (e.kind) {
    case Kind::kColumn: {
      const Bounds by_type = type_bounds(e.type);
      if (e.column >= columns.size()) return by_type;
      Bounds out = columns[e.column].proved ? columns[e.column] : by_type;
      out.may_be_null = columns[e.column].may_be_null;
      return bounded_type(e.type) ? out : unknown(out.may_be_null);
    }
    case Kind::kConstant: {
      if (data::is_null(e.constant)) return {0, 0, bounded_type(e.type), true};
      if (!bounded_type(e.type)) return unknown(false);
      const __int128 v = data::integer_value(e.constant);
      return {v, v, true, false};
    }
    case Kind::kCall:
      if (is_arithmetic(e.function) && (e.type.is_integer() || e.type.id == TypeId::kDecimal) &&
          std::all_of(e.args.begin(), e.args.end(), [](const ExpressionPtr& a) { return a->type.is_numeric(); }))
        return arithmetic(e, args);
      if (e.function == "abs" && args[0].proved) {
        const __int128 most = std::max(args[0].hi < 0 ? -args[0].hi : args[0].hi, args[0].lo < 0 ? -args[0].lo : args[0].lo);
        return {0, most, inside({0, most, true, true}, type_bounds(e.type)), any_null};
      }
      break;
    case Kind::kAnd:
    case Kind::kOr:
    case Kind::kNot: return {0, 1, true, any_null};
    case Kind::kIsNull: return {0, 1, true, false};
    case Kind::kInList: return {0, 1, true, any_null};
    case Kind::kCast: return cast_bounds(e, args[0]);
    case Kind::kCase: {
      Bounds out = args.size() % 2 == 1 ? args.back() : Bounds{0, 0, bounded_type(e.type), true};
      if (args.size() % 2 == 0 && args.size() > 1) out = args[1], out.may_be_null = true;
      for (std::size_t i = 1; i < args.size(); i += 2) out = joined(out, args[i]);
      return bounded_type(e.type) ? out : unknown(out.may_be_null);
    }
    case Kind::kCoalesce: {
      Bounds out = args[0];
      for (const Bounds& b : args) out = joined(out, b);
      out.may_be_null = std::all_of(args.begin(), args.end(), [](const Bounds& b) { return b.may_be_null; });
      return bounded_type(e.type) ? out : unknown(out.may_be_null);
    }
    case Kind::kNextRow: return unknown(false);
  }
  Bounds out = type_bounds(e.type);
  out.may_be_null = any_null || !strict_call(e);
  return out;
}

/// Whether DECIMAL `e` may be kept in 64 bits given its narrowed arguments.
Physical narrowed_form(const Expression& e, const Bounds& bounds) {
  const Physical own = data::physical_of(e.type);
  if (e.type.id != TypeId::kDecimal || e.kind == Kind::kColumn) return e.physical;
  if (own == Physical::kI64 || !fits64(bounds)) return own;
  switch (e.kind) {
    case Kind::kConstant:
    case Kind::kCast:
    case Kind::kCase:
    case Kind::kCoalesce: return Physical::kI64;
    case Kind::kCall: {
      if (!is_arithmetic(e.function) || e.function == "/") return e.function == "abs" ? Physical::kI64 : own;
      const bool narrow_args = std::all_of(e.args.begin(), e.args.end(), [](const ExpressionPtr& a) { return a->physical != Physical::kI128; });
      return narrow_args ? Physical::kI64 : own;
    }
    default: return own;
  }
}

struct Narrowed {
  ExpressionPtr expression;
  Bounds bounds;
};

Narrowed visit(const ExpressionPtr& e, std::span<const Bounds> columns) {
  auto copy = std::make_shared<Expression>(*e);
  std::vector<Bounds> args;
  for (ExpressionPtr& arg : copy->args) {
    Narrowed n = visit(arg, columns);
    arg = std::move(n.expression);
    args.push_back(n.bounds);
  }
  const Bounds bounds = bounds_of(*copy, args, columns);
  copy->bounds = bounds;
  copy->physical = narrowed_form(*copy, bounds);
  return {copy, bounds};
}

}  // namespace

Bounds type_bounds(const Type& type) {
  const auto symmetric = [](__int128 lo, __int128 hi) { return Bounds{lo, hi, true, true}; };
  switch (type.id) {
    case TypeId::kBool: return symmetric(0, 1);
    case TypeId::kInt1: return symmetric(INT8_MIN, INT8_MAX);
    case TypeId::kInt2: return symmetric(INT16_MIN, INT16_MAX);
    case TypeId::kInt4:
    case TypeId::kDate: return symmetric(INT32_MIN, INT32_MAX);
    case TypeId::kInt8:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz: return symmetric(INT64_MIN, INT64_MAX);
    case TypeId::kTime: return symmetric(0, data::kMicrosPerDay);
    case TypeId::kDecimal: {
      const __int128 limit = data::power_of_ten(type.precision > 0 ? type.precision : kMaxPrecision) - 1;
      return symmetric(-limit, limit);
    }
    default: return unknown(true);
  }
}

Bounds derive_bounds(const Expression& e, std::span<const Bounds> columns) {
  std::vector<Bounds> args;
  for (const ExpressionPtr& arg : e.args) args.push_back(derive_bounds(*arg, columns));
  return bounds_of(e, args, columns);
}

ExpressionPtr narrow(const ExpressionPtr& e, std::span<const Bounds> columns) { return visit(e, columns).expression; }

}  // namespace tajo::functions
