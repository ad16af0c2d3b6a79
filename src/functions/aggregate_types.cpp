#include <algorithm>

#include "registry.hpp"
#include "tajo/functions/aggregate.hpp"
#include "types.hpp"

namespace tajo::functions {

namespace {

[[noreturn]] void no_such_aggregate(const std::string& name, const std::vector<Type>& args) {
  std::string list;
  for (const Type& t : args) {
    Type plain = t;
    plain.precision = 0;
    plain.length = 0;
    list += (list.empty() ? "" : ", ") + data::postgres_type_name(plain);
  }
  throw Error(sqlstate::kUndefinedFunction, "function " + name + "(" + list + ") does not exist")
      .hint("No function matches the given name and argument types. You might need to add explicit type casts.");
}

constexpr std::string_view kStatistics[] = {"stddev",   "stddev_pop", "stddev_samp", "variance",   "var_pop",   "var_samp",
                                            "corr",     "covar_pop",  "covar_samp",  "regr_slope", "regr_r2",   "regr_intercept",
                                            "regr_count", "regr_avgx", "regr_avgy"};
bool is_statistic(const std::string& name) {
  return std::find(std::begin(kStatistics), std::end(kStatistics), name) != std::end(kStatistics);
}

}  // namespace

bool is_aggregate(const std::string& name) {
  static constexpr std::string_view kNames[] = {"count",    "sum",     "avg",      "min",   "max",        "any_value",
                                                "bool_and", "bool_or", "every",    "string_agg", "first_value", "last_value"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) || is_statistic(name);
}

Type aggregate_type(const std::string& name, const std::vector<Type>& args, bool) {
  if (name == "count" && args.size() <= 1) return Type::of(TypeId::kInt8);
  if (args.empty()) no_such_aggregate(name, args);
  const Type& type = args[0];
  if (name == "sum" && args.size() == 1) {
    switch (type.id) {
      case TypeId::kInt1:
      case TypeId::kInt2:
      case TypeId::kInt4: return Type::of(TypeId::kInt8);
      case TypeId::kInt8: return Type::decimal(kMaxPrecision, 0);
      case TypeId::kDecimal: return Type::decimal(kMaxPrecision, type.scale);
      case TypeId::kFloat4:
      case TypeId::kFloat8:
      case TypeId::kInterval: return type;
      default: no_such_aggregate(name, args);
    }
  }
  if (name == "avg" && args.size() == 1) {
    if (type.is_float()) return Type::of(TypeId::kFloat8);
    if (type.is_integer()) return Type::decimal(kMaxPrecision, kQuotientScale);
    if (type.id == TypeId::kDecimal) return Type::decimal(kMaxPrecision, std::max<int>(type.scale, kQuotientScale));
    if (type.id == TypeId::kInterval) return type;
    no_such_aggregate(name, args);
  }
  if ((name == "min" || name == "max") && args.size() == 1) {
    if (type.id == TypeId::kBool || type.id == TypeId::kBlob) no_such_aggregate(name, args);
    return type.id == TypeId::kUnknown ? Type::of(TypeId::kText) : type;
  }
  if ((name == "any_value" || name == "first_value" || name == "last_value") && args.size() == 1)
    return type.id == TypeId::kUnknown ? Type::of(TypeId::kText) : type;
  if ((name == "bool_and" || name == "bool_or" || name == "every") && args.size() == 1 && type.id == TypeId::kBool) return type;
  if (name == "string_agg" && args.size() == 2 && (type.is_text() || type.id == TypeId::kUnknown)) return Type::of(TypeId::kText);
  if (is_statistic(name) && std::all_of(args.begin(), args.end(), [](const Type& t) { return t.is_numeric(); })) {
    const bool two = name == "corr" || name.starts_with("covar") || name.starts_with("regr");
    if (args.size() == (two ? 2U : 1U)) return Type::of(name == "regr_count" ? TypeId::kInt8 : TypeId::kFloat8);
  }
  no_such_aggregate(name, args);
}

AggregateKind merge_kind(AggregateKind kind) {
  return kind == AggregateKind::kCountStar || kind == AggregateKind::kCount ? AggregateKind::kSumCounts
         : kind == AggregateKind::kSumSquares                               ? AggregateKind::kSum
                                                                            : kind;
}

}  // namespace tajo::functions
