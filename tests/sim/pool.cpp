// operator new and delete of the simulator: a run allocates some hundred thousand small objects a second and frees most
// of them at once. Free lists by size, one set for each thread; whatever is larger is malloc's. Sanitizers keep their own.
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

constexpr std::size_t kLargest = 1024, kStep = 16, kPage = std::size_t{1} << 16;
constexpr std::size_t kPages = std::size_t{1} << 18;  // 16 GiB of addresses; memory is taken as it is touched

struct Free {
  Free* next;
};

/// One run of addresses, so that a pointer alone tells its size: every page of it holds objects of one size.
struct Region {
  std::byte* base = nullptr;
  std::atomic<std::size_t> taken = 0;
  std::array<std::uint8_t, kPages> size_class{};

  Region() {
    void* p = ::mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p != MAP_FAILED) base = static_cast<std::byte*>(p);
  }
  bool holds(const void* p) const {
    return static_cast<std::size_t>(static_cast<const std::byte*>(p) - base) < kPages * kPage && base != nullptr;
  }
};

Region& region() {
  // Never destroyed: objects with static storage are freed after everything else. (In static storage itself: new is us.)
  alignas(Region) static std::byte place[sizeof(Region)];
  static Region* const it = ::new (place) Region;
  return *it;
}

thread_local std::array<Free*, kLargest / kStep + 1> lists{};

void* refill(std::size_t size_class) {
  Region& r = region();
  const std::size_t page = r.base == nullptr ? kPages : r.taken.fetch_add(1);
  if (page >= kPages) return nullptr;
  r.size_class[page] = static_cast<std::uint8_t>(size_class);
  const std::size_t size = size_class * kStep;
  std::byte* begin = r.base + page * kPage;
  Free* list = nullptr;
  for (std::size_t i = kPage / size - 1; i > 0; --i) list = ::new (begin + i * size) Free{list};
  lists[size_class] = list;
  return begin;
}

void* take(std::size_t size) {
  if (size <= kLargest) {
    const std::size_t size_class = size == 0 ? 1 : (size + kStep - 1) / kStep;
    if (Free* free = lists[size_class]) {
      lists[size_class] = free->next;
      return free;
    }
    if (void* p = refill(size_class)) return p;
  }
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}

void give(void* p) {
  if (p == nullptr) return;
  Region& r = region();
  if (!r.holds(p)) return std::free(p);
  const std::size_t page = static_cast<std::size_t>(static_cast<std::byte*>(p) - r.base) / kPage;
  Free*& list = lists[r.size_class[page]];
  list = ::new (p) Free{list};
}

}  // namespace

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
void operator delete(void* p) noexcept { give(p); }
void operator delete[](void* p) noexcept { give(p); }
void operator delete(void* p, std::size_t) noexcept { give(p); }
void operator delete[](void* p, std::size_t) noexcept { give(p); }

#endif
