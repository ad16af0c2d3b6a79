#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tajo/common/ids.hpp"

namespace tajo::host {

enum class Lookup : std::uint8_t { kKnown, kUnknown, kUnanswered };

inline constexpr std::size_t kMaxLookups = 64;  ///< at the same time

/// Looks all names up at once, within the limit together: kUnanswered is what the name server has not answered by then. Blocks
/// the caller; any thread. `known` may be left running in a thread of its own; it is the system's look-up unless a test gives one.
std::vector<Lookup> look_up(const std::vector<std::string>& names, Micros limit_us, std::function<bool(const std::string&)> known = {});

}  // namespace tajo::host
