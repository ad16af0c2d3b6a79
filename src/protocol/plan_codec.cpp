#include "tajo/protocol/plan_codec.hpp"

#include "archive.hpp"

namespace tajo {
namespace functions {

template <class Archive>
void save(Archive& a, const ExpressionPtr& e) {
  a(e != nullptr);
  if (!e) return;
  a(e->kind, e->type, e->physical, e->bounds, e->column, e->constant, e->function, e->position);
  a(static_cast<std::uint32_t>(e->args.size()));
  for (const ExpressionPtr& arg : e->args) save(a, arg);
}
template <class Archive>
void load(Archive& a, ExpressionPtr& out) {
  bool present = false;
  a(present);
  if (!present) {
    out.reset();
    return;
  }
  auto e = std::make_shared<Expression>();
  a(e->kind, e->type, e->physical, e->bounds, e->column, e->constant, e->function, e->position);
  std::uint32_t count = 0;
  a(count);
  e->args.resize(count);
  for (ExpressionPtr& arg : e->args) load(a, arg);
  out = std::move(e);
}

/// Vectors of expressions: cereal's own vector support would look for serialize(shared_ptr<const …>).
template <class Archive>
void save_list(Archive& a, const std::vector<ExpressionPtr>& list) {
  a(static_cast<std::uint32_t>(list.size()));
  for (const ExpressionPtr& e : list) save(a, e);
}
template <class Archive>
void load_list(Archive& a, std::vector<ExpressionPtr>& list) {
  std::uint32_t count = 0;
  a(count);
  list.resize(count);
  for (ExpressionPtr& e : list) load(a, e);
}

}  // namespace functions

namespace plan {
namespace {

using functions::ExpressionPtr;

/// One description of a layout for both directions: `ar.put` is a save or a load.
template <class Archive>
struct Io {
  Archive& a;
  static constexpr bool kSaving = Archive::is_saving::value;

  template <class... T>
  void operator()(T&... v) { (one(v), ...); }

  template <class T>
  void one(T& v) { a(v); }
  void one(ExpressionPtr& e) {
    if constexpr (kSaving) functions::save(a, e); else functions::load(a, e);
  }
  template <class T>
  void one(std::vector<T>& list) {
    if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, data::Value> || std::is_same_v<T, data::Split> ||
                  std::is_same_v<T, data::FragmentInfo>) {
      a(list);
    } else {
      std::uint32_t count = static_cast<std::uint32_t>(list.size());
      a(count);
      if constexpr (!kSaving) list.resize(count);
      for (T& v : list) one(v);
    }
  }
  template <class T>
  void one(std::unique_ptr<T>& p) {
    bool present = p != nullptr;
    a(present);
    if (!present) return;
    if constexpr (!kSaving) p = std::make_unique<T>();
    one(*p);
  }
  template <class T>
  void one(std::optional<T>& p) {
    bool present = p.has_value();
    a(present);
    if (!present) return;
    if constexpr (!kSaving) p.emplace();
    one(*p);
  }

  void one(functions::EvaluationSettings& v) { a(v.now_us, v.random_seed, v.timezone_offset_s); }
  void one(functions::AggregateCall& v) { (*this)(v.kind, v.args, v.filter, v.distinct, v.type, v.physical); }
  void one(SortKey& v) { (*this)(v.expression, v.descending, v.nulls_first); }
  void one(WindowFrame& v) { (*this)(v.mode, v.start, v.end, v.start_offset, v.end_offset); }
  void one(WindowExpression& v) { (*this)(v.name, v.args, v.partition_by, v.order_by, v.type, v.frame); }
  void one(PhysicalColumn& v) { a(v.name, v.type, v.physical, v.bounds); }
  void one(RuntimeFilterTarget& v) { a(v.filter, v.column); }
  void one(ScanNode& v) { (*this)(v.table, v.columns, v.filters, v.runtime_filters); }
  void one(ValuesNode& v) { (*this)(v.rows); }
  void one(SeriesNode& v) { a(v.start, v.stop, v.step); }
  void one(ExchangeInputNode& v) { (*this)(v.stage, v.merge_keys); }
  void one(FilterNode& v) { (*this)(v.conjuncts); }
  void one(ProjectNode& v) { (*this)(v.expressions); }
  void one(HashJoinNode& v) {
    (*this)(v.type, v.probe_keys, v.build_keys, v.residual, v.null_aware, v.build_unique, v.emit, v.runtime_filters);
  }
  void one(NestedLoopJoinNode& v) { (*this)(v.type, v.predicate, v.emit); }
  void one(AggregateNode& v) { (*this)(v.phase, v.keys, v.calls, v.estimated_groups); }
  void one(WindowNode& v) { (*this)(v.windows); }
  void one(SortNode& v) { (*this)(v.keys); }
  void one(TopNNode& v) { (*this)(v.keys, v.limit, v.offset); }
  void one(LimitNode& v) { a(v.limit, v.offset); }
  void one(UnionAllNode&) {}

  template <std::size_t I = 0>
  void emplace(decltype(PhysicalNode::detail)& detail, std::uint8_t index) {
    if constexpr (I < std::variant_size_v<std::remove_reference_t<decltype(detail)>>) {
      if (index == I) detail.template emplace<I>();
      else emplace<I + 1>(detail, index);
    } else {
      throw Error(sqlstate::kDataCorrupted, "damaged plan: unknown operator");
    }
  }
  void one(PhysicalNode& v) {
    auto index = static_cast<std::uint8_t>(v.detail.index());
    a(index);
    if constexpr (!kSaving) emplace(v.detail, index);
    std::visit([this](auto& detail) { one(detail); }, v.detail);
    (*this)(v.children, v.output, v.id, v.estimated_rows);
  }
  void one(StageOutput& v) { (*this)(v.kind, v.keys, v.partitions); }
  void one(Stage& v) {
    (*this)(v.number, v.root, v.output, v.inputs, v.distribution, v.driving_scan, v.repeatable, v.estimated_rows);
  }
  void one(PlannedTable& v) { (*this)(v.number, v.name, v.version, v.source, v.fragments); }
  void one(WriteTarget& v) { a(v.table, v.source, v.replace); }
  void one(PhysicalPlan& v) {
    (*this)(v.tables, v.stages, v.result, v.write, v.settings, v.planning_us);
  }
};

}  // namespace
}  // namespace plan

namespace protocol {

Bytes encode_plan(const plan::PhysicalPlan& plan, bool statistics) {
  return to_bytes([&](auto& archive) {
    using Archive = std::remove_reference_t<decltype(archive)>;
    plan::Io<Archive> io{archive};
    // Saving does not change the plan; one description serves both directions.
    auto& mutable_plan = const_cast<plan::PhysicalPlan&>(plan);
    if (statistics) {
      io.one(mutable_plan);
      return;
    }
    std::vector<plan::PlannedTable> stripped = plan.tables;
    for (plan::PlannedTable& table : stripped)
      for (data::FragmentInfo& fragment : table.fragments) fragment.columns.clear();
    io(stripped, mutable_plan.stages, mutable_plan.result, mutable_plan.write, mutable_plan.settings,
       mutable_plan.planning_us);
  });
}

std::shared_ptr<const plan::PhysicalPlan> decode_plan(ByteView bytes) {
  auto plan = std::make_shared<plan::PhysicalPlan>();
  from_bytes(bytes, [&](auto& archive) {
    using Archive = std::remove_reference_t<decltype(archive)>;
    plan::Io<Archive>{archive}.one(*plan);
  });
  return plan;
}

}  // namespace protocol
}  // namespace tajo
