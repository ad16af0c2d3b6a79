#include "tajo/plan/explain.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "explain_tree.hpp"

namespace tajo::plan {
namespace {

std::string count(double rows) {
  char text[32];
  if (rows >= 1e15) std::snprintf(text, sizeof text, "%.3g", rows);
  else std::snprintf(text, sizeof text, "%lld", static_cast<long long>(std::llround(rows)));
  return text;
}

std::string decimals(double value, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string size_text(std::uint64_t bytes) {
  return bytes < 10'240 ? std::to_string(bytes) + " bytes" : std::to_string((bytes + 512) / 1024) + " kB";
}

double milliseconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e6; }

/// What all tasks of an operator, or all operators of a stage, did together.
struct Total {
  std::uint64_t rows = 0, bytes = 0, time_ns = 0, memory_bytes = 0, spilled_bytes = 0;
  std::map<std::int32_t, std::uint64_t> time_of;  ///< ns by worker

  void add(const OperatorSample& s) {
    rows += s.rows;
    bytes += s.bytes;
    time_ns += s.time_ns;
    memory_bytes += s.memory_bytes;
    spilled_bytes += s.spilled_bytes;
    time_of[s.worker] += s.time_ns;
  }
  double slowest() const {
    std::uint64_t most = 0;
    for (const auto& [worker, ns] : time_of) most = std::max(most, ns);
    return static_cast<double>(most);
  }
  double mean() const { return time_of.empty() ? 0 : static_cast<double>(time_ns) / static_cast<double>(time_of.size()); }
  double skew() const { return mean() > 0 ? slowest() / mean() : 1; }
};

double q_error(double estimated, double actual) {
  const double e = std::max(estimated, 1.0), a = std::max(actual, 1.0);
  return std::max(e / a, a / e);
}

void collect(const PhysicalNode& node, std::vector<std::uint32_t>& ids) {
  ids.push_back(node.id);
  for (const auto& c : node.children) collect(*c, ids);
}

class Measures {
 public:
  explicit Measures(const PlanRun* run) : measured_(run != nullptr) {
    if (run == nullptr) return;
    for (const OperatorSample& s : run->samples) totals_[s.node].add(s);
    samples_ = &run->samples;
  }
  bool measured() const { return measured_; }
  /// nullptr: the operator never ran.
  const Total* of(const PhysicalNode* node) const {
    if (node == nullptr) return nullptr;
    const auto at = totals_.find(node->id);
    return at == totals_.end() ? nullptr : &at->second;
  }
  Total stage(const Stage& stage) const {
    std::vector<std::uint32_t> ids;
    collect(*stage.root, ids);
    Total total;
    for (const OperatorSample& s : *samples_)
      if (std::find(ids.begin(), ids.end(), s.node) != ids.end()) total.add(s);
    return total;
  }

 private:
  bool measured_;
  std::map<std::uint32_t, Total> totals_;
  const std::vector<OperatorSample>* samples_ = nullptr;
};

class TextForm {
 public:
  TextForm(const PhysicalPlan& plan, const ExplainOptions& options) : plan_(plan), options_(options), measures_(options.run) {}

  std::vector<std::string> lines() {
    const std::vector<ExplainItem> items = explain_items(plan_, options_.global);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.emplace_back();
      item(items[i], 0);
    }
    if (options_.run != nullptr) stages();
    if (options_.planning_ms) out_.push_back("Planning Time: " + decimals(*options_.planning_ms, 3) + " ms");
    if (options_.run != nullptr) out_.push_back("Execution Time: " + decimals(options_.run->execution_ms, 3) + " ms");
    return std::move(out_);
  }

 private:
  void item(const ExplainItem& i, int depth) {
    const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
    out_.push_back(indent + i.title + (i.node == nullptr ? "" : numbers(*i.node)));
    for (const auto& [label, text] : i.details) out_.push_back(indent + "    " + label + ": " + text);
    for (const ExplainItem& child : i.children) item(child, depth + 1);
  }

  std::string numbers(const PhysicalNode& node) const {
    std::string out = "  (rows=" + count(node.estimated_rows) + (options_.global ? ", id=" + std::to_string(node.id) : "") + ")";
    if (!measures_.measured()) return out;
    const Total* t = measures_.of(&node);
    if (t == nullptr) return out + " (never executed)";
    out += " (actual rows=" + std::to_string(t->rows) + " q-error=" + decimals(q_error(node.estimated_rows, static_cast<double>(t->rows)), 2) +
           " time=" + decimals(milliseconds(t->time_ns), 3) + " ms";
    if (t->bytes > 0) out += " bytes=" + size_text(t->bytes);
    if (t->memory_bytes > 0) out += " memory=" + size_text(t->memory_bytes);
    if (t->spilled_bytes > 0) out += " spilled=" + size_text(t->spilled_bytes);
    if (t->time_of.size() > 1) out += " skew=" + decimals(t->skew(), 2);
    return out + ")";
  }

