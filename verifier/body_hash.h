/* verifier/body_hash.h -- the hashes of one message's body: one for each distinct (canonicalization, limit) that its
 * signatures want; usually one. RFC 6376 section 3.7. Thread rule: one thread. Memory: 1.1 KiB for each, made when it is
 * first wanted and used for many messages. Cost: each is a pass of its own over the body, so whoever wants one has a cap
 * (room). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "verifier/body_canon.h"
#include "verifier/digest.h"

struct body_hash {
    struct body_canon canon; /* canon.octets: after the end the length of the whole canonical body */
    struct digest digest;
    bool is_ready; /* digest was initialised; it is used again for the next message */
    bool is_known; /* after body_hash_end: value is the hash; false then: no memory */
    uint8_t value[DIGEST_OCTETS];
};

struct body_hash_set {
    struct body_hash **hash; /* room of them; NULL: not wanted by any message yet */
    size_t room, count;
};

bool body_hash_init(struct body_hash_set *set, size_t room); /* false: no memory; release is allowed then */
void body_hash_release(struct body_hash_set *set);           /* accepts a zeroed struct */
void body_hash_reset(struct body_hash_set *set);             /* for the next message */
/* Before the first octet of the body. The hash for this canonicalization and limit; one not wanted before takes one off
 * *budget. NULL: the budget or the room is spent, or no memory. */
struct body_hash *body_hash_want(struct body_hash_set *set, enum canonicalization kind, bool has_limit, uint64_t limit,
                                 unsigned *budget);
void body_hash_update(struct body_hash_set *set, struct span octets);
void body_hash_end(struct body_hash_set *set);
