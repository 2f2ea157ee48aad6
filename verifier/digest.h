/* verifier/digest.h -- SHA-256 of a stream. digest.c is the only file with OpenSSL's digest calls.
 * Feeds OpenSSL 256 octets or more at a time: short pieces are gathered (each EVP call costs as much as 100 octets).
 * Contexts are made once and used again. Thread rule: one thread per digest; the method is fetched once, for all. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

enum { DIGEST_OCTETS = 32, DIGEST_GATHER = 1024 };

struct digest {
    void *context;   /* EVP_MD_CTX, owned */
    uint64_t octets; /* fed since digest_begin */
    bool failed;     /* OpenSSL refused something: the value is worthless */
    size_t gathered;
    char gather[DIGEST_GATHER];
};

bool digest_init(struct digest *digest);    /* false: no memory; then release is still allowed */
void digest_release(struct digest *digest); /* accepts a zeroed struct */
void digest_begin(struct digest *digest);
void digest_update(struct digest *digest, struct span octets);
/* False when anything failed since digest_begin; *value is then zeroed. */
bool digest_end(struct digest *digest, uint8_t value[DIGEST_OCTETS]);
/* Makes *copy (initialised) what digest is now, to go on from a state twice. */
bool digest_copy(const struct digest *digest, struct digest *copy);
