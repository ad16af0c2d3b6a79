// One accumulator at a time: every kind, with NULLs and FILTER.
#include <cmath>

#include "aggregate_layout.hpp"
#include "types.hpp"

namespace tajo::functions {

using Form = Vector::Form;

namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{256} << 20;

/// Calls f(group, row) for rows that count: selected, passing the filter, with a value in `v` (may be null: count(*)).
template <class F>
void for_values(const AggregateInput& in, const Vector* v, const Selection& selection, std::byte* const* groups, F&& f) {
  const std::uint32_t stride = v != nullptr && v->form == Form::kConstant ? 0 : 1;
  const std::uint64_t* valid = v != nullptr ? v->valid : nullptr;
  if (in.filter == nullptr && valid == nullptr) {
    for (std::uint32_t i = 0; i < selection.count; ++i) f(groups[i], selection[i] * stride);
    return;
  }
  const auto* pass = in.filter != nullptr ? in.filter->as<std::uint8_t>() : nullptr;
  const std::uint32_t pass_stride = in.filter != nullptr && in.filter->form == Form::kConstant ? 0 : 1;
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint32_t row = selection[i];
    if (pass != nullptr) {
      const std::uint32_t p = row * pass_stride;
      if (pass[p] == 0 || !data::row_valid(in.filter->valid, p)) continue;
    }
    if (!data::row_valid(valid, row * stride)) continue;
    f(groups[i], row * stride);
  }
}

template <class F>
void with_integers(const Vector& v, F&& f) {
  switch (v.type) {
    case Physical::kBool: return f(v.as<std::uint8_t>());
    case Physical::kI32: return f(v.as<std::int32_t>());
    case Physical::kI64: return f(v.as<std::int64_t>());
    case Physical::kI128: return f(v.as<__int128>());
    default: TAJO_ASSERT(!"sum of a value that is no integer");
  }
}

void add_wide(const Slot& s, std::byte* group, __int128 value) {
  auto& sum = at<__int128>(group, s.offset);
  if (__builtin_add_overflow(sum, value, &sum)) out_of_range(s.type);
}

__int128 add_intervals(__int128 a, __int128 b) {
  const data::Interval x = data::unpack_interval(a);
  const data::Interval y = data::unpack_interval(b);
  data::Interval out;
  if (__builtin_add_overflow(x.micros, y.micros, &out.micros) || __builtin_add_overflow(x.days, y.days, &out.days) ||
      __builtin_add_overflow(x.months, y.months, &out.months))
    throw Error("22008", "interval out of range");
  return data::pack_interval(out);
}

template <class T>
bool better(AggregateKind kind, const T& candidate, const T& best) {
  if (kind == AggregateKind::kAnyValue) return false;
  const bool max = kind == AggregateKind::kMax;
  if constexpr (std::is_floating_point_v<T>) {  // NaN is greater than everything
    if (std::isnan(candidate)) return max && !std::isnan(best);
    if (std::isnan(best)) return !max;
  }
  if constexpr (std::is_same_v<T, Str>) return max ? data::compare(candidate, best) > 0 : data::compare(candidate, best) < 0;
  else return max ? candidate > best : candidate < best;
}

__int128 interval_rank(__int128 packed) {
  const data::Interval i = data::unpack_interval(packed);
  return (static_cast<__int128>(i.months) * 30 + i.days) * data::kMicrosPerDay + i.micros;
}

template <class T>
void offer(const Slot& s, std::byte* group, const T& value, data::Arena& strings) {
  auto& best = at<T>(group, s.offset);
  if (seen(s, group)) {
    if (s.type.id == TypeId::kInterval) {
      if constexpr (std::is_same_v<T, __int128>)
        if (!better(s.kind, interval_rank(value), interval_rank(best))) return;
    } else if (!better(s.kind, value, best)) {
      return;
    }
  }
  see(s, group);
  if constexpr (std::is_same_v<T, Str>) best = strings.copy(value.view());
  else best = value;
}

