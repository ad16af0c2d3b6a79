#include "values.hpp"

#include <algorithm>

#include "tajo/data/load.hpp"

namespace tajo::exec {

using data::Physical;
using data::Value;
using data::Vector;

namespace {

constexpr std::uint64_t kSeriesMorsel = 65536;

template <class T>
void put(std::byte* to, std::uint32_t row, T value) {
  std::memcpy(to + row * sizeof(T), &value, sizeof(T));
}

void put_value(Physical type, std::byte* to, std::uint32_t row, const Value& value) {
  switch (type) {
    case Physical::kBool: return put(to, row, static_cast<std::uint8_t>(data::integer_value(value) != 0));
    case Physical::kI32: return put(to, row, static_cast<std::int32_t>(data::integer_value(value)));
    case Physical::kI64: return put(to, row, static_cast<std::int64_t>(data::integer_value(value)));
    case Physical::kI128: return put(to, row, data::integer_value(value));
    case Physical::kF32: return put(to, row, static_cast<float>(data::float_value(value)));
    case Physical::kF64: return put(to, row, data::float_value(value));
    case Physical::kStr: return put(to, row, data::Str(std::get<std::string>(value)));
  }
}

}  // namespace

struct ValuesSource::State final : Local {
  std::size_t next = 0;
  data::Arena arena;
};

ValuesSource::ValuesSource(const plan::PhysicalNode& node)
    : Source(node.id), columns_(node.output), rows_(std::get<plan::ValuesNode>(node.detail).rows) {}

std::unique_ptr<Local> ValuesSource::local(Context&) { return std::make_unique<State>(); }

Flow ValuesSource::next(Context&, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(rows_.size() - state.next, data::kVectorRows));
  if (n == 0) return Flow::kDone;
  state.arena.reset();
  out.arena = &state.arena;
  out.rows = n;
  out.selection = {nullptr, n};
  out.columns.assign(columns_.size(), Vector{});
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const Physical type = columns_[c].physical;
    const std::size_t width = data::physical_width(type);
    auto* values = static_cast<std::byte*>(state.arena.allocate(n * width));
    std::memset(values, 0, n * width);
    std::uint64_t* valid = nullptr;
    for (std::uint32_t i = 0; i < n; ++i) {
      const Value& value = rows_[state.next + i][c];
      if (!data::is_null(value)) {
        put_value(type, values, i, value);
        continue;
      }
      if (valid == nullptr) {
        valid = data::allocate_valid(state.arena, n);
        std::memset(valid, 0xFF, (n + 63) / 64 * 8);
      }
      valid[i >> 6] &= ~(std::uint64_t{1} << (i & 63));
    }
    out.columns[c].type = type;
    out.columns[c].data = values;
    out.columns[c].valid = valid;
  }
  state.next += n;
  return Flow::kMore;
}

struct SeriesSource::State final : Local {
  std::uint64_t next = 0, end = 0;
  data::Arena arena;
};

SeriesSource::SeriesSource(const plan::PhysicalNode& node)
    : Source(node.id), series_(std::get<plan::SeriesNode>(node.detail)), type_(node.output.at(0).physical) {
  TAJO_ASSERT(series_.step != 0);
  const __int128 span = series_.step > 0 ? static_cast<__int128>(series_.stop) - series_.start
                                         : static_cast<__int128>(series_.start) - series_.stop;
  const __int128 step = series_.step > 0 ? static_cast<__int128>(series_.step) : -static_cast<__int128>(series_.step);
  if (span >= 0) count_ = static_cast<std::uint64_t>(span / step + 1);
}

int SeriesSource::open(Context&, int threads) {
  return static_cast<int>(std::clamp<std::uint64_t>(count_ / kSeriesMorsel, 1, static_cast<std::uint64_t>(threads)));
}

std::unique_ptr<Local> SeriesSource::local(Context&) { return std::make_unique<State>(); }

Flow SeriesSource::next(Context&, Local& local, Batch& out) {
  auto& state = static_cast<State&>(local);
  if (state.next == state.end) {
    state.next = claimed_.fetch_add(kSeriesMorsel, std::memory_order_relaxed);
    if (state.next >= count_) {
      claimed_.store(count_, std::memory_order_relaxed);
      state.next = state.end = 0;
      return Flow::kDone;
    }
    state.end = state.next + std::min(kSeriesMorsel, count_ - state.next);
  }
  const auto n = static_cast<std::uint32_t>(std::min<std::uint64_t>(state.end - state.next, data::kVectorRows));
  state.arena.reset();
  out.arena = &state.arena;
  out.rows = n;
  out.selection = {nullptr, n};
  out.columns.assign(1, Vector{});
  out.columns[0].type = type_;
  const auto value = [&](std::uint32_t i) {
    return static_cast<std::int64_t>(series_.start + static_cast<__int128>(state.next + i) * series_.step);
  };
  if (type_ == Physical::kI32) {
    auto* to = state.arena.array<std::int32_t>(n);
    for (std::uint32_t i = 0; i < n; ++i) to[i] = static_cast<std::int32_t>(value(i));
    out.columns[0].data = to;
  } else {
    TAJO_ASSERT(type_ == Physical::kI64);
    auto* to = state.arena.array<std::int64_t>(n);
    for (std::uint32_t i = 0; i < n; ++i) to[i] = value(i);
    out.columns[0].data = to;
  }
  state.next += n;
  return Flow::kMore;
}

}  // namespace tajo::exec
