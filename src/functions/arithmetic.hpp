#pragma once
#include <string>

#include "kernel.hpp"

namespace tajo::functions {

// Numeric operators: + - * / % and unary -, on operands of one type (decimals: + - % at one scale).

bool is_arithmetic(const std::string& function);
/// Whether an operand can overflow the result's type or divide by zero, judged by types and proved bounds.
bool arithmetic_can_fail(const Expression& call);

struct ArithmeticPlan {
  Kernel kernel = nullptr;
  Physical operand = Physical::kI64;  ///< form both operands are brought to
  Physical result = Physical::kI64;   ///< form the kernel gives (the program brings it to Expression::physical)
};
/// `operands`: the forms the operands have.
ArithmeticPlan plan_arithmetic(const Expression& call, std::span<const Physical> operands);

struct ComparisonPlan {
  Kernel kernel = nullptr;
  Physical operand = Physical::kI64;
};
ComparisonPlan plan_comparison(const std::string& function, const Type& type, Physical a, Physical b);

}  // namespace tajo::functions
