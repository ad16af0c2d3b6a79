#include "tajo/data/crc32c.hpp"

#include <array>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace tajo::data {

namespace {

struct Tables {
  std::array<std::array<std::uint32_t, 256>, 8> of;
  constexpr Tables() : of() {
    constexpr std::uint32_t kReversedPolynomial = 0x82F63B78U;
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? kReversedPolynomial : 0);
      of[0][i] = crc;
    }
    for (std::uint32_t i = 0; i < 256; ++i)
      for (std::size_t t = 1; t < 8; ++t) of[t][i] = (of[t - 1][i] >> 8) ^ of[0][of[t - 1][i] & 255];
  }
};
constexpr Tables kTables;

std::uint32_t crc_by_table(const std::byte* at, std::size_t n, std::uint32_t crc) {
  const auto& t = kTables.of;
  for (; n >= 8; at += 8, n -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    word ^= crc;
    crc = t[7][word & 255] ^ t[6][(word >> 8) & 255] ^ t[5][(word >> 16) & 255] ^ t[4][(word >> 24) & 255] ^
          t[3][(word >> 32) & 255] ^ t[2][(word >> 40) & 255] ^ t[1][(word >> 48) & 255] ^ t[0][word >> 56];
  }
  for (; n > 0; ++at, --n) crc = (crc >> 8) ^ t[0][(crc ^ static_cast<std::uint32_t>(*at)) & 255];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc_by_instruction(const std::byte* at, std::size_t n,
                                                                   std::uint32_t crc) {
  std::uint64_t wide = crc;
  for (; n >= 8; at += 8, n -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; n > 0; ++at, --n) narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(*at));
  return narrow;
}
#endif

}  // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return ~crc_by_instruction(bytes.data(), bytes.size(), ~seed);
#endif
  return ~crc_by_table(bytes.data(), bytes.size(), ~seed);
}

}  // namespace tajo::data
