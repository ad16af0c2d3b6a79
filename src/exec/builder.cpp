#include <algorithm>
#include <map>

#include "aggregate.hpp"
#include "exchange_input.hpp"
#include "hash_join.hpp"
#include "merge_input.hpp"
#include "nested_loop_join.hpp"
#include "output_sink.hpp"
#include "row_steps.hpp"
#include "scan.hpp"
#include "sort.hpp"
#include "table_sink.hpp"
#include "task.hpp"
#include "values.hpp"
#include "window.hpp"

namespace tajo::exec {

namespace {

using plan::PhysicalNode;

/// A pipeline whose sink is not known yet.
struct Open {
  Source* source = nullptr;
  std::vector<Step*> steps;
  std::vector<Event*> after;     ///< events it waits for
  std::vector<Event*> signals;   ///< events told when it has ended
  bool ordered = false;          ///< its one lane gives rows in an order that has to stay
};

class Builder {
 public:
  Builder(const TaskSpec& spec, const EngineConfig& config, storage::Storage& storage, exchange::OutputStore& outputs,
          MemoryAccount& memory, TaskReport& report, Assembly& out)
      : spec_(spec),
        settings_(spec.plan->settings),
        config_(config),
        storage_(storage),
        outputs_(outputs),
        memory_(memory),
        report_(report),
        out_(out) {}

  void run() {
    const plan::Stage& stage = spec_.plan->stages.at(spec_.id.stage);
    std::vector<Open> opens = build(*stage.root);
    if (stage.output.kind == plan::StageOutput::Kind::kTable) {
      close(opens, *out_.make<TableSink>(spec_, table_directory(), report_));
      return;
    }
    const bool hashed = stage.output.kind == plan::StageOutput::Kind::kHash;
    const bool ordered = opens.size() == 1 && opens.front().ordered && !hashed;
    out_.output = outputs_.create(spec_.id, hashed ? stage.output.partitions : std::uint16_t{1},
                                  physical_types(stage.root->output), ordered);
    close(opens, *out_.make<OutputSink>(stage, *out_.output, settings_));
  }

 private:
  using Opens = std::vector<Open>;

  Opens build(const PhysicalNode& node) {
    return std::visit([&](const auto& detail) { return build(node, detail); }, node.detail);
  }

  Opens leaf(Source* source) {
    Open open;
    open.source = source;
    Opens opens;
    opens.push_back(std::move(open));
    return opens;
  }

  Opens after(Source* source, Event* event) {
    Opens opens = leaf(source);
    opens.front().after.push_back(event);
    return opens;
  }

  static Opens ordered(Opens opens) {
    opens.front().ordered = true;
    return opens;
  }

  Opens step(const PhysicalNode& node, Step* made) {
    Opens opens = build(*node.children.at(0));
    for (Open& open : opens) open.steps.push_back(made);
    return opens;
  }

  /// Ends pipelines in a sink; the event comes when the sink is complete.
  Event* close(Opens& opens, Sink& sink) {
    Event* event = make_event(&sink);
    event->outstanding = static_cast<int>(opens.size());
    for (Open& open : opens) {
      auto pipeline = std::make_unique<Pipeline>();
      pipeline->source = open.source;
      pipeline->steps = std::move(open.steps);
      pipeline->sink = &sink;
      pipeline->signals = std::move(open.signals);
      pipeline->signals.push_back(event);
      pipeline->waits = static_cast<int>(open.after.size());
      for (Event* e : open.after) e->waiting.push_back(pipeline.get());
      out_.pipelines.push_back(std::move(pipeline));
    }
    opens.clear();
    return event;
  }

  Event* make_event(Sink* sink) {
    out_.events.push_back(std::make_unique<Event>());
    out_.events.back()->sink = sink;
    return out_.events.back().get();
  }

  Opens build(const PhysicalNode& node, const plan::ScanNode& scan) {
    std::vector<ScanSource::Filter> filters;
    std::vector<Event*> events;
    for (const plan::RuntimeFilterTarget& target : scan.runtime_filters) {
      const auto found = filters_.find(target.filter);
      if (found == filters_.end()) continue;
      filters.push_back({found->second.filter, target.column});
      if (std::find(events.begin(), events.end(), found->second.ready) == events.end()) events.push_back(found->second.ready);
    }
    Opens opens = leaf(out_.make<ScanSource>(node, spec_, storage_, report_, std::move(filters)));
    opens.front().after = std::move(events);
    return opens;
  }

  Opens build(const PhysicalNode& node, const plan::ValuesNode&) { return ordered(leaf(out_.make<ValuesSource>(node))); }
  Opens build(const PhysicalNode& node, const plan::SeriesNode&) { return leaf(out_.make<SeriesSource>(node)); }
  Opens build(const PhysicalNode& node, const plan::ExchangeInputNode& input) {
    if (!input.merge_keys.empty()) return ordered(leaf(out_.make<MergeSource>(node, spec_, outputs_)));
    return leaf(out_.make<ExchangeSource>(node, spec_, outputs_));
  }
  Opens build(const PhysicalNode& node, const plan::FilterNode&) { return step(node, out_.make<FilterStep>(node, settings_)); }
  Opens build(const PhysicalNode& node, const plan::ProjectNode&) { return step(node, out_.make<ProjectStep>(node, settings_)); }
  Opens build(const PhysicalNode& node, const plan::LimitNode&) { return step(node, out_.make<LimitStep>(node)); }

