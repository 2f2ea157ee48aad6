/* verifier/dkim_check.h -- the verification of one DKIM signature, step by step (RFC 6376 section 6, RFC 8301, RFC 8463).
 * A state machine without I/O: message_verifier hands it facts (header hash, body hash, key) as they become known, in any
 * order, and reads the result. Header part and body part are judged independently; every way out sets a code.
 * Thread rule: one thread. Allocates from the message's arena only. Cost: parse, then one public-key operation. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "verifier/digest.h"
#include "verifier/dkim_signature.h"
#include "verifier/field_index.h"
#include "verifier/key_source.h"
#include "verifier/result.h"
#include "verifier/verifier_policy.h"

enum dkim_check_state { CHECK_PARSE, CHECK_AWAIT_TURN, CHECK_AWAIT_BODY, CHECK_AWAIT_KEY, CHECK_VERIFY, CHECK_DONE };

struct dkim_check {
    /* given at the start */
    const struct verifier_policy *policy;
    const struct header_field *field;
    struct arena *arena;
    int64_t now_s;
    /* facts, each stored by its event */
    bool has_turn;                 /* chosen to be verified */
    bool has_body;
    uint8_t body_hash[DIGEST_OCTETS];
    uint64_t body_octets;          /* the whole canonical body */
    bool has_key_answer;
    struct key_entry *key;         /* borrowed from the message_verifier; NULL with the answer: key_failure says why */
    enum dkim_code key_failure;
    uint8_t header_hash[DIGEST_OCTETS];
    /* what comes of them */
    enum dkim_check_state state;
    struct dkim_signature signature;
    struct dkim_result result;
};

/* Reads the signature field and judges all that needs neither body nor key. Afterwards the check is done, or waits for
 * its turn. False: the arena is spent. */
bool dkim_check_begin(struct dkim_check *check, const struct header_field *field, size_t field_index, struct span from_domain,
                      const struct verifier_policy *policy, int64_t now_s, struct arena *arena);
/* It is among those to be verified: hashes the header fields it signs, with digest. */
void dkim_check_take_turn(struct dkim_check *check, struct field_index *fields, struct digest *digest);
/* It will not be verified, for a reason outside it: DKIM_LIMIT, DKIM_NO_MEMORY, DKIM_DNS_TIMEOUT. Done at once. */
void dkim_check_give_up(struct dkim_check *check, enum dkim_code code);
/* value: hash of the canonical body up to l=; octets: length of the whole canonical body. */
void dkim_check_body(struct dkim_check *check, const uint8_t value[DIGEST_OCTETS], uint64_t octets);
/* The key lookup's outcome; entry NULL: none, for the reason failure. */
void dkim_check_key(struct dkim_check *check, struct key_entry *entry, enum dkim_code failure);
static inline bool dkim_check_is_done(const struct dkim_check *check) { return check->state == CHECK_DONE; }
