#pragma once
#include <cstddef>
#include <cstdint>

#include "tajo/common/ids.hpp"

/// The log's bounds, each with its reason.
namespace tajo::journal {

inline constexpr std::int64_t kReadAhead = 64;          ///< slots of one look: a request of some 10 ms on NFS
inline constexpr Micros kStaleBytes = 10'000'000;       ///< how long counted bytes may be missing in a cache
inline constexpr Micros kStaleRetry = 100'000;          ///< between two looks at stale bytes
inline constexpr int kMaxRestarts = 4;                  ///< of one read, from the newest snapshot; then it is a failure
inline constexpr Micros kRepeatSlot = 50'000;           ///< before an unclear symlink or fsync is repeated
inline constexpr std::size_t kRecentSlots = 4096;       ///< kept for masters whose files are stale: a row's length
inline constexpr std::size_t kRecentBytes = 32u << 20;  ///< and at most this much
inline constexpr std::size_t kOfferedSlots = 1024;      ///< heard while a read is under way
inline constexpr std::int64_t kRowSlots = 4096;         ///< replay reads a row's links one by one: some 0.1 s
inline constexpr std::uint64_t kRowBytes = 64u << 20;   ///< replay of a row stays around a second

}  // namespace tajo::journal
