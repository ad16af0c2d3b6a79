#include "plan_printer.hpp"

#include <set>

#include "tajo/data/value.hpp"

namespace tajo::sql {

using functions::Expression;
using plan::ColumnId;
using plan::LogicalNode;
using plan::LogicalPlan;
using Kind = LogicalNode::Kind;

namespace {

std::string name(const LogicalPlan& plan, ColumnId id) { return plan.columns.at(id).name + "#" + std::to_string(id); }

template <class List, class F>
std::string join(const List& list, F&& f) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ", ") + f(item);
  return out;
}

std::string list(const LogicalPlan& plan, const std::vector<plan::ExpressionPtr>& all) {
  return join(all, [&](const plan::ExpressionPtr& e) { return print(plan, *e); });
}

std::string keys(const LogicalPlan& plan, const std::vector<plan::SortKey>& all) {
  return join(all, [&](const plan::SortKey& k) {
    return print(plan, *k.expression) + (k.descending ? " desc" : "") +
           (k.nulls_first != k.descending ? (k.nulls_first ? " nulls first" : " nulls last") : "");
  });
}

std::string aggregate(const LogicalPlan& plan, const plan::AggregateExpression& a) {
  std::string out = a.name + "(" + (a.distinct ? "distinct " : "") + (a.args.empty() ? "*" : list(plan, a.args));
  if (!a.order_by.empty()) out += " order by " + keys(plan, a.order_by);
  return out + ")" + (a.filter ? " filter " + print(plan, *a.filter) : "");
}

const char* join_name(plan::JoinType type) {
  static const char* kNames[] = {"inner", "left", "right", "full", "semi", "anti", "mark", "single"};
  return kNames[static_cast<int>(type)];
}

class Checker {
 public:
  explicit Checker(const LogicalPlan& plan) : plan_(plan) {}
  std::string run() {
    const std::set<ColumnId> made = visit(*plan_.root, {});
    for (const ColumnId id : plan_.outputs)
      if (!made.contains(id)) complain("output " + name(plan_, id) + " is not made");
    if (plan_.outputs.size() != plan_.names.size()) complain("outputs and names differ in number");
    return problem_;
  }

 private:
  void complain(const std::string& what) {
    if (problem_.empty()) problem_ = what;
  }
  void use(const Expression& e, const std::set<ColumnId>& seen, const char* where) {
    if (e.kind == Expression::Kind::kColumn) {
      if (!seen.contains(e.column)) complain(std::string(where) + " uses " + name(plan_, e.column) + ", which is not visible there");
      if (!(e.type == plan_.columns.at(e.column).type)) complain("type of " + name(plan_, e.column) + " differs");
    }
    for (const auto& arg : e.args) use(*arg, seen, where);
  }
  void use(const plan::ExpressionPtr& e, const std::set<ColumnId>& seen, const char* where) {
    if (e) use(*e, seen, where);
  }

  std::set<ColumnId> visit(const LogicalNode& node, const std::set<ColumnId>& outer) {
    std::set<ColumnId> seen = outer;
    std::set<ColumnId> below;
    std::vector<std::set<ColumnId>> children;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      std::set<ColumnId> given = outer;
      if (node.kind == Kind::kJoin && i == 1 && node.dependent) given.insert(children[0].begin(), children[0].end());
      children.push_back(visit(*node.children[i], given));
      below.insert(children.back().begin(), children.back().end());
    }
    seen.insert(below.begin(), below.end());
    for (const ColumnId id : node.ids) {
      if (!made_.insert(id).second) complain(name(plan_, id) + " is made twice");
    }
    for (const auto& e : node.expressions) use(e, seen, "project or key");
    for (const auto& row : node.rows)
      for (std::size_t i = 0; i < row.size(); ++i) {
        use(row[i], seen, "values");
        if (!(row[i]->type == plan_.columns.at(node.ids.at(i)).type)) complain("type of a value of " + name(plan_, node.ids[i]));
      }
    use(node.predicate, seen, "predicate");
    for (const auto& a : node.aggregates) {
      for (const auto& e : a.args) use(e, seen, "aggregate");
      use(a.filter, seen, "aggregate filter");
    }
    for (const auto& w : node.windows) {
      for (const auto& e : w.args) use(e, seen, "window");
      for (const auto& e : w.partition_by) use(e, seen, "window");
      for (const auto& k : w.order_by) use(k.expression, seen, "window");
    }
    for (const auto& k : node.sort_keys) use(k.expression, seen, "sort key");
    for (std::size_t c = 0; c < node.set_columns.size(); ++c)
      for (std::size_t i = 0; i < node.set_columns[c].size(); ++i) {
        if (!children[c].contains(node.set_columns[c][i])) complain("set operation uses " + name(plan_, node.set_columns[c][i]));
        if (!(plan_.columns[node.set_columns[c][i]].type == plan_.columns[node.ids[i]].type)) complain("types of a set operation");
      }
    if (node.kind == Kind::kProject || node.kind == Kind::kAggregate)
      for (std::size_t i = 0; i < node.expressions.size(); ++i)
        if (!(node.expressions[i]->type == plan_.columns.at(node.ids.at(i)).type)) complain("type of " + name(plan_, node.ids[i]));

