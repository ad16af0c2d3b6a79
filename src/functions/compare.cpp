// Comparison kernels: = <> < <= (> and >= with their sides swapped) over values of one physical type.
#include <cmath>
#include <type_traits>

#include "arithmetic.hpp"
#include "tajo/data/isa.hpp"

namespace tajo::functions {

namespace {

using Bool = std::uint8_t;

// Floats: NaN equals NaN and is greater than everything, as PostgreSQL orders them.
template <class T>
[[gnu::always_inline]] inline bool equals(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) return (a == b) | ((a != a) & (b != b));
  else return a == b;
}
template <class T>
[[gnu::always_inline]] inline bool is_less(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) return (a < b) | ((a == a) & (b != b));
  else if constexpr (std::is_same_v<T, Str>) return data::compare(a, b) < 0;
  else return a < b;
}

struct Equal {
  template <class T>
  [[gnu::always_inline]] static bool apply(const T& a, const T& b) { return equals(a, b); }
};
struct NotEqual {
  template <class T>
  [[gnu::always_inline]] static bool apply(const T& a, const T& b) { return !equals(a, b); }
};
struct Less {
  template <class T>
  [[gnu::always_inline]] static bool apply(const T& a, const T& b) { return is_less(a, b); }
};
struct LessEqual {
  template <class T>
  [[gnu::always_inline]] static bool apply(const T& a, const T& b) { return !is_less(b, a); }
};

template <class Op, class T, bool kConstantA, bool kConstantB>
struct Loop {
  [[gnu::always_inline]] static inline void run(const T* a, const T* b, Bool* out, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) out[i] = Op::apply(a[kConstantA ? 0 : i], b[kConstantB ? 0 : i]);
  }
};

template <class Op, class T, bool kSwap>
void compare(KernelCall& call) {
  const Vector& left = call.in[kSwap ? 1 : 0];
  const Vector& right = call.in[kSwap ? 0 : 1];
  const T* a = left.as<T>();
  const T* b = right.as<T>();
  const bool constant_a = left.form == Vector::Form::kConstant;
  const bool constant_b = right.form == Vector::Form::kConstant;
  auto* out = static_cast<Bool*>(call.out);
  if constexpr (!std::is_same_v<T, Str>) {
    if (call.dense() && !(constant_a && constant_b)) {
      if (constant_b) data::run_kernel<Loop<Op, T, false, true>>(a, b, out, call.rows);
      else if (constant_a) data::run_kernel<Loop<Op, T, true, false>>(a, b, out, call.rows);
      else data::run_kernel<Loop<Op, T, false, false>>(a, b, out, call.rows);
      return;
    }
  }
  const std::uint32_t stride_a = constant_a ? 0 : 1;
  const std::uint32_t stride_b = constant_b ? 0 : 1;
  for_rows(call.selection, [&](std::uint32_t row) { out[row] = Op::apply(a[row * stride_a], b[row * stride_b]); });
}

template <class T>
Kernel pick(const std::string& op) {
  if (op == "=") return &compare<Equal, T, false>;
  if (op == "<>") return &compare<NotEqual, T, false>;
  if (op == "<") return &compare<Less, T, false>;
  if (op == "<=") return &compare<LessEqual, T, false>;
  if (op == ">") return &compare<Less, T, true>;
  return &compare<LessEqual, T, true>;
}

}  // namespace

ComparisonPlan plan_comparison(const std::string& function, const Type& type, Physical a, Physical b) {
  Physical form = data::physical_of(type);
  if (type.id == TypeId::kDecimal) form = a == Physical::kI64 && b == Physical::kI64 ? Physical::kI64 : Physical::kI128;
  switch (form) {
    case Physical::kBool: return {pick<Bool>(function), form};
    case Physical::kI32: return {pick<std::int32_t>(function), form};
    case Physical::kI64: return {pick<std::int64_t>(function), form};
    case Physical::kI128: return {pick<__int128>(function), form};
    case Physical::kF32: return {pick<float>(function), form};
    case Physical::kF64: return {pick<double>(function), form};
    case Physical::kStr: return {pick<Str>(function), form};
  }
  return {};
}

}  // namespace tajo::functions
