#include <algorithm>

#include "hash_join.hpp"
#include "tajo/data/load.hpp"

namespace tajo::exec {

using functions::Expression;

namespace {

/// Those of `columns` in [first, first + count), less `first`, ascending and once.
std::vector<std::size_t> columns_between(std::vector<std::uint32_t> columns, std::size_t first, std::size_t count) {
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  std::vector<std::size_t> out;
  for (const std::uint32_t c : columns)
    if (c >= first && c < first + count) out.push_back(c - first);
  return out;
}

}  // namespace

HashJoin::HashJoin(const plan::PhysicalNode& n, const functions::EvaluationSettings& settings, MemoryAccount& memory,
                   const std::vector<std::string>& tmpdirs)
    : node(n),
      join(std::get<plan::HashJoinNode>(n.detail)),
      probe_types(physical_types(n.children.at(0)->output)),
      build_types(physical_types(n.children.at(1)->output)),
      probe_keys(join.probe_keys, probe_types, settings),
      stored_as(build_types.size(), kNotStored),
      spill(tmpdirs) {
  std::vector<std::uint32_t> used = join.emit;
  if (join.residual) {
    std::vector<data::Physical> both = probe_types;
    both.insert(both.end(), build_types.begin(), build_types.end());
    residual = Condition({join.residual}, both, settings);
    std::vector<std::uint32_t> columns;
    functions::collect_columns(*join.residual, columns);
    used.insert(used.end(), columns.begin(), columns.end());
    residual_build = columns_between(std::move(columns), probe_types.size(), build_types.size());
  }
  emitted_build = columns_between(join.emit, probe_types.size(), build_types.size());
  used_probe = columns_between(used, 0, probe_types.size());
  for (const functions::ExpressionPtr& key : join.probe_keys) functions::collect_columns(*key, used);
  spilled_probe = columns_between(std::move(used), 0, probe_types.size());

  std::vector<functions::ExpressionPtr> stored;
  const auto store_column = [&](std::size_t column) {
    if (stored_as[column] != kNotStored) return stored_as[column];
    stored_as[column] = stored.size();
    const plan::PhysicalColumn& c = n.children[1]->output[column];
    stored.push_back(functions::make_column(static_cast<std::uint32_t>(column), c.type, c.physical));
    return stored_as[column];
  };
  for (const functions::ExpressionPtr& key : join.build_keys) {
    if (key->kind == Expression::Kind::kColumn) {
      shape.keys.push_back(store_column(key->column));
    } else {
      shape.keys.push_back(stored.size());
      stored.push_back(key);
    }
  }
  for (const std::size_t column : residual_build) store_column(column);
  for (const std::size_t column : emitted_build) store_column(column);
  build_values = Evaluator(std::move(stored), build_types, settings);
  shape.stored = build_values.types();
  shape.flags = build_preserving();
  shape.existence = asks_existence() && !residual;
  shape.keep_null_keys = type() == plan::JoinType::kRight || type() == plan::JoinType::kFull || type() == plan::JoinType::kRightAnti;
  table.emplace(shape, memory);
  for (std::size_t k = 0; k < join.build_keys.size(); ++k) {
    const bool wanted = k < join.runtime_filters.size() && join.runtime_filters[k] != 0xFFFF;
    filters.push_back(wanted ? std::make_shared<RuntimeFilter>() : nullptr);
  }
}

void HashJoin::begin_spilling() {
  std::vector<data::Physical> types;
  for (const std::size_t c : spilled_probe) types.push_back(probe_types[c]);
  spill.activate(*table, types);
}

struct HashJoinBuild::State final : Local {
  State(const HashJoin& join, MemoryAccount& memory)
      : part(std::make_unique<JoinTable::Part>(*join.table, memory)), values(join.build_values) {}
  std::unique_ptr<JoinTable::Part> part;
  Evaluator::State values;
};

std::unique_ptr<Local> HashJoinBuild::local(Context& context) { return std::make_unique<State>(join_, context.memory); }

Flow HashJoinBuild::take(Context&, Local& local, const Batch& in) {
  auto& state = static_cast<State&>(local);
  JoinTable::Part& part = *state.part;
  join_.table->append(part, state.values.run_flat(in), in.selection);
  if (!join_.spill.active()) {
    const std::size_t bytes = part.bytes();
    if (bytes == part.reservation.held() || part.reservation.may_keep(bytes)) return Flow::kMore;
    if (!join_.may_spill()) {
      part.reservation.set(bytes);
      return Flow::kMore;
    }
    join_.begin_spilling();
  }
  join_.spill.flush(*join_.table, part);
  return Flow::kMore;
}

void HashJoinBuild::combine(Context&, Local& local) { join_.table->add(std::move(static_cast<State&>(local).part)); }

/// Links the rows in memory. When rows were spilled, or the directory finds no memory, first all parts are flushed.
std::uint32_t HashJoinBuild::phase(Context& context, std::uint32_t) {
  JoinTable& table = *join_.table;
  if (phase_ == Phase::kCollect) {
    if (!join_.spill.active()) {
      if (table.prepare()) {
        phase_ = Phase::kLink;
        return complete(context);
      }
      if (!join_.may_spill()) context.memory.refuse("hash join directory", table.rows() * sizeof(std::uint64_t));
      join_.begin_spilling();
    }
    phase_ = Phase::kFlush;
    if (!table.parts().empty()) return static_cast<std::uint32_t>(table.parts().size());
  }
  if (phase_ == Phase::kFlush) {
    phase_ = Phase::kLink;
    join_.spill.settle(table, context.memory);
    return complete(context);
  }
  return 0;
}

std::uint32_t HashJoinBuild::complete(Context& context) {
  const JoinTable& table = *join_.table;
  add_memory(table.memory());
  for (std::size_t k = 0; k < join_.filters.size(); ++k) {
    const auto& filter = join_.filters[k];
    if (!filter) continue;
    if (table.rows() == 0 && !join_.spill.active()) filter->prepare(0, 0, -1, context.memory);
    else if (table.integer_key(k) && !join_.spill.active()) filter->prepare(table.rows(), table.lo(k), table.hi(k), context.memory);
    else filter->pass_all();  // the rows in spill files are not looked at
  }
  return table.pieces();
}

void HashJoinBuild::part(Context&, std::uint32_t, std::uint32_t part) {
  if (phase_ == Phase::kFlush) return join_.spill.flush(*join_.table, *join_.table->parts()[part]);
  std::vector<RuntimeFilter*> filters;
  for (const auto& filter : join_.filters) filters.push_back(filter.get());
  join_.table->link(part, filters);
}

}  // namespace tajo::exec
