/* verifier/diagnosis.h -- what happened to a message whose signatures do not verify, and the proof of it (tester.md
 * section 3). Three instruments: bh= says of any text whether it was the signed body (body_trial); an RSA signature
 * gives back the hash of the signed header fields, which says the same of any fields (header_trial); and signatures,
 * ARC hops and keys are compared with each other. Works on the message as it was received and on the result that
 * message_verifier came to, and never changes that. No I/O and no clock; memory: the arena, and buffers that are given
 * back. Thread rule: one thread a diagnosis. Cost: bounded by the budget, which is counted in octets and operations; a
 * message that passes costs nearly nothing. Limits: the findings of diagnosis_findings.def; a change in the middle of a
 * text is not found, only its half. */
#pragma once
#include "base/arena.h"
#include "verifier/diagnosis_input.h"
#include "verifier/finding.h"

enum { DIAGNOSIS_NEIGHBOURS_MAX = 4, DIAGNOSIS_ARENA_OCTETS = 16 << 20 }; /* a cap that is enough for any message */

struct diagnosis {
    struct finding_list findings;               /* in order of the signatures; what speaks of the whole message last */
    enum cause cause[DIAGNOSIS_SIGNATURES_MAX]; /* of each dkim_result: refined, or the one of its code */
    uint64_t octets;                            /* of the budget that was used */
    unsigned header_trials, verifications;
};

/* Fills *out; spans live in arena or in input's texts. False: no memory; *out holds what was found until then, and the
 * causes of the codes. */
bool diagnosis_run(const struct diagnosis_input *input, struct arena *arena, struct diagnosis *out);

/* The name of the key that a signature asks for, "selector._domainkey.domain" in lower-case A-labels; into arena. */
struct span diagnosis_key_name(const struct dkim_result *result, struct arena *arena);
/* Names of keys that may have made a signature in the place of its own: the other selector of a pair ("selector1" and
 * "selector2"), and usual ones. At most DIAGNOSIS_NEIGHBOURS_MAX, into arena; for callers who can look them up. */
size_t diagnosis_neighbours(const struct dkim_result *result, struct arena *arena,
                            struct span names[DIAGNOSIS_NEIGHBOURS_MAX]);
/* Is it worth looking the neighbours up? Only when the key at hand did not verify the signature. */
bool diagnosis_wants_neighbours(const struct dkim_result *result);
