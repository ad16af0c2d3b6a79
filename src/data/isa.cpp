#include "tajo/data/isa.hpp"

#include <cstdlib>

namespace tajo::data {

namespace {

int detect_level() {
  int level = 2;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) level = 3;
  if (level == 3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
    level = 4;
#endif
  if (const char* wanted = std::getenv("TAJO_ISA_LEVEL"); wanted != nullptr) {
    const int limit = std::atoi(wanted);
    if (limit >= 2 && limit < level) level = limit;
  }
  return level;
}

}  // namespace

int isa_level() {
  static const int level = detect_level();
  return level;
}

}  // namespace tajo::data
