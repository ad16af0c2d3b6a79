// make_call and make_cast: names, overloads, implicit casts, result types.
#include <algorithm>
#include <unordered_map>

#include "arithmetic.hpp"
#include "cast.hpp"
#include "comparison.hpp"
#include "registry.hpp"
#include "types.hpp"

namespace tajo::functions {

using Kind = Expression::Kind;

namespace {

bool is_operator(const std::string& name) {
  const char c = name.empty() ? 'a' : name[0];
  return !((c >= 'a' && c <= 'z') || c == '_');
}

std::string canonical(const std::string& name) {
  static const std::unordered_map<std::string, std::string> kAliases = {
      {"!=", "<>"},           {"~~", "like"},          {"~~*", "ilike"},
      {"char_length", "length"}, {"character_length", "length"}, {"substring", "substr"},
      {"pow", "power"},       {"ceiling", "ceil"},     {"position", "strpos"},
      {"trim", "btrim"},      {"^", "power"},          {"locate", "strpos"},
      {"mod", "%"},           {"dlog10", "log"},       {"transaction_timestamp", "now"},
      {"statement_timestamp", "now"}, {"random_number", "random"}, {"textcat", "||"}};
  std::string lower = name;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto at = kAliases.find(lower);
  return at == kAliases.end() ? lower : at->second;
}

std::shared_ptr<Expression> call(const std::string& function, Type type, std::vector<ExpressionPtr> args, int position) {
  auto e = std::make_shared<Expression>();
  e->kind = Kind::kCall;
  e->type = type;
  e->physical = data::physical_of(type);
  e->function = function;
  e->args = std::move(args);
  e->position = position;
  return e;
}

bool unknown(const ExpressionPtr& e) { return e->type.id == TypeId::kUnknown; }

/// A quoted literal as the number it spells, beside a number of type `other`.
ExpressionPtr literal_number(const ExpressionPtr& literal, const Type& other) {
  const auto* text = std::get_if<std::string>(&literal->constant);
  __int128 scaled = 0;
  int precision = 0;
  int scale = 0;
  if (other.id == TypeId::kDecimal && text != nullptr && data::parse_decimal_literal(*text, scaled, precision, scale)) {
    const Type type = Type::decimal(precision, scale);
    return make_constant(data::decimal_value(scaled, type), type);
  }
  return make_cast(literal, other, literal->position);
}

/// The type a quoted literal takes beside a date, time or interval in `a op literal`.
Type literal_datetime(const std::string& op, const Type& other) {
  if (other.id == TypeId::kInterval) return op == "+" || op == "-" ? other : Type::of(TypeId::kFloat8);
  if (op == "-" && other.id != TypeId::kTime) return other;
  return Type::of(TypeId::kInterval);
}

ExpressionPtr bind_decimal(const std::string& op, ExpressionPtr a, ExpressionPtr b, int position) {
  const Type x = as_decimal(*a);
  const Type y = as_decimal(*b);
  if (op == "*" || op == "/") {
    const Type type = op == "*" ? product_type(x, y) : quotient_type(x, y);
    return fold(call(op, type, {make_cast(a, x, position), make_cast(b, y, position)}, position));
  }
  const Type type = op == "%" ? remainder_type(x, y) : sum_type(x, y);
  const auto at_scale = [&](ExpressionPtr e, const Type& own) {
    const int whole = own.precision - own.scale;
    return make_cast(std::move(e), Type::decimal(std::min(whole + type.scale, kMaxPrecision), type.scale), position);
  };
  return fold(call(op, type, {at_scale(a, x), at_scale(b, y)}, position));
}

ExpressionPtr bind_arithmetic(const std::string& op, ExpressionPtr a, ExpressionPtr b, int position) {
  if (unknown(a) && unknown(b))
    throw Error("42725", "operator is not unique: unknown " + op + " unknown").at(position);
  for (auto* side : {&a, &b}) {
    const Type& other = (side == &a ? b : a)->type;
    if (!unknown(*side)) continue;
    if (other.is_numeric()) *side = literal_number(*side, other);
    else if (other.is_datetime() || other.id == TypeId::kInterval)
      *side = make_cast(*side, literal_datetime(op, other), (*side)->position);
  }
  if (!a->type.is_numeric() || !b->type.is_numeric()) return nullptr;
  if (a->type.is_float() || b->type.is_float()) {
    const Type type = common_type(a->type, b->type);
    if (op == "%") return bind_decimal(op, make_cast(a, Type::decimal(38, 15)), make_cast(b, Type::decimal(38, 15)), position);
    return fold(call(op, type, {make_cast(a, type, position), make_cast(b, type, position)}, position));
  }
  if (a->type.id == TypeId::kDecimal || b->type.id == TypeId::kDecimal) return bind_decimal(op, a, b, position);
  const Type type = Type::of(std::max({a->type.id, b->type.id, TypeId::kInt4}));
  ExpressionPtr result = fold(call(op, type, {make_cast(a, type, position), make_cast(b, type, position)}, position));
  // Two smallints give one: the cast is the check of its range.
  const bool small = a->type.id <= TypeId::kInt2 && b->type.id <= TypeId::kInt2;
  return small ? make_cast(std::move(result), Type::of(TypeId::kInt2), position) : result;
}

ExpressionPtr as_text(ExpressionPtr e, int position) { return make_cast(std::move(e), Type::of(TypeId::kText), position); }

/// greatest and least ignore NULLs: a choice between pairs.
ExpressionPtr bind_extreme(const std::string& op, const std::vector<ExpressionPtr>& args, int position) {
  Type type = args[0]->type;
  for (const ExpressionPtr& arg : args) type = common_type(type, arg->type);
  ExpressionPtr best = make_cast(args[0], type, position);
  for (std::size_t i = 1; i < args.size(); ++i) {
    const ExpressionPtr next = make_cast(args[i], type, position);
    best = make_case({make_or({make_is_null(next), make_call(op, {best, next}, position)}), best, next});
  }
  return best;
}

/// Functions that are other expressions in disguise; null when `name` is none of them.
ExpressionPtr rewrite(const std::string& name, const std::vector<ExpressionPtr>& args, int position) {
  const auto negated = [&](const char* positive) { return make_not(make_call(positive, args, position)); };
  if (name == "not like" || name == "!~~") return negated("like");
  if (name == "not ilike" || name == "!~~*") return negated("ilike");
  if (name == "!~") return negated("~");
  if (name == "!~*") return negated("~*");
  if (name == "not") return make_not(args.at(0));
  if (name == "coalesce" && !args.empty()) return make_coalesce(args);
  if (name == "nullif" && args.size() == 2)
    return make_case({make_call("=", args, position), make_constant({}, args[0]->type), args[0]});
  if (name == "greatest" && !args.empty()) return bind_extreme(">=", args, position);
  if (name == "least" && !args.empty()) return bind_extreme("<=", args, position);
  if (name == "is_distinct_from" && args.size() == 2)
    return make_case({make_is_null(args[0]), make_not(make_is_null(args[1])), make_is_null(args[1]),
                      make_constant(std::int64_t{1}, Type::of(TypeId::kBool)), make_call("<>", args, position)});
  if (name == "is_not_distinct_from") return negated("is_distinct_from");
  if (name == "+" && args.size() == 1) return args[0];
  if (name == "||" && args.size() == 2 && args[0]->type.id != TypeId::kBlob && args[1]->type.id != TypeId::kBlob) {
    const bool any_text = args[0]->type.is_text() || args[1]->type.is_text() || unknown(args[0]) || unknown(args[1]);
    if (any_text && !(args[0]->type.is_text() && args[1]->type.is_text() && args[0]->type.id == TypeId::kText &&
                      args[1]->type.id == TypeId::kText))
      return make_call("||", {as_text(args[0], position), as_text(args[1], position)}, position);
  }
  if ((name == "concat" || name == "concat_ws") &&
      std::any_of(args.begin(), args.end(), [](const ExpressionPtr& e) { return e->type.id != TypeId::kText; })) {
    std::vector<ExpressionPtr> texts;
    for (const ExpressionPtr& arg : args) texts.push_back(as_text(arg, position));
    return make_call(name, std::move(texts), position);
  }
  return nullptr;
}

Type parameter_type(TypeId wanted, const Expression& arg) {
  if (wanted == TypeId::kDecimal) {
    if (arg.type.is_integer() || arg.type.id == TypeId::kDecimal) return as_decimal(arg);
    const auto* text = std::get_if<std::string>(&arg.constant);
    __int128 scaled = 0;
    int precision = 0;
    int scale = 0;
    if (text != nullptr && data::parse_decimal_literal(*text, scaled, precision, scale)) return Type::decimal(precision, scale);
    return Type::decimal(kMaxPrecision, kQuotientScale);
  }
  if (wanted == TypeId::kText && arg.type.is_text()) return arg.type;
  if (wanted == TypeId::kInt4 && (arg.type.id == TypeId::kInt1 || arg.type.id == TypeId::kInt2)) return arg.type;
  return Type::of(wanted);
}

}  // namespace

void no_such_function(const std::string& name, const std::vector<ExpressionPtr>& args, int position) {
  const auto type = [&](std::size_t i) {
    Type plain = args[i]->type;
    plain.precision = 0;
    plain.length = 0;
    return data::postgres_type_name(plain);
  };
  if (is_operator(name) && !args.empty() && args.size() <= 2) {
    const std::string text = args.size() == 2 ? type(0) + " " + name + " " + type(1) : name + " " + type(0);
    throw Error(sqlstate::kUndefinedFunction, "operator does not exist: " + text)
        .at(position)
        .hint("No operator matches the given name and argument types. You might need to add explicit type casts.");
  }
  std::string list;
  for (std::size_t i = 0; i < args.size(); ++i) list += (i > 0 ? ", " : "") + type(i);
  throw Error(sqlstate::kUndefinedFunction, "function " + name + "(" + list + ") does not exist")
      .at(position)
      .hint("No function matches the given name and argument types. You might need to add explicit type casts.");
}

ExpressionPtr make_call(const std::string& function, std::vector<ExpressionPtr> args, int position) {
  const std::string name = canonical(function);
  if (ExpressionPtr e = rewrite(name, args, position)) return e;
  if (is_comparison(name) && args.size() == 2) return make_comparison(name, args[0], args[1], position);
  if (is_arithmetic(name)) {
    if (args.size() == 1 && name == "-" && args[0]->type.is_numeric()) {
      const Type type = args[0]->type.is_integer() ? Type::of(std::max(args[0]->type.id, TypeId::kInt4)) : args[0]->type;
      return fold(call("-", type, {make_cast(args[0], type, position)}, position));
    }
    if (args.size() == 2)
      if (ExpressionPtr e = bind_arithmetic(name, args[0], args[1], position)) return e;
    if (args.size() == 2 && unknown(args[0]) != unknown(args[1])) {
      // Quoted literals beside dates and intervals were typed in bind_arithmetic's copies: do it here for resolve.
      ExpressionPtr& literal = unknown(args[0]) ? args[0] : args[1];
      const Type other = (unknown(args[0]) ? args[1] : args[0])->type;
      if (other.is_datetime() || other.id == TypeId::kInterval)
        literal = make_cast(literal, literal_datetime(name, other), literal->position);
    }
  }
  const Function* best = resolve(name, args);
  if (best == nullptr) no_such_function(function, args, position);
  for (std::size_t i = 0; i < args.size(); ++i) {
    const TypeId wanted = i < best->parameters.size() ? best->parameters[i] : best->parameters.back();
    args[i] = make_cast(args[i], parameter_type(wanted, *args[i]), args[i]->position);
  }
  const Type type = best->entry->result != nullptr ? best->entry->result(args) : Type::of(best->result);
  return fold(call(name, type, std::move(args), position));
}

ExpressionPtr make_cast(ExpressionPtr arg, Type type, int position) {
  if (type.id == TypeId::kDecimal && type.precision == 0) {  // `numeric` without digits
    if (arg->type.id == TypeId::kDecimal) return arg;
    type = parameter_type(TypeId::kDecimal, *arg);
    if (arg->type.is_float()) type = Type::decimal(kMaxPrecision, 15);
  }
  if (arg->type == type) return arg;
  if (arg->kind == Kind::kConstant && data::is_null(arg->constant)) return make_constant({}, type);
  if (arg->kind == Kind::kConstant && unknown(arg)) {
    try {
      const auto& text = std::get<std::string>(arg->constant);
      if (type.is_text()) return make_constant(std::string(data::fit_text(text, type, true)), type);
      return make_constant(data::parse_value(text, type), type);
    } catch (Error& e) {
      e.at(position != 0 ? position : arg->position);
      throw;
    }
  }
  const bool text_source = arg->type.is_text() || unknown(arg);
  if (type.is_text() && !text_source && (type.length > 0 || type.id == TypeId::kChar))
    return make_cast(make_cast(std::move(arg), Type::of(TypeId::kText), position), type, position);
  if (!plan_cast(arg->type, type))
    throw Error("42846", "cannot cast type " + data::postgres_type_name(arg->type) + " to " + data::postgres_type_name(type))
        .at(position);
  auto e = std::make_shared<Expression>();
  e->kind = Kind::kCast;
  e->type = type;
  e->physical = data::physical_of(type);
  e->args = {std::move(arg)};
  e->position = position;
  return fold(e);
}

ExpressionPtr make_assignment_cast(ExpressionPtr arg, Type type, int position) {
  const bool limited = (type.id == TypeId::kChar || type.id == TypeId::kVarchar) && type.length > 0;
  if (!limited || arg->type == type) return make_cast(std::move(arg), type, position);
  arg = make_cast(std::move(arg), Type::of(TypeId::kText), position);
  return fold(call("check_length", type, {std::move(arg)}, position));
}

bool can_fail(const Expression& e) {
  switch (e.kind) {
    case Kind::kCall: {
      if (is_comparison(e.function)) break;
      if (is_arithmetic(e.function) && e.type.is_numeric()) {
        if (arithmetic_can_fail(e)) return true;
        break;
      }
      const Function* f = bound_function(e);
      if (f == nullptr) return true;
      if ((f->entry->flags & kCanFail) != 0 && (f->entry->safe == nullptr || !f->entry->safe(e))) return true;
      break;
    }
    case Kind::kCast: {
      const Type& from = e.args[0]->type;
      const auto plan = is_exact(from) && is_exact(e.type)
                            ? plan_exact_cast(from, data::physical_of(from), e.type, e.physical, e.bounds.proved)
                            : plan_cast(from, e.type);
      if (!plan || plan->can_fail) return true;
      break;
    }
    default: break;
  }
  return std::any_of(e.args.begin(), e.args.end(), [](const ExpressionPtr& arg) { return can_fail(*arg); });
}

}  // namespace tajo::functions
