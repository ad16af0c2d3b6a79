#include "tajo/common/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace tajo {

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "tajo: assertion failed: %s (%s:%d)\n", condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace tajo
