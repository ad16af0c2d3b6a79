#include "bits.hpp"

#include <bit>
#include <cstring>

#include "tajo/data/isa.hpp"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tajo::functions {

namespace {

std::uint64_t word_of(const std::uint8_t* mask) {
#if defined(__x86_64__)
  std::uint64_t word = 0;
  const __m128i zero = _mm_setzero_si128();
  for (int k = 0; k < 4; ++k) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(mask + 16 * k));
    const auto zeros = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, zero)));
    word |= static_cast<std::uint64_t>(~zeros & 0xFFFFU) << (16 * k);
  }
  return word;
#else
  std::uint64_t word = 0;
  for (int k = 0; k < 64; ++k) word |= static_cast<std::uint64_t>(mask[k] != 0) << k;
  return word;
#endif
}

std::uint64_t tail_word(const std::uint8_t* mask, std::uint32_t rows) {
  std::uint64_t word = 0;
  for (std::uint32_t k = 0; k < rows; ++k) word |= static_cast<std::uint64_t>(mask[k] != 0) << k;
  return word;
}

std::uint16_t* emit_bits(std::uint64_t word, std::uint32_t base, std::uint16_t* out) {
  if (word == ~std::uint64_t{0}) {
    for (std::uint32_t k = 0; k < 64; ++k) out[k] = static_cast<std::uint16_t>(base + k);
    return out + 64;
  }
  while (word != 0) {
    *out++ = static_cast<std::uint16_t>(base + static_cast<std::uint32_t>(std::countr_zero(word)));
    word &= word - 1;
  }
  return out;
}

#if defined(__x86_64__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // inside GCC 12's own intrinsics (GCC bug 105593)
/// Sixteen rows at a time: compress the row numbers by the mask's bits. Writes up to 16 entries beyond the last.
TAJO_TARGET_V4 std::uint16_t* compress_rows(const std::uint8_t* mask, std::uint32_t rows, std::uint16_t* out) {
  const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (std::uint32_t base = 0; base < rows; base += 64) {
    const __m512i bytes = _mm512_loadu_si512(mask + base);
    std::uint64_t word = _mm512_test_epi8_mask(bytes, bytes);
    if (word == 0) continue;
    for (std::uint32_t k = 0; k < 64; k += 16, word >>= 16) {
      const auto part = static_cast<__mmask16>(word);
      const __m512i numbers = _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(base + k)));
      const __m512i packed = _mm512_maskz_compress_epi32(part, numbers);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi32_epi16(packed));
      out += std::popcount(static_cast<unsigned>(part));
    }
  }
  return out;
}
#pragma GCC diagnostic pop
#endif

struct Count {
  [[gnu::always_inline]] static inline std::uint32_t run(const std::uint8_t* mask, std::uint32_t n) {
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < n; ++i) count += mask[i];
    return count;
  }
};
struct And {
  [[gnu::always_inline]] static inline void run(std::uint8_t* a, const std::uint8_t* b, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) a[i] &= b[i];
  }
};
struct AndBits {
  [[gnu::always_inline]] static inline void run(std::uint8_t* mask, const std::uint64_t* bits, std::uint32_t n) {
    for (std::uint32_t base = 0; base < n; base += 64) {
      const std::uint64_t word = bits[base / 64];
      const std::uint32_t end = n - base < 64 ? n - base : 64;
      if (word == ~std::uint64_t{0}) continue;
      for (std::uint32_t k = 0; k < end; ++k) mask[base + k] &= static_cast<std::uint8_t>((word >> k) & 1);
    }
  }
};

}  // namespace

std::uint32_t mask_to_selection(const std::uint8_t* mask, std::uint32_t rows, std::uint16_t* out) {
  std::uint16_t* end = out;
  const std::uint32_t whole = rows & ~63U;
#if defined(__x86_64__)
  if (data::isa_level() == 4) end = compress_rows(mask, whole, end);
  else
#endif
    for (std::uint32_t base = 0; base < whole; base += 64) end = emit_bits(word_of(mask + base), base, end);
  if (whole < rows) end = emit_bits(tail_word(mask + whole, rows - whole), whole, end);
  return static_cast<std::uint32_t>(end - out);
}

std::uint32_t count_mask(const std::uint8_t* mask, std::uint32_t rows) { return data::run_kernel<Count>(mask, rows); }
void and_masks(std::uint8_t* a, const std::uint8_t* b, std::uint32_t rows) { data::run_kernel<And>(a, b, rows); }
void and_bits(std::uint8_t* mask, const std::uint64_t* bits, std::uint32_t rows) {
  data::run_kernel<AndBits>(mask, bits, rows);
}

void selection_to_mask(const data::Selection& selection, std::uint8_t* mask, std::uint32_t rows) {
  if (selection.rows == nullptr) {
    std::memset(mask, 1, selection.count);
    std::memset(mask + selection.count, 0, rows - selection.count);
    return;
  }
  std::memset(mask, 0, rows);
  for (std::uint32_t i = 0; i < selection.count; ++i) mask[selection.rows[i]] = 1;
}

void mask_to_bits(const std::uint8_t* mask, std::uint32_t rows, std::uint64_t* bits) {
  const std::uint32_t whole = rows & ~63U;
  for (std::uint32_t base = 0; base < whole; base += 64) bits[base / 64] = word_of(mask + base);
  if (whole < rows) bits[whole / 64] = tail_word(mask + whole, rows - whole);
}

}  // namespace tajo::functions