template <class T>
void offer_all(const Slot& s, const AggregateInput& in, const Selection& selection, std::byte* const* groups,
               data::Arena& strings) {
  const T* values = in.args[0].as<T>();
  for_values(in, &in.args[0], selection, groups, [&](std::byte* g, std::uint32_t row) { offer(s, g, values[row], strings); });
}

void append(TextCell& cell, std::string_view text, data::Arena& strings) {
  const std::size_t need = std::size_t{cell.size} + text.size();
  if (need > kMaxTextBytes) throw Error("54000", "result of string_agg is too large");
  if (need > cell.room) {
    const std::size_t room = need < 32 ? 64 : need * 2;
    auto* grown = static_cast<char*>(strings.allocate(room, 1));
    if (cell.size > 0) std::memcpy(grown, cell.bytes, cell.size);
    cell.bytes = grown;
    cell.room = static_cast<std::uint32_t>(room);
  }
  if (!text.empty()) std::memcpy(cell.bytes + cell.size, text.data(), text.size());
  cell.size = static_cast<std::uint32_t>(need);
}

void update_text(const Slot& s, const AggregateInput& in, const Selection& selection, std::byte* const* groups,
                 data::Arena& strings) {
  const auto* values = in.args[0].as<Str>();
  const Vector& by = in.args[1];
  const auto* delimiters = by.as<Str>();
  const std::uint32_t stride = in.args[0].form == Form::kConstant ? 0 : 1;
  const std::uint32_t by_stride = by.form == Form::kConstant ? 0 : 1;
  for (std::uint32_t i = 0; i < selection.count; ++i) {
    const std::uint32_t row = selection[i];
    if (in.filter != nullptr) {
      const std::uint32_t p = in.filter->form == Form::kConstant ? 0 : row;
      if (in.filter->as<std::uint8_t>()[p] == 0 || !data::row_valid(in.filter->valid, p)) continue;
    }
    if (!data::row_valid(in.args[0].valid, row * stride)) continue;
    auto& cell = at<TextCell>(groups[i], s.offset);
    if (seen(s, groups[i]) && data::row_valid(by.valid, row * by_stride))
      append(cell, delimiters[row * by_stride].view(), strings);
    append(cell, values[row * stride].view(), strings);
    see(s, groups[i]);
  }
}

}  // namespace

void update_cell(const Slot& s, const AggregateInput& in, const Selection& selection, std::byte* const* groups,
                 data::Arena& strings) {
  const Vector& v = in.args[0];
  switch (s.cell) {
    case Cell::kCount:
      if (s.kind == AggregateKind::kSumCounts) {
        with_integers(v, [&](const auto* values) {
          for_values(in, &v, selection, groups, [&](std::byte* g, std::uint32_t row) {
            at<std::uint64_t>(g, s.offset) += static_cast<std::uint64_t>(values[row]);
          });
        });
        return;
      }
      for_values(in, s.kind == AggregateKind::kCount ? &v : nullptr, selection, groups,
                 [&](std::byte* g, std::uint32_t) { ++at<std::uint64_t>(g, s.offset); });
      return;
    case Cell::kSum64:
      with_integers(v, [&](const auto* values) {
        for_values(in, &v, selection, groups, [&](std::byte* g, std::uint32_t row) {
          auto& sum = at<std::int64_t>(g, s.offset);
          if (__builtin_add_overflow(sum, static_cast<std::int64_t>(values[row]), &sum)) out_of_range(s.type);
          see(s, g);
        });
      });
      return;
    case Cell::kSum128:
      with_integers(v, [&](const auto* values) {
        for_values(in, &v, selection, groups, [&](std::byte* g, std::uint32_t row) {
          add_wide(s, g, values[row]);
          see(s, g);
        });
      });
      return;
    case Cell::kSumFloat: {
      const bool squares = s.kind == AggregateKind::kSumSquares;
      const auto add = [&](const auto* values) {
        for_values(in, &v, selection, groups, [&](std::byte* g, std::uint32_t row) {
          const auto value = static_cast<double>(values[row]);
          at<double>(g, s.offset) += squares ? value * value : value;
          see(s, g);
        });
      };
      if (v.type == Physical::kF32) add(v.as<float>());
      else add(v.as<double>());
      return;
    }
    case Cell::kSumInterval: {
      const auto* values = v.as<__int128>();
      for_values(in, &v, selection, groups, [&](std::byte* g, std::uint32_t row) {
        auto& sum = at<__int128>(g, s.offset);
        sum = add_intervals(sum, values[row]);
        see(s, g);
      });
      return;
    }
    case Cell::kBest:
      switch (v.type) {
        case Physical::kBool: return offer_all<std::uint8_t>(s, in, selection, groups, strings);
        case Physical::kI32: return offer_all<std::int32_t>(s, in, selection, groups, strings);
        case Physical::kI64: return offer_all<std::int64_t>(s, in, selection, groups, strings);
        case Physical::kI128: return offer_all<__int128>(s, in, selection, groups, strings);
        case Physical::kF32: return offer_all<float>(s, in, selection, groups, strings);
        case Physical::kF64: return offer_all<double>(s, in, selection, groups, strings);
        case Physical::kStr: return offer_all<Str>(s, in, selection, groups, strings);
      }
      return;
    case Cell::kFlag: {
      const auto* values = v.as<std::uint8_t>();
      const bool conjunction = s.kind == AggregateKind::kBoolAnd;
      for_values(in, &v, selection, groups, [&](std::byte* g, std::uint32_t row) {
        auto& flag = at<std::uint64_t>(g, s.offset);
        const std::uint64_t value = values[row];
        flag = !seen(s, g) ? value : conjunction ? (flag & value) : (flag | value);
        see(s, g);
      });
      return;
    }
    case Cell::kText: return update_text(s, in, selection, groups, strings);
  }
}

