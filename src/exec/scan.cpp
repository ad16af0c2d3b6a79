#include "scan.hpp"

#include <algorithm>

#include "tajo/data/load.hpp"

namespace tajo::exec {

namespace {
constexpr std::uint64_t kRowsPerLane = 32768;      ///< below that another thread costs more than it brings
constexpr std::uint32_t kProbationBatches = 32;    ///< after so many a runtime filter has to have dropped something
constexpr double kUsefulPassRate = 0.9;

functions::ExpressionPtr bound(const char* function, const plan::PhysicalColumn& column, std::uint32_t position,
                               std::int64_t value) {
  auto call = std::make_shared<functions::Expression>();
  call->kind = functions::Expression::Kind::kCall;
  call->type = data::Type::of(data::TypeId::kBool);
  call->physical = data::Physical::kBool;
  call->function = function;
  auto constant = std::make_shared<functions::Expression>();
  constant->type = column.type;
  constant->physical = column.physical;
  constant->constant = value;
  call->args = {functions::make_column(position, column.type, column.physical), std::move(constant)};
  return call;
}
}  // namespace

void RangeQueue::deal(std::uint32_t units, int lanes) {
  ranges_ = std::vector<Range>(static_cast<std::size_t>(lanes));
  for (std::size_t i = 0; i < ranges_.size(); ++i) {
    const std::uint64_t begin = std::uint64_t{units} * i / ranges_.size();
    const std::uint64_t end = std::uint64_t{units} * (i + 1) / ranges_.size();
    ranges_[i].span.store(end << 32 | begin);
  }
}

bool RangeQueue::take(Range& range, bool back, std::uint32_t& unit) {
  std::uint64_t span = range.span.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t begin = span & 0xFFFFFFFF;
    const std::uint64_t end = span >> 32;
    if (begin >= end) return false;
    const std::uint64_t next = back ? (end - 1) << 32 | begin : end << 32 | (begin + 1);
    if (!range.span.compare_exchange_weak(span, next, std::memory_order_relaxed)) continue;
    unit = static_cast<std::uint32_t>(back ? end - 1 : begin);
    return true;
  }
}

bool RangeQueue::claim(int lane, std::uint32_t& unit) {
  const std::size_t n = ranges_.size();
  const std::size_t own = static_cast<std::size_t>(lane) % n;
  ranges_[own].begun.store(true, std::memory_order_relaxed);
  if (take(ranges_[own], false, unit)) return true;
  for (std::size_t i = 1; i < n; ++i) {
    Range& other = ranges_[(own + i) % n];
    if (take(other, other.begun.load(std::memory_order_relaxed), unit)) return true;
  }
  return false;
}

struct ScanSource::State final : Local {
  std::unique_ptr<storage::SplitReader> reader;
  std::uint64_t bytes_reported = 0;
  Condition::State condition;
  data::Arena arena;
  struct Tally {
    std::uint32_t batches = 0;
    std::uint64_t in = 0, out = 0;
    bool off = false;
  };
  std::vector<Tally> tallies;
};

ScanSource::ScanSource(const plan::PhysicalNode& node, const TaskSpec& spec, storage::Storage& storage, TaskReport& report,
                       std::vector<Filter> filters)
    : Source(node.id),
      plan_node_(node),
      scan_node_(std::get<plan::ScanNode>(node.detail)),
      table_(spec.plan->tables[scan_node_.table]),
      storage_(storage),
      report_(report),
      filters_(std::move(filters)),
      condition_(scan_node_.filters, physical_types(node.output), spec.plan->settings) {
  const auto found = spec.splits.find(node.id);
  if (found != spec.splits.end()) cut_splits(found->second);
}

/// Managed fragments are cut to single blocks, so that a task of one split still feeds all threads.
void ScanSource::cut_splits(const std::vector<data::Split>& splits) {
  for (const data::Split& split : splits) {
    if (!table_.source.managed || split.blocks <= 1 || table_.fragments[split.fragment].inline_rows) {
      units_.push_back(split);
      continue;
    }
    for (std::uint32_t b = 0; b < split.blocks; ++b)
      units_.push_back(data::Split{split.fragment, split.first_block + b, 1, split.rows / split.blocks});
  }
}

int ScanSource::open(Context&, int threads) {
  storage::ScanRequest request{table_.source, table_.fragments, scan_node_.columns, scan_node_.filters};
  for (const Filter& f : filters_) {
    if (f.filter->kind() == RuntimeFilter::Kind::kNothing) units_.clear();
    if (!f.filter->has_bounds()) continue;
    const plan::PhysicalColumn& column = plan_node_.output[f.column];
    request.filters.push_back(bound(">=", column, f.column, f.filter->lo()));
    request.filters.push_back(bound("<=", column, f.column, f.filter->hi()));
  }
  scan_ = storage_.scan(std::move(request));
  std::uint64_t rows = 0;
  for (const data::Split& unit : units_) rows += unit.rows;
  const std::uint64_t worth = table_.source.managed ? rows / kRowsPerLane : units_.size();
  const int lanes = static_cast<int>(std::clamp<std::uint64_t>(
      std::min<std::uint64_t>(worth, units_.size()), 1, static_cast<std::uint64_t>(threads)));
  queue_.deal(static_cast<std::uint32_t>(units_.size()), lanes);
  return lanes;
}

std::unique_ptr<Local> ScanSource::local(Context&) {
  auto state = std::make_unique<State>();
  state->condition = Condition::State(condition_);
  state->tallies.resize(filters_.size());
  return state;
}

Flow ScanSource::next(Context& context, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  for (;;) {
    if (!state.reader) {
      std::uint32_t unit = 0;
      if (!queue_.claim(context.lane, unit)) return Flow::kDone;
      state.reader = scan_->open(units_[unit]);
      state.bytes_reported = 0;
    }
    state.arena.reset();
    out.arena = &state.arena;
    const bool more = state.reader->next(out);
    out.arena = &state.arena;
    const std::uint64_t bytes = state.reader->bytes_read();
    if (bytes != state.bytes_reported) {
      report_.bytes_read.fetch_add(bytes - state.bytes_reported, std::memory_order_relaxed);
      add_bytes(bytes - state.bytes_reported);
      state.bytes_reported = bytes;
    }
    if (!more) {
      state.reader.reset();
      continue;
    }
    report_.rows_read.fetch_add(out.selection.count, std::memory_order_relaxed);
    break;
  }
  if (condition_) out.selection = state.condition.filter(out);
  for (std::size_t i = 0; i < filters_.size() && out.selection.count != 0; ++i) {
    State::Tally& tally = state.tallies[i];
    if (tally.off) continue;
    const data::Vector values = data::load(out.columns[filters_[i].column], out.rows, out.selection, state.arena);
    out.columns[filters_[i].column] = values;
    tally.in += out.selection.count;
    out.selection = filters_[i].filter->apply(values, out.selection, state.arena);
    tally.out += out.selection.count;
    if (++tally.batches == kProbationBatches)
      tally.off = static_cast<double>(tally.out) > kUsefulPassRate * static_cast<double>(tally.in);
  }
  return Flow::kMore;
}

}  // namespace tajo::exec
