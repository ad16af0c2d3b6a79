#pragma once
#include <string>
#include <vector>

namespace tajo::functions {

/// One overload as `\df` and information_schema.functions show it; type names are Tajo's, `...` for a repeated last one.
struct FunctionSignature {
  std::string name, result, arguments;
  std::string kind;  ///< "scalar" or "aggregate"
};

/// All named functions (operators have none), by name. Any thread.
std::vector<FunctionSignature> list_functions();

}  // namespace tajo::functions