  Opens build(const PhysicalNode& node, const plan::UnionAllNode&) {
    Opens all;
    for (const auto& child : node.children)
      for (Open& open : build(*child)) all.push_back(std::move(open));
    return all;
  }

  Opens build(const PhysicalNode& node, const plan::AggregateNode&) {
    Opens opens = build(*node.children.at(0));
    auto* sink = out_.make<AggregateSink>(node, settings_, config_.tmpdirs);
    Event* complete = close(opens, *sink);
    return after(out_.make<AggregateSource>(node, *sink), complete);
  }

  Opens build(const PhysicalNode& node, const plan::HashJoinNode& detail) {
    auto shared = std::make_unique<HashJoin>(node, settings_, memory_, config_.tmpdirs);
    HashJoin& join = *shared;
    out_.shared.push_back(std::shared_ptr<void>(std::move(shared)));
    Opens builds = build(*node.children.at(1));
    Event* built = close(builds, *out_.make<HashJoinBuild>(join));
    for (std::size_t k = 0; k < join.filters.size(); ++k)
      if (join.filters[k]) filters_[detail.runtime_filters[k]] = MadeFilter{join.filters[k], built};
    Opens probes = build(*node.children.at(0));
    join.keeps_order = probes.size() == 1 && probes.front().ordered && !join.build_preserving();
    auto* step = out_.make<HashJoinProbe>(join);
    return probe(std::move(probes), step, built, join.keeps_order ? nullptr : out_.make<HashJoinRest>(join, *step));
  }

  Opens build(const PhysicalNode& node, const plan::NestedLoopJoinNode&) {
    auto shared = std::make_unique<NestedLoopJoin>(node, settings_);
    NestedLoopJoin& join = *shared;
    out_.shared.push_back(std::shared_ptr<void>(std::move(shared)));
    Opens builds = build(*node.children.at(1));
    Event* built = close(builds, *out_.make<NestedLoopBuild>(join));
    Source* rest = join.build_preserving() ? out_.make<NestedLoopRest>(join) : nullptr;
    return probe(build(*node.children.at(0)), out_.make<NestedLoopProbe>(join), built, rest);
  }

  /// The probe side once the build stands; `rest`, if any, gives build rows when all probing is over.
  Opens probe(Opens probes, Step* step, Event* built, Source* rest) {
    Event* probed = rest != nullptr ? make_event(nullptr) : nullptr;
    for (Open& open : probes) {
      open.steps.push_back(step);
      wait_for(open, built);
      if (probed != nullptr) open.signals.push_back(probed);
    }
    if (probed != nullptr) {
      probed->outstanding = static_cast<int>(probes.size());
      probes.push_back(std::move(after(rest, probed).front()));
    }
    return probes;
  }

  Opens build(const PhysicalNode& node, const plan::SortNode& sort) {
    Opens opens = build(*node.children.at(0));
    auto* sink = out_.make<SortSink>(node.id, sort.keys, node.children[0]->output, std::vector<functions::ExpressionPtr>{}, settings_,
                                     config_);
    Event* sorted = close(opens, *sink);
    return ordered(after(out_.make<SortSource>(node, *sink), sorted));
  }

  Opens build(const PhysicalNode& node, const plan::TopNNode&) {
    Opens opens = build(*node.children.at(0));
    auto* sink = out_.make<TopNSink>(node, settings_);
    Event* complete = close(opens, *sink);
    return ordered(after(out_.make<TopNSource>(node, *sink), complete));
  }

  /// Windows of one order are computed in one pass; each pass sorts what the one before gave.
  Opens build(const PhysicalNode& node, const plan::WindowNode&) {
    Opens opens = build(*node.children.at(0));
    const std::vector<WindowPass> passes = window_passes(node);
    for (const WindowPass& pass : passes) {
      auto* sink = out_.make<SortSink>(node.id, pass.keys, pass.input, pass.arguments, settings_, config_);
      Event* sorted = close(opens, *sink);
      opens = ordered(after(out_.make<WindowSource>(node, pass, *sink), sorted));
    }
    return opens;
  }

  static void wait_for(Open& open, Event* event) {
    if (std::find(open.after.begin(), open.after.end(), event) == open.after.end()) open.after.push_back(event);
  }

  std::string table_directory() const {
    const std::string& location = spec_.plan->write->source.location;
    return location.starts_with('/') ? location : config_.warehouse_directory + "/" + location;
  }

  struct MadeFilter {
    std::shared_ptr<RuntimeFilter> filter;
    Event* ready;
  };
  const TaskSpec& spec_;
  const functions::EvaluationSettings& settings_;
  const EngineConfig& config_;
  storage::Storage& storage_;
  exchange::OutputStore& outputs_;
  MemoryAccount& memory_;
  TaskReport& report_;
  Assembly& out_;
  std::map<std::uint16_t, MadeFilter> filters_;
};

}  // namespace

void assemble(const TaskSpec& spec, const EngineConfig& config, storage::Storage& storage, exchange::OutputStore& outputs,
              MemoryAccount& memory, TaskReport& report, Assembly& out) {
  Builder(spec, config, storage, outputs, memory, report, out).run();
}

}  // namespace tajo::exec
