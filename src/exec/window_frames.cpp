// Frames of window functions: which rows each row sees, and aggregates over frames that leave rows behind.
#include <algorithm>
#include <cmath>

#include "tajo/functions/aggregate.hpp"
#include "window.hpp"

namespace tajo::exec {

using data::Physical;
using data::Vector;
using Bound = plan::WindowFrame::Bound;
using Mode = plan::WindowFrame::Mode;

namespace {

template <class T>
int compare_at(const std::byte* a, const std::byte* b) {
  T x, y;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  if constexpr (std::is_floating_point_v<T>) {  // NaN is greater than all
    const bool x_nan = std::isnan(x), y_nan = std::isnan(y);
    if (x_nan || y_nan) return static_cast<int>(x_nan) - static_cast<int>(y_nan);
  }
  return x < y ? -1 : y < x ? 1 : 0;
}

int compare_values_at(Physical type, const std::byte* a, const std::byte* b) {
  switch (type) {
    case Physical::kI32: return compare_at<std::int32_t>(a, b);
    case Physical::kI64: return compare_at<std::int64_t>(a, b);
    case Physical::kI128: return compare_at<__int128>(a, b);
    case Physical::kF32: return compare_at<float>(a, b);
    default: return compare_at<double>(a, b);
  }
}

/// `at` moved by `offset` and kept within the bounds.
std::size_t moved(std::size_t at, std::int64_t offset, std::size_t begin, std::size_t end) {
  if (offset < 0) return static_cast<std::uint64_t>(-offset) > at - begin ? begin : at - static_cast<std::size_t>(-offset);
  return static_cast<std::uint64_t>(offset) > end - at ? end : at + static_cast<std::size_t>(offset);
}

std::int64_t signed_offset(Bound bound, std::int64_t offset) { return bound == Bound::kPreceding ? -offset : bound == Bound::kFollowing ? offset : 0; }

}  // namespace

std::vector<WindowSource::Range> WindowSource::frames(const plan::WindowExpression& window, const WindowPass::Function& function, Range p) const {
  const plan::WindowFrame& frame = window.frame;
  std::vector<Range> out(p.end - p.begin, p);
  std::vector<std::size_t> groups;                    // where each group of peers begins, and the end
  std::vector<std::size_t> group_of(out.size());
  if (frame.mode != Mode::kRows)
    for (std::size_t row = p.begin; row < p.end;) {
      const std::size_t end = peers_end(row, p.end);
      std::fill(group_of.begin() + static_cast<std::ptrdiff_t>(row - p.begin), group_of.begin() + static_cast<std::ptrdiff_t>(end - p.begin), groups.size());
      groups.push_back(row);
      row = end;
    }
  const std::size_t count = groups.size();
  groups.push_back(p.end);
  for (std::size_t row = p.begin; row < p.end; ++row) {
    Range& r = out[row - p.begin];
    const std::int64_t from = signed_offset(frame.start, frame.start_offset), to = signed_offset(frame.end, frame.end_offset);
    if (frame.mode == Mode::kRows) {
      if (frame.start != Bound::kUnboundedPreceding) r.begin = moved(row, from, p.begin, p.end);
      if (frame.end != Bound::kUnboundedFollowing) r.end = to < 0 && row - p.begin < static_cast<std::uint64_t>(-to) ? p.begin : moved(moved(row, to, p.begin, p.end), 1, p.begin, p.end);
    } else {
      const bool by_group = frame.mode == Mode::kGroups;
      const std::size_t group = group_of[row - p.begin];
      if (frame.start == Bound::kCurrentRow || (by_group && frame.has_offset(frame.start))) r.begin = groups[moved(group, from, 0, count)];
      if (frame.end == Bound::kCurrentRow || (by_group && frame.has_offset(frame.end)))
        r.end = to < 0 && group < static_cast<std::uint64_t>(-to) ? p.begin : groups[moved(moved(group, to, 0, count), 1, 0, count)];
    }
  }
  if (frame.extra_arguments() > 0) frames_by_value(window, function, p, out);
  for (Range& r : out) r.end = std::max(r.begin, r.end);
  return out;
}

/// RANGE with offsets: from the first row whose key reaches the bound's value to the last one that does not pass it. A row
/// without a key sees its peers there.
void WindowSource::frames_by_value(const plan::WindowExpression& window, const WindowPass::Function& function, Range p, std::vector<Range>& out) const {
  const plan::WindowFrame& frame = window.frame;
  const RowLayout& layout = sorted_.layout().rows();
  const bool descending = window.order_by.at(0).descending;
  std::size_t column = function.arguments.size() - frame.extra_arguments();
  for (const bool start : {true, false}) {
    if (!frame.has_offset(start ? frame.start : frame.end)) continue;
    const std::size_t key = function.arguments[column], value = function.arguments[column + 1];
    column += 2;
    std::size_t first = p.begin, last = p.end;  // rows with a key stand together
    while (first < last && layout.is_null(rows_[first], key)) ++first;
    while (last > first && layout.is_null(rows_[last - 1], key)) --last;
    std::size_t at = first;
    for (std::size_t row = p.begin; row < p.end; ++row) {
      Range& r = out[row - p.begin];
      if (row < first || row >= last) {
        if (start) r.begin = row < first ? p.begin : last;
        else r.end = row < first ? first : p.end;
        continue;
      }
      const auto order = [&](std::size_t other) {
        const int c = compare_values_at(layout.type(key), rows_[other] + layout.offset(key), rows_[row] + layout.offset(value));
        return descending ? -c : c;
      };
      while (at < last && (start ? order(at) < 0 : order(at) <= 0)) ++at;
      (start ? r.begin : r.end) = at;
    }
  }
}

/// Two stacks: aggregates of the rows from each one to a middle, and one of the rows behind the middle. Each row is added
/// twice and combined once, however wide the frames are.
void WindowSource::accumulate_frames(Context& context, const functions::AggregateCall& call, const WindowPass::Function& function,
                                     std::size_t arguments, Range partition, const std::vector<Range>& frames, Result& result) {
  const RowLayout& layout = sorted_.layout().rows();
  const functions::AggregateSet set({&call, 1});
  const std::size_t size = set.row_size();
  data::Arena arena;
  functions::AggregateInput input;
  const auto aligned = [](std::vector<std::byte>& bytes) {
    return reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(bytes.data()) + 15) & ~std::uintptr_t{15});
  };
  const auto add = [&](std::size_t row, std::byte* into) {
    arena.reset();
    for (std::size_t a = 0; a < arguments; ++a)
      input.args[a] = layout.gather(function.arguments[a], rows_.data() + row, 1, nullptr, 1, sorted_.any_null(function.arguments[a]), arena);
    set.update_single({&input, 1}, {nullptr, 1}, into, strings_);
  };
  std::vector<std::byte> behind_bytes(size + 16), one_bytes(size + 16), front_bytes;
  std::byte* const behind = aligned(behind_bytes);
  std::byte* const one = aligned(one_bytes);
  std::byte* front = nullptr;
  std::size_t front_begin = partition.begin, middle = partition.begin, done = partition.begin;
  for (std::size_t row = partition.begin; row < partition.end; ++row) {
    if (context.stop.load(std::memory_order_relaxed)) return;
    const Range frame = frames[row - partition.begin];
    if (frame.begin >= middle && frame.end > frame.begin) {
      // The front is used up: the rows of this frame become the new one.
      front_begin = frame.begin;
      middle = done = std::max(frame.end, frame.begin);
      front_bytes.assign((middle - front_begin) * size + 16, std::byte{0});
      front = aligned(front_bytes);
      for (std::size_t r = middle; r-- > front_begin;) {
        std::byte* at = front + (r - front_begin) * size;
        add(r, at);
        if (r + 1 < middle) set.combine(at, at + size, strings_);
      }
      std::memset(behind, 0, size);
    }
    if (frame.end > frame.begin)
      for (; done < frame.end; ++done) add(done, behind);
    std::memset(one, 0, size);
    if (frame.begin < middle && frame.end > frame.begin) std::memcpy(one, front + (frame.begin - front_begin) * size, size);
    if (frame.end > middle && frame.end > frame.begin) set.combine(one, behind, strings_);
    const std::byte* value_of = one;
    store_value(result, set.finish(0, &value_of, 1, strings_), row);
  }
}

}  // namespace tajo::exec
