#include "text_scan.h"

#include <string.h>

// The plain way, by table 3-7 of the Unicode standard; also the judge of the last few bytes.
static bool is_utf8_plain(const uint8_t *bytes, size_t count) {
    size_t at = 0;
    while (at < count) {
        const uint8_t lead = bytes[at];
        const size_t left = count - at;
        if (lead < 0x80) {
            at += 1;
        } else if (lead >= 0xC2 && lead <= 0xDF) {
            if (left < 2 || (bytes[at + 1] & 0xC0) != 0x80) return false;
            at += 2;
        } else if (lead >= 0xE0 && lead <= 0xEF) {
            // Neither an overlong form nor a surrogate.
            const uint8_t low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
            if (left < 3 || bytes[at + 1] < low || bytes[at + 1] > high || (bytes[at + 2] & 0xC0) != 0x80) return false;
            at += 3;
        } else if (lead >= 0xF0 && lead <= 0xF4) {
            // Neither an overlong form nor beyond U+10FFFF.
            const uint8_t low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
            if (left < 4 || bytes[at + 1] < low || bytes[at + 1] > high || (bytes[at + 2] & 0xC0) != 0x80
                || (bytes[at + 3] & 0xC0) != 0x80) {
                return false;
            }
            at += 4;
        } else {
            return false;
        }
    }
    return true;
}

#if defined(__x86_64__)
#include <immintrin.h>

// After J. Keiser and D. Lemire, "Validating UTF-8 in less than one instruction per byte" (2020): what can be wrong with a
// byte and the one before it shows in three half-bytes. Each table says which mistakes a half-byte allows; a mistake that
// all three allow is there.
enum {
    TOO_SHORT = 1 << 0,   // a lead byte where a continuation is due
    TOO_LONG = 1 << 1,    // a continuation behind ASCII
    OVERLONG_3 = 1 << 2,  // E0 80..9F
    TOO_LARGE = 1 << 3,   // F4 90..BF, F5..FF
    SURROGATE = 1 << 4,   // ED A0..BF
    OVERLONG_2 = 1 << 5,  // C0, C1
    OVERLONG_4 = 1 << 6,  // F0 80..8F, and F5..FF 80..8F
    TWO_MORE = 1 << 7,    // two continuations: right only as the third or fourth byte
    ANY_LOW = TOO_SHORT | TOO_LONG | TWO_MORE
};

#define FIVE_TO_TWELVE ANY_LOW | TOO_LARGE | OVERLONG_4
static const uint8_t by_lead_high[16] = {
    TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
    TWO_MORE, TWO_MORE, TWO_MORE, TWO_MORE,
    TOO_SHORT | OVERLONG_2,
    TOO_SHORT,
    TOO_SHORT | OVERLONG_3 | SURROGATE,
    TOO_SHORT | TOO_LARGE | OVERLONG_4,
};
static const uint8_t by_lead_low[16] = {
    ANY_LOW | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
    ANY_LOW | OVERLONG_2,
    ANY_LOW, ANY_LOW,
    ANY_LOW | TOO_LARGE,
    FIVE_TO_TWELVE, FIVE_TO_TWELVE, FIVE_TO_TWELVE, FIVE_TO_TWELVE,
    FIVE_TO_TWELVE, FIVE_TO_TWELVE, FIVE_TO_TWELVE, FIVE_TO_TWELVE,
    FIVE_TO_TWELVE | SURROGATE,
    FIVE_TO_TWELVE, FIVE_TO_TWELVE,
};
static const uint8_t by_second_high[16] = {
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
    TOO_LONG | TWO_MORE | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
    TOO_LONG | TWO_MORE | OVERLONG_2 | OVERLONG_3 | TOO_LARGE,
    TOO_LONG | TWO_MORE | OVERLONG_2 | SURROGATE | TOO_LARGE,
    TOO_LONG | TWO_MORE | OVERLONG_2 | SURROGATE | TOO_LARGE,
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
};

