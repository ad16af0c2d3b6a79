#include "tajo/functions/expression.hpp"

#include <algorithm>

#include "registry.hpp"
#include "types.hpp"

namespace tajo::functions {

using Kind = Expression::Kind;

namespace {

std::shared_ptr<Expression> make(Kind kind, Type type) {
  auto e = std::make_shared<Expression>();
  e->kind = kind;
  e->type = type;
  e->physical = data::physical_of(type);
  return e;
}

ExpressionPtr to_bool(ExpressionPtr e, const char* where) {
  if (e->type.id == TypeId::kBool) return e;
  if (e->type.id == TypeId::kUnknown) return make_cast(std::move(e), Type::of(TypeId::kBool));
  throw Error("42804", std::string("argument of ") + where + " must be type boolean, not type " +
                           data::postgres_type_name(e->type))
      .at(e->position);
}

/// AND and OR: flattened; constants that decide are kept, those that do not are dropped.
ExpressionPtr make_connective(Kind kind, std::vector<ExpressionPtr> args) {
  const bool neutral = kind == Kind::kAnd;
  std::vector<ExpressionPtr> flat;
  for (ExpressionPtr& arg : args) {
    ExpressionPtr e = to_bool(std::move(arg), neutral ? "AND" : "OR");
    if (e->kind == kind) {
      flat.insert(flat.end(), e->args.begin(), e->args.end());
      continue;
    }
    if (e->kind == Kind::kConstant && !data::is_null(e->constant)) {
      if ((data::integer_value(e->constant) != 0) == neutral) continue;
      if (flat.empty()) return e;
    }
    flat.push_back(std::move(e));
  }
  if (flat.empty()) return make_constant(std::int64_t{neutral}, Type::of(TypeId::kBool));
  if (flat.size() == 1) return flat.front();
  auto e = make(kind, Type::of(TypeId::kBool));
  e->args = std::move(flat);
  return e;
}

std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
  h = (h ^ v) * 0x9E3779B97F4A7C15ULL;
  return h ^ (h >> 29);
}

std::uint64_t hash_value(const Value& v) {
  std::uint64_t h = v.index();
  if (const auto* n = std::get_if<std::int64_t>(&v)) h = mix(h, static_cast<std::uint64_t>(*n));
  if (const auto* w = std::get_if<__int128>(&v))
    h = mix(mix(h, static_cast<std::uint64_t>(*w)), static_cast<std::uint64_t>(*w >> 64));
  if (const auto* d = std::get_if<double>(&v)) {
    std::uint64_t bits;
    std::memcpy(&bits, d, 8);
    h = mix(h, bits);
  }
  if (const auto* s = std::get_if<std::string>(&v)) h = mix(h, std::hash<std::string>()(*s));
  return h;
}

bool same_value(const Value& a, const Value& b) {
  if (a.index() != b.index()) return false;
  if (const auto* d = std::get_if<double>(&a)) return std::memcmp(d, std::get_if<double>(&b), 8) == 0;
  return a == b;
}

template <class F>
bool any_of(const Expression& e, F&& f) {
  if (f(e)) return true;
  return std::any_of(e.args.begin(), e.args.end(), [&](const ExpressionPtr& arg) { return any_of(*arg, f); });
}

bool has_flag(const Expression& e, int flag) {
  if (e.kind != Kind::kCall) return false;
  const Function* f = bound_function(e);
  return f != nullptr && (f->entry->flags & flag) != 0;
}

}  // namespace

ExpressionPtr make_column(std::uint32_t column, Type type, Physical physical) {
  auto e = make(Kind::kColumn, type);
  e->column = column;
  e->physical = physical;
  return e;
}

ExpressionPtr make_constant(Value value, Type type) {
  auto e = make(Kind::kConstant, type);
  e->constant = std::move(value);
  return e;
}

ExpressionPtr make_and(std::vector<ExpressionPtr> args) { return make_connective(Kind::kAnd, std::move(args)); }
ExpressionPtr make_or(std::vector<ExpressionPtr> args) { return make_connective(Kind::kOr, std::move(args)); }

ExpressionPtr make_not(ExpressionPtr arg) {
  arg = to_bool(std::move(arg), "NOT");
  if (arg->kind == Kind::kNot) return arg->args[0];
  auto e = make(Kind::kNot, Type::of(TypeId::kBool));
  e->args = {std::move(arg)};
  return fold(e);
}

ExpressionPtr make_is_null(ExpressionPtr arg) {
  auto e = make(Kind::kIsNull, Type::of(TypeId::kBool));
  e->args = {std::move(arg)};
  return fold(e);
}

