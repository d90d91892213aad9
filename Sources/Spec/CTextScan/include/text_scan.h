#ifndef ENGRAM_TEXT_SCAN_H
#define ENGRAM_TEXT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

// The block functions look at exactly 16 bytes, which the caller has checked to be there.

/// The offset of the first of 16 bytes that is a quotation mark, a reverse solidus or a control character; 16 if none is.
static inline __attribute__((always_inline)) uint32_t text_first_stop(const uint8_t *block) {
#if defined(__SSE2__)
    const __m128i bytes = _mm_loadu_si128((const __m128i *)block);
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i solidus = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    const int stops = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, solidus), control));
    return (uint32_t)__builtin_ctz((unsigned)stops | 0x10000);
#elif defined(__ARM_NEON) && defined(__aarch64__)
    const uint8x16_t bytes = vld1q_u8(block);
    const uint8x16_t named = vorrq_u8(vceqq_u8(bytes, vdupq_n_u8('"')), vceqq_u8(bytes, vdupq_n_u8('\\')));
    const uint8x16_t stops = vorrq_u8(named, vcltq_u8(bytes, vdupq_n_u8(0x20)));
    // Four bits for each byte.
    const uint64_t mask = vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(stops), 4)), 0);
    return mask == 0 ? 16 : (uint32_t)__builtin_ctzll(mask) / 4;
#else
    uint32_t at = 0;
    while (at < 16 && block[at] >= 0x20 && block[at] != '"' && block[at] != '\\') at++;
    return at;
#endif
}

/// As `text_first_stop`, of 32 bytes.
static inline __attribute__((always_inline)) uint32_t text_first_stop_of_32(const uint8_t *block) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), solidus = _mm_set1_epi8('\\'), highest = _mm_set1_epi8(0x1F);
    const __m128i one = _mm_loadu_si128((const __m128i *)block);
    const __m128i two = _mm_loadu_si128((const __m128i *)(block + 16));
    const __m128i stops_of_one = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(one, quote), _mm_cmpeq_epi8(one, solidus)),
        _mm_cmpeq_epi8(_mm_min_epu8(one, highest), one));
    const __m128i stops_of_two = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(two, quote), _mm_cmpeq_epi8(two, solidus)),
        _mm_cmpeq_epi8(_mm_min_epu8(two, highest), two));
    const uint64_t stops = (uint32_t)_mm_movemask_epi8(stops_of_one)
        | (uint64_t)(uint32_t)_mm_movemask_epi8(stops_of_two) << 16;
    return (uint32_t)__builtin_ctzll(stops | 0x100000000);
#else
    const uint32_t first = text_first_stop(block);
    return first < 16 ? first : 16 + text_first_stop(block + 16);
#endif
}

/// How many of 16 bytes are decimal digits, counted up to the first that is none.
static inline __attribute__((always_inline)) uint32_t text_leading_digits(const uint8_t *block) {
#if defined(__SSE2__)
    // Digits become the 10 least signed numbers.
    const __m128i bytes = _mm_loadu_si128((const __m128i *)block);
    const __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8((char)(0x80 - '0')));
    const int others = _mm_movemask_epi8(_mm_cmpgt_epi8(moved, _mm_set1_epi8((char)(0x80 + 9))));
    return (uint32_t)__builtin_ctz((unsigned)others | 0x10000);
#else
    uint32_t at = 0;
    while (at < 16 && (uint8_t)(block[at] - '0') < 10) at++;
    return at;
#endif
}

/// Whether `count` bytes are valid UTF-8.
bool text_is_utf8(const uint8_t *bytes, size_t count);

#endif
