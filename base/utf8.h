/* base/utf8.h -- where a valid UTF-8 sequence ends (RFC 3629). Pure inline function. */
#pragma once
#include <stdint.h>
#include "base/span.h"

/* Octets of the sequence that text starts with: 1 for ASCII, up to 4; 0 when text is empty, the sequence is cut,
 * overlong, a surrogate, above U+10FFFF, or no sequence at all. */
static inline size_t utf8_sequence(struct span text) {
    if (text.len == 0) return 0;
    const uint8_t *octet = (const uint8_t *)text.ptr;
    if (octet[0] < 0x80) return 1;
    size_t len = octet[0] >= 0xf0 ? 4 : octet[0] >= 0xe0 ? 3 : 2;
    if (octet[0] < 0xc2 || octet[0] > 0xf4 || text.len < len) return 0;
    for (size_t i = 1; i < len; i++)
        if ((octet[i] & 0xc0) != 0x80) return 0;
    if (octet[0] == 0xe0 && octet[1] < 0xa0) return 0; /* overlong */
    if (octet[0] == 0xed && octet[1] > 0x9f) return 0; /* surrogate */
    if (octet[0] == 0xf0 && octet[1] < 0x90) return 0; /* overlong */
    if (octet[0] == 0xf4 && octet[1] > 0x8f) return 0; /* above U+10FFFF */
    return len;
}
