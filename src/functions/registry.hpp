#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kernel.hpp"

namespace tajo::functions {

// A function is one entry in the table of its family (functions_text.cpp, functions_math.cpp, …): signature with the
// result's type, kernel, flags. Types in signatures: bool int4 int8 float4 float8 decimal text blob date time timestamp
// interval; int1 and int2 arguments become int4; `decimal` arguments arrive as kI128 with their own scale
// (call.args[i]->type); a trailing `...` repeats the last parameter.

enum Flag : std::uint8_t {
  kPlain = 0,
  kCanFail = 1,     ///< may throw for some arguments: never runs on rows a written condition excludes
  kMayBeNull = 2,   ///< may give NULL for arguments that are not: uses KernelCall::set_null
  kNotStrict = 4,   ///< sees rows with NULL arguments and sets validity itself
  kVolatile = 8,    ///< random() and the like: never folded or shared
  kStable = 16,     ///< fixed within a statement (now()): folded by Program, not by make_call
  kCheap = 32,      ///< may run on values under a NULL
};

struct Entry {
  const char* signature;
  Kernel kernel;
  int flags = kPlain;
  /// Type of the result from the arguments' types; null: as in the signature.
  Type (*result)(const std::vector<ExpressionPtr>& args) = nullptr;
  /// Made once per Program from the bound call (compiled patterns); may be null.
  std::shared_ptr<const void> (*prepare)(const Expression& call) = nullptr;
  /// For kCanFail entries: whether this call, by its constants, cannot fail after all; may be null.
  bool (*safe)(const Expression& call) = nullptr;
};

struct Function {
  std::string name;
  std::vector<TypeId> parameters;
  bool variadic = false;
  TypeId result = TypeId::kUnknown;
  const Entry* entry = nullptr;
};

// One table a family.
std::span<const Entry> text_functions();
std::span<const Entry> pattern_functions();
std::span<const Entry> math_functions();
std::span<const Entry> datetime_functions();
std::span<const Entry> format_functions();
std::span<const Entry> other_functions();
std::span<const Entry> catalog_functions();

/// All overloads of a name; empty when there is none. Any thread.
const std::vector<Function>& overloads(const std::string& name);
/// The overload a bound call was resolved to (argument types are those of a signature after casts); null for
/// operators with kernels of their own.
const Function* bound_function(const Expression& call);
/// The overload `args` fit best after implicit casts; null when none or no best one.
const Function* resolve(const std::string& name, const std::vector<ExpressionPtr>& args);

/// How far an implicit cast goes; -1: there is none.
int implicit_cast_distance(const Type& from, TypeId to);
Physical parameter_physical(TypeId id);

}  // namespace tajo::functions
