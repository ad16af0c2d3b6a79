#include "registry.hpp"

#include <algorithm>
#include <cctype>
#include <unordered_map>

namespace tajo::functions {

namespace {

TypeId type_by_name(std::string_view name) {
  static const std::unordered_map<std::string_view, TypeId> kTypes = {
      {"bool", TypeId::kBool},       {"int4", TypeId::kInt4},           {"int8", TypeId::kInt8},
      {"float4", TypeId::kFloat4},   {"float8", TypeId::kFloat8},       {"decimal", TypeId::kDecimal},
      {"text", TypeId::kText},       {"blob", TypeId::kBlob},           {"date", TypeId::kDate},
      {"time", TypeId::kTime},       {"timestamp", TypeId::kTimestamp}, {"timestamptz", TypeId::kTimestampTz},
      {"interval", TypeId::kInterval}};
  const auto at = kTypes.find(name);
  TAJO_ASSERT(at != kTypes.end());
  return at->second;
}

Function parse_signature(const Entry& entry) {
  Function out;
  out.entry = &entry;
  std::string_view rest = entry.signature;
  const auto word = [&] {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == ',')) rest.remove_prefix(1);
    std::size_t n = 0;
    while (n < rest.size() && (std::isalnum(static_cast<unsigned char>(rest[n])) != 0 || rest[n] == '_')) ++n;
    const std::string_view name = rest.substr(0, n);
    rest.remove_prefix(n);
    return name;
  };
  const std::size_t open = rest.find('(');
  out.name = rest.substr(0, open);  // operators have no letters
  rest.remove_prefix(open + 1);
  while (!rest.empty() && rest[0] != ')') {
    if (rest[0] == '.') {
      out.variadic = true;
      rest.remove_prefix(3);
      continue;
    }
    out.parameters.push_back(type_by_name(word()));
  }
  rest.remove_prefix(rest.find('>') + 1);
  out.result = type_by_name(word());
  return out;
}

const std::unordered_map<std::string, std::vector<Function>>& all_functions() {
  static const auto functions = [] {
    std::unordered_map<std::string, std::vector<Function>> out;
    for (const auto table : {text_functions(), pattern_functions(), math_functions(), datetime_functions(),
                             format_functions(), other_functions(), catalog_functions()})
      for (const Entry& entry : table) {
        Function f = parse_signature(entry);
        out[f.name].push_back(std::move(f));
      }
    return out;
  }();
  return functions;
}

TypeId parameter(const Function& f, std::size_t i) {
  return i < f.parameters.size() ? f.parameters[i] : f.parameters.back();
}

bool takes(const Function& f, std::size_t count) {
  return f.variadic ? count >= f.parameters.size() : count == f.parameters.size();
}

/// Position in PostgreSQL's chain of implicit numeric casts.
int numeric_rank(TypeId id) {
  switch (id) {
    case TypeId::kInt1: return 0;
    case TypeId::kInt2: return 1;
    case TypeId::kInt4: return 2;
    case TypeId::kInt8: return 3;
    case TypeId::kDecimal: return 4;
    case TypeId::kFloat4: return 5;
    case TypeId::kFloat8: return 6;
    default: return -1;
  }
}

}  // namespace

int implicit_cast_distance(const Type& from, TypeId to) {
  if (from.id == to) return 0;
  if (from.is_text() && to == TypeId::kText) return 0;
  if (from.id == TypeId::kUnknown) return to == TypeId::kText ? 1 : 2;
  const int a = numeric_rank(from.id);
  const int b = numeric_rank(to);
  if (a >= 0 && b >= 0) {
    if (b < a) return -1;
    // float8 is the preferred type of the category: an exact type that has no own overload goes there.
    return to == TypeId::kFloat8 ? b - a : 2 * (b - a);
  }
  if (from.id == TypeId::kDate && to == TypeId::kTimestamp) return 1;
  if (from.id == TypeId::kDate && to == TypeId::kTimestampTz) return 3;
  if (from.id == TypeId::kTimestamp && to == TypeId::kTimestampTz) return 1;
  if (from.id == TypeId::kTimestampTz && to == TypeId::kTimestamp) return 2;
  if (from.id == TypeId::kTime && to == TypeId::kInterval) return 1;
  return -1;
}

Physical parameter_physical(TypeId id) {
  if (id == TypeId::kDecimal) return Physical::kI128;
  return data::physical_of(Type::of(id));
}

const std::vector<Function>& overloads(const std::string& name) {
  static const std::vector<Function> kNone;
  const auto at = all_functions().find(name);
  return at == all_functions().end() ? kNone : at->second;
}

const Function* resolve(const std::string& name, const std::vector<ExpressionPtr>& args) {
  const Function* best = nullptr;
  int best_distance = 0;
  bool tie = false;
  for (const Function& f : overloads(name)) {
    if (!takes(f, args.size())) continue;
    int distance = f.variadic ? 1 : 0;
    for (std::size_t i = 0; i < args.size() && distance >= 0; ++i) {
      const int step = implicit_cast_distance(args[i]->type, parameter(f, i));
      distance = step < 0 ? -1 : distance + step;
    }
    if (distance < 0) continue;
    if (best == nullptr || distance < best_distance) {
      best = &f;
      best_distance = distance;
      tie = false;
    } else if (distance == best_distance) {
      tie = true;
    }
  }
  return tie ? nullptr : best;
}

const Function* bound_function(const Expression& call) {
  for (const Function& f : overloads(call.function)) {
    if (!takes(f, call.args.size())) continue;
    bool same = true;
    for (std::size_t i = 0; i < call.args.size() && same; ++i) {
      const Type& type = call.args[i]->type;
      const TypeId wanted = parameter(f, i);
      same = type.id == wanted || (type.is_text() && wanted == TypeId::kText) ||
             (wanted == TypeId::kInt4 && (type.id == TypeId::kInt1 || type.id == TypeId::kInt2));
    }
    if (same) return &f;
  }
  return nullptr;
}

}  // namespace tajo::functions
