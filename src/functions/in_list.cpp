// x IN (constants): a few are compared one by one, many are looked up.
#include <algorithm>
#include <string>
#include <unordered_set>

#include "compiled.hpp"

namespace tajo::functions {

namespace {

constexpr std::size_t kFew = 8;

template <class T>
struct NumberSet {
  std::vector<T> sorted;
  bool has_null = false;
};

struct TextSet {
  std::vector<std::string> owned;
  std::unordered_set<std::string_view> values;
  bool has_null = false;
};

template <class T>
void in_numbers(KernelCall& call) {
  const auto& set = *static_cast<const NumberSet<T>*>(call.prepared);
  const T* in = call.in[0].as<T>();
  auto* out = static_cast<std::uint8_t*>(call.out);
  const std::uint32_t stride = call.in[0].form == Vector::Form::kConstant ? 0 : 1;
  if (set.sorted.size() <= kFew) {
    for_rows(call.selection, [&](std::uint32_t row) {
      const T value = in[row * stride];
      bool found = false;
      for (const T candidate : set.sorted) found |= candidate == value;
      out[row] = found;
    });
  } else {
    for_rows(call.selection, [&](std::uint32_t row) {
      out[row] = std::binary_search(set.sorted.begin(), set.sorted.end(), in[row * stride]);
    });
  }
  if (set.has_null)
    for_rows(call.selection, [&](std::uint32_t row) {
      if (out[row] == 0) call.set_null(row);
    });
}

void in_texts(KernelCall& call) {
  const auto& set = *static_cast<const TextSet*>(call.prepared);
  const Str* in = call.in[0].as<Str>();
  auto* out = static_cast<std::uint8_t*>(call.out);
  const std::uint32_t stride = call.in[0].form == Vector::Form::kConstant ? 0 : 1;
  for_rows(call.selection, [&](std::uint32_t row) {
    const bool found = set.values.contains(in[row * stride].view());
    out[row] = found;
    if (!found && set.has_null) call.set_null(row);
  });
}

template <class T>
InListPlan numbers(const Expression& e, Physical operand) {
  auto set = std::make_shared<NumberSet<T>>();
  for (std::size_t i = 1; i < e.args.size(); ++i) {
    const Value& v = e.args[i]->constant;
    if (data::is_null(v)) {
      set->has_null = true;
    } else if constexpr (std::is_floating_point_v<T>) {
      set->sorted.push_back(static_cast<T>(data::float_value(v)));
    } else {
      set->sorted.push_back(static_cast<T>(data::integer_value(v)));
    }
  }
  std::sort(set->sorted.begin(), set->sorted.end());
  return {&in_numbers<T>, operand, set};
}

}  // namespace

InListPlan plan_in_list(const Expression& e, Physical operand) {
  switch (operand) {
    case Physical::kBool: return numbers<std::uint8_t>(e, operand);
    case Physical::kI32: return numbers<std::int32_t>(e, operand);
    case Physical::kI64: {
      // A constant beyond 64 bits (wide decimals) is compared in 128.
      const bool wide = data::physical_of(e.args[0]->type) == Physical::kI128;
      if (wide) return numbers<__int128>(e, Physical::kI128);
      return numbers<std::int64_t>(e, operand);
    }
    case Physical::kI128: return numbers<__int128>(e, operand);
    case Physical::kF32: return numbers<float>(e, operand);
    case Physical::kF64: return numbers<double>(e, operand);
    case Physical::kStr: break;
  }
  auto set = std::make_shared<TextSet>();
  for (std::size_t i = 1; i < e.args.size(); ++i) {
    if (data::is_null(e.args[i]->constant)) set->has_null = true;
    else set->owned.push_back(std::get<std::string>(e.args[i]->constant));
  }
  set->values.insert(set->owned.begin(), set->owned.end());
  return {&in_texts, Physical::kStr, set};
}

}  // namespace tajo::functions
