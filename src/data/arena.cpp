#include <algorithm>

#include "tajo/data/vector.hpp"

namespace tajo::data {

namespace {
constexpr std::size_t kFirstChunkBytes = std::size_t{64} << 10;
constexpr std::size_t kLargestGrowthBytes = std::size_t{4} << 20;
}  // namespace

void* Arena::allocate(std::size_t bytes, std::size_t align) {
  for (;;) {
    if (chunk_ < chunks_.size()) {
      const Chunk& chunk = chunks_[chunk_];
      const auto base = reinterpret_cast<std::uintptr_t>(chunk.data.get());
      const std::uintptr_t at = (base + used_ + align - 1) & ~(align - 1);
      if (at + bytes <= base + chunk.size) {
        used_ = at + bytes - base;
        return reinterpret_cast<void*>(at);
      }
      if (chunk_ + 1 < chunks_.size()) {
        ++chunk_;
        used_ = 0;
        continue;
      }
    }
    const std::size_t grown =
        chunks_.empty() ? kFirstChunkBytes : std::min(chunks_.back().size * 2, kLargestGrowthBytes);
    const std::size_t size = std::max(grown, bytes + align);
    chunks_.push_back(Chunk{std::unique_ptr<std::byte[]>(new std::byte[size]), size});
    bytes_ += size;
    chunk_ = chunks_.size() - 1;
    used_ = 0;
  }
}

Str Arena::copy(std::string_view s) {
  if (s.size() <= 12) return Str(s);
  char* bytes = static_cast<char*>(allocate(s.size(), 1));
  std::memcpy(bytes, s.data(), s.size());
  return Str(std::string_view(bytes, s.size()));
}

void Arena::reset() {
  chunk_ = 0;
  used_ = 0;
}

void Arena::release() {
  reset();
  chunks_.clear();
  bytes_ = 0;
}

}  // namespace tajo::data
