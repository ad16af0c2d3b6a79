#pragma once
#include "tajo/functions/expression.hpp"

namespace tajo::functions {

bool is_comparison(const std::string& function);
/// `a op b` with both sides of one physical type, a lone constant on the right, and constants brought to the type of a
/// narrower left side where the answer stays the same (so that scans compare stored values).
ExpressionPtr make_comparison(const std::string& op, ExpressionPtr a, ExpressionPtr b, int position);
[[noreturn]] void no_such_function(const std::string& name, const std::vector<ExpressionPtr>& args, int position);

}  // namespace tajo::functions