  void stages() {
    const PlanRun& run = *options_.run;
    for (const Stage& s : plan_.stages) {
      const Total t = measures_.stage(s);
      out_.push_back("Stage " + std::to_string(s.number) + ": workers=" + std::to_string(t.time_of.size()) + " time=" + decimals(milliseconds(t.time_ns), 3) +
                     " ms, slowest worker " + decimals(t.slowest() / 1e6, 3) + " ms, mean " + decimals(t.mean() / 1e6, 3) + " ms, skew=" + decimals(t.skew(), 2));
    }
    if (run.tasks > 0)
      out_.push_back("Tasks: " + std::to_string(run.tasks) + " (" + std::to_string(run.task_retries) + " retried), rows read: " +
                     std::to_string(run.rows_read) + ", bytes read: " + std::to_string(run.bytes_read));
    out_.push_back("Result: " + std::to_string(run.rows) + " rows");
  }

  const PhysicalPlan& plan_;
  const ExplainOptions& options_;
  Measures measures_;
  std::vector<std::string> out_;
};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += {'\\', c};
    else if (c == '\n') out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

class JsonForm {
 public:
  JsonForm(const PhysicalPlan& plan, const ExplainOptions& options) : plan_(plan), options_(options), measures_(options.run) {}

  std::string text() {
    std::vector<std::string> members;
    if (!options_.global) {
      members.push_back("\"Plan\": " + item(explain_items(plan_, false).front(), 2));
    } else {
      std::string list;
      for (const ExplainItem& stage : explain_items(plan_, true)) list += (list.empty() ? "" : ", ") + item(stage, 2);
      members.push_back("\"Plans\": [" + list + "]");
    }
    if (options_.run != nullptr) members.push_back(stages());
    if (options_.planning_ms) members.push_back("\"Planning Time\": " + decimals(*options_.planning_ms, 3));
    if (options_.run != nullptr) members.push_back("\"Execution Time\": " + decimals(options_.run->execution_ms, 3));
    return "[\n" + object(members, 1) + "\n]";
  }

 private:
  static std::string object(const std::vector<std::string>& members, int depth) {
    const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
    std::string out = (depth == 1 ? indent : "") + "{\n";
    for (std::size_t i = 0; i < members.size(); ++i) out += indent + "  " + members[i] + (i + 1 < members.size() ? ",\n" : "\n");
    return out + indent + "}";
  }

  std::string item(const ExplainItem& i, int depth) const {
    std::vector<std::string> members{"\"Node Type\": " + quoted(i.title)};
    if (i.node != nullptr) {
      members.push_back("\"Node Id\": " + std::to_string(i.node->id));
      members.push_back("\"Plan Rows\": " + count(i.node->estimated_rows));
      if (const Total* t = measures_.of(i.node)) {
        members.push_back("\"Actual Rows\": " + std::to_string(t->rows));
        members.push_back("\"Q-Error\": " + decimals(q_error(i.node->estimated_rows, static_cast<double>(t->rows)), 2));
        members.push_back("\"Actual Total Time\": " + decimals(milliseconds(t->time_ns), 3));
        members.push_back("\"Bytes\": " + std::to_string(t->bytes));
        members.push_back("\"Memory Bytes\": " + std::to_string(t->memory_bytes));
        members.push_back("\"Spilled Bytes\": " + std::to_string(t->spilled_bytes));
        members.push_back("\"Workers\": " + std::to_string(t->time_of.size()));
        members.push_back("\"Skew\": " + decimals(t->skew(), 2));
      }
    }
    for (const auto& [label, value] : i.details) members.push_back(quoted(label) + ": " + quoted(value));
    if (!i.children.empty()) {
      std::string list;
      for (const ExplainItem& child : i.children) list += (list.empty() ? "" : ", ") + item(child, depth + 1);
      members.push_back("\"Plans\": [" + list + "]");
    }
    return object(members, depth);
  }

  std::string stages() const {
    std::string list;
    for (const Stage& s : plan_.stages) {
      const Total t = measures_.stage(s);
      std::string workers;
      for (const auto& [worker, ns] : t.time_of)
        workers += (workers.empty() ? "" : ", ") + ("{\"Rank\": " + std::to_string(worker)) + ", \"Time\": " + decimals(milliseconds(ns), 3) + "}";
      list += (list.empty() ? "" : ", ") + ("{\"Stage\": " + std::to_string(s.number)) + ", \"Time\": " + decimals(milliseconds(t.time_ns), 3) +
              ", \"Skew\": " + decimals(t.skew(), 2) + ", \"Workers\": [" + workers + "]}";
    }
    const PlanRun& run = *options_.run;
    return "\"Stages\": [" + list + "],\n    \"Tasks\": " + std::to_string(run.tasks) + ",\n    \"Task Retries\": " + std::to_string(run.task_retries) +
           ",\n    \"Rows Read\": " + std::to_string(run.rows_read) + ",\n    \"Bytes Read\": " + std::to_string(run.bytes_read) +
           ",\n    \"Result Rows\": " + std::to_string(run.rows);
  }

  const PhysicalPlan& plan_;
  const ExplainOptions& options_;
  Measures measures_;
};

}  // namespace

std::vector<std::string> explain(const PhysicalPlan& plan, const ExplainOptions& options) { return TextForm(plan, options).lines(); }

std::string explain_json(const PhysicalPlan& plan, const ExplainOptions& options) { return JsonForm(plan, options).text(); }

}  // namespace tajo::plan
