#include <algorithm>

#include "sort.hpp"

namespace tajo::exec {

namespace {
constexpr std::uint64_t kLeastBuffered = 4096;  ///< rows a lane holds before it first drops the worse ones

std::uint64_t rows_to_keep(const plan::TopNNode& top) {
  return static_cast<std::uint64_t>(top.offset) + static_cast<std::uint64_t>(std::max<std::int64_t>(top.limit, 0));
}
}  // namespace

struct TopNSink::State final : Local {
  State(const SortLayout& layout, MemoryAccount& memory)
      : rows(std::make_unique<SortedRows>(layout, memory, "top-n sort")), keys(layout.keys()) {}
  std::unique_ptr<SortedRows> rows;
  std::vector<std::byte> limit;          ///< key of the worst row kept when the lane shrank last; empty before
  Evaluator::State keys;
  std::vector<std::byte*> targets;
  std::vector<const std::byte*> encoded;
};

TopNSink::TopNSink(const plan::PhysicalNode& node, const functions::EvaluationSettings& settings)
    : Sink(node.id),
      offset_(static_cast<std::uint64_t>(std::get<plan::TopNNode>(node.detail).offset)),
      keep_(rows_to_keep(std::get<plan::TopNNode>(node.detail))),
      layout_(std::get<plan::TopNNode>(node.detail).keys, node.children.at(0)->output, settings) {}

std::unique_ptr<Local> TopNSink::local(Context& context) { return std::make_unique<State>(layout_, context.memory); }

Flow TopNSink::take(Context& context, Local& local, const Batch& in) {
  auto& state = static_cast<State&>(local);
  if (keep_ == offset_) return Flow::kDone;
  const std::uint32_t n = in.selection.count;
  const auto keys = state.keys.run_flat(in);
  const std::uint32_t stride = layout_.key_bytes();
  auto* encoded = static_cast<std::byte*>(in.arena->allocate(std::size_t{n} * stride + 8));
  layout_.encode(keys, in.selection, encoded, stride);
  data::Selection wanted = in.selection;
  state.encoded.resize(n);
  if (state.limit.empty()) {
    for (std::uint32_t i = 0; i < n; ++i) state.encoded[i] = encoded + std::size_t{i} * stride;
  } else {
    auto* rows = in.arena->array<std::uint16_t>(n);
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::byte* key = encoded + std::size_t{i} * stride;
      rows[kept] = static_cast<std::uint16_t>(in.selection[i]);
      state.encoded[kept] = key;
      kept += static_cast<std::uint32_t>(!layout_.surely_after(key, state.limit.data()));
    }
    if (kept == 0) return Flow::kMore;
    wanted = {rows, kept};
  }
  SortedRows& rows = *state.rows;
  layout_.write(in, keys, wanted, state.encoded.data(), rows.store, rows.rows, rows.strings, rows.any_null, state.targets);
  const std::size_t bytes = rows.rows.bytes() + rows.strings.bytes();
  const bool fits = rows.reservation.try_set(bytes);
  if (!fits || rows.store.rows() >= std::max(keep_ * 2, keep_ + kLeastBuffered)) shrink(context, state);
  if (!fits) state.rows->reservation.set(state.rows->rows.bytes() + state.rows->strings.bytes());
  return Flow::kMore;
}

/// Copies the best rows to fresh memory and lets the others go.
void TopNSink::shrink(Context& context, State& state) const {
  std::vector<SortEntry> entries;
  SortedRows& old = *state.rows;
  entries.reserve(old.store.rows());
  for (const RowStore::Chunk& chunk : old.store.chunks())
    for (std::uint32_t r = 0; r < chunk.rows; ++r)
      entries.push_back(sort_entry(chunk.data + std::size_t{r} * layout_.rows().size(), layout_.key_bytes()));
  if (entries.size() <= keep_) return;
  const auto before = [&](const SortEntry& a, const SortEntry& b) { return sorts_before(layout_, a, b); };
  const auto worst = entries.begin() + static_cast<std::ptrdiff_t>(keep_) - 1;
  std::nth_element(entries.begin(), worst, entries.end(), before);
  state.limit.assign(worst->row, worst->row + layout_.key_bytes());
  auto kept = std::make_unique<SortedRows>(layout_, context.memory, "top-n sort");
  kept->any_null = old.any_null;
  const RowLayout& rows = layout_.rows();
  for (auto entry = entries.begin(); entry != worst + 1; ++entry) {
    std::byte* row = kept->store.append(kept->rows);
    std::memcpy(row, entry->row, rows.size());
    for (std::size_t c = 0; c < rows.columns(); ++c) {
      if (rows.type(c) != data::Physical::kStr || rows.is_null(row, c)) continue;
      data::Str text;
      std::memcpy(&text, row + rows.offset(c), sizeof text);
      text = kept->strings.copy(text.view());
      std::memcpy(row + rows.offset(c), &text, sizeof text);
    }
  }
  kept->reservation.set(kept->rows.bytes() + kept->strings.bytes());
  state.rows = std::move(kept);
}

void TopNSink::combine(Context&, Local& local) {
  const std::lock_guard lock(mutex_);
  add_memory(static_cast<State&>(local).rows->reservation.held());
  parts_.push_back(std::move(static_cast<State&>(local).rows));
}

struct TopNSource::State final : Local {
  std::size_t next = 0;
  std::vector<const std::byte*> rows;
  data::Arena arena;
};

int TopNSource::open(Context&, int) {
  const SortLayout& layout = sink_.layout_;
  any_null_.assign(layout.stored(), false);
  for (const auto& part : sink_.parts_) {
    for (std::size_t c = 0; c < any_null_.size(); ++c) any_null_[c] = any_null_[c] || part->any_null[c];
    for (const RowStore::Chunk& chunk : part->store.chunks())
      for (std::uint32_t r = 0; r < chunk.rows; ++r)
        entries_.push_back(sort_entry(chunk.data + std::size_t{r} * layout.rows().size(), layout.key_bytes()));
  }
  const std::size_t keep = std::min<std::size_t>(entries_.size(), sink_.keep_);
  std::partial_sort(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(keep), entries_.end(),
                    [&](const SortEntry& a, const SortEntry& b) { return sorts_before(layout, a, b); });
  entries_.resize(keep);
  return 1;
}

std::unique_ptr<Local> TopNSource::local(Context&) {
  auto state = std::make_unique<State>();
  state->next = sink_.offset_;
  return state;
}

Flow TopNSource::next(Context&, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  if (state.next >= entries_.size()) return Flow::kDone;
  const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(entries_.size() - state.next, data::kVectorRows));
  state.rows.resize(n);
  for (std::uint32_t i = 0; i < n; ++i) state.rows[i] = entries_[state.next + i].row;
  state.next += n;
  state.arena.reset();
  const SortLayout& layout = sink_.layout_;
  out.arena = &state.arena;
  out.rows = n;
  out.selection = {nullptr, n};
  out.columns.resize(layout.columns());
  for (std::size_t c = 0; c < layout.columns(); ++c)
    out.columns[c] = layout.rows().gather(c, state.rows.data(), n, nullptr, n, any_null_[c], state.arena);
  return Flow::kMore;
}

}  // namespace tajo::exec
