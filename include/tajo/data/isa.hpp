#pragma once
#include <cstdint>

// Kernels are plain loops compiled for three levels of x86-64 into one binary and chosen at start. A kernel is a
// struct with an always-inlined static run(); Kernel<F>::call is the best form for this processor. Fused multiply-add
// is left out of v3 on purpose: all levels must give the same float results, a retried task may land on another host.

#if defined(__x86_64__)
#define TAJO_TARGET_V3 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,movbe,f16c")))
#define TAJO_TARGET_V4                                                                                      \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx2,bmi,bmi2,lzcnt,popcnt,movbe,f16c," \
                        "prefer-vector-width=512")))
#endif

namespace tajo::data {

/// 2, 3 or 4: the level of x86-64 in use (TAJO_ISA_LEVEL in the environment lowers it); 2 on other processors.
int isa_level();

#if defined(__x86_64__)
template <class F, class... A>
TAJO_TARGET_V4 auto run_v4(A... args) {
  return F::run(args...);
}
template <class F, class... A>
TAJO_TARGET_V3 auto run_v3(A... args) {
  return F::run(args...);
}
#endif
template <class F, class... A>
auto run_v2(A... args) {
  return F::run(args...);
}

/// Calls F::run in the form for this processor.
template <class F, class... A>
inline auto run_kernel(A... args) {
#if defined(__x86_64__)
  const int level = isa_level();
  if (level == 4) return run_v4<F, A...>(args...);
  if (level == 3) return run_v3<F, A...>(args...);
#endif
  return run_v2<F, A...>(args...);
}

/// The same as a function pointer, for tables.
template <class F, class R, class... A>
auto kernel_pointer(R (*)(A...)) -> R (*)(A...) {
#if defined(__x86_64__)
  const int level = isa_level();
  if (level == 4) return &run_v4<F, A...>;
  if (level == 3) return &run_v3<F, A...>;
#endif
  return &run_v2<F, A...>;
}

}  // namespace tajo::data
