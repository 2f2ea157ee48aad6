/* verifier/body_trial.h -- is this the body that was signed? bh= answers for any text whatever: the hash of the right
 * one is equal, and that is proof (RFC 6376 section 3.7). A text may be fed in pieces, and asked about at many places
 * while it is: the state is copied, not hashed again. Thread rule: one thread. Cost: counted off a budget; with nothing
 * left every answer is false. */
#pragma once
#include "base/span.h"
#include "verifier/body_canon.h"
#include "verifier/diagnosis_budget.h"
#include "verifier/dkim_signature.h"

struct body_trial {
    struct body_canon canon;
    struct digest digest, fork;
    struct diagnosis_budget *budget;
    const uint8_t *wanted;
    bool has_limit;
    uint64_t limit;
    enum canonicalization kind;
};

bool body_trial_init(struct body_trial *trial); /* false: no memory; release is allowed then */
void body_trial_release(struct body_trial *trial);
/* From now on trials are for this signature's bh=, c= and l=; both are borrowed. */
void body_trial_aim(struct body_trial *trial, const struct dkim_signature *signature, struct diagnosis_budget *budget);

void body_trial_begin(struct body_trial *trial);
void body_trial_feed(struct body_trial *trial, struct span text);
/* Would the text so far, then middle, then tail be the signed body? It may be fed on afterwards. */
bool body_trial_ends(struct body_trial *trial, struct span middle, struct span tail);
/* Is text, from its beginning, the signed body? */
bool body_trial_whole(struct body_trial *trial, struct span text);
/* The same for octets as they are, without canonical form. */
bool body_trial_raw(struct body_trial *trial, struct span octets);
/* The canonical text so far, its last line without its end, and then ending: as it is, not canonical. */
bool body_trial_ends_raw(struct body_trial *trial, struct span ending);
