#pragma once
#include <cstdint>

#include "tajo/common/bytes.hpp"

namespace tajo::data {

/// CRC-32C (Castagnoli), `seed` continues an earlier one. SSE4.2 where the processor has it, else a table. Any thread.
std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

}  // namespace tajo::data
