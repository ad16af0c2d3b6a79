#include "executor.hpp"

#include <algorithm>
#include <stdexcept>

#include "rows.hpp"
#include "sim.hpp"
#include "tajo/data/batch_codec.hpp"
#include "tajo/plan/physical.hpp"
#include "warehouse_service.hpp"

namespace tajo::sim {

namespace {

constexpr Micros kPeerTimeout = 10 * kSecond;    // as exchange::OutputStore has it
constexpr Micros kLookAgain = 20 * kMs;
constexpr std::uint64_t kSplitRows = 300'000;    // so that each becomes a task of its own

std::vector<std::int64_t> tokens_of_block(ByteView block) {
  std::vector<std::int64_t> out;
  data::BlockReader reader(block);
  data::Batch batch;
  data::Arena arena;
  batch.arena = &arena;
  while (reader.next(batch))
    for (std::uint32_t r = 0; r < batch.rows; ++r) out.push_back(static_cast<const std::int64_t*>(batch.columns[0].data)[r]);
  return out;
}

using Row = std::vector<data::Value>;

/// The little of SQL that immediate statements of the load need: columns and constants of rows that are in the plan.
std::vector<Row> rows_of(const plan::PhysicalNode& node) {
  std::vector<Row> rows;
  if (const auto* values = std::get_if<plan::ValuesNode>(&node.detail)) rows = values->rows;
  if (const auto* series = std::get_if<plan::SeriesNode>(&node.detail)) rows.push_back({data::Value(series->start)});
  for (const auto& child : node.children)
    for (Row& row : rows_of(*child)) rows.push_back(std::move(row));
  if (const auto* project = std::get_if<plan::ProjectNode>(&node.detail)) {
    for (Row& row : rows) {
      Row out;
      for (const auto& e : project->expressions) {
        const functions::Expression* x = e.get();
        while (x->kind == functions::Expression::Kind::kCast) x = x->args[0].get();
        if (x->kind == functions::Expression::Kind::kColumn && x->column < row.size()) out.push_back(row[x->column]);
        else if (x->kind == functions::Expression::Kind::kConstant) out.push_back(x->constant);
        else out.emplace_back();
      }
      row = std::move(out);
    }
  }
  return rows;
}

}  // namespace

std::vector<std::int64_t> tokens_of_fragment(const data::FragmentInfo& fragment, const WarehouseFiles& files) {
  if (fragment.inline_rows) return tokens_of_block(*fragment.inline_rows);
  auto it = files.find(fragment.path);
  if (it == files.end()) throw std::runtime_error("file " + fragment.path + " is named by a manifest and not there");
  return it->second;
}

Bytes Cargo::encode() const {
  ByteWriter out;
  out.put(static_cast<std::uint32_t>(tokens.size()));
  for (std::int64_t t : tokens) out.put(t);
  for (const auto& [task, attempt] : attempts) {
    out.put(task.first);
    out.put(task.second);
    out.put(attempt);
  }
  return out.take();
}

Cargo Cargo::decode(ByteView bytes) {
  Cargo c;
  ByteReader in(bytes);
  auto count = in.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) c.tokens.push_back(in.get<std::int64_t>());
  while (!in.empty()) {
    auto stage = in.get<std::uint16_t>();
    auto task = in.get<std::uint32_t>();
    c.attempts[{stage, task}] = in.get<std::uint16_t>();
  }
  return c;
}

// --- outputs and storage ----------------------------------------------------------------------------------------------

std::unique_ptr<exchange::TaskOutput> SimOutputs::create(const TaskId&, std::uint16_t, std::vector<data::Physical>, bool) {
  throw std::logic_error("sim: no feeds");
}
std::unique_ptr<exchange::OutputReader> SimOutputs::read(std::vector<exchange::OutputSource>, std::uint16_t) {
  throw std::logic_error("sim: no readers");
}

