#include <algorithm>

#include "hash_join.hpp"
#include "tajo/data/load.hpp"

namespace tajo::exec {

using functions::Expression;

namespace {

constexpr std::uint64_t kRestRowsPerLane = 32768;

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

HashJoin::HashJoin(const plan::PhysicalNode& n, const functions::EvaluationSettings& settings, MemoryAccount& memory)
    : node(n),
      join(std::get<plan::HashJoinNode>(n.detail)),
      probe_types(physical_types(n.children.at(0)->output)),
      build_types(physical_types(n.children.at(1)->output)),
      probe_keys(join.probe_keys, probe_types, settings),
      stored_as(build_types.size(), kNotStored) {
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
  used_probe = columns_between(std::move(used), 0, probe_types.size());

  JoinTable::Shape shape;
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
  table.emplace(std::move(shape), memory);
  for (std::size_t k = 0; k < join.build_keys.size(); ++k) {
    const bool wanted = k < join.runtime_filters.size() && join.runtime_filters[k] != 0xFFFF;
    filters.push_back(wanted ? std::make_shared<RuntimeFilter>() : nullptr);
  }
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
  join_.table->append(*state.part, state.values.run_flat(in), in.selection);
  return Flow::kMore;
}

void HashJoinBuild::combine(Context&, Local& local) { join_.table->add(std::move(static_cast<State&>(local).part)); }

std::uint32_t HashJoinBuild::phase(Context& context, std::uint32_t number) {
  if (number != 0) return 0;
  const std::uint32_t pieces = join_.table->prepare();
  add_memory(join_.table->memory());
  for (std::size_t k = 0; k < join_.filters.size(); ++k) {
    const auto& filter = join_.filters[k];
    if (!filter) continue;
    if (join_.table->rows() == 0) filter->prepare(0, 0, -1, context.memory);
    else if (join_.table->integer_key(k)) filter->prepare(join_.table->rows(), join_.table->lo(k), join_.table->hi(k), context.memory);
    else filter->pass_all();
  }
  return pieces;
}

void HashJoinBuild::part(Context&, std::uint32_t, std::uint32_t part) {
  std::vector<RuntimeFilter*> filters;
  for (const auto& filter : join_.filters) filters.push_back(filter.get());
  join_.table->link(part, filters);
}

struct HashJoinRest::State final : Local {
  std::vector<const std::byte*> rows;
  std::uint32_t piece = 0, row = 0;
  bool have_piece = false;
  data::Arena arena;
};

int HashJoinRest::open(Context&, int threads) {
  std::uint64_t rows = 0;
  for (const auto& part : join_.table->parts()) {
    for (const RowStore::Chunk& chunk : part->rows.chunks()) pieces_.push_back({chunk, false});
    for (const RowStore::Chunk& chunk : part->null_rows.chunks()) pieces_.push_back({chunk, true});
  }
  for (const Piece& piece : pieces_) rows += piece.chunk.rows;
  return static_cast<int>(std::clamp<std::uint64_t>(rows / kRestRowsPerLane, 1, static_cast<std::uint64_t>(threads)));
}

std::unique_ptr<Local> HashJoinRest::local(Context&) { return std::make_unique<State>(); }

Flow HashJoinRest::next(Context&, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  const bool want_matched = join_.type() == plan::JoinType::kRightSemi;
  const JoinTable& table = *join_.table;
  state.rows.clear();
  while (state.rows.size() < data::kVectorRows) {
    if (!state.have_piece) {
      state.piece = next_.fetch_add(1, std::memory_order_relaxed);
      if (state.piece >= pieces_.size()) break;
      state.have_piece = true;
      state.row = 0;
    }
    const Piece& piece = pieces_[state.piece];
    for (; state.row < piece.chunk.rows && state.rows.size() < data::kVectorRows; ++state.row) {
      const std::byte* row = piece.chunk.data + std::size_t{state.row} * table.layout().size();
      if (table.matched(row) == want_matched) state.rows.push_back(row);
    }
    if (state.row == piece.chunk.rows) state.have_piece = false;
  }
  const auto n = static_cast<std::uint32_t>(state.rows.size());
  if (n == 0) return Flow::kDone;
  state.arena.reset();
  out.arena = &state.arena;
  out.rows = n;
  out.selection = {nullptr, n};
  out.columns.resize(join_.join.emit.size());
  const std::size_t probe = join_.probe_types.size();
  for (std::size_t i = 0; i < join_.join.emit.size(); ++i) {
    const std::uint32_t c = join_.join.emit[i];
    if (c < probe) {
      out.columns[i] = null_vector(join_.probe_types[c]);
    } else {
      const std::size_t stored = join_.stored_as[c - probe];
      out.columns[i] = table.layout().gather(stored, state.rows.data(), n, nullptr, n, table.any_null(stored), state.arena);
    }
  }
  return Flow::kMore;
}

}  // namespace tajo::exec
