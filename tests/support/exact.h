/* tests/support/exact.h -- a heap copy of exactly as many octets as there are, so that a sanitizer sees one too many.
 */
#pragma once
#include <stdlib.h>
#include "base/span.h"

/* free() its ptr. */
static inline struct span exact_copy(struct span octets) {
    char *copy = malloc(octets.len > 0 ? octets.len : 1);
    if (copy == NULL) abort();
    if (octets.len > 0) memcpy(copy, octets.ptr, octets.len);
    return (struct span){copy, octets.len};
}

static inline void exact_free(struct span octets) { free((void *)(size_t)octets.ptr); }