std::vector<std::shared_ptr<const Bytes>> SimOutputs::blocks(const TaskId& task, std::uint16_t) {
  auto it = results.find(task);
  if (it == results.end()) throw Error("58030", "output of task " + task.str() + " is not here");
  return it->second;
}

void SimOutputs::drop_stage(const QueryId& query, std::uint16_t stage) {
  std::erase_if(cargo, [&](const auto& e) { return e.first.query == query && e.first.stage == stage; });
  std::erase_if(results, [&](const auto& e) { return e.first.query == query && e.first.stage == stage; });
}

void SimOutputs::drop_query(const QueryId& query) {
  std::erase_if(cargo, [&](const auto& e) { return e.first.query == query; });
  std::erase_if(results, [&](const auto& e) { return e.first.query == query; });
}

std::vector<data::Split> SimStorage::splits(const storage::ScanRequest& request, std::uint64_t) {
  Sim& sim = service_.process().sim;
  if (auto memory = sim.out_of_memory.find(service_.process().host); memory != sim.out_of_memory.end() && memory->second > sim.now())
    throw Error("53200", "out of memory");
  std::vector<data::Split> out;
  const auto groups = request.fragments.empty() ? 0 : service_.process().sim.options.table_splits;
  for (std::uint32_t g = 0; g < groups; ++g) out.push_back({g, g, groups, kSplitRows});
  return out;
}

std::vector<data::FragmentInfo> SimStorage::list_external(const data::TableSource& source) {
  Sim& sim = service_.process().sim;
  service_.runtime().sleep(static_cast<Micros>(sim.rng.below(60 * kMs)));
  int masters = 0;
  for (auto& r : sim.ranks) masters += r->alive && r->is_master && r->world == service_.process().world ? 1 : 0;
  if (source.location.ends_with("poison") && masters > 2) service_.dies_of("killed by a statement while it planned it");
  return {};
}

// --- engine -----------------------------------------------------------------------------------------------------------

void SimEngine::submit(exec::TaskSpec spec, std::function<void(exec::TaskResult)> done) {
  TaskId id = spec.id;
  Running& task = tasks_[id];
  task = {std::move(spec), std::move(done), next_serial_++, 0, false};
  Random& rng = service_.process().sim.rng;
  const plan::Stage& stage = task.spec.plan->stages[id.stage];
  const bool immediate = task.spec.plan->tables.empty() && !task.spec.plan->write && task.spec.plan->stages.size() == 1;
  const Micros longest = immediate ? 2 * kMs : stage.inputs.empty() ? 150 * kMs : 60 * kMs;
  Micros takes = 200 + static_cast<Micros>(rng.below(static_cast<std::uint64_t>(longest)));
  // However many tasks a query has: some queries have a slow one, or one that fails.
  if (!immediate && rng.chance(0.08 / service_.process().sim.options.table_splits)) takes += static_cast<Micros>(rng.below(3 * kSecond));  // a long one
  later(id, takes, task.serial);
}

void SimEngine::later(const TaskId& id, Micros delay, std::uint64_t serial) {
  SimRank& process = service_.process();
  process.sim.events.after(delay, [this, &process, id, serial] { process.run([this, id, serial] { work(id, serial); }); });
}

void SimEngine::cancel(const TaskId& id) {
  auto it = tasks_.find(id);
  if (it == tasks_.end() || it->second.canceled) return;
  it->second.canceled = true;
  later(id, kMs, it->second.serial);
}

void SimEngine::cancel_query(const QueryId& query) {
  for (auto& [id, task] : tasks_)
    if (id.query == query && !task.canceled) {
      task.canceled = true;
      later(id, kMs, task.serial);
    }
}

