/* verifier/arc_check.h -- the validation of one message's ARC chain, step by step (RFC 8617 section 5.2).
 * A state machine without I/O: message_verifier tells it when the body has ended and when a key was answered. The order
 * is that of the RFC, so a broken chain costs least: structure before any lookup, the newest
 * ARC-Message-Signature, the seals from the newest down, and last the older message signatures, which only say since
 * when the message is unchanged. Caps: policy's arc_keys_max names asked for (a chain whose verdict needs more fails
 * before the first lookup); the older message signatures make do with the keys and body hashes that are left. Thread
 * rule: one thread. Memory: two digests, made once; the message's arena. Cost: a public-key operation for each seal and
 * message signature; 50 sets of rsa-sha256, 2048 bits: see bench_arc. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "verifier/arc_set.h"
#include "verifier/body_hash.h"
#include "verifier/field_index.h"
#include "verifier/key_wait.h"
#include "verifier/result.h"
#include "verifier/verifier_policy.h"

enum arc_check_state { ARC_AWAIT_TURN, ARC_AWAIT_BODY, ARC_NEWEST_MESSAGE, ARC_SEALS, ARC_OLDER_MESSAGES, ARC_DONE };

struct arc_check {
    const struct verifier_policy *policy;
    struct digest digest, seal_digest; /* kept from message to message */
    bool is_ready;                     /* they were initialised */
    /* of this message */
    struct arena *arena;
    int64_t now_s;
    struct arc_chain chain;
    struct field_index *fields;
    struct arc_proof *proofs; /* one for each set */
    bool has_body;
    enum arc_check_state state;
    unsigned at; /* instance that a state looks at */
    struct arc_result result;
};

void arc_check_init(struct arc_check *check, const struct verifier_policy *policy);
void arc_check_release(struct arc_check *check);

/* Reads the sets. Afterwards the check is done, or waits for its turn. False: the arena is spent. */
bool arc_check_begin(struct arc_check *check, const struct header_section *section, int64_t now_s, struct arena *arena);
/* Asks for keys and body hashes. fields must live as long as the message. Does nothing when the check is done. */
void arc_check_take_turn(struct arc_check *check, struct field_index *fields, struct key_wait_set *keys,
                         struct body_hash_set *bodies);
/* For a reason outside: ARC_NO_MEMORY. Done at once. */
void arc_check_give_up(struct arc_check *check, enum arc_code code);
void arc_check_body_ended(struct arc_check *check);
/* A key was answered: goes on as far as it can. */
void arc_check_run(struct arc_check *check);
static inline bool arc_check_is_done(const struct arc_check *check) { return check->state == ARC_DONE; }