    std::set<ColumnId> out(node.ids.begin(), node.ids.end());
    const bool closed = node.kind == Kind::kAggregate || node.kind == Kind::kSetOperation;
    if (node.kind == Kind::kJoin &&
        (node.join_type == plan::JoinType::kSemi || node.join_type == plan::JoinType::kAnti || node.join_type == plan::JoinType::kMark))
      out.insert(children[0].begin(), children[0].end());
    else if (!closed)
      out.insert(below.begin(), below.end());
    return out;
  }

  const LogicalPlan& plan_;
  std::set<ColumnId> made_;
  std::string problem_;
};

}  // namespace

std::string print(const LogicalPlan& plan, const Expression& e) {
  const auto args = [&](const char* between) {
    std::string out;
    for (const auto& arg : e.args) out += (out.empty() ? "" : between) + print(plan, *arg);
    return out;
  };
  switch (e.kind) {
    case Expression::Kind::kColumn:
      return name(plan, e.column);
    case Expression::Kind::kConstant: {
      if (data::is_null(e.constant)) return "null:" + data::type_name(e.type);
      const std::string text = data::format_value(e.constant, e.type);
      if (e.type.is_integer() || e.type.id == data::TypeId::kBool || e.type.id == data::TypeId::kDecimal) return text;
      return "'" + text + "'" + (e.type.is_text() ? "" : ":" + data::type_name(e.type));
    }
    case Expression::Kind::kCall:
      return e.function + "(" + args(", ") + ")";
    case Expression::Kind::kAnd:
      return "(" + args(" and ") + ")";
    case Expression::Kind::kOr:
      return "(" + args(" or ") + ")";
    case Expression::Kind::kNot:
      return "not " + args("");
    case Expression::Kind::kIsNull:
      return args("") + " is null";
    case Expression::Kind::kCase:
      return "case(" + args(", ") + ")";
    case Expression::Kind::kCast:
      return args("") + "::" + data::type_name(e.type);
    case Expression::Kind::kCoalesce:
      return "coalesce(" + args(", ") + ")";
    case Expression::Kind::kInList:
      return "in(" + args(", ") + ")";
    case Expression::Kind::kNextRow:
      return "next_row";
  }
  return "?";
}

std::string print(const LogicalPlan& plan, const LogicalNode& node) {
  std::string out;
  const auto made = [&](std::size_t i) { return name(plan, node.ids.at(i)); };
  switch (node.kind) {
    case Kind::kScan:
      return "scan " + node.alias;
    case Kind::kValues:
      return "values" + join(node.rows, [&](const auto& row) { return "(" + list(plan, row) + ")"; });
    case Kind::kSeries:
      out = "series " + made(0) + "(" + list(plan, node.expressions) + ")";
      return out;
    case Kind::kFilter:
      out = "filter[" + print(plan, *node.predicate) + "]";
      break;
    case Kind::kProject:
      out = "project[";
      for (std::size_t i = 0; i < node.ids.size(); ++i) out += (i ? ", " : "") + made(i) + "=" + print(plan, *node.expressions.at(i));
      out += "]";
      break;
    case Kind::kJoin:
      out = std::string(node.dependent ? "dependent " : "") + join_name(node.join_type);
      if (!node.ids.empty()) out += " " + made(0);
      if (node.predicate) out += "[" + print(plan, *node.predicate) + "]";
      break;
    case Kind::kAggregate:
      out = "group[" + list(plan, node.expressions) + "]";
      for (std::size_t i = 0; i < node.aggregates.size(); ++i)
        out += " " + made(node.expressions.size() + i) + "=" + aggregate(plan, node.aggregates[i]);
      break;
    case Kind::kWindow:
      out = "window";
      for (std::size_t i = 0; i < node.windows.size(); ++i) {
        const auto& w = node.windows[i];
        out += " " + made(i) + "=" + w.name + "(" + list(plan, w.args) + ") over (" + list(plan, w.partition_by) + "; " +
               keys(plan, w.order_by) + ")";
      }
      break;
    case Kind::kSort:
      out = "sort[" + keys(plan, node.sort_keys) + "]";
      break;
    case Kind::kLimit:
      out = "limit[" + std::to_string(node.limit) + ", " + std::to_string(node.offset) + "]";
      break;
    case Kind::kSetOperation:
      out = node.set_operation == LogicalNode::SetOperation::kUnion       ? "union"
            : node.set_operation == LogicalNode::SetOperation::kIntersect ? "intersect"
                                                                          : "except";
      if (node.all) out += " all";
      break;
  }
  return out + "(" + join(node.children, [&](const auto& child) { return print(plan, *child); }) + ")";
}

std::string print(const LogicalPlan& plan) { return print(plan, *plan.root); }

std::string check(const LogicalPlan& plan) { return Checker(plan).run(); }

}  // namespace tajo::sql