SimEngine::Input SimEngine::fetch(const exchange::OutputSource& source, Micros since, Cargo& out) {
  if (source.inline_output) {
    out = Cargo::decode(*source.inline_output);
    return Input::kThere;
  }
  SimRank& process = service_.process();
  Sim& sim = process.sim;
  SimRank* peer = sim.find(process.world, source.rank);
  const bool reachable = peer != nullptr && peer->alive && !peer->paused &&
                         (peer == &process || !sim.network.cut_between(process.host, peer->host));
  if (!reachable) {
    auto lost = service_.outputs().lost.find(source.rank);
    const bool told = lost != service_.outputs().lost.end() && lost->second >= since;
    return told || sim.now() - since > kPeerTimeout ? Input::kLost : Input::kWait;
  }
  const auto& there = static_cast<WarehouseService&>(*peer->service).outputs().cargo;
  auto it = there.find(source.task);
  if (it == there.end()) return Input::kLost;
  out = it->second;
  return Input::kThere;
}

void SimEngine::work(const TaskId& id, std::uint64_t serial) {
  auto it = tasks_.find(id);
  if (it == tasks_.end() || it->second.serial != serial) return;
  Running& task = it->second;
  Sim& sim = service_.process().sim;
  exec::TaskResult result;
  result.id = id;
  if (task.canceled) {
    result.canceled = true;
    return finish(id, std::move(result));
  }
  if (task.waits_since == 0) task.waits_since = sim.now();
  std::map<std::uint16_t, std::vector<Cargo>> inputs;
  for (const auto& [stage, sources] : task.spec.inputs)
    for (const auto& source : sources) {
      Cargo c;
      Input state = fetch(source, task.waits_since, c);
      if (state == Input::kWait) return later(id, kLookAgain, serial);
      if (state == Input::kLost) {
        result.lost_output = source.task;
        return finish(id, std::move(result));
      }
      inputs[stage].push_back(std::move(c));
    }
  auto memory = sim.out_of_memory.find(service_.process().host);
  if ((memory != sim.out_of_memory.end() && memory->second > sim.now()) || sim.rng.chance(0.012 / sim.options.table_splits)) {
    result.error = Error("53200", "out of memory");
    return finish(id, std::move(result));
  }
  run(task, inputs, result);
  finish(id, std::move(result));
}

void SimEngine::finish(const TaskId& id, exec::TaskResult result) {
  auto done = std::move(tasks_.at(id).done);
  tasks_.erase(id);
  done(std::move(result));
}

namespace {

/// A LIMIT without an order keeps what comes first. Told from the tree, not from the plan's own word.
bool repeatable(const plan::PhysicalNode& node) {
  if (std::holds_alternative<plan::LimitNode>(node.detail)) return false;
  return std::all_of(node.children.begin(), node.children.end(), [](const auto& child) { return repeatable(*child); });
}

/// Walks a stage's tree for whose rows come out of it.
struct Walk {
  const exec::TaskSpec& spec;
  const std::map<std::uint16_t, std::vector<Cargo>>& inputs;
  const WarehouseFiles& files;
  Cargo& all;

