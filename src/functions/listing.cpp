#include "tajo/functions/listing.hpp"

#include <algorithm>
#include <cctype>

#include "registry.hpp"
#include "tajo/functions/aggregate.hpp"

namespace tajo::functions {

std::vector<FunctionSignature> list_functions() {
  std::vector<FunctionSignature> out;
  for (const auto table : {text_functions(), pattern_functions(), math_functions(), datetime_functions(), format_functions(), other_functions(), catalog_functions()}) {
    for (const Entry& entry : table) {
      const std::string signature = entry.signature;  // name(types) -> type
      const std::size_t open = signature.find('('), close = signature.rfind(')'), arrow = signature.rfind("-> ");
      if (std::isalpha(static_cast<unsigned char>(signature[0])) == 0) continue;
      out.push_back({signature.substr(0, open), signature.substr(arrow + 3), signature.substr(open + 1, close - open - 1), "scalar"});
    }
  }
  for (const char* name : {"count", "sum", "avg", "min", "max", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp",
                           "corr", "bool_and", "bool_or", "every", "string_agg", "any_value"})
    if (is_aggregate(name)) out.push_back({name, "", "any", "aggregate"});
  std::stable_sort(out.begin(), out.end(), [](const FunctionSignature& a, const FunctionSignature& b) { return a.name < b.name; });
  return out;
}

}  // namespace tajo::functions