__attribute__((target("ssse3"))) static __m128i mistakes(__m128i bytes, __m128i before) {
    const __m128i half = _mm_set1_epi8(0x0F);
    const __m128i lead = _mm_alignr_epi8(bytes, before, 15);
    const __m128i lead_high = _mm_and_si128(_mm_srli_epi16(lead, 4), half);
    const __m128i second_high = _mm_and_si128(_mm_srli_epi16(bytes, 4), half);
    __m128i found = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)by_lead_high), lead_high);
    found = _mm_and_si128(
        found, _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)by_lead_low), _mm_and_si128(lead, half)));
    found = _mm_and_si128(found, _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)by_second_high), second_high));
    // A byte that is third or fourth must follow a continuation and be one, and no other may: then `TWO_MORE` is right.
    const __m128i third = _mm_subs_epu8(_mm_alignr_epi8(bytes, before, 14), _mm_set1_epi8((char)(0xE0 - 0x80)));
    const __m128i fourth = _mm_subs_epu8(_mm_alignr_epi8(bytes, before, 13), _mm_set1_epi8((char)(0xF0 - 0x80)));
    const __m128i due = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8((char)0x80));
    return _mm_xor_si128(found, due);
}

__attribute__((target("ssse3"))) static bool is_utf8_blocks(const uint8_t *bytes, size_t count) {
    // The greatest last bytes with which no sequence is unfinished.
    const __m128i finished = _mm_setr_epi8(
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, (char)0xEF, (char)0xDF, (char)0xBF);
    __m128i wrong = _mm_setzero_si128(), before = _mm_setzero_si128(), unfinished = _mm_setzero_si128();
    size_t at = 0;
    while (at + 16 <= count) {
        // Most text is ASCII for long stretches.
        while (at + 64 <= count) {
            const __m128i *const four = (const __m128i *)(bytes + at);
            const __m128i last = _mm_loadu_si128(four + 3);
            const __m128i some = _mm_or_si128(_mm_loadu_si128(four), _mm_loadu_si128(four + 1));
            if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(some, _mm_loadu_si128(four + 2)), last)) != 0) break;
            wrong = _mm_or_si128(wrong, unfinished);
            unfinished = _mm_setzero_si128();
            before = last;
            at += 64;
        }
        if (at + 16 > count) break;
        const __m128i block = _mm_loadu_si128((const __m128i *)(bytes + at));
        if (_mm_movemask_epi8(block) == 0) {
            wrong = _mm_or_si128(wrong, unfinished);
            unfinished = _mm_setzero_si128();
        } else {
            wrong = _mm_or_si128(wrong, mistakes(block, before));
            unfinished = _mm_subs_epu8(block, finished);
        }
        before = block;
        at += 16;
    }
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(wrong, _mm_setzero_si128())) != 0xFFFF) return false;
    // The rest begins with the sequence that the last block left unfinished.
    size_t back = 0;
    while (back < 3 && back < at && (bytes[at - 1 - back] & 0xC0) == 0x80) back++;
    if (back < at && bytes[at - 1 - back] >= 0xC0) back++;
    else back = 0;
    return is_utf8_plain(bytes + at - back, count - at + back);
}
#endif

// Whether all bytes are ASCII, eight at a time.
static bool is_ascii(const uint8_t *bytes, size_t count) {
    uint64_t seen = 0, word;
    size_t at = 0;
    for (; at + 8 <= count; at += 8) {
        memcpy(&word, bytes + at, 8);
        seen |= word;
    }
    for (; at < count; at++) seen |= bytes[at];
    return (seen & 0x8080808080808080) == 0;
}

bool text_is_utf8(const uint8_t *bytes, size_t count) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("ssse3")) return is_utf8_blocks(bytes, count);
#endif
    return is_ascii(bytes, count) || is_utf8_plain(bytes, count);
}
