/* verifier/message_verifier.h -- verify one message as it streams through: octets and key records in, results out: DKIM
 * signatures and the ARC chain.
 * The core of libsceau. No I/O, no clock and no thread of its own: octets are passed in, keys come from a key_source, the
 * time from a clock. Key lookups leave when the header section is complete; body hashes run on the octets as they come;
 * after the end only one digest and one public-key operation per signature remain.
 * Thread rule: one thread per verifier and its key_source. Cost: see bench/. Made once, used for many messages. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/span.h"
#include "verifier/digest.h"
#include "verifier/header_section.h"
#include "verifier/key_source.h"
#include "verifier/result.h"
#include "verifier/verifier_policy.h"

enum verifier_progress {
    VERIFIER_MORE,     /* goes on: octets are wanted, or (after the end) keys */
    VERIFIER_DONE,     /* every verdict is there */
    VERIFIER_REFUSED,  /* the header section is over a limit: message_verifier_header_status says which */
};

struct message_verifier;

/* policy, keys and clock are borrowed until destroy. NULL: no memory. */
struct message_verifier *message_verifier_create(const struct verifier_policy *policy, struct key_source *keys,
                                                 const struct clock *clock);
void message_verifier_destroy(struct message_verifier *verifier); /* cancels what is under way; accepts NULL */

/* Starts a message; cancels and forgets the one before. done is called once when the last verdict falls after
 * message_verifier_end has returned VERIFIER_MORE; never from inside a call of this module. */
void message_verifier_begin(struct message_verifier *verifier, void (*done)(void *owner), void *owner);
/* The next octets of the message as it is on the wire, dot-stuffing undone, CRLF line ends. */
enum verifier_progress message_verifier_update(struct message_verifier *verifier, struct span octets);
/* The message is complete. VERIFIER_DONE: the result is there. VERIFIER_MORE: done will be called. */
enum verifier_progress message_verifier_end(struct message_verifier *verifier);
/* Time is up: what still waits for a key becomes temperror dns_timeout, and the result is there at once; done is not called. */
void message_verifier_expire(struct message_verifier *verifier);

/* Valid from VERIFIER_DONE (or expire) until the next begin or destroy. */
const struct message_result *message_verifier_result(const struct message_verifier *verifier);
/* policy->wants_seal_hash: the hash of the body as relaxed as an ARC-Message-Signature of ours wants it (arc_seal), from
 * message_verifier_end on. False: no such hash. */
bool message_verifier_seal_hash(const struct message_verifier *verifier, uint8_t value[DIGEST_OCTETS]);
/* Valid from the end of the header section on. */
struct span message_verifier_author_domain(const struct message_verifier *verifier); /* as message_result.from_domain */
/* Signing domains that are being verified, lower-case A-labels: the index-th of them, {NULL, 0} beyond the last. */
struct span message_verifier_signing_domain(const struct message_verifier *verifier, size_t index);
/* What DNS said at a name ("selector._domainkey.domain") that this message asked for; NULL: it did not, or no answer came.
 * For diagnosis; valid as long as the result. */
const struct key_entry *message_verifier_key(const struct message_verifier *verifier, struct span name);
bool message_verifier_header_complete(const struct message_verifier *verifier);
const struct header_section *message_verifier_header(const struct message_verifier *verifier);
enum header_status message_verifier_header_status(const struct message_verifier *verifier);
