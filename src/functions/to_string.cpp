#include "arithmetic.hpp"
#include "comparison.hpp"
#include "registry.hpp"

namespace tajo::functions {

using Kind = Expression::Kind;

namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

std::string constant(const Expression& e) {
  if (data::is_null(e.constant)) return "NULL";
  if (e.type.id == TypeId::kBool) return data::integer_value(e.constant) != 0 ? "true" : "false";
  const std::string text = data::format_value(e.constant, e.type);
  if (e.type.is_numeric()) return text;
  if (e.type.is_text() || e.type.id == TypeId::kUnknown) return quoted(text);
  if (e.type.is_datetime() || e.type.id == TypeId::kInterval) {
    std::string name = data::type_name(e.type);
    for (char& c : name) c = static_cast<char>(c | 0x20);
    return name + " " + quoted(text);
  }
  return quoted(text);
}

bool infix(const Expression& e) {
  return e.kind == Kind::kCall && e.args.size() == 2 &&
         (is_comparison(e.function) || is_arithmetic(e.function) || e.function == "||" || e.function == "like" ||
          e.function == "ilike" || e.function[0] == '~');
}

std::string text_of(const Expression& e, const std::vector<std::string>* names);

std::string operand(const Expression& e, const std::vector<std::string>* names) {
  const bool loose = infix(e) || e.kind == Kind::kAnd || e.kind == Kind::kOr || e.kind == Kind::kNot || e.kind == Kind::kIsNull || e.kind == Kind::kInList;
  return loose ? "(" + text_of(e, names) + ")" : text_of(e, names);
}

std::string list(const Expression& e, std::size_t from, const std::vector<std::string>* names) {
  std::string out;
  for (std::size_t i = from; i < e.args.size(); ++i) out += (i > from ? ", " : "") + text_of(*e.args[i], names);
  return out;
}

std::string text_of(const Expression& e, const std::vector<std::string>* names) {
  switch (e.kind) {
    case Kind::kColumn:
      if (names != nullptr && e.column < names->size()) return (*names)[e.column];
      return "#" + std::to_string(e.column);
    case Kind::kConstant: return constant(e);
    case Kind::kCall:
      if (infix(e)) return operand(*e.args[0], names) + " " + e.function + " " + operand(*e.args[1], names);
      if (e.function == "-" && e.args.size() == 1) return "-" + operand(*e.args[0], names);
      return e.function + "(" + list(e, 0, names) + ")";
    case Kind::kAnd:
    case Kind::kOr: {
      std::string out;
      for (std::size_t i = 0; i < e.args.size(); ++i)
        out += (i == 0 ? "" : e.kind == Kind::kAnd ? " AND " : " OR ") + operand(*e.args[i], names);
      return out;
    }
    case Kind::kNot:
      if (e.args[0]->kind == Kind::kIsNull) return operand(*e.args[0]->args[0], names) + " IS NOT NULL";
      return "NOT " + operand(*e.args[0], names);
    case Kind::kIsNull: return operand(*e.args[0], names) + " IS NULL";
    case Kind::kCase: {
      std::string out = "CASE";
      std::size_t i = 0;
      for (; i + 1 < e.args.size(); i += 2)
        out += " WHEN " + text_of(*e.args[i], names) + " THEN " + text_of(*e.args[i + 1], names);
      if (i < e.args.size()) out += " ELSE " + text_of(*e.args[i], names);
      return out + " END";
    }
    case Kind::kCast: return "CAST(" + text_of(*e.args[0], names) + " AS " + data::type_name(e.type) + ")";
    case Kind::kCoalesce: return "COALESCE(" + list(e, 0, names) + ")";
    case Kind::kInList: return operand(*e.args[0], names) + " IN (" + list(e, 1, names) + ")";
    case Kind::kNextRow: return "next_row()";
  }
  return {};
}

}  // namespace

std::string to_string(const Expression& e, const std::vector<std::string>* names) { return text_of(e, names); }

}  // namespace tajo::functions
