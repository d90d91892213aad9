#pragma once
#include <stddef.h>
#include <stdint.h>

/// Continues a CRC-32C (Castagnoli) over more bytes. Begin with 0.
uint32_t engram_crc32c(uint32_t crc, const void *bytes, size_t count);