void combine_cell(const Slot& s, std::byte* into, const std::byte* other, data::Arena& strings) {
  if (s.cell == Cell::kCount) {
    at<std::uint64_t>(into, s.offset) += at<std::uint64_t>(other, s.offset);
    return;
  }
  if (s.cell == Cell::kSum64) {
    auto& sum = at<std::int64_t>(into, s.offset);
    if (__builtin_add_overflow(sum, at<std::int64_t>(other, s.offset), &sum)) out_of_range(s.type);
  } else if (s.cell == Cell::kSum128) {
    add_wide(s, into, at<__int128>(other, s.offset));
  } else if (s.cell == Cell::kSumFloat) {
    at<double>(into, s.offset) += at<double>(other, s.offset);
  }
  if (!seen(s, other)) return;
  switch (s.cell) {
    case Cell::kSumInterval: {
      auto& sum = at<__int128>(into, s.offset);
      sum = add_intervals(sum, at<__int128>(other, s.offset));
      break;
    }
    case Cell::kBest:
      switch (s.physical) {
        case Physical::kBool: offer(s, into, at<std::uint8_t>(other, s.offset), strings); break;
        case Physical::kI32: offer(s, into, at<std::int32_t>(other, s.offset), strings); break;
        case Physical::kI64: offer(s, into, at<std::int64_t>(other, s.offset), strings); break;
        case Physical::kI128: offer(s, into, at<__int128>(other, s.offset), strings); break;
        case Physical::kF32: offer(s, into, at<float>(other, s.offset), strings); break;
        case Physical::kF64: offer(s, into, at<double>(other, s.offset), strings); break;
        case Physical::kStr: offer(s, into, at<Str>(other, s.offset), strings); break;
      }
      break;
    case Cell::kFlag: {
      auto& flag = at<std::uint64_t>(into, s.offset);
      const std::uint64_t value = at<std::uint64_t>(other, s.offset);
      flag = !seen(s, into) ? value : s.kind == AggregateKind::kBoolAnd ? (flag & value) : (flag | value);
      break;
    }
    case Cell::kText: {
      const auto& text = at<TextCell>(other, s.offset);
      append(at<TextCell>(into, s.offset), {text.bytes, text.size}, strings);
      break;
    }
    default: break;
  }
  see(s, into);
}

