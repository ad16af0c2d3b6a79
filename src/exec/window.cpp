#include "window.hpp"

#include <algorithm>
#include <map>

#include "tajo/data/load.hpp"
#include "tajo/functions/aggregate.hpp"

namespace tajo::exec {

using data::Physical;
using data::Vector;
using functions::AggregateKind;

namespace {

constexpr std::size_t kPortionRows = 4096;  ///< of spilled runs that are computed at once, if a partition is not larger
constexpr std::size_t kPortionBytes = 192 << 10;

enum class Family { kNumber, kFetch, kAggregate };

const std::map<std::string, AggregateKind>& aggregates() {
  static const std::map<std::string, AggregateKind> kinds{
      {"sum", AggregateKind::kSum},       {"min", AggregateKind::kMin},          {"max", AggregateKind::kMax},
      {"count", AggregateKind::kCount},   {"bool_and", AggregateKind::kBoolAnd}, {"every", AggregateKind::kBoolAnd},
      {"bool_or", AggregateKind::kBoolOr}, {"any_value", AggregateKind::kAnyValue}};
  return kinds;
}

Family family_of(const std::string& name) {
  for (const char* n : {"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile"})
    if (name == n) return Family::kNumber;
  for (const char* n : {"lag", "lead", "first_value", "last_value", "nth_value"})
    if (name == n) return Family::kFetch;
  if (!aggregates().contains(name)) throw Error(sqlstate::kFeatureNotSupported, "window function " + name + " is not supported");
  return Family::kAggregate;
}

bool same_order(const plan::WindowExpression& a, const plan::WindowExpression& b) {
  const auto same = [](const auto& x, const auto& y) { return functions::equal(*x, *y); };
  return std::equal(a.partition_by.begin(), a.partition_by.end(), b.partition_by.begin(), b.partition_by.end(), same) &&
         std::equal(a.order_by.begin(), a.order_by.end(), b.order_by.begin(), b.order_by.end(), [&](const auto& x, const auto& y) {
           return same(x.expression, y.expression) && x.descending == y.descending && x.nulls_first == y.nulls_first;
         });
}

template <class T>
void store(std::vector<std::byte>& values, std::size_t row, T value) {
  std::memcpy(values.data() + row * sizeof(T), &value, sizeof(T));
}

void store_number(Physical type, std::vector<std::byte>& values, std::size_t row, std::int64_t value) {
  if (type == Physical::kI32) store(values, row, static_cast<std::int32_t>(value));
  else store(values, row, value);
}

}  // namespace

std::vector<WindowPass> window_passes(const plan::PhysicalNode& node) {
  const auto& windows = std::get<plan::WindowNode>(node.detail).windows;
  const std::vector<plan::PhysicalColumn>& base = node.children.at(0)->output;
  std::vector<WindowPass> passes;
  std::vector<std::size_t> place(windows.size());     ///< column of a window among input ++ computed so far
  std::vector<bool> taken(windows.size(), false);
  std::vector<plan::PhysicalColumn> input = base;
  for (std::size_t first = 0; first < windows.size(); ++first) {
    if (taken[first]) continue;
    WindowPass pass;
    pass.input = input;
    for (const auto& e : windows[first].partition_by) pass.keys.push_back({e, false, false});
    pass.partition_keys = pass.keys.size();
    pass.keys.insert(pass.keys.end(), windows[first].order_by.begin(), windows[first].order_by.end());
    for (std::size_t w = first; w < windows.size(); ++w) {
      if (taken[w] || !same_order(windows[first], windows[w])) continue;
      static_cast<void>(family_of(windows[w].name));
      taken[w] = true;
      WindowPass::Function function{w, {}};
      for (const auto& arg : windows[w].args) {
        function.arguments.push_back(pass.input.size() + pass.arguments.size());
        pass.arguments.push_back(arg);
      }
      place[w] = input.size();
      input.push_back(node.output.at(base.size() + w));
      pass.functions.push_back(std::move(function));
    }
    for (std::size_t c = 0; c < input.size(); ++c) pass.emit.push_back(c);
    passes.push_back(std::move(pass));
  }
  // The last pass puts the columns into the node's order.
  auto& emit = passes.back().emit;
  emit.resize(base.size());
  emit.insert(emit.end(), place.begin(), place.end());
  return passes;
}

WindowSource::WindowSource(const plan::PhysicalNode& node, WindowPass pass, const SortSink& sorted)
    : Source(node.id), window_node_(std::get<plan::WindowNode>(node.detail)), pass_(std::move(pass)), sorted_(sorted) {
  const std::size_t base = node.children.at(0)->output.size();
  for (const WindowPass::Function& f : pass_.functions) {
    results_.emplace_back();
    results_.back().type = node.output.at(base + f.window).physical;
  }
}

void WindowSource::merge_runs() {
  std::size_t total = 0;
  for (const auto& run : sorted_.runs()) total += run.size();
  std::vector<SortEntry> merged, next;
  for (const auto& run : sorted_.runs()) {
    next.clear();
    next.reserve(merged.size() + run.size());
    std::merge(merged.begin(), merged.end(), run.begin(), run.end(), std::back_inserter(next),
               [&](const SortEntry& a, const SortEntry& b) { return sorts_before(sorted_.layout(), a, b); });
    merged.swap(next);
  }
  rows_.reserve(total);
  for (const SortEntry& entry : merged) rows_.push_back(entry.row);
}

int WindowSource::open(Context& context, int) {
  reservation_ = Reservation(context.memory, "window");
  if (!sorted_.spilled_runs().empty()) {
    merger_.emplace(sorted_.layout(), sorted_.format(), sorted_.runs(), sorted_.spilled_runs());
    return 1;
  }
  merge_runs();
  compute_all(context);
  return 1;
}

void WindowSource::compute_all(Context& context) {
  std::size_t bytes = rows_.size() * sizeof(const std::byte*);
  for (const Result& r : results_) bytes += rows_.size() * (data::physical_width(r.type) + 1);
  if (portion_) bytes += portion_->rows.bytes() + portion_->strings.bytes();
  reservation_.set(bytes);
  for (std::size_t f = 0; f < results_.size(); ++f) compute(context, pass_.functions[f], results_[f]);
}

/// Brings the next whole partitions into memory, kPortionRows rows or one partition of more. False: there are none.
bool WindowSource::load_portion(Context& context) {
  const RowFormat& format = sorted_.format();
  rows_.clear();
  strings_.release();
  portion_ = std::make_unique<SortedRows>(sorted_.layout(), context.memory, "window");
  bool complete = false;
  while (!complete && !context.stop.load(std::memory_order_relaxed)) {
    if (ahead_.empty()) ahead_ = merger_->next();
    if (ahead_.empty()) break;
    std::size_t taken = 0;
    for (const std::byte* row : ahead_) {
      const bool enough = rows_.size() >= kPortionRows || portion_->rows.bytes() + portion_->strings.bytes() > kPortionBytes;
      complete = enough && !rows_.empty() && !sorted_.layout().same_prefix(rows_.back(), row, pass_.partition_keys);
      if (complete) break;
      std::byte* own = portion_->store.append(portion_->rows);
      std::memcpy(own, row, format.row_bytes);
      format.own_texts(own, portion_->strings);
      rows_.push_back(own);
      ++taken;
    }
    ahead_ = ahead_.subspan(taken);
    reservation_.set(portion_->rows.bytes() + portion_->strings.bytes() + rows_.capacity() * sizeof(const std::byte*));
  }
  if (!rows_.empty()) compute_all(context);
  return !rows_.empty();
}

std::size_t WindowSource::peers_end(std::size_t row, std::size_t end) const {
  std::size_t at = row + 1;
  if (pass_.keys.size() == pass_.partition_keys) return end;
  while (at < end && sorted_.layout().compare(rows_[row], rows_[at]) == 0) ++at;
  return at;
}

void WindowSource::compute(Context& context, const WindowPass::Function& function, Result& result) {
  const plan::WindowExpression& window = window_node_.windows[function.window];
  const Family family = family_of(window.name);
  if (family == Family::kFetch) {
    result.rows.assign(rows_.size(), nullptr);
    result.column = function.arguments.at(0);
    if (function.arguments.size() > 2) result.fallback = function.arguments[2];
  } else {
    result.values.resize(rows_.size() * data::physical_width(result.type));
    result.valid.assign((rows_.size() + 63) / 64, ~std::uint64_t{0});
  }
  for (std::size_t begin = 0; begin < rows_.size();) {
    if (context.stop.load(std::memory_order_relaxed)) return;
    std::size_t end = begin + 1;
    while (end < rows_.size() && sorted_.layout().same_prefix(rows_[begin], rows_[end], pass_.partition_keys)) ++end;
    switch (family) {
      case Family::kNumber: number(window, function, {begin, end}, result); break;
      case Family::kFetch: fetch(window, function, {begin, end}, result); break;
      case Family::kAggregate: accumulate(context, window, function, {begin, end}, result); break;
    }
    begin = end;
  }
}

std::int64_t WindowSource::integer_argument(const WindowPass::Function& function, std::size_t argument, std::size_t row,
                                            std::int64_t otherwise) const {
  if (argument >= function.arguments.size()) return otherwise;
  const std::size_t column = function.arguments[argument];
  const RowLayout& layout = sorted_.layout().rows();
  if (layout.is_null(rows_[row], column)) return otherwise;
  const std::byte* at = rows_[row] + layout.offset(column);
  if (layout.type(column) == Physical::kI32) {
    std::int32_t value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  std::int64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void WindowSource::number(const plan::WindowExpression& window, const WindowPass::Function& function, Range partition, Result& result) const {
  const std::size_t count = partition.end - partition.begin;
  const std::string& name = window.name;
  std::int64_t dense = 0;
  const std::int64_t tiles = name == "ntile" ? integer_argument(function, 0, partition.begin, 0) : 0;
  if (name == "ntile" && tiles <= 0) throw Error("22014", "argument of ntile must be greater than zero");
  for (std::size_t row = partition.begin; row < partition.end;) {
    const std::size_t end = peers_end(row, partition.end);
    const std::size_t before = row - partition.begin;
    ++dense;
    for (std::size_t r = row; r < end; ++r) {
      const std::size_t nth = r - partition.begin;
      if (name == "row_number") {
        store_number(result.type, result.values, r, static_cast<std::int64_t>(nth) + 1);
      } else if (name == "rank") {
        store_number(result.type, result.values, r, static_cast<std::int64_t>(before) + 1);
      } else if (name == "dense_rank") {
        store_number(result.type, result.values, r, dense);
      } else if (name == "percent_rank") {
        store(result.values, r, count == 1 ? 0.0 : static_cast<double>(before) / static_cast<double>(count - 1));
      } else if (name == "cume_dist") {
        store(result.values, r, static_cast<double>(end - partition.begin) / static_cast<double>(count));
      } else {
        // The first count % tiles tiles have one row more.
        const auto n = static_cast<std::int64_t>(count), at = static_cast<std::int64_t>(nth);
        const std::int64_t size = n / tiles, larger = n % tiles, edge = larger * (size + 1);
        store_number(result.type, result.values, r, at < edge ? at / (size + 1) + 1 : larger + (at - edge) / std::max<std::int64_t>(size, 1) + 1);
      }
    }
    row = end;
  }
}

void WindowSource::fetch(const plan::WindowExpression& window, const WindowPass::Function& function, Range partition, Result& result) const {
  const std::string& name = window.name;
  const auto begin = static_cast<std::int64_t>(partition.begin), end = static_cast<std::int64_t>(partition.end);
  const bool shifts = name == "lag" || name == "lead";  // by rows of the partition, whatever the frame
  const std::vector<Range> seen = shifts ? std::vector<Range>() : frames(window, function, partition);
  for (std::int64_t row = begin; row < end; ++row) {
    const auto r = static_cast<std::size_t>(row);
    const Range frame = shifts ? partition : seen[r - partition.begin];
    const auto first = static_cast<std::int64_t>(frame.begin), last = static_cast<std::int64_t>(frame.end) - 1;
    std::int64_t from = first;
    if (name == "lag") from = row - integer_argument(function, 1, r, 1);
    else if (name == "lead") from = row + integer_argument(function, 1, r, 1);
    else if (name == "last_value") from = last;
    else if (name == "nth_value") from = first + integer_argument(function, 1, r, 0) - 1;
    if (from >= first && from <= last) result.rows[r] = rows_[static_cast<std::size_t>(from)];
  }
}

void WindowSource::store_value(Result& result, const Vector& value, std::size_t row) const {
  const std::size_t width = data::physical_width(result.type);
  if (data::row_valid(value.valid, 0)) std::memcpy(result.values.data() + row * width, value.data, width);
  else result.valid[row >> 6] &= ~(std::uint64_t{1} << (row & 63));
}

void WindowSource::accumulate(Context& context, const plan::WindowExpression& window, const WindowPass::Function& function, Range partition,
                              Result& result) {
  const std::size_t arguments = function.arguments.size() - window.frame.extra_arguments();
  TAJO_ASSERT(arguments <= 2);
  functions::AggregateCall call;
  call.kind = arguments == 0 ? AggregateKind::kCountStar : aggregates().at(window.name);
  call.args.assign(window.args.begin(), window.args.begin() + static_cast<std::ptrdiff_t>(arguments));
  call.type = window.type;
  call.physical = result.type;
  const bool grows = window.frame.start == plan::WindowFrame::Bound::kUnboundedPreceding;
  const std::vector<Range> seen = frames(window, function, partition);
  if (!grows) return accumulate_frames(context, call, function, arguments, partition, seen, result);
  const RowLayout& layout = sorted_.layout().rows();
  data::Arena arena;
  const functions::AggregateSet set({&call, 1});
  std::vector<std::byte> accumulator(set.row_size() + std::size_t{16});
  auto* at = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(accumulator.data()) + 15) & ~std::uintptr_t{15});
  functions::AggregateInput input;
  std::size_t done = partition.begin;
  for (std::size_t row = partition.begin; row < partition.end;) {
    if (context.stop.load(std::memory_order_relaxed)) return;
    const std::size_t frame_end = seen[row - partition.begin].end;
    while (done < frame_end) {
      arena.reset();
      const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(frame_end - done, data::kVectorRows));
      for (std::size_t a = 0; a < arguments; ++a)
        input.args[a] = layout.gather(function.arguments[a], rows_.data() + done, n, nullptr, n, sorted_.any_null(function.arguments[a]), arena);
      set.update_single({&input, 1}, {nullptr, n}, at, strings_);
      done += n;
    }
    const std::byte* one = at;
    const Vector value = set.finish(0, &one, 1, strings_);
    TAJO_ASSERT(value.type == result.type);
    for (; row < partition.end && seen[row - partition.begin].end == frame_end; ++row) store_value(result, value, row);
  }
}