ExpressionPtr make_case(std::vector<ExpressionPtr> args) {
  TAJO_ASSERT(args.size() >= 2);
  Type type = Type::of(TypeId::kUnknown);
  bool first = true;
  const auto unify = [&](const ExpressionPtr& e) {
    if (is_null_constant(*e) && e->type.id == TypeId::kUnknown) return;
    type = first ? e->type : common_type(type, e->type);
    first = false;
  };
  // An integer constant beside decimals takes only the digits it has.
  const auto result_at = [&](std::size_t i) { return i % 2 == 1 || i + 1 == args.size(); };
  bool any_decimal = false;
  for (std::size_t i = 0; i < args.size(); ++i) any_decimal |= result_at(i) && args[i]->type.id == TypeId::kDecimal;
  for (std::size_t i = 0; i < args.size(); ++i)
    if (result_at(i)) {
      if (any_decimal && args[i]->kind == Kind::kConstant && args[i]->type.is_integer() && !is_null_constant(*args[i]))
        args[i] = make_cast(args[i], as_decimal(*args[i]));
      unify(args[i]);
    }
  if (type.id == TypeId::kUnknown) type = Type::of(TypeId::kText);
  for (std::size_t i = 0; i < args.size(); ++i)
    args[i] = result_at(i) ? make_cast(args[i], type, args[i]->position) : to_bool(args[i], "CASE/WHEN");
  auto e = make(Kind::kCase, type);
  e->args = std::move(args);
  return fold(e);
}

ExpressionPtr make_coalesce(std::vector<ExpressionPtr> args) {
  TAJO_ASSERT(!args.empty());
  Type type = Type::of(TypeId::kUnknown);
  bool first = true;
  for (const ExpressionPtr& arg : args) {
    if (is_null_constant(*arg) && arg->type.id == TypeId::kUnknown) continue;
    type = first ? arg->type : common_type(type, arg->type);
    first = false;
  }
  if (type.id == TypeId::kUnknown) type = Type::of(TypeId::kText);
  for (ExpressionPtr& arg : args) arg = make_cast(arg, type, arg->position);
  if (args.size() == 1) return args.front();
  auto e = make(Kind::kCoalesce, type);
  e->args = std::move(args);
  return fold(e);
}

ExpressionPtr make_in_list(std::vector<ExpressionPtr> args) {
  TAJO_ASSERT(!args.empty());
  Type type = args[0]->type;
  bool all_constant = true;
  for (std::size_t i = 1; i < args.size(); ++i) {
    type = common_type(type, args[i]->type);
    all_constant = all_constant && args[i]->kind == Kind::kConstant;
  }
  if (args.size() <= 2 || !all_constant) {
    std::vector<ExpressionPtr> equalities;
    for (std::size_t i = 1; i < args.size(); ++i) equalities.push_back(make_call("=", {args[0], args[i]}, args[i]->position));
    return make_or(std::move(equalities));
  }
  for (ExpressionPtr& arg : args) arg = make_cast(arg, type, arg->position);
  auto e = make(Kind::kInList, Type::of(TypeId::kBool));
  e->args = std::move(args);
  return fold(e);
}

bool equal(const Expression& a, const Expression& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || !(a.type == b.type) || a.physical != b.physical || a.column != b.column ||
      a.function != b.function || a.args.size() != b.args.size() || !same_value(a.constant, b.constant))
    return false;
  for (std::size_t i = 0; i < a.args.size(); ++i)
    if (!equal(*a.args[i], *b.args[i])) return false;
  return true;
}

std::uint64_t hash(const Expression& e) {
  std::uint64_t h = mix(static_cast<std::uint64_t>(e.kind), static_cast<std::uint64_t>(e.type.id));
  h = mix(h, e.column);
  if (e.kind == Kind::kConstant) h = mix(h, hash_value(e.constant));
  if (e.kind == Kind::kCall) h = mix(h, std::hash<std::string>()(e.function));
  for (const ExpressionPtr& arg : e.args) h = mix(h, hash(*arg));
  return h;
}

bool is_volatile(const Expression& e) {
  return any_of(e, [](const Expression& x) { return x.kind == Kind::kNextRow || has_flag(x, kVolatile); });
}

bool is_constant(const Expression& e) {
  return !any_of(e, [](const Expression& x) { return x.kind == Kind::kColumn; }) && !is_volatile(e);
}

void collect_columns(const Expression& e, std::vector<std::uint32_t>& out) {
  if (e.kind == Kind::kColumn) out.push_back(e.column);
  for (const ExpressionPtr& arg : e.args) collect_columns(*arg, out);
}

bool is_null_constant(const Expression& e) { return e.kind == Kind::kConstant && data::is_null(e.constant); }

ExpressionPtr fold(ExpressionPtr e) {
  if (e->kind == Kind::kConstant || e->kind == Kind::kColumn) return e;
  const bool open = any_of(*e, [](const Expression& x) {
    return x.kind == Kind::kColumn || x.kind == Kind::kNextRow || has_flag(x, kVolatile | kStable);
  });
  if (open) return e;
  try {
    auto constant = make(Kind::kConstant, e->type);
    constant->constant = evaluate_constant(*e);
    constant->position = e->position;
    return constant;
  } catch (const Error&) {
    return e;  // raised at run time, if the row that raises it is ever evaluated
  }
}

}  // namespace tajo::functions
