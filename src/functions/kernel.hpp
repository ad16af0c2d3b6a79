#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "tajo/common/error.hpp"
#include "tajo/data/load.hpp"
#include "tajo/data/text.hpp"
#include "tajo/data/value.hpp"
#include "tajo/data/vector.hpp"
#include "tajo/functions/expression.hpp"
#include "tajo/functions/program.hpp"

namespace tajo::functions {

using data::Physical;
using data::Selection;
using data::Str;
using data::Type;
using data::TypeId;
using data::Value;
using data::Vector;

/// One evaluation of one function over a batch. Arguments are kFlat or kConstant. `out` has room for `rows` values of
/// the result's physical type; a kernel fills the selected rows at their own positions. Strict functions see no row
/// with a NULL argument (unless the entry is marked kCheap: then values under NULL are read and ignored).
struct KernelCall {
  std::span<const Vector> in;
  const Expression& call;
  Selection selection;
  std::uint32_t rows = 0;
  void* out = nullptr;
  std::uint64_t* valid = nullptr;  ///< of the result; allocated when the entry is marked kMayBeNull or not strict
  data::Arena& arena;
  const EvaluationSettings& settings;
  const void* prepared = nullptr;  ///< what the entry's prepare() made of the expression
  std::uint64_t first_row_id = 0;

  void set_null(std::uint32_t row) const { valid[row >> 6] &= ~(std::uint64_t{1} << (row & 63)); }
  /// Most numeric loops are cheaper over all rows than through a selection once a quarter of them is selected.
  bool dense() const { return selection.rows == nullptr || selection.count * 4 >= rows; }
};

using Kernel = void (*)(KernelCall&);

template <class F>
void for_rows(const Selection& selection, F&& f) {
  if (selection.rows == nullptr) {
    for (std::uint32_t row = 0; row < selection.count; ++row) f(row);
  } else {
    for (std::uint32_t i = 0; i < selection.count; ++i) f(static_cast<std::uint32_t>(selection.rows[i]));
  }
}

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// Turns a scalar function `R f(KernelCall&, A...)` into a kernel. R may be std::optional (entry marked kMayBeNull).
template <auto F>
struct Scalar;
template <class R, class... A, R (*F)(KernelCall&, A...)>
struct Scalar<F> {
  static void run(KernelCall& call) { apply(call, std::index_sequence_for<A...>()); }
  template <std::size_t... I>
  static void apply(KernelCall& call, std::index_sequence<I...>) {
    const std::tuple<const A*...> data{call.in[I].template as<A>()...};
    [[maybe_unused]] const std::size_t stride[] = {call.in[I].form == Vector::Form::kConstant ? 0U : 1U ..., 0U};
    for_rows(call.selection, [&](std::uint32_t row) {
      if constexpr (is_optional<R>) {
        using V = typename R::value_type;
        const R value = F(call, std::get<I>(data)[row * stride[I]]...);
        static_cast<V*>(call.out)[row] = value ? *value : V();
        if (!value) call.set_null(row);
      } else {
        static_cast<R*>(call.out)[row] = F(call, std::get<I>(data)[row * stride[I]]...);
      }
    });
  }
};
template <auto F>
inline constexpr Kernel scalar = &Scalar<F>::run;

[[noreturn]] inline void out_of_range(const Type& type) {
  Type plain = type;
  plain.precision = 0;
  throw Error(sqlstate::kNumericOutOfRange, (plain.id == TypeId::kDecimal ? std::string("numeric field overflow")
                                                                          : data::postgres_type_name(plain) + " out of range"));
}
[[noreturn]] inline void division_by_zero() { throw Error(sqlstate::kDivisionByZero, "division by zero"); }

}  // namespace tajo::functions