struct WindowSource::State final : Local {
  std::size_t next = 0;
  data::Arena arena;
};

std::unique_ptr<Local> WindowSource::local(Context&) { return std::make_unique<State>(); }

Flow WindowSource::next(Context& context, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  if (merger_ && state.next == rows_.size()) {
    if (!load_portion(context)) return Flow::kDone;
    state.next = 0;
  }
  // kVectorRows is a multiple of 64: every batch begins at a whole word of the validity bits.
  const std::size_t first = state.next;
  const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(rows_.size() - first, data::kVectorRows));
  if (n == 0) return Flow::kDone;
  state.next += n;
  state.arena.reset();
  out.arena = &state.arena;
  out.rows = n;
  out.selection = {nullptr, n};
  out.columns.resize(pass_.emit.size());
  const RowLayout& layout = sorted_.layout().rows();
  const auto gather = [&](std::size_t column, const std::byte* const* rows, bool may_be_null) {
    return layout.gather(column, rows, n, nullptr, n, may_be_null, state.arena);
  };
  for (std::size_t i = 0; i < pass_.emit.size(); ++i) {
    const std::size_t column = pass_.emit[i];
    if (column < pass_.input.size()) {
      out.columns[i] = gather(column, rows_.data() + first, sorted_.any_null(column));
      continue;
    }
    const Result& result = results_[column - pass_.input.size()];
    Vector& v = out.columns[i];
    if (result.rows.empty()) {
      v = Vector{};
      v.type = result.type;
      v.data = result.values.data() + first * data::physical_width(result.type);
      v.valid = result.valid.data() + first / 64;
      continue;
    }
    if (result.fallback == kNone) {
      v = gather(result.column, result.rows.data() + first, true);
      continue;
    }
    // Rows whose source lies outside the partition take the default of their own row: both columns have one type.
    const Vector own = gather(result.fallback, rows_.data() + first, true);
    v = gather(result.column, result.rows.data() + first, true);
    const std::size_t width = data::physical_width(v.type);
    auto* values = static_cast<std::byte*>(const_cast<void*>(v.data));
    auto* valid = const_cast<std::uint64_t*>(v.valid);
    for (std::uint32_t r = 0; r < n; ++r) {
      if (result.rows[first + r] != nullptr || !data::row_valid(own.valid, r)) continue;
      std::memcpy(values + r * width, own.as<std::byte>() + r * width, width);
      valid[r >> 6] |= std::uint64_t{1} << (r & 63);
    }
  }
  return Flow::kMore;
}

}  // namespace tajo::exec
