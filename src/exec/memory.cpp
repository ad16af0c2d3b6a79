#include "memory.hpp"

#include <sys/mman.h>

namespace tajo::exec {

namespace {
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
}  // namespace

void MemoryAccount::refuse(const char* what, std::size_t bytes) const {
  throw Error(sqlstate::kOutOfMemory, "out of memory for queries on this worker")
      .detail(std::string(what) + " of query " + query_.str() + " asked for " + std::to_string(bytes) + " bytes; " +
              std::to_string(pool_.used()) + " of " + std::to_string(limits().pool) + " bytes are in use.");
}

void* allocate_zeroed(std::size_t bytes) {
  if (bytes >= 2 * kHugePageBytes) {
    void* p = nullptr;
    // Fresh mappings are zero already; huge pages save the faults of a table that is touched everywhere.
    p = std::calloc(1, bytes + kHugePageBytes);
    if (p == nullptr) throw Error(sqlstate::kOutOfMemory, "out of memory");
    const auto from = (reinterpret_cast<std::uintptr_t>(p) + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
    const auto to = (reinterpret_cast<std::uintptr_t>(p) + bytes) & ~(kHugePageBytes - 1);
    if (to > from) static_cast<void>(madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE));
    return p;
  }
  void* p = std::calloc(1, bytes);
  if (p == nullptr) throw Error(sqlstate::kOutOfMemory, "out of memory");
  return p;
}

}  // namespace tajo::exec
