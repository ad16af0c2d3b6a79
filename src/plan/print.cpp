#include "node.hpp"

namespace tajo::plan {
namespace {

class Printer {
 public:
  explicit Printer(const LogicalPlan& plan) {
    names_.reserve(plan.columns.size());
    for (const ColumnInfo& c : plan.columns) names_.push_back(c.relation.empty() ? c.name : c.relation + "." + c.name);
  }

  void print(const LogicalNode& node, int depth) {
    out_.append(static_cast<std::size_t>(depth) * 2, ' ');
    line(node);
    out_ += '\n';
    for (const NodePtr& c : node.children) print(*c, depth + 1);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string text(const ExpressionPtr& e) const { return functions::to_string(*e, &names_); }
  std::string list(const std::vector<ExpressionPtr>& es) const {
    std::string s;
    for (const ExpressionPtr& e : es) s += (s.empty() ? "" : ", ") + text(e);
    return s;
  }
  std::string sort(const std::vector<SortKey>& keys) const {
    std::string s;
    for (const SortKey& k : keys) s += (s.empty() ? "" : ", ") + text(k.expression) + (k.descending ? " desc" : "");
    return s;
  }
  static const char* join_name(JoinType t) {
    switch (t) {
      case JoinType::kInner: return "inner";
      case JoinType::kLeft: return "left";
      case JoinType::kRight: return "right";
      case JoinType::kFull: return "full";
      case JoinType::kSemi: return "semi";
      case JoinType::kAnti: return "anti";
      case JoinType::kMark: return "mark";
      case JoinType::kSingle: return "single";
      case JoinType::kRightSemi: return "right semi";
      case JoinType::kRightAnti: return "right anti";
    }
    return "?";
  }

  void line(const LogicalNode& n) {
    switch (n.kind) {
      case Kind::kScan: out_ += "scan " + (n.alias.empty() ? n.table->name : n.alias); break;
      case Kind::kValues: out_ += "values " + std::to_string(n.rows.size()); break;
      case Kind::kSeries: out_ += "series " + list(n.expressions); break;
      case Kind::kFilter: out_ += "filter " + text(n.predicate); break;
      case Kind::kProject: {
        out_ += "project ";
        for (std::size_t i = 0; i < n.ids.size(); ++i)
          out_ += (i == 0 ? "" : ", ") + names_[n.ids[i]] + ":=" + text(n.expressions[i]);
        break;
      }
      case Kind::kJoin:
        out_ += std::string(n.dependent ? "dependent " : "") + join_name(n.join_type);
        if (n.predicate) out_ += " " + text(n.predicate);
        if (n.correlation) out_ += " where " + text(n.correlation);
        break;
      case Kind::kAggregate: {
        out_ += "aggregate [" + list(n.expressions) + "]";
        for (const AggregateExpression& a : n.aggregates)
          out_ += " " + a.name + "(" + (a.distinct ? "distinct " : "") + list(a.args) + ")" +
                  (a.filter ? " filter " + text(a.filter) : "");
        break;
      }
      case Kind::kWindow:
        out_ += "window";
        for (const WindowExpression& w : n.windows)
          out_ += " " + w.name + "(" + list(w.args) + ") by [" + list(w.partition_by) + "] order [" + sort(w.order_by) + "]";
        break;
      case Kind::kSort: out_ += "sort " + sort(n.sort_keys); break;
      case Kind::kLimit:
        out_ += "limit " + std::to_string(n.limit) + (n.offset != 0 ? " offset " + std::to_string(n.offset) : "");
        break;
      case Kind::kSetOperation:
        out_ += n.set_operation == LogicalNode::SetOperation::kUnion       ? "union"
                : n.set_operation == LogicalNode::SetOperation::kIntersect ? "intersect"
                                                                           : "except";
        if (n.all) out_ += " all";
        break;
    }
  }

  std::vector<std::string> names_;
  std::string out_;
};

}  // namespace

std::string print(const LogicalPlan& plan, const LogicalNode& node) {
  Printer printer(plan);
  printer.print(node, 0);
  return printer.take();
}

}  // namespace tajo::plan
