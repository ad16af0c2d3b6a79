#include "sort.hpp"

#include <algorithm>
#include <queue>

namespace tajo::exec {

namespace {
constexpr std::uint64_t kRowsPerRun = 16384;  ///< fewer rows are sorted by one thread
constexpr std::size_t kMostRuns = 64;         ///< in spill files that are merged at once: some 100 KiB of memory each
}

struct SortSink::State final : Local {
  State(const SortLayout& layout, const Evaluator& more, MemoryAccount& memory)
      : rows(std::make_unique<SortedRows>(layout, memory, "sort")), keys(layout.keys()), appended(more) {}
  std::unique_ptr<SortedRows> rows;
  Evaluator::State keys, appended;
  Batch wider;                           ///< the input with the appended columns
  std::vector<std::byte*> targets;
  std::vector<const std::byte*> encoded;
};

namespace {
std::vector<plan::PhysicalColumn> with(std::vector<plan::PhysicalColumn> columns, const std::vector<functions::ExpressionPtr>& more) {
  for (const functions::ExpressionPtr& e : more) columns.push_back({"", e->type, e->physical, e->bounds});
  return columns;
}
}  // namespace

SortSink::SortSink(std::uint32_t node, const std::vector<plan::SortKey>& keys, const std::vector<plan::PhysicalColumn>& input,
                   const std::vector<functions::ExpressionPtr>& appended, const functions::EvaluationSettings& settings,
                   const EngineConfig& config)
    : Sink(node),
      appended_(appended, physical_types(input), settings),
      layout_(keys, with(input, appended), settings),
      format_(RowFormat::of(layout_.rows(), layout_.rows().size())),
      threads_(config.threads),
      files_(config.tmpdirs) {}

std::unique_ptr<Local> SortSink::local(Context& context) { return std::make_unique<State>(layout_, appended_, context.memory); }

Flow SortSink::take(Context& context, Local& local, const Batch& in) {
  auto& state = static_cast<State&>(local);
  const std::uint32_t n = in.selection.count;
  const auto keys = state.keys.run_flat(in);
  const std::uint32_t stride = layout_.key_bytes();
  auto* encoded = static_cast<std::byte*>(in.arena->allocate(std::size_t{n} * stride + 8));
  layout_.encode(keys, in.selection, encoded, stride);
  state.encoded.resize(n);
  for (std::uint32_t i = 0; i < n; ++i) state.encoded[i] = encoded + std::size_t{i} * stride;
  SortedRows& rows = *state.rows;
  const Batch* source = &in;
  if (appended_.size() != 0) {
    state.wider = in;
    const auto more = state.appended.run(in);
    state.wider.columns.insert(state.wider.columns.end(), more.begin(), more.end());
    source = &state.wider;
  }
  layout_.write(*source, keys, in.selection, state.encoded.data(), rows.store, rows.rows, rows.strings, rows.any_null, state.targets);
  const std::size_t bytes = rows.rows.bytes() + rows.strings.bytes() + rows.store.rows() * sizeof(SortEntry);
  if (rows.reservation.may_keep(bytes)) return Flow::kMore;
  if (!files_.possible()) {
    rows.reservation.set(bytes);
    return Flow::kMore;
  }
  spill(rows);
  auto fresh = std::make_unique<SortedRows>(layout_, context.memory, "sort");
  fresh->any_null = rows.any_null;
  state.rows = std::move(fresh);
  return Flow::kMore;
}

/// Sorts rows and writes them as a run.
void SortSink::spill(SortedRows& rows) {
  std::vector<SortEntry> entries;
  entries.reserve(rows.store.rows());
  for (const RowStore::Chunk& chunk : rows.store.chunks())
    for (std::uint32_t r = 0; r < chunk.rows; ++r)
      entries.push_back(sort_entry(chunk.data + std::size_t{r} * format_.row_bytes, layout_.key_bytes()));
  sort_entries(layout_, entries);
  SpillWriter writer(files_, format_);
  for (const SortEntry& entry : entries) writer.append(entry.row);
  SpilledRows run = writer.take();
  const std::lock_guard lock(mutex_);
  if (run.rows != 0) spilled_runs_.push_back(std::move(run));
}

void SortSink::combine(Context&, Local& local) {
  const std::lock_guard lock(mutex_);
  add_memory(static_cast<State&>(local).rows->reservation.held());
  parts_.push_back(std::move(static_cast<State&>(local).rows));
}

/// Phase 0 sorts what lies in memory; the others merge runs in spill files until few are left.
std::uint32_t SortSink::phase(Context&, std::uint32_t number) {
  if (number == 0) {
    any_null_.assign(layout_.stored(), false);
    for (const auto& part : parts_)
      for (std::size_t c = 0; c < any_null_.size(); ++c) any_null_[c] = any_null_[c] || part->any_null[c];
    // Once there are runs in files, the rest goes there as well: whoever merges them needs memory, too.
    writing_rest_ = !spilled_runs_.empty() && !parts_.empty();
    if (writing_rest_) return static_cast<std::uint32_t>(parts_.size());
    if (const std::uint32_t parts = sort_rest(); parts != 0) return parts;
  }
  if (writing_rest_) parts_.clear();
  writing_rest_ = false;
  if (!merged_runs_.empty()) {
    const std::size_t merged = std::min(spilled_runs_.size(), merged_runs_.size() * kMostRuns);
    spilled_runs_.erase(spilled_runs_.begin(), spilled_runs_.begin() + static_cast<std::ptrdiff_t>(merged));
    for (SpilledRows& run : merged_runs_) spilled_runs_.push_back(std::move(run));
    merged_runs_.clear();
  }
  if (spilled_runs_.size() <= kMostRuns) return 0;
  merged_runs_.resize(std::max<std::size_t>(spilled_runs_.size() / kMostRuns, 1));
  return static_cast<std::uint32_t>(merged_runs_.size());
}

std::uint32_t SortSink::sort_rest() {
  std::uint64_t rows = 0;
  for (const auto& part : parts_) rows += part->store.rows();
  if (rows == 0) return 0;
  entries_.reserve(rows);  // the lanes have accounted for it
  for (const auto& part : parts_)
    for (const RowStore::Chunk& chunk : part->store.chunks())
      for (std::uint32_t r = 0; r < chunk.rows; ++r)
        entries_.push_back(sort_entry(chunk.data + std::size_t{r} * layout_.rows().size(), layout_.key_bytes()));
  const auto runs = std::clamp<std::uint64_t>(rows / kRowsPerRun, 1, static_cast<std::uint64_t>(threads_));
  for (std::uint64_t r = 0; r < runs; ++r) {
    const std::uint64_t begin = rows * r / runs, end = rows * (r + 1) / runs;
    runs_.push_back(std::span(entries_).subspan(begin, end - begin));
  }
  return static_cast<std::uint32_t>(runs);
}

void SortSink::part(Context& context, std::uint32_t, std::uint32_t part) {
  if (writing_rest_) return spill(*parts_[part]);
  if (merged_runs_.empty()) return sort_entries(layout_, runs_[part]);
  const std::size_t first = part * kMostRuns;
  const std::size_t count = std::min(spilled_runs_.size() - first, kMostRuns);
  RunMerger merger(layout_, format_, {}, std::span(spilled_runs_).subspan(first, count));
  SpillWriter writer(files_, format_);
  for (auto rows = merger.next(); !rows.empty() && !context.stop.load(std::memory_order_relaxed); rows = merger.next())
    for (const std::byte* row : rows) writer.append(row);
  merged_runs_[part] = writer.take();
}

struct SortSource::State final : Local {
  std::vector<std::size_t> next;            ///< by run
  std::vector<std::size_t> heap;            ///< runs, the one with the first row on top
  std::vector<const std::byte*> rows;
  bool begun = false;
  std::optional<RunMerger> merger;          ///< when runs lie in spill files
  data::Arena arena;
};

std::unique_ptr<Local> SortSource::local(Context&) { return std::make_unique<State>(); }

Flow SortSource::next(Context&, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  const auto& runs = sink_.runs();
  const SortLayout& layout = sink_.layout();
  const auto later = [&](std::size_t a, std::size_t b) {
    return sorts_before(layout, runs[b][state.next[b]], runs[a][state.next[a]]);
  };
  if (!state.begun) {
    state.begun = true;
    state.next.assign(runs.size(), 0);
    for (std::size_t r = 0; r < runs.size(); ++r)
      if (!runs[r].empty()) state.heap.push_back(r);
    std::make_heap(state.heap.begin(), state.heap.end(), later);
  }
  state.rows.clear();
  if (!sink_.spilled_runs().empty()) {
    if (!state.merger) state.merger.emplace(layout, sink_.format(), runs, sink_.spilled_runs());
    const auto rows = state.merger->next();
    state.rows.assign(rows.begin(), rows.end());
    state.heap.clear();
  }
  while (state.rows.size() < data::kVectorRows && !state.heap.empty()) {
    if (state.heap.size() == 1) {
      const std::size_t run = state.heap.front();
      std::size_t& at = state.next[run];
      while (state.rows.size() < data::kVectorRows && at < runs[run].size()) state.rows.push_back(runs[run][at++].row);
      if (at == runs[run].size()) state.heap.clear();
      break;
    }
    std::pop_heap(state.heap.begin(), state.heap.end(), later);
    const std::size_t run = state.heap.back();
    state.rows.push_back(runs[run][state.next[run]++].row);
    if (state.next[run] == runs[run].size()) state.heap.pop_back();
    else std::push_heap(state.heap.begin(), state.heap.end(), later);
  }
  const auto n = static_cast<std::uint32_t>(state.rows.size());
  if (n == 0) return Flow::kDone;
  state.arena.reset();
  out.arena = &state.arena;
  out.rows = n;
  out.selection = {nullptr, n};
  out.columns.resize(layout.columns());
  for (std::size_t c = 0; c < layout.columns(); ++c)
    out.columns[c] = layout.rows().gather(c, state.rows.data(), n, nullptr, n, sink_.any_null(c), state.arena);
  return Flow::kMore;
}

}  // namespace tajo::exec
