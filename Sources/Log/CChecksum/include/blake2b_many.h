#ifndef ENGRAM_BLAKE2B_MANY_H
#define ENGRAM_BLAKE2B_MANY_H

#include <stddef.h>
#include <stdint.h>

struct engram_message {
    const uint8_t *bytes;
    size_t count;
};

/// BLAKE2b-256 of four messages with their salts (16 bytes each, one after the other) and one personal string of 16 bytes.
///
/// Writes 32 bytes for each to `digests`. Answers 0, having done nothing, where the processor cannot do it.
int engram_blake2b_four(struct engram_message a, struct engram_message b, struct engram_message c,
                        struct engram_message d, const uint8_t *salts, const uint8_t *personal, uint8_t *digests);

#endif
