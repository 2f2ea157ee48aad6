/* http/secret.h -- comparison of secrets: takes as long whether they differ in the first octet or the last. Pure. */
#pragma once
#include "base/span.h"

/* The lengths are no secret. */
static inline bool secret_equal(struct span a, struct span b) {
    volatile unsigned char difference = 0; /* volatile: no early way out for the optimiser */
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) difference = (unsigned char)(difference | (unsigned char)(a.ptr[i] ^ b.ptr[i]));
    return difference == 0;
}
