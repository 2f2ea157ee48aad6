/* proxy/message_cause.h -- why the signatures of a message failed, as the metrics count it: where the code says only
 * that body or header fields were changed, the diagnosis is asked, with the filter's budget (about 1 ms). Once the
 * client has its reply, so that no delivery waits. Bounded twice: a budget a message, and so many messages a second.
 * Thread rule: the loop's thread. Limits: bodies of MESSAGE_CAUSE_BODY_MAX octets; larger ones keep their *_other. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "verifier/result.h"

struct arena;
struct diagnosis;
struct message_verifier;
struct spool;

enum { MESSAGE_CAUSE_BODY_MAX = 256 * 1024, MESSAGE_CAUSE_BURST = 20, MESSAGE_CAUSE_EVERY_MS = 100,
       MESSAGE_CAUSE_ARENA = 4 << 20 /* octets; a cap */ };

/* How many diagnoses a worker may still make; zeroed at first. One more every MESSAGE_CAUSE_EVERY_MS, a burst at most.
 */
struct message_cause_allowance {
    int64_t counted_us; /* time up to which it was filled */
    unsigned used;
};
bool message_cause_allow(struct message_cause_allowance *allowance, int64_t now_us);

/* Would a diagnosis say more about any of the count results than their codes do? */
bool message_cause_is_vague(const struct message_result *result);
/* Diagnoses the message into *out, whose spans live in arena. False: no memory, or a body that is too large. */
bool message_cause_find(const struct message_verifier *verifier, const struct message_result *result,
                        const struct spool *spool, uint64_t body_offset, struct arena *arena, struct diagnosis *out);
/* Refines cause[i], which the caller has filled from the codes, for result's first count signatures. The spool's
 * message has its body from body_offset on. What cannot be found out stays. */
void message_cause_refine(const struct message_verifier *verifier, const struct message_result *result,
                          const struct spool *spool, uint64_t body_offset, enum cause *cause, size_t count);