  std::vector<std::int64_t> operator()(const plan::PhysicalNode& node) {
    std::vector<std::int64_t> out;
    if (const auto* scan = std::get_if<plan::ScanNode>(&node.detail)) {
      const auto& fragments = spec.plan->tables.at(scan->table).fragments;
      auto splits = spec.splits.find(node.id);
      if (splits == spec.splits.end()) return out;
      for (const data::Split& split : splits->second)
        for (std::uint32_t f = split.first_block; f < fragments.size(); f += split.blocks)
          for (std::int64_t t : tokens_of_fragment(fragments[f], files)) out.push_back(t);
      return out;
    }
    if (const auto* exchange = std::get_if<plan::ExchangeInputNode>(&node.detail)) {
      const plan::StageOutput& from = spec.plan->stages[exchange->stage].output;
      auto cargo = inputs.find(exchange->stage);
      if (cargo == inputs.end()) return out;
      for (const Cargo& c : cargo->second)
        for (std::int64_t t : c.tokens)
          if (from.kind != plan::StageOutput::Kind::kHash || static_cast<std::uint64_t>(t) % from.partitions == spec.partition)
            out.push_back(t);
      return out;
    }
    if (const auto* series = std::get_if<plan::SeriesNode>(&node.detail)) return {series->start};
    if (const auto* values = std::get_if<plan::ValuesNode>(&node.detail)) {
      for (const auto& row : values->rows)
        if (!row.empty() && std::holds_alternative<std::int64_t>(row[0])) out.push_back(std::get<std::int64_t>(row[0]));
      return out;
    }
    const bool joins = std::holds_alternative<plan::HashJoinNode>(node.detail) || std::holds_alternative<plan::NestedLoopJoinNode>(node.detail);
    for (std::size_t c = 0; c < node.children.size(); ++c) {
      auto below = (*this)(*node.children[c]);
      if (c == 0 || !joins) out.insert(out.end(), below.begin(), below.end());  // a join gives its probe side
    }
    if (const auto* limit = std::get_if<plan::LimitNode>(&node.detail); limit != nullptr && limit->limit >= 0) {
      // Which rows it keeps is nobody's promise: another attempt takes others.
      std::sort(out.begin(), out.end());
      if (!out.empty()) std::rotate(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(spec.id.attempt % out.size()), out.end());
      if (out.size() > static_cast<std::size_t>(limit->limit)) out.resize(static_cast<std::size_t>(limit->limit));
    }
    return out;
  }
};

}  // namespace

void SimEngine::run(const Running& task, const std::map<std::uint16_t, std::vector<Cargo>>& inputs, exec::TaskResult& result) {
  const exec::TaskSpec& spec = task.spec;
  const plan::Stage& stage = spec.plan->stages[spec.id.stage];
  Sim& sim = service_.process().sim;
  Cargo cargo;
  for (const auto& [number, list] : inputs)
    for (const Cargo& c : list)
      for (const auto& [producer, attempt] : c.attempts) {
        auto [it, fresh] = cargo.attempts.try_emplace(producer, attempt);
        if (!fresh && it->second != attempt)
          sim.bad("query " + spec.id.query.str() + " mixes two attempts of task " + std::to_string(producer.second) + " of stage " +
                  std::to_string(producer.first) + ", which is not repeatable");
      }
  if (!repeatable(*stage.root)) cargo.attempts[{spec.id.stage, spec.id.task}] = spec.id.attempt;
  cargo.tokens = Walk{spec, inputs, service_.files(), cargo}(*stage.root);
  result.rows = cargo.tokens.size();
  result.output.rows = result.rows;
  if (stage.output.kind == plan::StageOutput::Kind::kTable) {
    if (cargo.tokens.empty()) return;
    data::FragmentInfo f;
    f.path = "q_" + std::to_string(spec.id.query.start_ms) + "_" + std::to_string(spec.id.query.number) + "_" + spec.id.str();
    f.rows = result.rows;
    f.bytes = 8 * f.rows;
    service_.files()[f.path] = cargo.tokens;
    result.fragments.push_back(std::move(f));
    return;
  }
  if (stage.output.kind == plan::StageOutput::Kind::kResult) {
    std::vector<data::Column> columns;
    for (const auto& c : spec.plan->result) columns.push_back({c.name, c.type, false});
    master::Rows rows;
    if (spec.plan->tables.empty() && spec.plan->stages.size() == 1) {
      rows = rows_of(*stage.root);
    } else {
      for (std::int64_t t : cargo.tokens) rows.emplace_back(columns.size(), data::Value(t));
    }
    for (auto& row : rows) row.resize(columns.size());
    result.rows = rows.size();
    // The encoder widens; a result block has the plan's own physical types.
    service_.outputs().results[spec.id] = master::encode_rows(columns, rows);
    return;
  }
  if (sim.rng.chance(0.4)) {
    result.output.inline_output = std::make_shared<const Bytes>(cargo.encode());
    return;
  }
  service_.outputs().cargo[spec.id] = std::move(cargo);
}

}  // namespace tajo::sim