namespace {

/// Integers of a narrowed argument in the width the plan expects.
Vector in_width(const Vector& in, Physical result, std::uint32_t count, data::Arena& arena) {
  Vector out = in;
  out.type = result;
  void* values = arena.allocate(std::size_t{count} * data::physical_width(result) + 16, 64);
  out.data = values;
  with_integers(in, [&](const auto* from) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (result == Physical::kI32) static_cast<std::int32_t*>(values)[i] = static_cast<std::int32_t>(from[i]);
      else if (result == Physical::kI64) static_cast<std::int64_t*>(values)[i] = static_cast<std::int64_t>(from[i]);
      else static_cast<__int128*>(values)[i] = from[i];
    }
  });
  return out;
}

template <class T, class F>
void each(void* out, std::uint32_t count, F&& f) {
  auto* values = static_cast<T*>(out);
  for (std::uint32_t i = 0; i < count; ++i) values[i] = f(i);
}

}  // namespace

Vector finish_cell(const Slot& s, const std::byte* const* groups, std::uint32_t count, data::Arena& arena) {
  Vector out;
  out.type = s.physical;
  void* values = arena.allocate(std::size_t{count} * data::physical_width(s.physical) + 16, 64);
  std::memset(values, 0, std::size_t{count} * data::physical_width(s.physical));
  out.data = values;
  if (s.cell == Cell::kCount) {
    each<std::int64_t>(values, count, [&](std::uint32_t i) {
      const std::uint64_t rows = s.counts_rows ? at<std::uint64_t>(groups[i], 0) : 0;
      return static_cast<std::int64_t>(at<std::uint64_t>(groups[i], s.offset) + rows);
    });
    return out;
  }
  std::uint64_t* valid = nullptr;
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool has_value = seen(s, groups[i]) || (s.simple && at<std::uint64_t>(groups[i], 0) > 0);
    if (has_value) continue;
    if (valid == nullptr) {
      valid = data::allocate_valid(arena, count);
      for (std::uint32_t k = 0; k < count; ++k) valid[k >> 6] |= std::uint64_t{1} << (k & 63);
    }
    valid[i >> 6] &= ~(std::uint64_t{1} << (i & 63));
  }
  out.valid = valid;
  const auto integer = [&](std::uint32_t i) -> __int128 {
    if (s.cell == Cell::kSum64) return at<std::int64_t>(groups[i], s.offset);
    const __int128 sum = at<__int128>(groups[i], s.offset);
    if (s.type.id == TypeId::kDecimal) {
      const __int128 limit = data::power_of_ten(kMaxPrecision);
      if (sum >= limit || sum <= -limit) out_of_range(s.type);
    }
    if (s.physical == Physical::kI64 && sum != static_cast<std::int64_t>(sum)) out_of_range(s.type);
    return sum;
  };
  switch (s.cell) {
    case Cell::kSum64:
    case Cell::kSum128:
      if (s.physical == Physical::kI64) each<std::int64_t>(values, count, [&](std::uint32_t i) { return static_cast<std::int64_t>(integer(i)); });
      else each<__int128>(values, count, integer);
      break;
    case Cell::kSumFloat:
      if (s.physical == Physical::kF32) each<float>(values, count, [&](std::uint32_t i) { return static_cast<float>(at<double>(groups[i], s.offset)); });
      else each<double>(values, count, [&](std::uint32_t i) { return at<double>(groups[i], s.offset); });
      break;
    case Cell::kFlag: each<std::uint8_t>(values, count, [&](std::uint32_t i) { return static_cast<std::uint8_t>(at<std::uint64_t>(groups[i], s.offset)); }); break;
    case Cell::kText:
      each<Str>(values, count, [&](std::uint32_t i) {
        const auto& cell = at<TextCell>(groups[i], s.offset);
        return cell.size == 0 ? Str() : Str(std::string_view(cell.bytes, cell.size));
      });
      break;
    default:
      for (std::uint32_t i = 0; i < count; ++i)
        std::memcpy(static_cast<std::byte*>(values) + i * data::physical_width(s.physical), groups[i] + s.offset,
                    data::physical_width(s.physical));
      if (s.result != s.physical) return in_width(out, s.result, count, arena);
  }
  return out;
}

}  // namespace tajo::functions
