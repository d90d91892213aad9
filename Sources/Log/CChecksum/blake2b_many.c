// BLAKE2b (RFC 7693) of four messages at once, one in each 64-bit lane of the 256-bit registers.
//
// A record's digest is more than a third of what the log costs in large batches. One message alone cannot use the
// registers well, since each step of the function waits for the one before; four independent ones can.

#include "blake2b_many.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

static const uint64_t iv[8] = {
    0x6a09e667f3bcc908ull, 0xbb67ae8584caa73bull, 0x3c6ef372fe94f82bull, 0xa54ff53a5f1d36f1ull,
    0x510e527fade682d1ull, 0x9b05688c2b3e6c1full, 0x1f83d9abfb41bd6bull, 0x5be0cd19137e2179ull,
};

static const uint8_t sigma[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

// Turns four 32-byte rows, one of each message, into four registers of one word of each message.
AVX2 static inline void transpose(const uint8_t *const rows[4], size_t offset, __m256i *words) {
    __m256i a = _mm256_loadu_si256((const __m256i *)(rows[0] + offset));
    __m256i b = _mm256_loadu_si256((const __m256i *)(rows[1] + offset));
    __m256i c = _mm256_loadu_si256((const __m256i *)(rows[2] + offset));
    __m256i d = _mm256_loadu_si256((const __m256i *)(rows[3] + offset));
    __m256i low_ab = _mm256_unpacklo_epi64(a, b), high_ab = _mm256_unpackhi_epi64(a, b);
    __m256i low_cd = _mm256_unpacklo_epi64(c, d), high_cd = _mm256_unpackhi_epi64(c, d);
    words[0] = _mm256_permute2x128_si256(low_ab, low_cd, 0x20);
    words[1] = _mm256_permute2x128_si256(high_ab, high_cd, 0x20);
    words[2] = _mm256_permute2x128_si256(low_ab, low_cd, 0x31);
    words[3] = _mm256_permute2x128_si256(high_ab, high_cd, 0x31);
}

#define ROTATE_BYTES(x, mask) _mm256_shuffle_epi8((x), (mask))
#define MIX(a, b, c, d, x, y)                                                                  \
    do {                                                                                       \
        a = _mm256_add_epi64(_mm256_add_epi64(a, b), x);                                       \
        d = _mm256_shuffle_epi32(_mm256_xor_si256(d, a), _MM_SHUFFLE(2, 3, 0, 1));             \
        c = _mm256_add_epi64(c, d);                                                            \
        b = ROTATE_BYTES(_mm256_xor_si256(b, c), by24);                                        \
        a = _mm256_add_epi64(_mm256_add_epi64(a, b), y);                                       \
        d = ROTATE_BYTES(_mm256_xor_si256(d, a), by16);                                        \
        c = _mm256_add_epi64(c, d);                                                            \
        b = _mm256_xor_si256(b, c);                                                            \
        b = _mm256_xor_si256(_mm256_srli_epi64(b, 63), _mm256_add_epi64(b, b));                \
    } while (0)

// One block of each message into `h`; lanes whose `active` word is zero stay as they are.
AVX2 static void compress(__m256i h[8], const uint8_t *const blocks[4], __m256i counted, __m256i last, __m256i active) {
    const __m256i by24 = _mm256_setr_epi8(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, 3, 4, 5, 6, 7, 0, 1, 2,
                                          11, 12, 13, 14, 15, 8, 9, 10);
    const __m256i by16 = _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, 2, 3, 4, 5, 6, 7, 0, 1,
                                          10, 11, 12, 13, 14, 15, 8, 9);
    __m256i m[16], v[16];
    for (int row = 0; row < 4; row++) transpose(blocks, (size_t)row * 32, m + 4 * row);
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[8 + i] = _mm256_set1_epi64x((long long)iv[i]);
    }
    v[12] = _mm256_xor_si256(v[12], counted);
    v[14] = _mm256_xor_si256(v[14], last);
#pragma clang loop unroll(full)
    for (int round = 0; round < 12; round++) {
        const uint8_t *s = sigma[round];
        MIX(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]);
        MIX(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
        MIX(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]);
        MIX(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
        MIX(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]);
        MIX(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
        MIX(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]);
        MIX(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++) {
        __m256i mixed = _mm256_xor_si256(_mm256_xor_si256(v[i], v[8 + i]), h[i]);
        h[i] = _mm256_blendv_epi8(h[i], mixed, active);
    }
}

static uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}

AVX2 static void hash_four(const struct engram_message messages[4], const uint8_t *salts, const uint8_t *personal,
                           uint8_t *digests) {
    _Alignas(32) uint64_t lanes[4];
    __m256i h[8];
    for (int i = 0; i < 8; i++) {
        for (int lane = 0; lane < 4; lane++) {
            uint64_t word = iv[i];
            // The parameter block: 32 bytes of digest, no secret, fan-out and depth of one; salt; personal string.
            if (i == 0) word ^= 0x01010020u;
            if (i == 4 || i == 5) word ^= word_at(salts + 16 * lane + 8 * (i - 4));
            if (i >= 6) word ^= word_at(personal + 8 * (i - 6));
            lanes[lane] = word;
        }
        h[i] = _mm256_load_si256((const __m256i *)lanes);
    }
    static const uint8_t nothing[128] = {0};
    uint8_t ends[4][128];
    size_t most = 1;
    for (int lane = 0; lane < 4; lane++) {
        size_t blocks = messages[lane].count == 0 ? 1 : (messages[lane].count + 127) / 128;
        if (blocks > most) most = blocks;
        size_t whole = (blocks - 1) * 128, rest = messages[lane].count - whole;
        memset(ends[lane] + rest, 0, 128 - rest);
        if (rest) memcpy(ends[lane], messages[lane].bytes + whole, rest);
    }
    for (size_t block = 0; block < most; block++) {
        const uint8_t *blocks[4];
        _Alignas(32) uint64_t counted[4], last[4], active[4];
        for (int lane = 0; lane < 4; lane++) {
            size_t ending = messages[lane].count == 0 ? 0 : (messages[lane].count - 1) / 128;
            active[lane] = block <= ending ? ~0ull : 0;
            last[lane] = block == ending ? ~0ull : 0;
            counted[lane] = block < ending ? (block + 1) * 128 : messages[lane].count;
            blocks[lane] = block < ending ? messages[lane].bytes + block * 128 : block == ending ? ends[lane] : nothing;
        }
        compress(h, blocks, _mm256_load_si256((const __m256i *)counted), _mm256_load_si256((const __m256i *)last),
                 _mm256_load_si256((const __m256i *)active));
    }
    for (int i = 0; i < 4; i++) {
        _mm256_store_si256((__m256i *)lanes, h[i]);
        for (int lane = 0; lane < 4; lane++) memcpy(digests + 32 * lane + 8 * i, &lanes[lane], 8);
    }
}

int engram_blake2b_four(struct engram_message a, struct engram_message b, struct engram_message c,
                        struct engram_message d, const uint8_t *salts, const uint8_t *personal, uint8_t *digests) {
    if (!__builtin_cpu_supports("avx2")) return 0;
    const struct engram_message messages[4] = {a, b, c, d};
    hash_four(messages, salts, personal, digests);
    return 1;
}
#else
int engram_blake2b_four(struct engram_message a, struct engram_message b, struct engram_message c,
                        struct engram_message d, const uint8_t *salts, const uint8_t *personal, uint8_t *digests) {
    (void)a, (void)b, (void)c, (void)d, (void)salts, (void)personal, (void)digests;
    return 0;
}
#endif
