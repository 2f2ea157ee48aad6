/* verifier/body_canon.h -- canonical form of a message body, as a stream (RFC 6376 sections 3.4.3 and 3.4.4).
 * Knows simple and relaxed; feeds the canonical octets to a digest, up to a limit (l=), and counts them all.
 * Only CRLF is a line end; a bare CR, bare LF or NUL is content. The result does not depend on how the body is cut.
 * Pure: fixed storage (12 KiB of stack), no allocation, I/O, clock or lock. Cost: simple is not copied; relaxed goes
 * through the kernels of wsp_squeeze. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "verifier/digest.h"

enum canonicalization { CANON_SIMPLE, CANON_RELAXED };

struct body_canon {
    enum canonicalization kind;
    bool has_limit;
    uint64_t limit;          /* canonical octets that are hashed */
    uint64_t octets;         /* canonical octets so far; after body_canon_end the length of the whole canonical body */
    struct digest *digest;   /* borrowed */
    /* body_canon.c's own: */
    uint64_t held_lines;     /* CRLFs held back: they may be the end */
    bool held_cr, held_blank, any_content;
};

/* digest has been begun by the caller, who also ends it; it must outlive the canonicalization. */
void body_canon_begin(struct body_canon *canon, enum canonicalization kind, bool has_limit, uint64_t limit, struct digest *digest);
void body_canon_update(struct body_canon *canon, struct span octets);
void body_canon_end(struct body_canon *canon);
