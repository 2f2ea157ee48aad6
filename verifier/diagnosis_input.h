/* verifier/diagnosis_input.h -- what a diagnosis works on: the message, what was found out about it, the keys at hand.
 * Pure data, all of it borrowed. */
#pragma once
#include "verifier/diagnosis_budget.h"
#include "verifier/diagnosis_policy.h"
#include "verifier/diagnosis_seen.h"
#include "verifier/header_section.h"
#include "verifier/key_source.h"
#include "verifier/result.h"

enum { DIAGNOSIS_SIGNATURES_MAX = 32 };

enum diagnosis_key_kind {
    DIAGNOSIS_KEY_CURRENT, /* what DNS says at that name */
    DIAGNOSIS_KEY_OLDER,   /* what it said before */
    DIAGNOSIS_KEY_FRESH,   /* what it says when it is asked past the cache that the verdict rests on */
};

struct diagnosis_key {
    struct span name; /* "selector._domainkey.domain", lower-case A-labels */
    const struct key_entry *entry;
    enum diagnosis_key_kind kind;
};

struct diagnosis_input {
    const struct header_section *section; /* complete; that of the verifier, or a copy */
    struct span body;                     /* as received; not looked at unless has_body */
    bool has_body;                        /* false: the header section alone was given */
    const struct message_result *result;
    const struct diagnosis_key *keys; /* of the signatures, and any others that may have made one */
    size_t key_count;
    struct diagnosis_budget budget; /* for each signature */
    bool has_now;                   /* false: clocks are not compared */
    int64_t now_s;                  /* wall clock */
    const struct diagnosis_policy *policy; /* NULL: nothing is said of SPF and DMARC */
    const struct diagnosis_seen *seen;     /* NULL: nothing was seen before */
};
