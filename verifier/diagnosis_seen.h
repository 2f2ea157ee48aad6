/* verifier/diagnosis_seen.h -- what a filter has seen of other mail, for a diagnosis to compare one message with: the
 * keys that its signing domain used before, and how the mail of all domains fares. Pure data, all of it borrowed. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"
#include "verifier/digest.h"

/* A key that stood at a selector when signatures were verified with it. */
struct diagnosis_seen_key {
    struct span name;                   /* "selector._domainkey.domain", lower-case A-labels */
    uint8_t fingerprint[DIGEST_OCTETS]; /* as dkim_result has it */
    uint64_t passes;                    /* signatures that it verified */
};

struct diagnosis_seen {
    size_t key_count;
    const struct diagnosis_seen_key *key;
    /* The last hour, all signing domains that are told apart. */
    uint64_t signatures, body_failures; /* failures whose body was changed */
    size_t domains, failing_domains;    /* failing: more signatures fail than pass */
    /* The failures of this message's signing domains, by who handed the mail over. */
    uint64_t failures, failures_through; /* all that were counted, and those through the one below */
    struct span through;                 /* its address, as text; empty: not known */
};
